import Facts
import Prediction

extension Rule {
  static let iommufdNoCdev = Rule(
    name: "iommufd-no-cdev",
    severity: .error,
    summary: "the iommufd backend without the nodes that it needs",
    why: """
      iommufd takes three things: /dev/iommu (CONFIG_IOMMUFD), a vfio-dev folder for the bound device \
      (CONFIG_VFIO_DEVICE_CDEV), and the node under /dev/vfio/devices, which a container has to be given \
      like any other. QEMU's texts for the last two name a path and no reason. Without /dev/iommu QEMU \
      does not start as soon as there is an iommufd object, used or not.
      """,
    fix: "use a kernel with CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV, or take `iommufd=` out",
    example: "-object iommufd,id=iommufd0 -device vfio-pci,host=0000:01:00.0,iommufd=iommufd0",
    references: [
      "QEMU backends/iommufd.c", "QEMU hw/vfio/iommufd.c: iommufd_cdev_getfd", "linux drivers/vfio/Kconfig",
    ],
    check: .definition(judge))
}

private func judge(_ definition: Definition, _ judgement: inout Judgement) {
  let subjects = definition.subjects { $0.question.backend == .known(.iommufd) }
  for subject in subjects where !subject.request.has("fd") {
    do throws(Unknown) { try judgeCdev(subject, &judgement) } catch {
      judgement.cannotTell(error, about: subject.request)
    }
  }
  do throws(Unknown) { try judgeIOMMU(definition, subjects, &judgement) } catch { judgement.cannotTell(error) }
}

private func judgeCdev(_ subject: DeviceContext, _ judgement: inout Judgement) throws(Unknown) {
  let device = try subject.device()
  let cdev = try device.cdev.value
  guard let cdev, cdev.hasNumber != .known(false) else {
    // A device that is not bound is another rule's.
    if cdev == nil, try !VFIODriver.isVFIO(device) { return }
    let driver = device.driver.display ?? nil
    judgement.report(
      "\(subject.name) is bound to `\(driver ?? "a vfio driver")` and has no vfio cdev: the host's kernel does not "
        + "make any", at: subject.request.location(of: "iommufd"), about: subject.request,
      fix: "use a kernel with CONFIG_VFIO_DEVICE_CDEV, or take `iommufd=` out", evidence: configuration(subject.host))
    return
  }
  guard try cdev.node.value == .absent else { return }
  judgement.report(
    "\(subject.name) has the cdev `\(cdev.name)`, and its node \(cdev.path) does not exist",
    at: subject.request.location(of: "iommufd"), about: subject.request,
    fix: "give the container or chroot \(cdev.path); outside of one, udev makes it")
}

/// Once: /dev/iommu is missing for all of them. QEMU looks for it when it makes the object, and a
/// running one when the first device attaches.
private func judgeIOMMU(
  _ definition: Definition, _ subjects: [DeviceContext], _ judgement: inout Judgement
) throws(Unknown) {
  let objects = definition.plugs.isEmpty ? definition.machine.objects : []
  let opening = objects.first { $0.type == "iommufd" && $0.string("fd") == nil }
  let attaching = subjects.first { $0.iommufdObject?.string("fd") == nil }
  guard opening != nil || attaching != nil, try definition.host.iommufd.value == .absent else { return }
  let name = opening.map { "the iommufd object `\($0.id ?? "")`" } ?? attaching.map(\.name) ?? ""
  judgement.report(
    "/dev/iommu does not exist, and \(name) needs it",
    at: opening?.location ?? attaching?.request.location(of: "iommufd"),
    fix: "load it with `modprobe iommufd` (CONFIG_IOMMUFD), or give the container /dev/iommu",
    evidence: configuration(definition.host))
}

private func configuration(_ host: Host) -> [String] {
  let options = host.kernelConfig.display ?? [:]
  return ["CONFIG_IOMMUFD", "CONFIG_VFIO_DEVICE_CDEV"].compactMap { name in options[name].map { "\(name)=\($0)" } }
}
