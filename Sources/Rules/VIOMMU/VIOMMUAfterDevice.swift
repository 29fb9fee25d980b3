import Facts
import Prediction

extension Rule {
  static let viommuAfterDevice = Rule(
    name: "viommu-after-device",
    severity: .error,
    summary: "a vfio device that QEMU creates before the guest's IOMMU",
    why: """
      QEMU determines which IOMMU serves a vfio device when it creates the device. It creates devices in the order of \
      the command line, and those in JSON after all others. A device created before the IOMMU is not behind it, \
      without any message: the IOMMU's checks are skipped, and the device's DMA is never translated. If the guest \
      gives the device IOMMU addresses, as Linux does unless booted with `iommu=pt`, the device reads and writes other \
      parts of guest memory.
      """,
    fix: "move the IOMMU's `-device` before those of all vfio devices",
    example: "-device vfio-pci,host=0000:01:00.0 -device intel-iommu,caching-mode=on",
    references: [
      "QEMU hw/pci/pci.c: pci_device_iommu_address_space", "QEMU system/vl.c: qemu_create_cli_devices",
      "observed on 11.1.3",
    ],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let target = context.target, request = context.request
  guard request.plug == .cold, try context.prediction.viommu == nil else { return }
  guard let unit = try target.guest.viommu(for: request, in: target.machine) else {
    return try target.requireWholeMachine(for: "guest's IOMMU")
  }
  guard try context.setting("dma-translation", of: unit) != "off" else { return }
  let models = ["intel-iommu": "intel", "amd-iommu": "amd", "virtio-iommu-pci": "virtio"]
  // libvirt writes its own elements before `<qemu:commandline>`.
  if context.isLibvirtElement, let model = unit.driver.flatMap({ models[$0] }) {
    let element = model == "intel" ? "<iommu model='intel'><driver caching_mode='on'/></iommu>" : "<iommu model='\(model)'/>"
    return runner.report(
      message(context, unit), fix: "remove the IOMMU from `<qemu:commandline>`, and add `\(element)`", evidence: evidence(unit))
  }
  let isLastAsJSON = unit.form == .json && request.form == .keyval
  runner.report(
    message(context, unit),
    fix: isLastAsJSON ? "write both as JSON, the IOMMU first: QEMU creates JSON devices after all others"
      // qemu-server src/PVE/QemuServer.pm: config_to_command puts `virtio` behind all devices, and `intel` before them.
      : target.machine.proxmox == nil ? nil
      : unit.location.path == "machine" ? "write `viommu=intel\(context.isNarrow ? ",aw-bits=39" : "")` in place of `viommu=virtio`"
      : "remove the IOMMU from `args:`, and write `machine: q35,viommu=intel`: Proxmox puts that one before the devices",
    evidence: evidence(unit))
}

private func message(_ context: DeviceContext, _ unit: DeviceRequest) -> String {
  "\(context.name) is created before \(unit.plainName): QEMU does not translate its DMA, although the guest assumes it does"
}

private func evidence(_ unit: DeviceRequest) -> [String] { ["the guest's IOMMU: \(unit.location.path)"] }
