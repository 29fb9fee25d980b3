extension Rule {
  /// Every rule, by subject. A new rule is one file, one line here, and one case file
  /// (Fixtures/rules/NAME.md); tests compare the three.
  public static let all: [Rule] = [
    .malformedInput, .realizeFails,
    .atsOnKernelUnsupported,
    .groupNotViable,
  ]

  /// The rule of that name.
  public static func named(_ name: String) -> Rule? { all.first { $0.name == name } }
}
