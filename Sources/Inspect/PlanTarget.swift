import Facts

/// `plan --for`: the program that the definition is for.
public enum PlanTarget: String, Sendable, CaseIterable {
  case libvirt, qemu, proxmox, kubevirt

  /// The smallest definition with the functions of an assignment: a whole one, which can be checked unchanged.
  func definition(of assignment: Assignment) -> String {
    switch self {
    case .libvirt: return PlanLibvirt(assignment, isManaged: true).text
    case .qemu: return PlanQEMU(assignment).text
    case .proxmox: return PlanProxmox(assignment).text
    case .kubevirt: return PlanKubeVirt(assignment).text
    }
  }

  /// Whether the program binds the devices to vfio-pci itself when the guest starts.
  var bindsDevices: Bool { self == .libvirt || self == .proxmox }

  /// Whether a definition for the program can ask for an IOMMU of the guest.
  public var hasGuestIOMMU: Bool { self != .kubevirt }
}

/// A QEMU command line.
struct PlanQEMU {
  private let assignment: Assignment
  private let hasIDs: Bool

  /// - Parameter hasIDs: the devices have ids. Without them, findings name the host's functions alone.
  init(_ assignment: Assignment, hasIDs: Bool = true) {
    self.assignment = assignment
    self.hasIDs = hasIDs || assignment.functions.contains(where: assignment.isGrace)
  }

  var text: String {
    ([assignment.isArm ? "qemu-system-aarch64" : "qemu-system-x86_64"] + lines).joined(separator: " \\\n  ") + "\n"
  }

  private var lines: [String] {
    let branches = assignment.branches
    let grace = assignment.functions.filter(assignment.isGrace)
    let ids = Dictionary(
      uniqueKeysWithValues: branches.flatMap(\.slots).flatMap(\.functions).enumerated().map { ($1, "hostdev\($0)") })
    var machine = assignment.isArm ? "virt,accel=kvm,gic-version=3" : "q35,accel=kvm"
    // Interrupt remapping is emulated (`intremap-irqchip`).
    if assignment.hasGuestIOMMU, !assignment.isArm { machine += ",kernel-irqchip=split" }
    if assignment.hasHugepages, grace.isEmpty { machine += ",memory-backend=m0" }
    let limit = assignment.physicalBitsLimit.map { ",host-phys-bits-limit=\($0)" } ?? ""
    var lines = ["-machine \(machine) -cpu host\(limit) -m \(assignment.memory)G -nodefaults"]
    if assignment.hasHugepages || !grace.isEmpty { lines.append(backend) }
    // Before the devices that it serves (`viommu-after-device`).
    if assignment.hasGuestIOMMU { lines.append(iommu) }
    if assignment.usesIOMMUFD { lines.append("-object iommufd,id=iommufd0") }
    lines += initiators(grace.compactMap { ids[$0] })
    for (index, branch) in branches.enumerated() {
      lines.append("-device pcie-root-port,id=port\(index + 1),bus=pcie.0,chassis=\(index + 1)")
      if branch.hasBridge { lines.append("-device pcie-pci-bridge,id=bridge\(index + 1),bus=port\(index + 1)") }
      let bus = branch.hasBridge ? "bridge\(index + 1)" : "port\(index + 1)"
      for (place, slot) in branch.slots.enumerated() {
        for (number, function) in slot.functions.enumerated() {
          let id = hasIDs ? ids[function].map { ",id=\($0)" } ?? "" : ""
          // Slot 0 of the bridge is for its hot-plug controller.
          var device = "-device vfio-pci,host=\(function)\(id),bus=\(bus),addr=\(branch.hasBridge ? place + 1 : 0).\(number)"
          if number == 0, slot.functions.count > 1 { device += ",multifunction=on" }
          if assignment.usesIOMMUFD { device += ",iommufd=iommufd0" }
          lines.append(device)
        }
      }
    }
    return lines
  }

  private var backend: String {
    let kind = assignment.hasHugepages ? "memory-backend-memfd,id=m0,hugetlb=on,prealloc=on" : "memory-backend-ram,id=m0"
    return "-object \(kind),size=\(assignment.memory)G"
  }

  /// vfio needs caching-mode (`vtd-caching-mode`), a device with ATS on a PCI Express bus device-iotlb
  /// (`ats-vsmmu-mismatch`).
  private var iommu: String {
    if assignment.isArm { return "-device virtio-iommu-pci" }
    let width = assignment.guestIOMMUWidth.map { ",aw-bits=\($0)" } ?? ""
    let ats = assignment.offersATS ? ",device-iotlb=on" : ""
    return "-device intel-iommu,intremap=on,caching-mode=on\(ats)\(width)"
  }

  /// Eight NUMA nodes for each Grace GPU, one for each partition that it may have (`grace-without-initiator`).
  private func initiators(_ ids: [String]) -> [String] {
    if ids.isEmpty { return [] }
    var lines = ["-numa node,nodeid=0,memdev=m0"]
    for (index, id) in ids.enumerated() {
      let nodes = (index * 8 + 1)...(index * 8 + 8)
      lines.append(nodes.map { "-numa node,nodeid=\($0)" }.joined(separator: " "))
      lines += nodes.map { "-object acpi-generic-initiator,id=gi\($0),pci-dev=\(id),node=\($0)" }
    }
    return lines
  }
}

/// A Proxmox VE configuration.
struct PlanProxmox {
  private let assignment: Assignment
  init(_ assignment: Assignment) { self.assignment = assignment }

  /// Functions of one entry, joined by `;`, are one multifunction device.
  var text: String {
    // Without `pcie=1` a device is behind the conventional bridge of Proxmox's Q35.
    let devices = assignment.branches.flatMap { branch in
      branch.slots.map { $0.functions.map(\.description).joined(separator: ";") + (branch.hasBridge ? "" : ",pcie=1") }
    }
    let entries = devices.enumerated().map { "hostpci\($0): \($1)" }
    let width = assignment.guestIOMMUWidth.map { ",aw-bits=\($0)" } ?? ""
    let machine = "machine: q35" + (assignment.hasGuestIOMMU ? ",viommu=intel\(width)" : "")
    var lines = ["balloon: 0", "cpu: host"] + entries
    // A device with ATS needs it (`ats-vsmmu-mismatch`), and `viommu=` has no key for it.
    if assignment.hasGuestIOMMU, assignment.offersATS { lines.insert("args: -global intel-iommu.device-iotlb=on", at: 0) }
    // In MiB; Proxmox reserves them, and needs NUMA for that.
    if assignment.hasHugepages { lines.append("hugepages: 2") }
    lines += [machine, "memory: \(assignment.memory << 10)"]
    if assignment.hasHugepages { lines.append("numa: 1") }
    return lines.joined(separator: "\n") + "\n"
  }
}
