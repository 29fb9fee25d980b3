import Common
import Facts
import Inputs
import Prediction
import Report
import Rules
import Syntax

/// Settings of the host that a planned definition needs, as comments before it.
struct PlanSettings {
  private let readiness: Readiness
  private let target: PlanTarget
  private var assignment: Assignment { readiness.assignment }

  init(_ readiness: Readiness, for target: PlanTarget) {
    self.readiness = readiness
    self.target = target
  }

  /// One setting a line.
  var lines: [String] { devices + [judged] + binding + kernel + notes }

  /// The QEMU that it was judged with: another may refuse it.
  private var judged: String {
    let qemu = readiness.prepared.target.qemu
    return "judged with \(qemu.name)" + (qemu.isAssumed ? " (assumed, as none was named)" : "")
  }

  private var devices: [String] {
    assignment.functions.map { function in
      let name = assignment.host.devices[function].flatMap { HostDetail.name(of: $0) }
      let along = assignment.companions.contains(function) ? ", which must go along (same IOMMU group)" : ""
      return "\(function)" + (name.map { "  \($0)" } ?? "") + along
    }
  }

  /// Functions that are not bound to a vfio driver; libvirt and Proxmox bind them when the guest starts.
  private var unbound: [PCIAddress] {
    assignment.functions.filter { address in
      guard let device = assignment.host.devices[address], case .known(let driver) = device.driver else { return true }
      return !(driver.map(VFIODriverName.isVFIO) ?? false)
    }
  }

  private var binding: [String] {
    if unbound.isEmpty { return [] }
    if target.bindsDevices {
      return ["host: nothing to bind: \(target == .libvirt ? "libvirt" : "Proxmox") binds the devices when the guest starts"]
    }
    let commands = unbound.map { "driverctl set-override \($0) vfio-pci" }
    let ids = Set(assignment.functions.compactMap(id)).sorted()
    // `ids=` applies to every device of that id, also to one that the host keeps.
    let shared = assignment.host.devices.values.filter {
      !assignment.functions.contains($0.address) && id($0.address).map(ids.contains) ?? false
    }
    let option = shared.isEmpty && !ids.isEmpty
      ? ["host: or in /etc/modprobe.d/vfio.conf: options vfio-pci ids=" + ids.joined(separator: ",")] + order
      : [
        "host: not by `ids=` of vfio-pci, which are also those of "
          + shared.map(\.address).sorted().map(\.description).joined(separator: ", ")
      ]
    return commands.map { "host: " + $0 } + (ids.isEmpty ? [] : option)
  }

  /// Lines that load vfio-pci before the drivers that have the devices now, which bind them first otherwise
  /// (modprobe.d(5): softdep).
  private var order: [String] {
    let drivers = unbound.compactMap { assignment.host.devices[$0]?.driver.display ?? nil }
    // The module of xhci_hcd's PCI driver has a name of its own.
    let modules = Set(drivers.map { $0 == "xhci_hcd" ? "xhci_pci" : $0 }).sorted()
    return modules.map { "host: and there, so that vfio-pci comes first: softdep \($0) pre: vfio-pci" }
      + (modules.isEmpty ? [] : ["host: then rebuild the initramfs: `update-initramfs -u` or `dracut -f`"])
  }

  private func id(_ address: PCIAddress) -> String? {
    assignment.host.devices[address]?.id.display?.description
  }

  /// The kernel's parameters that the devices rely on, and limits of memory.
  private var kernel: [String] {
    var lines: [String] = []
    let words = (assignment.host.kernelCommandLine.display ?? "").split(separator: " ")
    if assignment.host.iommus.display?.values.contains(where: { $0.kind == .intel }) == true {
      let isOn = words.contains { $0.hasPrefix("intel_iommu=on") }
      if isOn { lines.append("host: keep `intel_iommu=on` on the kernel's command line") }
    }
    return lines + memory
  }

  /// Hugepages to reserve, and the limit of locked memory. libvirt, Proxmox and KubeVirt set the limit themselves, and Proxmox
  /// reserves hugepages.
  private var memory: [String] {
    var lines: [String] = []
    if assignment.hasHugepages, target != .proxmox {
      let count = assignment.isArm ? "N` (memory divided by Hugepagesize of /proc/meminfo)" : "\(assignment.memory << 9)`"
      lines.append("host: reserve hugepages for \(assignment.memory) GiB: `sysctl vm.nr_hugepages=\(count)")
    }
    if target == .qemu, let limit = lockedMemory {
      lines.append("host: unless root runs QEMU, let it lock the memory: `ulimit -l \(limit)`, or `LimitMEMLOCK=\(limit)K` of its unit")
    }
    return lines
  }

  /// KiB that QEMU has to lock: guest memory in each address space, regions of the devices, which iommufd may count, and 1 GiB
  /// for the rest. Nil where the host's limit is known to suffice for another user than root.
  private var lockedMemory: Int? {
    let lint = readiness.prepared.target
    let spaces = lint.guest.addressSpaceCount
    var bytes = LockedMemory.needed(UInt64(assignment.memory) << 30, spaces: spaces)
    if assignment.usesIOMMUFD {
      for address in assignment.functions {
        // The last is the ROM. A processor has at most 57 bits of addresses.
        for size in assignment.host.devices[address]?.regionSizes.display?.prefix(6) ?? [] { bytes &+= size & (1 << 57 - 1) }
      }
    }
    bytes &+= 1 << 30
    if case .known(let user) = assignment.host.user, user != "root", case .known(let limit) = assignment.host.memlock {
      guard let limit, limit < bytes else { return nil }
    }
    return Int(bytes >> 10)
  }

  /// The steps and findings of lower severity that the rules report, besides the binding.
  private var notes: [String] {
    let steps = readiness.steps.filter { $0.reportedBy.explains.isDisjoint(with: [.notBound, .groupNotViable, .memoryLimit]) }
    return steps.map { "host: " + $0.fix } + bridge
      + definition.report.findings.filter { $0.severity == .warning }.map { "note: \($0.message); \($0.fix)" }
  }

  private var bridge: [String] {
    if !assignment.branches.contains(where: \.hasBridge) { return [] }
    return [
      "note: the functions of one group are behind a conventional bridge, so that they share an address space; the guest sees "
        + "neither ATS nor other extended capabilities of them"
    ]
  }

  /// The check of the definition that is printed: another program may use another backend than the smallest command line.
  private var definition: LintResult {
    if target == .qemu { return readiness.prepared }
    let text = target == .kubevirt ? PlanKubeVirt(assignment).domain : target.definition(of: assignment)
    let source = SourceText(name: "definition", bytes: Array(text.utf8))
    let parsed = ParsedInput.parse(source, as: target == .proxmox ? .proxmox : .xml)
    return Readiness.prepared(source, parsed, assignment.host, readiness.prepared.target.qemu)
  }
}
