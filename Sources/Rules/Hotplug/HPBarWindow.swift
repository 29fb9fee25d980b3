import Facts
import Prediction

extension Rule {
  static let hpBarWindow = Rule(
    name: "hp-bar-window",
    severity: .warning,
    summary: "the address window of the port or bridge is too small for the BARs of the plugged device",
    why: """
      Before any hot plug the guest's firmware gives every port and bridge an address window, 2 MiB unless it reserves \
      more, and Linux seldom enlarges it. A card whose BARs do not fit is present and unusable: the guest logs `BAR 1: \
      no space for [mem size 0x400000000 64bit pref]`, and QEMU logs nothing.
      """,
    fix: "reserve address space at the port: `pref64-reserve=SIZE`, and `mem-reserve=SIZE` for 32-bit BARs",
    example: "-device pcie-root-port,id=rp0, then device_add of a GPU with a BAR of 16 GiB on bus=rp0",
    references: [
      "QEMU docs/pcie.txt §5", "SeaBIOS src/fw/pciinit.c: pci_bios_check_devices", "edk2 OvmfPkg/PciHotPlugInitDxe",
      "https://github.com/kata-containers/runtime/issues/850",
    ],
    needsRealize: true, check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard context.request.plug == .hot else { return }
  let needed = try WindowSizes(context.device())
  if needed.prefetchable <= WindowSizes.byDefault, needed.below4GiB <= WindowSizes.byDefault { return }
  try context.target.requireWholeMachine(for: "reservation of `\(context.request.bus ?? "the bus")`")
  guard let bus = try context.prediction.bus, bus.kind != .root else { return }
  guard let port = context.target.machine.devices.first(where: { $0.id == bus.name }) else {
    throw Unknown("reservation of `\(bus.name)`", reason: "the definition does not have the port")
  }
  var lacking: [(name: String, size: UInt64, reserved: UInt64)] = []
  var missed: Unknown?
  for (name, size) in [("pref64-reserve", needed.prefetchable), ("mem-reserve", needed.below4GiB)] {
    let reserved = try context.reserved(name, at: port)
    guard size > reserved ?? WindowSizes.byDefault else { continue }
    if reserved == nil, context.target.machine.hasUEFI {
      missed = Unknown(
        "reservation of the guest's firmware at `\(bus.name)`", reason: "UEFI chooses the size of the window")
      continue
    }
    lacking.append((name, size, reserved ?? WindowSizes.byDefault))
  }
  if lacking.isEmpty, let missed { throw missed }
  guard let first = lacking.first else { return }
  let needs = lacking.map { "\(ByteSize.text($0.size)) where `\(bus.name)` reserves \(ByteSize.text($0.reserved))" }
  let fixes = lacking.map { "\($0.name)=\(WindowSizes.powerOfTwo($0.size) >> 20)M" }.joined(separator: ",")
  let canReserve = bus.isPort || port.driver == "pci-bridge"
  runner.report(
    "the BARs of \(context.name) need \(needs.joined(separator: ", and ")): the guest cannot place them",
    at: context.request.location(of: "bus"),
    fix: canReserve ? "give `\(bus.name)` `\(fixes)`"
      : "plug it into a `pcie-root-port` that has `\(fixes)`: `\(port.driver ?? "")` cannot reserve address space",
    evidence: ["`\(bus.name)`: \(first.name) is \(ByteSize.text(first.reserved))"])
}

extension DeviceContext {
  /// The port's reservation in bytes; nil when the firmware chooses it.
  fileprivate func reserved(_ name: String, at port: DeviceRequest) throws(Unknown) -> UInt64? {
    guard let text = try setting(name, of: port) else { return nil }
    guard let size = ByteSize.parse(text) else {
      throw Unknown("`\(name)` of `\(port.id ?? "")`", reason: "`\(text)` is not a size")
    }
    // The value of an integer property that is not set.
    return size == .max ? nil : WindowSizes.powerOfTwo(size)
  }
}
