import Facts
import Prediction

extension Rule {
  static let graceWithoutInitiator = Rule(
    name: "grace-without-initiator",
    severity: .warning,
    summary: "a Grace GPU without NUMA nodes for its memory",
    why: """
      The memory of a Grace GPU appears in the guest as NUMA nodes that the GPU initiates. The guest's driver finds them \
      by `acpi-generic-initiator` objects, eight for each GPU, one for each partition that it may have. Without them \
      it brings no GPU memory online: CUDA sees a GPU without memory.
      """,
    fix: """
      give the memory to a node (`-numa node,nodeid=0,memdev=ID`), and add eight without: `-numa node,nodeid=N` and \
      `-object acpi-generic-initiator,id=gi0,pci-dev=ID,node=N` for each
      """,
    example: "-machine virt -device vfio-pci-nohotplug,host=0009:01:00.0,id=gpu   (a GB200 GPU)",
    references: [
      "QEMU hw/acpi/acpi_generic_initiator.c", "linux drivers/vfio/pci/nvgrace-gpu/main.c",
      "https://github.com/kubevirt/enhancements/pull/270",
    ],
    needsRealize: true, check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let machine = context.target.machine
  guard context.request.plug == .cold else { return }
  let device = try context.device()
  if device.vendor != .known(0x10de), device.vendor.isKnown { return }
  guard try context.isGrace(device) else { return }
  if context.request.libvirt?.hasInitiatorNodes == true { return }
  let id = context.request.id
  let isNamed = machine.objects.contains { $0.type == "acpi-generic-initiator" && id != nil && $0.string("pci-dev") == id }
  if isNamed { return }
  try context.target.requireWholeMachine(for: "acpi-generic-initiator of \(context.name)")
  runner.report(
    "\(context.name) is a Grace GPU without `acpi-generic-initiator`: the guest's driver brings no GPU memory online",
    at: context.hostLocation,
    fix: machine.libvirt == nil ? nil : "add eight `<cell>` to `<numa>`, and name them in `<acpi nodeset='…'/>` of the `<hostdev>`",
    evidence: ["driver for \(device.address): nvgrace_gpu_vfio_pci"])
}

extension DeviceContext {
  /// Whether the kernel's driver for Grace's GPUs is for the device.
  fileprivate func isGrace(_ device: HostDevice) throws(Unknown) -> Bool {
    let name = "nvgrace_gpu_vfio_pci"
    if case .known(.some(let driver)) = device.driver, VFIODriverName.areSame(driver, name) { return true }
    return try device.variantDrivers.value.contains { VFIODriverName.areSame($0, name) }
  }
}
