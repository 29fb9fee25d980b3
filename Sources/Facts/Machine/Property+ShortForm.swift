extension Property {
  /// A word of `-machine` or `-object` without a value, as written; nil for any other.
  public var shortForm: String? {
    guard let range = location.range, ["-machine", "-M", "-object"].contains(where: location.path.hasPrefix) else { return nil }
    switch value.string {
    case "on" where range.count == name.utf8.count: return name
    case "off" where range.count == name.utf8.count + 2: return "no" + name
    default: return nil
    }
  }
}
