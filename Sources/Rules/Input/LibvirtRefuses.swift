import Facts
import Prediction

extension Rule {
  static let libvirtRefuses = Rule(
    name: "libvirt-refuses",
    severity: .error,
    summary: "libvirt refuses the domain before it starts QEMU",
    why: """
      libvirt checks a domain when it is defined or started, and what it refuses never gets to QEMU: the message is \
      libvirt's, and QEMU's log has nothing. A host without /dev/vfio/vfio or without IOMMU groups assigns no PCI device \
      at all for libvirt.
      """,
    fix: "change what libvirt's message names",
    example: "<iommu model='intel'><driver eim='on'/></iommu>   (without intremap='on')",
    references: [
      "libvirt src/qemu/qemu_validate.c: qemuValidateDomainDeviceDefIOMMU",
      "libvirt src/qemu/qemu_hostdev.c: qemuHostdevHostSupportsPassthroughVFIO",
      "libvirt src/hypervisor/virhostdev.c: virHostdevSaveNetConfig",
      "libvirt src/qemu/qemu_postparse.c: qemuDomainPCIControllerPostParse",
      "libvirt src/conf/domain_addr.c: virDomainPCIAddressValidate",
    ],
    explains: [.noGroup, .groupNodeMissing, .containerDenied, .notBound, .noCdev, .iommufdMissing, .bootIndexTaken],
    precedesQEMU: true, checksText: true,
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  let machine = target.machine
  guard machine.libvirt != nil, machine.libvirt?.hypervisor == nil else { return }
  if target.plugs.isEmpty {
    for refusal in machine.libvirtRefusals {
      runner.report("libvirt refuses the domain: `\(refusal.text)`", at: refusal.location, fix: refusal.fix)
    }
  }
  let emulator = machine.program ?? "/usr/bin/\(machine.emulator ?? "qemu-system-x86_64")"
  if let refused = target.reportedLaunchFailures.first(where: { $0.failure.cause == .unknownMachine }),
    let type = machine.machineType?.value.string {
    let meant = machine.meantType(by: type)
    runner.report(
      "libvirt refuses the domain: `Emulator '\(emulator)' does not support machine type '\(type)'`", at: refused.location,
      fix: "write " + (meant.map { "`\($0)`" } ?? "`q35`, or a type that `virsh capabilities` lists for this QEMU"))
  }
  // libvirt's own user may open the node where this one may not.
  if target.plugs.isEmpty, target.mayPassThrough, machine.usesKVM == .known(true), target.hostNow.kvm == .known(.absent) {
    runner.report(
      "libvirt refuses the domain: `Emulator '\(emulator)' does not support virt type 'kvm'`",
      at: machine.machine.last { $0.name == "accel" }?.location,
      fix: "enable virtualization in the firmware, and load KVM's module, or write `type='qemu'`", evidence: ["/dev/kvm: none"])
  }
  let devices = target.contexts.filter { $0.request.libvirt?.source != nil }
  guard let first = devices.first else { return }
  // A part that the host lacks is reported once, and not for each device.
  let host = target.hostNow
  if try !host.supportsPassthrough() {
    let obstacle = host.obstacle.display?.map(\.fix)
    return runner.report(
      "libvirt refuses \(first.name): `host doesn't support passthrough of host PCI devices`", at: first.hostLocation,
      fix: obstacle ?? FailureCause.containerDenied.advice(on: host), evidence: ["/dev/vfio/vfio or the IOMMU groups: none"])
  }
  for device in devices where device.request.libvirt?.needsVirtualFunction == true {
    try checkVirtualFunction(device, &runner)
  }
  guard let linked = devices.first(where: { $0.atsInputs.backend == .known(.iommufd) }) else { return }
  if try host.iommufd.value == .absent {
    runner.report(
      "libvirt refuses \(linked.name): `IOMMUFD is not supported by host kernel`", at: linked.request.location(of: "iommufd"),
      fix: "use a kernel with CONFIG_IOMMUFD, or remove `iommufd='yes'`", evidence: ["/dev/iommu: none"])
  }
}

/// libvirt src/hypervisor/virhostdev.c: virHostdevSaveNetConfig.
private func checkVirtualFunction(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let device = try context.device()
  guard try device.physicalFunction.value == nil else { return }
  runner.report(
    "libvirt refuses \(context.name): `Interface type hostdev is currently supported on SR-IOV Virtual Functions only`",
    at: context.hostLocation, fix: "name a virtual function, or write `<hostdev mode='subsystem' type='pci'>` for the whole device",
    evidence: ["physical function of \(device.address): none"])
}

extension Host {
  /// Whether libvirt assigns PCI devices: there are IOMMU groups, and /dev/vfio/vfio (libvirt src/qemu/qemu_hostdev.c:
  /// qemuHostdevHostSupportsPassthroughVFIO).
  func supportsPassthrough() throws(Unknown) -> Bool {
    if vfioContainer == .known(.absent) { return false }
    if case .known(let units) = iommus, units.isEmpty, groups.isEmpty { return false }
    _ = try vfioContainer.value
    return true
  }
}
