import CLinux
import Facts
import Glibc

/// The kernel's answer about ATS for a function, read by binding it.
///
/// Binding a cdev to an iommufd opens the device, and opening resets it
/// (linux/drivers/vfio/pci/vfio_pci_core.c: vfio_pci_core_enable). So this is only for functions
/// that the user named, and it refuses functions that are, or may be, in use.
public enum KernelATSQuery {
  /// Whether `IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED` is set for the function at `address`; unknown
  /// with the reason when the function must not be bound, when a call fails, and for a clear bit
  /// on a kernel before 7.1, which does not have it.
  ///
  /// - Parameters:
  ///   - host: the facts of this host, read by `Host.live`.
  ///   - root: the folder that contains `dev`, as for `Host.live`.
  public static func ask(_ address: PCIAddress, on host: Host, root: String = "/") -> Known<Bool> {
    let fact = "kernel's ATS flag for \(address)"
    do throws(Unknown) {
      let cdev = try bindable(address, on: host)
      let isSet = try bitIsSet(cdev: cdev, in: FileTree(root: root))
      return .known(try verdict(isSet: isSet, on: host))
    } catch {
      return .unknown(fact, error.fact.isEmpty ? error.reason : "\(error.fact): \(error.reason)")
    }
  }

  /// The path of the cdev of a function that may be bound.
  static func bindable(_ address: PCIAddress, on host: Host) throws(Unknown) -> String {
    guard let device = try host.device(at: address).value else { throw refusal("there is no \(address)") }
    guard let driver = try device.driver.value else { throw refusal("\(address) has no driver; vfio-pci is needed") }
    // A variant driver has a name of its own, but only a vfio driver makes a cdev.
    guard let cdev = try device.cdev.value else {
      throw refusal("\(address) is bound to \(driver), which offers no vfio cdev")
    }
    if case .known(.accessible) = cdev.node {} else {
      if case .unknown(let unknown) = cdev.node { throw unknown }
      throw refusal("\(cdev.path) is \(cdev.node == .known(.absent) ? "absent" : "not accessible")")
    }
    for member in try members(of: device, on: host) {
      guard let function = try host.device(at: member).value else { continue }
      if let user = try function.users.value.first {
        throw refusal("\(member) is in use by \(user.name) (pid \(user.pid))")
      }
    }
    return cdev.path
  }

  private static func members(of device: HostDevice, on host: Host) throws(Unknown) -> [PCIAddress] {
    guard let number = try device.group.value else { throw refusal("\(device.address) has no IOMMU group") }
    let members = try host.group(number).members.value
    return members.contains(device.address) ? members : members + [device.address]
  }

  private static func bitIsSet(cdev path: String, in tree: FileTree) throws(Unknown) -> Bool {
    // SAFETY: both descriptors are closed on every path out; closing the cdev ends the binding.
    let iommufd = open(tree.place("/dev/iommu"), O_RDWR | O_CLOEXEC)
    guard iommufd >= 0 else { throw refusal("/dev/iommu: \(errnoText(errno))") }
    defer { close(iommufd) }
    let cdev = open(tree.place(path), O_RDWR | O_CLOEXEC)
    guard cdev >= 0 else { throw refusal("\(path): \(errnoText(errno))") }
    defer { close(cdev) }
    var id: UInt32 = 0
    // SAFETY: the out-pointer is to a local that lives for the call.
    var result = clinux_bind_iommufd(cdev, iommufd, &id)
    if result < 0 { throw refusal("VFIO_DEVICE_BIND_IOMMUFD on \(path): \(errnoText(-result))") }
    var capabilities: UInt64 = 0
    // SAFETY: as above.
    result = clinux_get_hw_info(iommufd, id, &capabilities)
    if result < 0 { throw refusal("IOMMU_GET_HW_INFO on \(path): \(errnoText(-result))") }
    return capabilities & 1 << 3 != 0  // linux/iommufd.h: IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED
  }

  /// The meaning of the bit on this kernel: a set bit is an answer on any, a clear bit only where the bit exists.
  static func verdict(isSet: Bool, on host: Host) throws(Unknown) -> Bool {
    if isSet { return true }
    let release = try host.kernelRelease.value
    let numbers = release.split(separator: ".").prefix(2).map { part in
      Int(part.prefix { $0.isASCII && $0.isNumber }) ?? -1
    }
    guard numbers.count == 2, numbers.allSatisfy({ $0 >= 0 }) else {
      throw refusal("the bit is clear, and whether kernel `\(release)` has the bit is not known")
    }
    guard (numbers[0], numbers[1]) >= (7, 1) else {
      throw refusal("the bit is clear, but kernel \(release) is older than 7.1, which introduced it")
    }
    return false
  }

  private static func refusal(_ reason: String) -> Unknown { Unknown("", reason: reason) }
}
