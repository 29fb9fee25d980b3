import CLinux
import Facts
import Glibc

/// The kernel's answer about ATS for a function, and its SMMUv3's registers, read by binding it.
///
/// Binding a cdev to an iommufd opens the device, and opening resets it
/// (linux/drivers/vfio/pci/vfio_pci_core.c: vfio_pci_core_enable). So this is only for functions
/// that the user named, and it refuses functions that are, or may be, in use.
public enum KernelATSQuery {
  /// Adds the kernel's answers to the facts of `host`.
  ///
  /// - Parameters:
  ///   - host: the facts of this host, read by `Host.live`.
  ///   - root: the folder that contains `dev`, as for `Host.live`.
  /// - Returns: whether `IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED` is set for the function at `address`; unknown
  ///   with the reason when the function must not be bound, when a call fails, and for a clear bit
  ///   on a kernel before 7.1, which does not have it.
  public static func ask(_ address: PCIAddress, on host: inout Host, root: String = "/") -> Known<Bool> {
    let fact = "kernel's ATS flag for \(address)"
    var flag: Known<Bool>
    do throws(Unknown) {
      let cdev = try bindable(address, on: host)
      let answer = try hardwareInfo(cdev: cdev, in: FileTree(root: root))
      host.add(answer.smmuv3, behind: address)
      flag = .known(try verdict(isSet: answer.isSet, on: host))
    } catch {
      flag = .unknown(fact, error.fact.isEmpty ? error.reason : "\(error.fact): \(error.reason)")
    }
    host.devices[address]?.boundATSNotSupported = flag
    return flag
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

  /// - Returns: the bit, and the registers of an SMMUv3; empty behind another IOMMU.
  private static func hardwareInfo(
    cdev path: String, in tree: FileTree
  ) throws(Unknown) -> (isSet: Bool, smmuv3: [UInt32]) {
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
    var registers = [UInt32](repeating: 0, count: Int(CLINUX_SMMUV3_REGISTERS))
    var isSMMUv3: Int32 = 0
    // SAFETY: as above; the array has as many elements as the function writes.
    result = clinux_get_hw_info(iommufd, id, &capabilities, &registers, &isSMMUv3)
    if result < 0 { throw refusal("IOMMU_GET_HW_INFO on \(path): \(errnoText(-result))") }
    // linux/iommufd.h: IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED
    return (capabilities & 1 << 3 != 0, isSMMUv3 == 1 ? registers : [])
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

extension Host {
  /// Adds SMMU_IDR0 to SMMU_IDR5, SMMU_IIDR and SMMU_AIDR to the unit that serves the function.
  fileprivate mutating func add(_ registers: [UInt32], behind address: PCIAddress) {
    guard registers.count == 8, case .known(let name?)? = devices[address]?.iommu, case .known(var units) = iommus
    else { return }
    units[name]?.identification = .known(Array(registers[..<6]))
    units[name]?.implementer = .known(registers[6])
    units[name]?.architecture = .known(registers[7])
    iommus = .known(units)
  }
}
