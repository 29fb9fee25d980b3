import Facts

/// A libvirt domain.
struct PlanLibvirt {
  private let assignment: Assignment
  private let isManaged: Bool

  /// - Parameter isManaged: libvirt binds the devices when the guest starts.
  init(_ assignment: Assignment, isManaged: Bool) {
    self.assignment = assignment
    self.isManaged = isManaged
  }

  /// Text of the domain. On Arm libvirt gives ACPI only to a guest with UEFI.
  var text: String {
    let arch = assignment.isArm ? "aarch64" : "x86_64", machine = assignment.isArm ? "virt" : "q35"
    let limit = assignment.physicalBitsLimit.map { "<maxphysaddr mode='passthrough' limit='\($0)'/>" }
    let grace = assignment.functions.filter(assignment.isGrace)
    let inner = [limit, grace.isEmpty ? nil : cells(grace.count)].compactMap { $0 }.joined(separator: "\n    ")
    let cpu = inner.isEmpty
      ? "  <cpu mode='host-passthrough'/>" : "  <cpu mode='host-passthrough'>\n    \(inner)\n  </cpu>"
    var lines = [
      "<domain type='kvm'>", "  <name>guest</name>", "  <memory unit='GiB'>\(assignment.memory)</memory>",
    ]
    if assignment.hasHugepages { lines.append("  <memoryBacking><hugepages/></memoryBacking>") }
    lines += [
      "  <vcpu>4</vcpu>", "  <os\(assignment.isArm ? " firmware='efi'" : "")><type arch='\(arch)' machine='\(machine)'>hvm</type></os>",
      "  <features><acpi/>\(chip)</features>", cpu,
      "  <devices>", "    <controller type='pci' index='0' model='pcie-root'/>",
    ]
    var controllers: [String] = [], hostdevs: [String] = [], bus = 0
    for (index, branch) in assignment.branches.enumerated() {
      bus += 1
      controllers += [
        "    <controller type='pci' index='\(bus)' model='pcie-root-port'>",
        "      <target chassis='\(index + 1)' port='0x\(String(0x10 + index, radix: 16))'/>", "    </controller>",
      ]
      if branch.hasBridge {
        bus += 1
        let address = "<address type='pci' domain='0x0000' bus='\(hex(bus - 1, 2))' slot='0x00' function='0x0'/>"
        controllers += [
          "    <controller type='pci' index='\(bus)' model='pcie-to-pci-bridge'>", "      \(address)", "    </controller>",
        ]
      }
      for (place, slot) in branch.slots.enumerated() {
        for (number, function) in slot.functions.enumerated() {
          let address = "bus='\(hex(bus, 2))' slot='\(hex(branch.hasBridge ? place + 1 : 0, 2))' function='0x\(number)'"
          let multifunction = number == 0 && slot.functions.count > 1 ? " multifunction='on'" : ""
          hostdevs += hostdev(function, at: address + multifunction, grace)
        }
      }
    }
    lines += controllers + hostdevs
    if assignment.hasGuestIOMMU { lines.append(iommu) }
    return (lines + ["    <memballoon model='none'/>", "  </devices>", "</domain>"]).joined(separator: "\n") + "\n"
  }

  /// Interrupt remapping is emulated, and so must the I/O APIC be (`intremap-irqchip`).
  private var chip: String {
    if assignment.isArm { return "<gic version='3'/>" }
    return assignment.hasGuestIOMMU ? "<ioapic driver='qemu'/>" : ""
  }

  /// vfio needs caching_mode (`vtd-caching-mode`), a device with ATS iotlb (`ats-vsmmu-mismatch`).
  private var iommu: String {
    if assignment.isArm { return "    <iommu model='virtio'/>" }
    let width = assignment.guestIOMMUWidth.map { " aw_bits='\($0)'" } ?? ""
    let ats = assignment.offersATS ? " iotlb='on'" : ""
    return "    <iommu model='intel'><driver intremap='on' caching_mode='on'\(ats)\(width)/></iommu>"
  }

  private func hex(_ value: some FixedWidthInteger, _ digits: Int) -> String { "0x" + value.hexadecimal(digits: digits) }

  private func hostdev(_ function: PCIAddress, at address: String, _ grace: [PCIAddress]) -> [String] {
    let source = "domain='\(hex(function.domain, 4))' bus='\(hex(function.bus, 2))' slot='\(hex(function.slot, 2))' "
      + "function='0x\(function.function)'"
    var lines = ["    <hostdev mode='subsystem' type='pci' managed='\(isManaged ? "yes" : "no")'>"]
    // Legacy wherever it works: every libvirt has it. iommufd needs libvirt 12.1.
    if needsIOMMUFD { lines.append("      <driver name='vfio' iommufd='yes'/>") }
    lines.append("      <source><address \(source)/></source>")
    if let index = grace.firstIndex(of: function) {
      lines.append("      <acpi nodeset='\(index * 8 + 1)-\(index * 8 + 8)'/>")
    }
    lines += [
      "      <address type='pci' domain='0x0000' \(address)/>",
      "    </hostdev>",
    ]
    return lines
  }

  private var needsIOMMUFD: Bool { assignment.usesIOMMUFD && assignment.host.vfioContainer == .known(.absent) }

  /// The guest's own node, and eight for each Grace GPU.
  private func cells(_ count: Int) -> String {
    let own = "<cell id='0' cpus='0-3' memory='\(assignment.memory)' unit='GiB'/>"
    let others = (1...count * 8).map { "<cell id='\($0)' memory='0' unit='KiB'/>" }
    return "<numa>\n      " + ([own] + others).joined(separator: "\n      ") + "\n    </numa>"
  }
}

/// KubeVirt's custom resource, and the devices of a VirtualMachine.
struct PlanKubeVirt {
  private let assignment: Assignment
  init(_ assignment: Assignment) { self.assignment = assignment }

  var text: String {
    let resources = Set(assignment.functions.compactMap(resource)).sorted()
    let selectors = resources.flatMap { id in
      ["      - pciVendorSelector: \"\(id.uppercased())\"", "        resourceName: \"\(PlanKubeVirt.name(id))\""]
    }
    let pages = assignment.hasHugepages ? "\n          hugepages:\n            pageSize: 2Mi" : ""
    let devices = assignment.functions.enumerated().flatMap { index, function in
      [
        "          - deviceName: \"\(resource(function).map(PlanKubeVirt.name) ?? "unknown")\"",
        "            name: hostdev\(index)",
      ]
    }
    return """
      apiVersion: kubevirt.io/v1
      kind: KubeVirt
      metadata:
        name: kubevirt
        namespace: kubevirt
      spec:
        configuration:
          permittedHostDevices:
            pciHostDevices:
      \(selectors.joined(separator: "\n"))
      ---
      apiVersion: kubevirt.io/v1
      kind: VirtualMachine
      metadata:
        name: guest
      spec:
        runStrategy: Halted
        template:
          spec:
            domain:
              memory:
                guest: \(assignment.memory)Gi\(pages)
              devices:
                autoattachMemBalloon: false
                hostDevices:
      \(devices.joined(separator: "\n"))

      """
  }

  /// The domain that virt-launcher makes of it, as far as passthrough is concerned: each device on a port of its own, bound
  /// to vfio-pci before (kubevirt pkg/virt-launcher/virtwrap/device/hostdevice).
  var domain: String { PlanLibvirt(assignment, isManaged: false).text }

  private func resource(_ function: PCIAddress) -> String? {
    assignment.host.devices[function]?.id.display?.description
  }

  /// A name for the resource; the administrator may choose another.
  private static func name(_ id: String) -> String { "vfio.example.com/" + id.split(separator: ":").joined(separator: "-") }
}
