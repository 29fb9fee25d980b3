/// A release of QEMU, by its first two numbers.
public struct QEMURelease: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// 11 of 11.1.3.
  public let major: Int
  /// 1 of 11.1.3.
  public let minor: Int

  /// Creates a release.
  public init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  public static func < (a: QEMURelease, b: QEMURelease) -> Bool { (a.major, a.minor) < (b.major, b.minor) }

  public var description: String { "\(major).\(minor)" }
}
