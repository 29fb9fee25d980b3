import Facts
import Prediction

extension Rule {
  static let launchFails = Rule(
    name: "launch-fails",
    severity: .error,
    summary: "QEMU refuses another part of the machine",
    why: """
      QEMU exits at launch with this message, before it creates the devices that come later, or answers the plug with \
      it. Checked are the machine type, KVM of a live host, options that the release does not have, memory and its \
      backends, the topology of processors, names of disks, networks and other parts that nothing makes, names, types \
      and many values of the properties of objects, networks and other devices, and the places of these as far as the PCI core, \
      bridges, root complexes and IOMMUs decide. The verdict names the options that are left to QEMU.
      """,
    fix: "change what QEMU's message names",
    example: "-device pcie-root-port,id=a -device pcie-root-port,id=b",
    references: [
      "QEMU hw/pci/pci.c: do_pci_register_device", "QEMU hw/pci/pcie_port.c: pcie_chassis_add_slot",
      "QEMU hw/i386/intel_iommu.c: vtd_decide_config", "QEMU hw/i386/pc.c: pc_machine_device_pre_plug_cb",
      "QEMU hw/arm/smmuv3.c: smmu_validate_property",
    ],
    check: .target(check))
}

/// Runs after the rules that explain one of these failures by itself.
private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  for (request, fact) in target.unmodelled { runner.cannotDetermine(fact, about: request) }
  for one in target.openFailures { runner.cannotDetermine(one.fact, at: one.location) }
  let isTried = target.rehearsal?.display.map(\.isTried) ?? false
  if !isTried, target.plugs.isEmpty, target.mayPassThrough, let (fact, place) = target.machine.unknownMachineType(target.qemu) {
    runner.cannotDetermine(fact, at: place)
  }
  if !isTried, target.plugs.isEmpty, target.mayPassThrough {
    for (fact, place) in target.machine.unknownValues(target.qemu) { runner.cannotDetermine(fact, at: place) }
  }
  // crashes-qemu reports the others.
  for refused in target.reportedLaunchFailures where refused.failure.cause != .crashingProperty {
    let failure = refused.failure
    if let request = refused.request, runner.isExplained(failure.cause, of: request) { continue }
    // The rule about the IOMMU's width reports the device behind it.
    if failure.cause == .badAddressWidth, target.predictions.contains(where: { runner.isExplained(failure.cause, of: $0.request) }) {
      continue
    }
    let what = refused.request.map { "`\($0.driver ?? "device")`" } ?? (refused.isOfCommand ? "the object" : "the machine")
    let program = failure.cause == .noKVM && target.machine.proxmox != nil ? "Proxmox" : "QEMU"
    runner.report(
      (failure.signal.map { "QEMU crashes with \($0) on" } ?? "\(program) refuses") + " \(what): `\(failure.text)`",
      at: refused.location, about: refused.request, fix: advice(failure, target))
  }
}

private func advice(_ failure: RealizeFailure, _ target: LintTarget) -> String? {
  switch failure.cause {
  case .chassisTaken: return "give the port a `chassis=` of its own"
  case .iommuRefused where failure.property == "driver": return "keep one IOMMU that the machine type has"
  case .onExpander, .slotTaken, .noSlot: return "put the device on another bus or slot"
  case .unknownMachine:
    let meant = target.machine.machineType?.value.string.flatMap(target.machine.meantType)
    return meant.map { "write `\($0)`" } ?? "use a machine type that `\(target.machine.programName) -machine help` lists"
  case .badOption where failure.text.hasPrefix("Parameter 'size'"): return "write a size such as `512M` or `8G`"
  case .badOption where failure.text == "invalid accelerator kvm":
    guard let isArm = target.hostNow.isArm else { return nil }
    return "run the guest on a host of its architecture: this one has KVM for `qemu-system-\(isArm ? "aarch64" : "x86_64")` alone"
  case .noKVM:
    if target.hostNow.kvm == .known(.denied) { return "let the user open /dev/kvm: `usermod -aG kvm USER`, and log in again" }
    return target.hostNow.kvmAdvice
  case .refusedByKVM where target.machine.isX86PC: return "remove `kernel-irqchip=off`, or write `split`"
  case .noHostProcessor where target.machine.proxmox != nil: return "remove `kvm: 0`"
  case .noHostProcessor:
    // `-accel` beside `-machine accel=` is an error (QEMU system/vl.c: configure_accelerators).
    if target.machine.machine.contains(where: { $0.name == "accel" }) { return "put `kvm` before other accelerators in `accel=`" }
    return target.machine.options.contains { $0.name == "accel" } ? "put `-accel kvm` before other accelerators" : "add `-accel kvm`"
  case .busNotFound, .bootIndexTaken, .acpiIndexTaken: return failure.cause.advice(on: target.hostNow)
  default: return findsNothing(failure) ?? MessageAdvice.of(failure, in: target)
  }
}

/// Advice about a property that names a part which nothing makes.
private func findsNothing(_ failure: RealizeFailure) -> String? {
  let words = failure.text.split(separator: "'")
  // "Property 'e1000.netdev' can't find value 'n0'"
  guard words.count == 5, words[3] == "t find value ", let property = words[1].split(separator: ".").last else { return nil }
  return "name a part that the command line makes, or add one with `id=\(words[4])`: `\(property)=` finds none"
}
