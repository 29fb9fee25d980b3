import Facts
import Prediction

extension Rule {
  static let realizeFails = Rule(
    name: "realize-fails",
    severity: .error,
    summary: "QEMU refuses the device",
    why: """
      QEMU fails with this message when it realizes the device: at launch the guest does not start, and a hot plug is \
      answered with an error.
      """,
    fix: "change what QEMU's message names",
    example: "-device vfio-pci,host=0000:01:00.0,bus=nope",
    references: ["QEMU system/qdev-monitor.c", "QEMU hw/vfio/pci.c: vfio_pci_realize"],
    check: .target(check))
}

/// Runs after all others, and skips a failure that another rule has explained.
private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  let problems = LocationIndex(target.problems.map(\.location))
  for prediction in target.predictions {
    if prediction.realize == .undetermined, let unknown = prediction.unknowns.first {
      runner.cannotDetermine(unknown, about: prediction.request)
    }
    if prediction.realize == .ok { checkPlug(prediction, target, &runner) }
    guard let failure = prediction.failure, !runner.isExplained(failure.cause, of: prediction.request) else { continue }
    // launch-fails, or a rule about the IOMMU, reports that there is none for the device.
    if failure.cause.isOfGuestIOMMU, let unit = try? prediction.viommu, target.isRefusedAtLaunch(unit) { continue }
    // not-bound reports the functions that keep the group from being assigned.
    if failure.cause == .groupNotViable, target.isExplainedByMember(prediction, runner) { continue }
    let location = prediction.request.location(of: failure.property ?? "driver")
    // A text that cannot be parsed is reported as such; QEMU's message about what is left of it is a consequence.
    if problems.overlaps(location) { continue }
    runner.report(
      (failure.signal.map { "QEMU crashes with \($0) on" } ?? "QEMU refuses") + " \(prediction.name): `\(failure.text)`",
      at: location, about: prediction.request,
      fix: advice(failure, prediction, target))
  }
}

extension LintTarget {
  fileprivate func context(of prediction: RealizePrediction) -> DeviceContext? {
    contexts.first { $0.request.location == prediction.request.location }
  }

  /// Whether not-bound has reported another function of the same group.
  fileprivate func isExplainedByMember(_ prediction: RealizePrediction, _ runner: RuleRunner) -> Bool {
    guard let address = prediction.host, let group = host.devices[address]?.group.display ?? nil else { return false }
    return predictions.contains { other in
      guard let member = other.host, member != address, runner.isExplained(.notBound, of: other.request) else { return false }
      return host.devices[member]?.group.display == .some(group)
    }
  }
}

/// Reports nothing where another rule has explained the refusal.
private func checkPlug(_ prediction: RealizePrediction, _ target: LintTarget, _ runner: inout RuleRunner) {
  if let failure = prediction.plugFailure {
    if runner.isExplained(failure.cause, of: prediction.request) { return }
    // Nothing that happens until then makes such a pair work; a host device may be there by then.
    if failure.cause == .badFailover {
      let start = prediction.request.plug == .hot ? "keeps \(prediction.name) back" : "starts without \(prediction.name)"
      return runner.report(
        "QEMU \(start), and refuses it when the guest's driver asks for it: `\(failure.text)`",
        at: prediction.request.location(of: failure.property ?? "failover_pair_id"), about: prediction.request,
        fix: advice(failure, prediction, target))
    }
    let reason = "QEMU starts without the device, and refuses it when the guest's driver asks for it: `\(failure.text)`"
    runner.cannotDetermine(Unknown("realize of \(prediction.request.plainName)", reason: reason), about: prediction.request)
  } else if let unknown = prediction.plugUnknown {
    runner.cannotDetermine(unknown, about: prediction.request)
  }
}

/// Advice for the property, the address or the cause; nil where only QEMU's message says what to change.
private func advice(_ failure: RealizeFailure, _ prediction: RealizePrediction, _ target: LintTarget) -> String? {
  let host = target.hostNow
  return inDefinition(failure, prediction, target)
    ?? nearDevices(failure, prediction, target) ?? cause(of: failure, prediction, on: host).advice(on: host, with: target.qemu)
}

/// Advice with the names of the definition: keys of a Proxmox configuration, ports of a running guest.
private func inDefinition(_ failure: RealizeFailure, _ prediction: RealizePrediction, _ target: LintTarget) -> String? {
  let isLibvirt = prediction.request.libvirt?.source != nil
  switch failure.cause {
  case .busNotFound where prediction.request.plug == .hot:
    guard let port = prediction.guest.freePorts.first, let context = target.context(of: prediction) else { return nil }
    return "plug it into a free port: `bus=\(port.name)`" + context.inSlotZero
  case .groupInSeveralSpaces where target.machine.proxmox != nil:
    return "remove `pcie=1`: the functions then share the address space of `pci.0`; or remove `viommu=`"
  case .groupInSeveralSpaces where isLibvirt:
    return "put the functions of the group behind one `<controller type='pci' model='pcie-to-pci-bridge'/>`, which needs a "
      + "`pcie-root-port` of its own, so that they share an address space, or remove `<iommu>`"
  case .slotNotHotpluggable where isLibvirt: return "write a slot from 1 on: `slot='0x01'`"
  case .inUse where isLibvirt, .bindFails where isLibvirt:
    return "write `iommufd='yes'` for all functions of the group or for none, and let no other process have any of them"
  case .badToken:
    guard isLibvirt || target.machine.proxmox != nil, let context = target.context(of: prediction) else { return nil }
    return "bind the physical function to its host driver, or pass the token that its holder has set: "
      + context.setOwn("vf-token", "UUID")
  case .badProperty where isLibvirt && failure.text.hasSuffix("expected: boolean"):
    return "write `type='bool'`, and `value='true'` or `value='false'`"
  case .badProperty where isLibvirt && failure.text.hasSuffix("expected: integer"):
    return "write `type='unsigned'`, or `type='signed'` for a number below zero"
  case .unknownProperty where isLibvirt && failure.property.flatMap(PropertyAdvice.meant) != nil:
    return failure.property.flatMap(PropertyAdvice.meant).map { "write `name='\($0)'`" }
  case .unknownProperty, .badProperty:
    return propertyAdvice(failure, prediction.request)
      ?? (failure.cause == .badProperty ? "list the accepted values: " : "remove it, or list the properties: ")
      + "`\(target.machine.programName) -device vfio-pci,help`"
  case .noVGARegion where target.machine.proxmox != nil: return "remove `x-vga=1`: \(vgaRegion)"
  default: return nil
  }
}

/// The reason of `noVGARegion`.
let vgaRegion = "the kernel gives a VGA region to VGA controllers alone, with CONFIG_VFIO_PCI_VGA"

/// Advice with the functions that the host has near an address where it has none: neither bridges nor those that the guest has already.
private func nearDevices(_ failure: RealizeFailure, _ prediction: RealizePrediction, _ target: LintTarget) -> String? {
  guard failure.cause == .noSuchHostDevice, let address = prediction.host else { return nil }
  let host = target.hostNow
  let near = host.functions(near: address).filter { function in
    // The host bridge, of base class 06 too, has an endpoint's header.
    host.devices[function]?.classCode.display.map { $0 >> 16 } != 0x06 && !target.predictions.contains { $0.host == function }
  }
  return near.isEmpty ? nil : "name a function of the host: \(near.map(\.description).joined(separator: " or "))"
}

/// The cause that advice is for: without an IOMMU group no driver creates the nodes that QEMU misses.
private func cause(of failure: RealizeFailure, _ prediction: RealizePrediction, on host: Host) -> FailureCause {
  let device = prediction.host.flatMap { host.device(at: $0).display ?? nil }
  return device?.group == .known(nil) && [.noCdev, .groupNodeMissing].contains(failure.cause) ? .noGroup : failure.cause
}

/// Advice about the property that a failure names; nil where it names none, or nothing is known of its values.
private func propertyAdvice(_ failure: RealizeFailure, _ request: DeviceRequest) -> String? {
  guard let name = failure.property else { return nil }
  switch failure.cause {
  case .badProperty where request.location.isOfSection && request.string(name)?.hasSuffix("\n") == true:
    return "close the value with a quote: `\(name)=\(request.string(name)?.dropLast() ?? "")`"
  case .badProperty where failure.text.hasSuffix("is not a power of two"): return "write a power of two, such as `\(name)=65536`"
  case .badProperty: return PropertyAdvice.values(of: name, insteadOf: request.string(name))
  case .unknownProperty where name.first == " ": return "remove the blank before `\(name.drop { $0 == " " })`"
  case .unknownProperty: return PropertyAdvice.meant(by: name).map { "write `\($0)=`" }
  default: return nil
  }
}
