import Facts
import Prediction

extension Rule {
  /// Also refused by the proxy, for devices of vfio-user.
  public static let mixedBackends = Rule(
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
    explains: [.mixedBackends, .inUse, .bindFails], crashesGuest: true,
    check: .target(check))
}

/// Reports the first device of the second backend only: all later devices are affected too.
private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  var missed: Unknown?
  for context in target.contexts where target.assignments.count > 1 {
    do throws(Unknown) {
      guard let failure = try context.prediction.failure(.mixedBackends), let other = failure.other else { continue }
      let first = target.assignments.first { $0.request.location == other.location }?.name ?? other.plainName
      let isIOMMUFD = try context.backend() == .iommufd
      // The kernel opens one kind of node of a group only, and QEMU does not get as far as the crash.
      let isOfOneGroup = context.prediction.failure.map { [.inUse, .bindFails].contains($0.cause) } ?? false
        && target.group(of: context.request) == target.group(of: other)
      let result = isOfOneGroup ? "group: QEMU refuses \(context.name)"
        : "address space: QEMU crashes with SIGABRT, and the guest with it"
      return runner.report(
        "\(isIOMMUFD ? context.name : first) uses iommufd and \(isIOMMUFD ? first : context.name) the legacy backend in one \(result)",
        at: context.request.location(of: "iommufd"), about: context.request)
    } catch {
      missed = missed ?? error
    }
  }
  if let missed { throw missed }
  if !target.assignments.isEmpty { try target.requireWholeMachine(for: "backends of the machine's other vfio devices") }
}

extension LintTarget {
  /// The number of the IOMMU group of a device's host function; nil where it is not known.
  fileprivate func group(of request: DeviceRequest) -> Int? {
    let address = assignments.first { $0.request.location == request.location }?.host
    return address.flatMap { host.devices[$0]?.group.display }.flatMap { $0 }
  }
}
