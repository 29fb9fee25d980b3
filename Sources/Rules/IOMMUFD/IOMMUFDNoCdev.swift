import Facts
import Prediction

extension Rule {
  static let iommufdNoCdev = Rule(
    name: "iommufd-no-cdev",
    severity: .error,
    summary: "the iommufd backend without the device nodes that it needs",
    why: """
      iommufd needs three things: /dev/iommu (CONFIG_IOMMUFD), a vfio-dev folder for the bound device \
      (CONFIG_VFIO_DEVICE_CDEV), and the node below /dev/vfio/devices, which has to be passed to a container like any \
      other node. For the last two QEMU's message has a path and no reason. Without /dev/iommu QEMU does not start if \
      there is an iommufd object, even an unused one.
      """,
    fix: "use a kernel with CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV, or remove `iommufd=`",
    example: "-object iommufd,id=iommufd0 -device vfio-pci,host=0000:01:00.0,iommufd=iommufd0",
    references: [
      "QEMU backends/iommufd.c", "QEMU hw/vfio/iommufd.c: iommufd_cdev_getfd", "linux drivers/vfio/Kconfig",
    ],
    explains: [.noCdev, .cdevNodeMissing, .iommufdMissing], isRecheckedAtStart: true,
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  let contexts = target.contexts.filter { $0.prediction.atsInputs.backend == .known(.iommufd) }
  runner.forEach(contexts.lazy.filter { !$0.request.has("fd") }, checkCdev)
  do throws(Unknown) { try checkIOMMU(target, contexts, &runner) } catch { runner.cannotDetermine(error) }
}

private func checkCdev(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let failure = try context.prediction.failure(.noCdev, .cdevNodeMissing) else { return }
  let device = try context.device()
  // noiommu-device reports it.
  if case .known(let cdev?) = device.cdev, cdev.isNoIOMMU { return }
  guard failure.cause == .cdevNodeMissing, let cdev = try device.cdev.value else {
    // not-bound reports a device that is not bound.
    if try device.cdev.value == nil, try !VFIODriver.isVFIO(device) { return }
    let driver = device.driver.display ?? nil
    return runner.report(
      "\(context.name) is bound to `\(driver ?? "a vfio driver")` and has no vfio cdev: the host's kernel does not "
        + "create any", at: context.request.location(of: "iommufd"), about: context.request,
      fix: "use a kernel with CONFIG_VFIO_DEVICE_CDEV, or remove `iommufd=`", evidence: configuration(context.host))
  }
  runner.report(
    "\(context.name) has the cdev `\(cdev.name)`, and its node \(cdev.path) does not exist",
    at: context.request.location(of: "iommufd"), about: context.request,
    fix: "pass \(cdev.path) to the container or chroot; otherwise udev creates it")
}

/// Reports a missing /dev/iommu once for all devices. At launch QEMU opens it when it creates the object, for a hot plug
/// when the first device attaches.
private func checkIOMMU(
  _ target: LintTarget, _ contexts: [DeviceContext], _ runner: inout RuleRunner
) throws(Unknown) {
  let objects = target.plugs.isEmpty ? target.machine.objects : []
  let opening = objects.first { $0.type == "iommufd" && $0.string("fd") == nil }
  let attaching = contexts.first { $0.prediction.iommufdObject?.string("fd") == nil }
  guard opening != nil || attaching != nil, try target.host.iommufd.value == .absent else { return }
  // host-not-ready reports a kernel without vfio.
  if attaching != nil, target.host.missingVFIO != nil { return }
  let name = opening.map { "the iommufd object `\($0.id ?? "")`" } ?? attaching.map(\.name) ?? ""
  runner.report(
    "/dev/iommu does not exist, and \(name) needs it",
    at: opening?.location ?? attaching?.request.location(of: "iommufd"),
    // The rule's own advice is for a kernel that has none.
    fix: target.host.kernelConfig.display?["CONFIG_IOMMUFD"] == "n"
      ? nil : "load it with `modprobe iommufd` (CONFIG_IOMMUFD), or pass /dev/iommu to the container",
    evidence: configuration(target.host))
}

private func configuration(_ host: Host) -> [String] {
  let options = host.kernelConfig.display ?? [:]
  return ["CONFIG_IOMMUFD", "CONFIG_VFIO_DEVICE_CDEV"].compactMap { name in options[name].map { "\(name)=\($0)" } }
}
