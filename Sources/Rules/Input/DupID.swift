import Facts
import Prediction

extension Rule {
  static let dupID = Rule(
    name: "dup-id",
    severity: .error,
    summary: "two devices with the same id",
    why: """
      An id identifies one device of a machine: `device_del`, `-set` and events refer to it. QEMU refuses the second \
      device, of any driver, and at launch it exits.
      """,
    fix: "give one of them a different id",
    example: "-device e1000e,id=net0 -device vfio-pci,id=net0,host=0000:01:00.0",
    references: ["QEMU system/qdev-monitor.c: qdev_set_id", "QEMU util/qemu-option.c: qemu_opts_create"],
    explains: [.duplicateID],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  let requests = target.requests
  var seen: [String: Int] = [:]
  seen.reserveCapacity(requests.count)
  // The ids of key=value text are compared before.
  let keptBack = Set(target.assignments.filter { $0.isKeptBack && $0.request.form == .json }.map(\.request.location))
  // A plug that fails leaves its id to the next one.
  let failed = Set(
    target.launchFailures.compactMap(\.request).filter { $0.plug == .hot }.map(\.location)
      + target.predictions.filter { $0.request.plug == .hot && $0.failure != nil }.map(\.request.location))
  for (index, request) in requests.enumerated() {
    for id in request.history.unplugged { seen[id] = nil }
    guard let id = request.id else { continue }
    guard let first = seen[id] else {
      if !failed.contains(request.location) { seen[id] = index }
      continue
    }
    guard target.isChecked(request) else { continue }
    if let open = target.openPlug(requests[first]) {
      runner.cannotDetermine(open, about: request)
      continue
    }
    if keptBack.contains(request.location) || keptBack.contains(requests[first].location) {
      runner.cannotDetermine(
        Unknown(
          "devices that the guest gets of id `\(id)`",
          reason: "QEMU keeps the primary of a failover pair back, and cannot plug it later while another device has its id"),
        about: request)
      continue
    }
    runner.report(
      "\(named(request, target)) has the same id `\(id)` as \(named(requests[first], target))",
      at: request.location(of: "id"), about: request, fix: "give one of them an id other than `\(id)`")
  }
  guard !seen.isEmpty else { return }
  try target.requireWholeMachine(for: "ids of the machine's other devices")
}

/// Driver and host function of a request, for messages.
private func named(_ request: DeviceRequest, _ target: LintTarget) -> String {
  "`\(request.driver ?? "device")`" + (request.hostAddress().map { " (\($0))" } ?? "")
}
