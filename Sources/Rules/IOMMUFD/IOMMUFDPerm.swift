import Facts
import Prediction

extension Rule {
  static let iommufdPerm = Rule(
    name: "iommufd-perm",
    severity: .error,
    summary: "the user may not open the nodes that iommufd needs",
    why: """
      QEMU opens /dev/iommu and the device's cdev for reading and writing, as the user that it runs as. \
      For the cdev it does not even say that the permission is missing, only that it failed to open it. \
      In a container the device cgroup can refuse what the file mode allows.
      """,
    fix: "let the user open the node, for good by a udev rule",
    example: "-object iommufd,id=iommufd0 -device vfio-pci,host=0000:01:00.0,iommufd=iommufd0   (as uid 107)",
    references: ["QEMU hw/vfio/iommufd.c: iommufd_cdev_getfd", "QEMU backends/iommufd.c: iommufd_backend_connect"],
    check: .definition(judge))
}

private func judge(_ definition: Definition, _ judgement: inout Judgement) {
  let subjects = definition.subjects { $0.question.backend == .known(.iommufd) }
  for subject in subjects where !subject.request.has("fd") {
    do throws(Unknown) { try judgeCdev(subject, &judgement) } catch {
      judgement.cannotTell(error, about: subject.request)
    }
  }
  // Opened by the first device that attaches, unless a descriptor was passed.
  guard let first = subjects.first(where: { $0.iommufdObject?.isPassed != true }) else { return }
  switch definition.host.iommufd {
  case .unknown(let unknown): judgement.cannotTell(unknown, about: first.request)
  case .known(.denied):
    judgement.report(
      "\(user(definition.host)) may not open /dev/iommu, which \(first.name) needs",
      at: first.request.location(of: "iommufd"), fix: allow(definition.host, "/dev/iommu"))
  case .known: break
  }
}

private func judgeCdev(_ subject: DeviceContext, _ judgement: inout Judgement) throws(Unknown) {
  guard let cdev = try subject.device().cdev.value, try cdev.node.value == .denied else { return }
  judgement.report(
    "\(user(subject.host)) may not open \(cdev.path), the cdev of \(subject.name)",
    at: subject.request.location(of: "iommufd"), about: subject.request, fix: allow(subject.host, cdev.path))
}

private func user(_ host: Host) -> String { host.user.display ?? "the user" }

private func allow(_ host: Host, _ path: String) -> String {
  guard let uid = host.user.display.flatMap({ $0.hasPrefix("uid ") ? $0.dropFirst(4) : nil }) else {
    return "let the device cgroup and the file's mode allow reading and writing \(path)"
  }
  return "allow it: `setfacl -m u:\(uid):rw \(path)`, for good by a udev rule"
}
