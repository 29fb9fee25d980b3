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

/// Runs after all others: a failure that one of its own rules has reported is not repeated.
private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  for prediction in target.predictions {
    if prediction.realize == .undetermined, let unknown = prediction.unknowns.first {
      runner.cannotDetermine(unknown, about: prediction.request)
    }
    guard let failure = prediction.failure,
      !runner.isExplained(failure.cause, of: prediction.request)
    else { continue }
    let name = failure.property ?? "driver"
    runner.report(
      (failure.signal.map { "QEMU dies of \($0) over" } ?? "QEMU refuses") + " \(prediction.name): `\(failure.text)`",
      at: prediction.request.location(of: name), about: prediction.request,
      fix: fix(failure.cause, prediction, target))
  }
}

/// What to do about it, where there is one thing to do.
private func fix(_ cause: FailureCause, _ prediction: RealizePrediction, _ target: LintTarget) -> String? {
  switch cause {
  case .badID: return "begin the id with a letter, and use letters, digits, `-`, `.` and `_`"
  case .noDriver, .unknownDriver, .abstractDriver: return "use `vfio-pci`"
  case .busNotFound: return "name a bus that the machine has: the id of a `pcie-root-port`, or `pcie.0`"
  case .wrongBusType, .noPCIBus: return "put it on a PCI bus"
  case .classNotHotpluggable: return "plug `vfio-pci`, or have the device from the start"
  case .busNotHotpluggable: return "name an empty `pcie-root-port`: `bus=ID`"
  case .badGlobal: return "correct or take out the `-global`"
  case .badProperty, .unknownProperty: return "see what it takes: `qemu-system-x86_64 -device vfio-pci,help`"
  case .slotTaken, .noSlot, .functionZeroTaken: return "give it another port or another `addr`"
  case .notMultifunction: return "add `multifunction=on` to function 0 of the slot"
  case .slotNotHotpluggable: return "give it a slot from 1 on: `addr=1`"
  case .migrating: return "wait until the migration has ended"
  case .noHostGiven: return "give it a host device: `host=0000:01:00.0`"
  case .noSuchHostDevice: return "name a function that the host has, as `lspci -D` lists them"
  case .balloonNotMediated: return "take `x-balloon-allowed` out"
  case .noGroup: return "switch the IOMMU on, in the firmware and with `intel_iommu=on`"
  case .groupNodeDenied, .containerDenied:
    return "let the user \(named(target.host)) open the node that QEMU names"
  case .badToken: return "bind the physical function to its host driver, or give the token that its holder has set"
  case .cachingModeOff, .addressWidthExceeded, .firstStageWithoutIOMMUFD, .firstStageBelowBridge:
    return "add `caching-mode=on` to `intel-iommu`"
  case .noDisplay: return "take `display` out"
  case .duplicateObjectID: return "give each object an id of its own"
  case .unsafeInterrupts:
    return "switch interrupt remapping on, in the firmware and with `intremap=on`"
  case .bindFails, .inUse: return groupFix(prediction, target.host)
  default: return nil
  }
}

private func named(_ host: Host) -> String { host.user.display.map { "(\($0))" } ?? "that runs QEMU" }

private func groupFix(_ prediction: RealizePrediction, _ host: Host) -> String? {
  guard let address = prediction.host, let device = host.devices[address] else { return nil }
  if case .known(nil) = device.group { return "switch the IOMMU on, in the firmware and with `intel_iommu=on`" }
  return "use one iommufd object for all functions of the group, and nobody else's"
}
