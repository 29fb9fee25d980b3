import Facts
import Prediction

extension Rule {
  static let unexpectedDevice = Rule(
    name: "unexpected-device",
    severity: .error,
    summary: "the host has another device at the address than the one that is expected",
    why: """
      Addresses change when a card is moved, a firmware setting adds a bus or a slot is left empty, and a definition \
      names its devices by address: the guest then gets another device, and the host loses it.
      """,
    fix: "assign the device at its new address, or correct the id that is expected",
    example: #"[device "0000:01:00.0"] id = "10de:2941"   (and 0000:01:00.0 is 144d:a80a)"#,
    references: ["docs/policy.md", "linux Documentation/ABI/testing/sysfs-bus-pci: vendor, device"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  for pin in target.policy.pins {
    let devices = target.contexts.filter { pin.covers($0) }
    var first: (context: DeviceContext, id: PCIID)?
    var unread: (context: DeviceContext, unknown: Unknown)?
    var isThere = devices.isEmpty
    for context in devices where !isThere {
      do throws(Unknown) {
        let id = try context.device().id.value
        if id == pin.id { isThere = true }
        first = first ?? (context, id)
      } catch {
        unread = unread ?? (context, error)
      }
    }
    if isThere { continue }
    if let unread { runner.cannotDetermine(unread.unknown, about: unread.context.request); continue }
    guard let (context, id) = first, let address = context.prediction.host else { continue }
    let elsewhere = target.host.devices.values.filter { $0.id == .known(pin.id) }.map(\.address).sorted()
    runner.report(
      "\(context.name) is \(id), and \(pin.id) is expected" + (devices.count > 1 ? " among \(devices.count) devices" : " there"),
      at: context.hostLocation, about: context.request,
      fix: elsewhere.isEmpty
        ? "assign \(pin.id) at its new address, or correct the id: this host is not known to have \(pin.id)"
        : "assign \(elsewhere.list), which \(elsewhere.count == 1 ? "is" : "are") \(pin.id), or correct the id",
      evidence: ["id of \(address): \(id)"])
  }
}

extension Policy.Pin {
  /// Whether the pin is about a device: at its address, or requested in its part of the definition.
  fileprivate func covers(_ context: DeviceContext) -> Bool {
    if let address { return context.prediction.host == address }
    let request = context.request.location
    guard request.source == location.source else { return false }
    guard let scope else { return true }
    return request.range.map { scope.overlaps($0) } ?? false
  }
}
