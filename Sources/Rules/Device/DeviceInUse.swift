import Facts
import Prediction

extension Rule {
  static let deviceInUse = Rule(
    name: "device-in-use",
    severity: .error,
    summary: "another process holds the device",
    why: """
      The kernel gives a device to one process at a time. QEMU fails with `Device or resource busy`, or with `Invalid \
      argument` if the holder uses iommufd, and does not name the holder.
      """,
    fix: "stop the process that holds it, or assign a different device",
    example: "-device vfio-pci,host=0000:01:00.0   (which a running QEMU has)",
    references: ["linux drivers/vfio/group.c: vfio_group_fops_open", "linux drivers/vfio/device_cdev.c"],
    explains: [.bindFails, .inUse], isRecheckedAtStart: true,
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let device = try context.device()
  let mates = context.target.assignments.filter { $0.request.location != context.request.location }
  // The machine itself holds it; dup-host-device reports the second request.
  if mates.contains(where: { $0.host == device.address }) { return }
  if try context.holdsGroup(with: mates) { return }
  let users = try context.otherUsers(of: device)
  guard !users.isEmpty else { return }
  try context.excludeOwnMachine()
  // One process may hold the cdev and the group's node.
  let holders = users.enumerated().filter { index, user in !users[..<index].contains { $0.pid == user.pid } }
  let names = holders.map { "`\($0.element.name)` (pid \($0.element.pid))" }.joined(separator: ", ")
  runner.report(
    "\(context.name) is in use by \(names)", at: context.request.location(of: "host"),
    evidence: ["holders of \(device.address): \(names)"])
}

extension DeviceContext {
  /// Whether the running machine has opened the legacy node of the device's group for another function.
  fileprivate func holdsGroup(with mates: [RealizePrediction]) throws(Unknown) -> Bool {
    let held = mates.filter { $0.request.plug == .cold && $0.atsInputs.backend == .known(.legacy) }.compactMap(\.host)
    guard request.plug == .hot, try backend() == .legacy, !held.isEmpty, let group = try group() else { return false }
    return try group.members.value.contains(where: held.contains)
  }

  /// - Throws: for a `device_add` without its machine, that the holder of the group's node may be that machine's QEMU.
  fileprivate func excludeOwnMachine() throws(Unknown) {
    guard request.plug == .hot, !target.machine.isComplete, try backend() == .legacy, let group = try group(),
      try group.members.value.count > 1
    else { return }
    try target.requireWholeMachine(for: "whether the holder of group \(group.number) is the machine itself")
  }
}
