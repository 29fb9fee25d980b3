/// Preparations of Proxmox before it starts QEMU, which it does not pass to QEMU.
public struct ProxmoxStart: Hashable, Sendable {
  /// The host functions that Proxmox binds to vfio-pci, with all other members of their IOMMU groups but bridges (pve-common
  /// PVE/SysFSTools.pm: pci_dev_group_bind_to_vfio).
  public var boundWithGroups: [PCIAddress] = []

  /// Whether Proxmox refuses to start the machine on a host without KVM.
  public let needsKVM: Bool

  /// Creates the preparations of a machine without host devices.
  public init(needsKVM: Bool = true) { self.needsKVM = needsKVM }
}

/// The user and the limits that a definition gives QEMU itself, as a service of systemd has them.
public struct ServiceLimits: Hashable, Sendable {
  /// The user who runs QEMU, "root" for user 0; nil where the definition does not say.
  public var user: Known<String>?
  /// RLIMIT_MEMLOCK in bytes, `.known(nil)` is unlimited; nil where the definition does not say.
  public var memlock: Known<UInt64?>?

  /// Creates limits.
  public init(user: Known<String>? = nil, memlock: Known<UInt64?>? = nil) {
    self.user = user
    self.memlock = memlock
  }
}
