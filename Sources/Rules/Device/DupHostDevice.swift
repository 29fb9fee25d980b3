import Facts
import Prediction

extension Rule {
  static let dupHostDevice = Rule(
    name: "dup-host-device",
    severity: .error,
    summary: "the same host function twice in one guest",
    why: """
      A function can be assigned once. `host=` and `sysfsdev=` both name it, with short or long addresses. For the \
      second device QEMU's message is `device is already attached` or, with iommufd, `Invalid argument`.
      """,
    fix: "remove one of the two, or name the function that was meant",
    example: "-device vfio-pci,host=01:00.0 -device vfio-pci,sysfsdev=/sys/bus/pci/devices/0000:01:00.0",
    references: ["QEMU hw/vfio/container-legacy.c: vfio_device_get", "linux drivers/vfio/device_cdev.c"],
    explains: [.alreadyAttached, .bindFails, .inUse],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  var seen: [PCIAddress: RealizePrediction] = [:]
  var missed: Unknown?
  var plugs = target.plugs[...]
  for one in target.assignments {
    // Devices that the stream has unplugged before this one, also between plugs of other devices.
    while one.request.plug == .hot, let plug = plugs.popFirst() {
      if !plug.history.unplugged.isEmpty { seen = seen.filter { !($0.value.request.id.map(plug.history.unplugged.contains) ?? false) } }
      if plug.location == one.request.location { break }
    }
    guard let address = one.host else {
      guard names(one.request) else { continue }
      missed = missed ?? Unknown("host device of \(one.name)", reason: "only QEMU can resolve it")
      continue
    }
    if let first = seen[address] {
      guard target.isChecked(one.request) else { continue }
      if let open = target.openPlug(first.request) {
        runner.cannotDetermine(open, about: one.request)
        continue
      }
      // A device in JSON is created last, also where it is written first.
      let (one, first) = first.failure?.cause == .alreadyAttached && one.failure?.cause != .alreadyAttached ? (first, one) : (one, first)
      runner.report(
        "\(one.name) is the same host function as \(first.name) in the same guest",
        at: ["fd", "sysfsdev"].compactMap(one.request.property).first?.location ?? one.request.location(of: "host"),
        about: one.request,
        evidence: ["both are \(address)"])
    } else if one.request.plug == .cold || one.failure == nil {
      // A plug that fails leaves the function to the next one.
      seen[address] = one
    }
  }
  if let missed, target.assignments.count > 1 { throw missed }
  if target.assignments.isEmpty { return }
  try target.requireWholeMachine(for: "the machine's other vfio devices")
}

/// Whether the request names a host function in a form that only QEMU can resolve.
private func names(_ request: DeviceRequest) -> Bool {
  if request.has("fd") || request.has("sysfsdev") { return true }
  if case .unknown? = request.value("host") { return true }
  return false
}
