/// Something that the host does with a device, and that ends when the device is taken from its driver.
public struct HostUse: Hashable, Sendable {
  public enum Kind: String, Sendable, CaseIterable {
    /// A mounted file system; `detail` is where, as far as it can be seen.
    case mount
    case swap
    /// A member of something: a RAID, a volume group, a pool, a bond, a bridge; `detail` is its name.
    case member
    /// The interface that packets for elsewhere leave by.
    case defaultRoute = "default-route"
    /// The interface has an address, by which the host may be reached.
    case address
  }

  public let kind: Kind
  /// The block device or network interface: `nvme0n1p2`, `eth0`.
  public let device: String
  public let detail: String

  public init(_ kind: Kind, _ device: String, _ detail: String = "") {
    self.kind = kind
    self.device = device
    self.detail = detail
  }
}
