import Facts
import Prediction

extension Rule {
  static let notBound = Rule(
    name: "not-bound",
    severity: .error,
    summary: "the device is not bound to a vfio driver",
    why: """
      QEMU opens a device through the node that a vfio driver creates for it. A device without one has no node, and \
      QEMU's message is about a missing file or folder. Unbinding the host driver takes the device from the host: a \
      mounted disk or the console's display is lost.
      """,
    fix: "bind it: `driverctl set-override 0000:01:00.0 vfio-pci`",
    example: "-device vfio-pci,host=0000:01:00.0   (which is bound to amdgpu)",
    references: ["linux Documentation/driver-api/vfio.rst", "QEMU hw/vfio/container-legacy.c: vfio_group_get"],
    explains: [.groupNotViable, .notBound, .groupNodeMissing, .noCdev], isRecheckedAtStart: true,
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  // A passed descriptor is that of a bound device.
  if context.request.has("fd") { return }
  let device = try context.device()
  // No vfio driver binds a device without an IOMMU group; host-not-ready and realize-fails say what to change.
  if device.group == .known(nil) { return }
  // host-not-ready reports a kernel without them.
  if context.host.missingVFIO != nil { return }
  guard try !VFIODriver.isVFIO(device) else { return }
  // not-endpoint reports a device that no vfio driver binds.
  if device.isEndpoint == .known(false) { return }
  // vfio-denylisted reports a device that vfio-pci does not bind.
  if VFIODenylist.includes(device, on: context.host) == .known(true) { return }
  let driver = try device.driver.value
  runner.report(
    "\(context.name) is bound to " + (driver.map { "the host driver `\($0)`" } ?? "no driver")
      + ", and QEMU needs vfio-pci", at: context.hostLocation, fix: context.bindingFix(device.address),
    evidence: ["driver of \(device.address): \(driver ?? "none")"]
      + (context.isUnmanaged ? ["libvirt: Unmanaged PCI device \(device.address) must be manually detached from the host"] : []))
}

extension DeviceContext {
  /// Advice to bind the device, unless the host uses it or its virtual functions.
  fileprivate func bindingFix(_ address: PCIAddress) -> String {
    if let use = usedByHost([address]).first?.use { return "assign a different device: the host needs this one (\(use.text))" }
    // pf-with-vfs reports them: they would be gone.
    guard let function = host.devices[address]?.virtualFunctions.display?.first else {
      return bindAdvice(isUnmanaged ? "set `managed='yes'`, or bind it" : "bind it", [address])
    }
    return "assign \(function) instead, or remove the virtual functions before binding it"
  }

  /// Whether libvirt leaves the binding to the user.
  fileprivate var isUnmanaged: Bool { request.libvirt?.isManaged == false && request.libvirt?.source != nil }
}
