import Facts
import Prediction

extension Rule {
  static let hpSlotNotZero = Rule(
    name: "hp-slot-not-zero",
    severity: .error,
    summary: "a slot below a port other than 0",
    why: """
      A port has one slot, number 0, and the guest scans no other. QEMU accepts another `addr`, at most with a \
      warning, and without `addr` gives the second device of a port slot 1: the guest never sees it.
      """,
    fix: "remove `addr`, or set slot 0",
    example: "-device pcie-root-port,id=rp0 -device vfio-pci,host=0000:01:00.0,bus=rp0,addr=1.0",
    references: ["QEMU hw/pci/pci.c: pci_qdev_realize (observed on 11.1.3)", "PCIe 6.0 §7.3.1"],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let addr = context.request.property("addr")
  if case .unknown(let text)? = addr?.value {
    throw Unknown("addr of \(context.name)", reason: "written as \(text)")
  }
  if addr != nil, (context.requestedDevfn ?? 0) / 8 == 0 { return }
  if context.prediction.failure?.cause == .busNotFound || addr == nil && context.prediction.failure != nil { return }
  // libvirt gives a device without an address a slot that is free.
  if addr == nil, context.target.machine.libvirt != nil { return }
  guard let bus = try context.prediction.bus, bus.isPort else { return }
  // Without `addr` QEMU takes the first free slot: of a port with a device that is one that no guest scans.
  guard let slot = (context.requestedDevfn ?? context.prediction.guestAddress?.devfn).map({ $0 / 8 }) else {
    throw Unknown("slot of \(context.name)", reason: "QEMU chooses it, and other devices of `\(bus.name)` are not known")
  }
  guard slot != 0 else { return }
  runner.report(
    "\(context.name) is at slot \(slot) of `\(bus.name)`, a port that has only slot 0: the guest never sees it",
    at: addr?.location,
    fix: fix(context, bus))
}

/// The slot 0 of the port, unless another device has it or would get it.
private func fix(_ context: DeviceContext, _ bus: GuestBus) -> String {
  let devfn = context.requestedDevfn
  if context.isLibvirtElement { return "write `slot='0x00'`, or give the device no `<address>`" }
  let function = context.requestedFunction
  let isAlone = !bus.occupants.keys.contains { $0 != devfn }
  if devfn != nil, function > 0, bus.occupants[function] == nil { return "write `addr=0.\(function)`" }
  if devfn != nil, isAlone { return "remove `addr`, or write `addr=0`" }
  if context.request.plug == .hot, let other = context.useFreeSlot { return other }
  return "give it a port of its own, or `addr=0.1` beside a function 0 with `multifunction=on`"
}
