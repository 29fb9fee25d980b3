import Facts
import Prediction

extension Rule {
  static let iommufdPerm = Rule(
    name: "iommufd-perm",
    severity: .error,
    summary: "the user that runs QEMU may not open the nodes that iommufd needs",
    why: """
      QEMU opens /dev/iommu and the device's cdev for reading and writing, as the user it runs as. For the cdev its \
      message does not mention permissions, only that opening failed. In a container the device cgroup can refuse what \
      the file mode allows.
      """,
    fix: "let the user open the node, permanently with a udev rule",
    example: "-object iommufd,id=iommufd0 -device vfio-pci,host=0000:01:00.0,iommufd=iommufd0   (as uid 107)",
    references: ["QEMU hw/vfio/iommufd.c: iommufd_cdev_getfd", "QEMU backends/iommufd.c: iommufd_backend_connect"],
    explains: [.cdevDenied, .iommufdDenied],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  let contexts = target.contexts.filter { $0.prediction.atsInputs.backend == .known(.iommufd) }
  runner.forEach(contexts.lazy.filter { !$0.request.has("fd") }, checkCdev)
  // The first device that attaches opens it, unless a descriptor was passed.
  guard let first = contexts.first(where: { $0.prediction.iommufdObject?.isPassed != true }) else { return }
  do throws(Unknown) {
    guard try first.prediction.failure(.iommufdDenied) != nil else { return }
    runner.report(
      "\(user(target.host)) may not open /dev/iommu, which \(first.name) needs",
      at: first.request.location(of: "iommufd"), fix: allow(target.host, "/dev/iommu"))
  } catch {
    runner.cannotDetermine(error, about: first.request)
  }
}

private func checkCdev(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard try context.prediction.failure(.cdevDenied) != nil, let cdev = try context.device().cdev.value else { return }
  runner.report(
    "\(user(context.host)) may not open \(cdev.path), the cdev of \(context.name)",
    at: context.request.location(of: "iommufd"), about: context.request, fix: allow(context.host, cdev.path))
}

private func user(_ host: Host) -> String { host.user.display ?? "the user" }

private func allow(_ host: Host, _ path: String) -> String {
  guard let uid = host.user.display.flatMap({ $0.hasPrefix("uid ") ? $0.dropFirst(4) : nil }) else {
    return "let the device cgroup and the file's mode allow reading and writing \(path)"
  }
  return "allow it: `setfacl -m u:\(uid):rw \(path)`, permanently with a udev rule"
}
