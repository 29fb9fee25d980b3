/// The first two numbers of a Linux release (`uname -r`): 7.3 of `7.3.4-1-amd64`.
public struct KernelVersion: Comparable, Sendable {
  /// 7 of 7.3.
  public let major: Int
  /// 3 of 7.3.
  public let minor: Int

  /// The version `major.minor`.
  public init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  /// Parses a release; nil when it does not begin with two numbers.
  public init?(_ release: String) {
    let parts = release.split(separator: ".", maxSplits: 2)
    guard parts.count >= 2, let major = Int(parts[0]),
      let minor = Int(parts[1].prefix { $0.isASCII && $0.isNumber })
    else { return nil }
    self.init(major, minor)
  }

  public static func < (a: KernelVersion, b: KernelVersion) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
}
