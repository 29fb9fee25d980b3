import Facts
import Prediction

extension Rule {
  static let noReset = Rule(
    name: "no-reset",
    severity: .warning,
    summary: "the device cannot be reset between its users",
    why: """
      A function without a reset of its own can only be reset together with all other functions on its bus, which \
      requires owning all of them. Otherwise the guest gets the device in the state that its last user left: it may \
      work once per power cycle of the host, and data that the last guest wrote is still in it. QEMU prints `Cannot \
      reset device …, no available reset mechanism`, or `depends on group N which is not owned`.
      """,
    fix: "assign all functions on the bus to one guest, or use a different slot or device",
    example: "-device vfio-pci,host=0000:03:00.0   (reset_method is empty, and 0000:03:00.1 stays with the host)",
    references: ["QEMU hw/vfio/pci.c: vfio_pci_hot_reset", "linux Documentation/ABI/testing/sysfs-bus-pci: reset_method"],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let device = try context.device()
  guard try device.resetMethods.value.isEmpty else { return }
  // device-gone-0xff and not-endpoint report these.
  if device.config.flatMap(\.isDead) == .known(true) || device.isEndpoint == .known(false) { return }
  let evidence = ["reset_method of \(device.address): empty"]
  if try device.isOnRootBus.value {
    return runner.report(
      "\(context.name) has no reset of its own, and there is no bridge above it that could reset its bus",
      at: context.hostLocation, fix: "use a different device, or power the host off between its users", evidence: evidence)
  }
  let others = try context.unownedOnBus(of: device)
  guard !others.isEmpty else { return }
  let named = others.list
  let uses = context.usedByHost(others).map { "\($0.address) (\($0.use.text))" }.joined(separator: ", ")
  runner.report(
    "\(context.name) has no reset of its own, and its bus cannot be reset because of \(named), "
      + (others.count == 1 ? "which is not assigned to the guest" : "which are not all assigned to the guest"),
    at: context.hostLocation, fix: uses.isEmpty
      ? "assign \(named) to the same guest, or use a different device"
      : "use a different slot or device: the host needs \(uses)", evidence: evidence)
}

extension DeviceContext {
  /// The functions on the device's bus that the guest does not have, and whose groups it does not own.
  fileprivate func unownedOnBus(of device: HostDevice) throws(Unknown) -> [PCIAddress] {
    let address = device.address
    let assigned = target.assignments.compactMap(\.host)
    let mates = try host.addresses.value.filter {
      $0.domain == address.domain && $0.bus == address.bus && $0 != address && !assigned.contains($0)
    }
    if mates.isEmpty { return [] }
    var owned: Set<Int> = []
    for one in target.assignments {
      guard let host = one.host else {
        throw one.missingHost
      }
      if let group = try self.host.device(at: host).value?.group.value { owned.insert(group) }
    }
    var unowned: [PCIAddress] = []
    for mate in mates.sorted() {
      let group = try host.device(at: mate).value?.group.value
      if group.map(owned.contains) != true { unowned.append(mate) }
    }
    if !unowned.isEmpty { try target.requireWholeMachine(for: "the machine's other vfio devices") }
    return unowned
  }
}

extension HostDevice {
  /// Whether there is no bridge above it that could reset its bus: it is on bus 0, or its PCI Express device/port type is
  /// 9, integrated into the root complex (PCIe 6.0 §7.5.3.2).
  fileprivate var isOnRootBus: Known<Bool> {
    if address.bus == 0 { return .known(true) }
    return config.flatMap { space in
      switch space.standardChain.capabilities.first(where: { $0.id == 0x10 }) {
      case .some(let express): return space.word(express.offset + 2).map { $0 >> 4 & 0xf == 9 }
      case nil: return space.standardChain.contains(0x10, named: "PCI Express capability of \(address)").map { _ in false }
      }
    }
  }
}
