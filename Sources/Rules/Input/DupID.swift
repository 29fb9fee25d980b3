import Facts
import Prediction

extension Rule {
  static let dupID = Rule(
    name: "dup-id",
    severity: .error,
    summary: "two devices with one id",
    why: """
      An id names one device of a machine; `device_del`, `-set` and every event go by it. QEMU refuses \
      the second one, whatever driver it has, and a guest that is starting stops.
      """,
    fix: "give one of them another id",
    example: "-device e1000e,id=net0 -device vfio-pci,id=net0,host=0000:01:00.0",
    references: ["QEMU system/qdev-monitor.c: qdev_set_id", "QEMU util/qemu-option.c: qemu_opts_create"],
    explains: [.duplicateID],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  let requests = target.requests
  var seen: [String: Int] = [:]
  seen.reserveCapacity(requests.count)
  for (index, request) in requests.enumerated() {
    guard let id = request.id, let first = seen.updateValue(index, forKey: id) else { continue }
    // It stays the one that all later ones are held against.
    seen[id] = first
    guard target.isJudged(request) else { continue }
    runner.report(
      "\(named(request, target)) has the id `\(id)` of \(named(requests[first], target))",
      at: request.location(of: "id"), about: request, fix: "give one of them another id than `\(id)`")
  }
  guard !seen.isEmpty else { return }
  try target.needsWholeMachine(for: "ids of the machine's other devices")
}

/// The driver, and the host function where there is one.
private func named(_ request: DeviceRequest, _ target: LintTarget) -> String {
  "`\(request.driver ?? "device")`" + (request.hostAddress().map { " (\($0))" } ?? "")
}
