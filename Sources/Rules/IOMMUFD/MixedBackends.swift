import Facts
import Prediction

extension Rule {
  static let mixedBackends = Rule(
    name: "mixed-backends",
    severity: .error,
    summary: "iommufd and the legacy backend in one address space",
    why: """
      When the second kind of backend attaches, QEMU walks the address space's containers, takes the \
      first kind for its own and fails an assertion: the whole guest dies of SIGABRT, whether the device \
      was there from the start or plugged later. Only a vIOMMU that gives every device an address space \
      of its own prevents it.
      """,
    fix: "use the same backend for all vfio devices of the guest",
    example: "-object iommufd,id=iommufd0 -device vfio-pci,host=0000:01:00.0,iommufd=iommufd0 "
      + "-device vfio-pci,host=0000:02:00.0",
    references: ["QEMU hw/vfio/vfio-iommufd.h", "QEMU hw/vfio/container-legacy.c (observed on 11.1.3)"],
    check: .definition(judge))
}

private func judge(_ definition: Definition, _ judgement: inout Judgement) throws(Unknown) {
  // In QEMU's order: what runs already, then as predicted.
  let all = (definition.running + definition.predictions).filter(\.request.isVFIO)
  let legacy = all.firstIndex { $0.question.backend == .known(.legacy) }
  let iommufd = all.firstIndex { $0.question.backend == .known(.iommufd) }
  if let legacy, let iommufd {
    guard try sharesSpace(definition) else { return }
    judgement.report(
      "\(all[iommufd].name) uses iommufd and \(all[legacy].name) the legacy backend in one address space: QEMU dies "
        + "of SIGABRT, and the guest with it", at: all[max(legacy, iommufd)].request.location(of: "iommufd"))
    return
  }
  if all.count > 1 { for one in all { _ = try one.question.backend.value } }
  if !all.isEmpty { try definition.needsWholeMachine(for: "backends of the machine's other vfio devices") }
}

private func sharesSpace(_ definition: Definition) throws(Unknown) -> Bool {
  switch definition.machine.viommu?.driver {
  case nil:
    try definition.needsWholeMachine(for: "guest's IOMMU")
    return true
  case "intel-iommu": return false  // accepted by 11.1.3
  case .some(let other):
    throw Unknown("address spaces under `\(other)`", reason: "whether devices share one was never observed")
  }
}
