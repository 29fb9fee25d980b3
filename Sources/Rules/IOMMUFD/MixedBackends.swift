import Facts
import Prediction

extension Rule {
  static let mixedBackends = Rule(
    name: "mixed-backends",
    severity: .error,
    summary: "iommufd and the legacy backend in one address space",
    why: """
      When the second kind of backend attaches, QEMU walks the address space's containers, treats the first kind as \
      its own and fails an assertion: QEMU crashes with SIGABRT, whether the device is present at launch or \
      hot-plugged. Only a vIOMMU that gives every device behind it an address space of its own prevents it.
      """,
    fix: "use the same backend for all vfio devices of the guest",
    example: "-object iommufd,id=iommufd0 -device vfio-pci,host=0000:01:00.0,iommufd=iommufd0 "
      + "-device vfio-pci,host=0000:02:00.0",
    references: ["QEMU hw/vfio/vfio-iommufd.h", "QEMU hw/vfio/container-legacy.c (observed on 11.1.3)"],
    explains: [.mixedBackends], crashesGuest: true,
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  // In QEMU's order: running devices first, then the predicted ones.
  let all = (target.running + target.predictions).filter(\.request.isVFIO)
  let isMixed = [VFIOBackend.legacy, .iommufd].allSatisfy { backend in
    all.contains { $0.question.backend == .known(backend) }
  }
  if isMixed {
    let shared = try sharingSpace(all, target)
    guard let legacy = shared.firstIndex(where: { $0.question.backend == .known(.legacy) }),
      let iommufd = shared.firstIndex(where: { $0.question.backend == .known(.iommufd) })
    else {
      if shared.count > 1 { for one in shared { _ = try one.question.backend.value } }
      return
    }
    let second = shared[max(legacy, iommufd)].request
    runner.report(
      "\(shared[iommufd].name) uses iommufd and \(shared[legacy].name) the legacy backend in one address space: QEMU "
        + "crashes with SIGABRT, and the guest with it", at: target.isChecked(second) ? second.location(of: "iommufd") : nil)
    return
  }
  if all.count > 1 { for one in all { _ = try one.question.backend.value } }
  if !all.isEmpty { try target.requireWholeMachine(for: "backends of the machine's other vfio devices") }
}

/// Those in the address space that devices share: behind no IOMMU, also when it is made after them. None where
/// nothing that is judged is among them: what runs already does no harm any more.
private func sharingSpace(
  _ all: [RealizePrediction], _ target: LintTarget
) throws(Unknown) -> [RealizePrediction] {
  try target.requireWholeMachine(for: "guest's IOMMU")
  var shared: [RealizePrediction] = []
  for one in all where target.isChecked(one.request) { if try isShared(one, target) { shared.append(one) } }
  if shared.isEmpty { return [] }
  var running: [RealizePrediction] = []
  for one in all where !target.isChecked(one.request) { if try isShared(one, target) { running.append(one) } }
  return running + shared
}

private func isShared(_ one: RealizePrediction, _ target: LintTarget) throws(Unknown) -> Bool {
  if try one.viommu?.driver == "arm-smmuv3" {
    throw Unknown("address spaces under `arm-smmuv3`", reason: "whether devices share one was never observed")
  }
  return try !one.guest.hasOwnSpace(for: one.request, in: target.machine)
}
