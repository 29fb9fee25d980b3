/// A use of a device by the host that ends when the device is unbound from its driver.
public struct HostUse: Hashable, Sendable {
  /// The kinds of use that `host-still-uses-device` reports.
  public enum Kind: String, Sendable, CaseIterable {
    /// A mounted file system; `detail` is the mount point, where it can be determined.
    case mount
    /// Active swap space.
    case swap
    /// A member of a RAID, a volume group, a pool, a bond or a bridge; `detail` is its name.
    case member
    /// The network interface of the default route.
    case defaultRoute = "default-route"
    /// A network interface with an address, by which the host may be reached.
    case address
  }

  /// The kind of use.
  public let kind: Kind
  /// The block device or network interface: `nvme0n1p2`, `eth0`.
  public let device: String
  /// The mount point or the name of the whole; see `Kind`.
  public let detail: String

  /// Creates a use of `device`; see `Kind` for `detail`.
  public init(_ kind: Kind, _ device: String, _ detail: String = "") {
    self.kind = kind
    self.device = device
    self.detail = detail
  }
}
