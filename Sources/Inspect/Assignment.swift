import Facts
import Prediction

/// Host functions for one guest, with the functions that must go along.
struct Assignment: Sendable {
  /// The functions that were asked for.
  let requested: [PCIAddress]
  /// All functions, sorted.
  let functions: [PCIAddress]
  /// The host that they are of.
  let host: Facts.Host
  /// Guest memory in GiB.
  var memory = 4
  /// Whether the guest gets an IOMMU of its own.
  var hasGuestIOMMU = false
  /// Whether guest memory is on hugepages.
  var hasHugepages = false
  /// Whether the QEMU is known to have the legacy backend alone.
  var isLegacyOnly = false

  /// Functions of one IOMMU group and one slot of the host: they get one slot of the guest.
  struct Slot: Sendable {
    let functions: [PCIAddress]
  }

  /// Adds to the functions the rest of their IOMMU groups: the kernel assigns a group as a whole (linux
  /// Documentation/driver-api/vfio.rst).
  /// - Throws: a group, or a member of one, is unknown.
  init(_ requested: [PCIAddress], on host: Facts.Host) throws(Unknown) {
    self.requested = requested
    self.host = host
    var all = Set(requested)
    for address in requested {
      guard let device = try host.device(at: address).value else { throw Unknown(ofAbsentDevice: address) }
      guard let number = try device.group.value else { continue }
      for member in try host.group(number).members.value where Assignment.isAssigned(host.devices[member]) { all.insert(member) }
    }
    functions = all.sorted()
  }

  /// The functions that go along with those that were asked for.
  var companions: [PCIAddress] { functions.filter { !requested.contains($0) } }

  /// Whether a member of a group belongs to a guest with it: bridges of all kinds stay with the host (PCI Code and ID
  /// Assignment 1.16 §1.7: base class 06). A member about which nothing is known goes along.
  private static func isAssigned(_ member: HostDevice?) -> Bool {
    guard let member else { return true }
    return member.isEndpoint != .known(false) && member.classCode.map { $0 >> 16 } != .known(0x06)
  }

  /// The guest's slots, in the order of the functions.
  var slots: [Slot] {
    var slots: [Slot] = []
    for address in functions {
      let last = slots.last?.functions.last
      let sharesSlot = last.map { ($0.domain, $0.bus, $0.slot) == (address.domain, address.bus, address.slot) } ?? false
      let group = host.devices[address]?.group.display ?? nil
      let sharesGroup = group != nil && last.map { host.devices[$0]?.group.display ?? nil } == group
      if sharesSlot, sharesGroup, let slot = slots.popLast() {
        slots.append(Slot(functions: slot.functions + [address]))
      } else {
        slots.append(Slot(functions: [address]))
      }
    }
    return slots
  }

  /// Slots of the guest behind one root port.
  struct Branch: Sendable {
    /// Whether a conventional bridge is between the port and the devices, so that they share an address space (QEMU
    /// hw/pci/pci.c: pci_device_get_iommu_bus_devfn).
    let hasBridge: Bool
    fileprivate(set) var slots: [Slot]
  }

  /// The slots by root port. An IOMMU of the guest gives each function an address space of its own, and a group can only be in
  /// one: the functions of one group are then behind one bridge.
  var branches: [Branch] {
    func group(of function: PCIAddress) -> Int? { host.devices[function]?.group.display ?? nil }
    let sizes = Dictionary(functions.compactMap { group(of: $0).map { ($0, 1) } }, uniquingKeysWith: +)
    var branches: [Branch] = []
    var known: [Int: Int] = [:]
    for slot in slots {
      guard hasGuestIOMMU, let number = group(of: slot.functions[0]), sizes[number, default: 0] > 1 else {
        branches.append(Branch(hasBridge: false, slots: [slot]))
        continue
      }
      if let index = known[number] {
        branches[index].slots.append(slot)
      } else {
        known[number] = branches.count
        branches.append(Branch(hasBridge: true, slots: [slot]))
      }
    }
    return branches
  }

  /// Whether the guest's IOMMU offers ATS: QEMU shows ATS to the guest only where a function is on a PCI Express bus.
  var offersATS: Bool { branches.contains { !$0.hasBridge } }

  /// Whether the host is an Arm machine, as far as it is known.
  var isArm: Bool { host.isArm ?? false }

  /// Whether every function has its vfio character device now.
  private var haveCdevs: Bool {
    functions.allSatisfy { address in
      guard case .known(.some(let cdev))? = host.devices[address]?.cdev else { return false }
      return !cdev.isNoIOMMU && cdev.hasNumber != .known(false)
    }
  }

  /// Whether the definition uses iommufd: where it can be used, and every function has its node already or gets one when it
  /// is bound. The legacy backend is for the others.
  var usesIOMMUFD: Bool {
    if isLegacyOnly || host.iommufd == .known(.absent) { return false }
    if haveCdevs { return true }
    let hasOption = host.kernelConfig.display?["CONFIG_VFIO_DEVICE_CDEV"] == "y"
    return hasOption && host.vfioContainer == .known(.absent)
  }

  /// Bits of physical addresses to which the guest's processor must be limited: an IOMMU of these functions maps less than
  /// the processor has; nil where there is no such limit.
  var physicalBitsLimit: Int? {
    let widths = functions.compactMap { host.devices[$0]?.iommu.display ?? nil }
      .compactMap { host.iommus.display?[$0]?.addressWidth?.display }
    guard let narrowest = widths.min(), let own = host.physicalAddressBits.display, own > narrowest else { return nil }
    return narrowest
  }

  /// Bits of the addresses of the guest's VT-d, where the host's IOMMUs map fewer than its default of 48, or may do so. It
  /// has 39 or 48 (QEMU hw/i386/intel_iommu.c: vtd_decide_config).
  var guestIOMMUWidth: Int? {
    let backend = Known<VFIOBackend>.known(usesIOMMUFD ? .iommufd : .legacy)
    let isNarrow = functions.compactMap { host.devices[$0]?.iommu.display ?? nil }
      .compactMap { host.iommus.display?[$0] }.contains { unit in
        do throws(Unknown) {
          return try host.mappedWidth(by: unit, for: backend)?.isExceeded(by: 48) ?? false
        } catch {
          return true
        }
      }
    return isNarrow ? 39 : nil
  }

  /// Whether the function is a Grace GPU, whose memory appears in the guest as NUMA nodes.
  func isGrace(_ address: PCIAddress) -> Bool {
    guard let device = host.devices[address] else { return false }
    let names = (device.variantDrivers.display ?? []) + [device.driver.display ?? nil].compactMap { $0 }
    return names.contains { VFIODriverName.areSame($0, "nvgrace_gpu_vfio_pci") }
  }
}
