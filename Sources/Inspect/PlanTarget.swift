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
}

/// Guest memory of a planned definition, in GiB: a value to replace.
let plannedMemory = 4

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
    let slots = assignment.slots
    let grace = assignment.functions.filter(assignment.isGrace)
    let ids = Dictionary(
      uniqueKeysWithValues: slots.flatMap(\.functions).enumerated().map { ($1, "hostdev\($0)") })
    let machine = assignment.isArm ? "virt,accel=kvm,gic-version=3" : "q35,accel=kvm"
    let limit = assignment.physicalBitsLimit.map { ",host-phys-bits-limit=\($0)" } ?? ""
    var lines = ["-machine \(machine) -cpu host\(limit) -m \(plannedMemory)G -nodefaults"]
    if assignment.usesIOMMUFD { lines.append("-object iommufd,id=iommufd0") }
    lines += initiators(grace.compactMap { ids[$0] })
    for (index, slot) in slots.enumerated() {
      lines.append("-device pcie-root-port,id=port\(index + 1),bus=pcie.0,chassis=\(index + 1)")
      for (number, function) in slot.functions.enumerated() {
        let id = hasIDs ? ids[function].map { ",id=\($0)" } ?? "" : ""
        var device = "-device vfio-pci,host=\(function)\(id),bus=port\(index + 1),addr=0.\(number)"
        if number == 0, slot.functions.count > 1 { device += ",multifunction=on" }
        if assignment.usesIOMMUFD { device += ",iommufd=iommufd0" }
        lines.append(device)
      }
    }
    return lines
  }

  /// Eight NUMA nodes for each Grace GPU, one for each partition that it may have (`grace-without-initiator`).
  private func initiators(_ ids: [String]) -> [String] {
    if ids.isEmpty { return [] }
    var lines = ["-object memory-backend-ram,id=m0,size=\(plannedMemory)G -numa node,nodeid=0,memdev=m0"]
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
    let entries = assignment.slots.enumerated().map { index, slot in
      "hostpci\(index): " + slot.functions.map(\.description).joined(separator: ";") + ",pcie=1"
    }
    return (["balloon: 0", "cpu: host"] + entries + ["machine: q35", "memory: \(plannedMemory << 10)"])
      .joined(separator: "\n") + "\n"
  }
}
