import Facts
import Prediction

extension Rule {
  static let realizeFails = Rule(
    name: "realize-fails",
    severity: .error,
    summary: "QEMU refuses the device",
    why: """
      QEMU stops with this text when it comes to the device: at launch the guest does not start, and a \
      hot plug is answered with an error.
      """,
    fix: "change what QEMU's text names",
    example: "-device vfio-pci,host=0000:01:00.0,bus=nope",
    references: ["QEMU system/qdev-monitor.c", "QEMU hw/vfio/pci.c: vfio_pci_realize"],
    check: .definition(judge))
}

/// Runs after all others: a failure that one of its own rules has reported is not repeated.
private func judge(_ definition: Definition, _ judgement: inout Judgement) {
  for prediction in definition.predictions {
    if prediction.realize == .undetermined, let unknown = prediction.unknowns.first {
      judgement.cannotTell(unknown, about: prediction.request)
    }
    guard let failure = prediction.failure,
      !judgement.hasReport(by: ownRules(failure.cause), about: prediction.request)
    else { continue }
    let name = property(failure.cause)
    judgement.report(
      (failure.signal.map { "QEMU dies of \($0) over" } ?? "QEMU refuses") + " \(prediction.name): `\(failure.text)`",
      at: prediction.request.location(of: name), about: prediction.request)
  }
}

/// The rules that say more about a failure.
private func ownRules(_ cause: FailureCause) -> Set<String> {
  switch cause {
  case .atsNotSupported: return ["ats-on-kernel-unsupported"]
  case .noATSProperty: return ["ats-prop-unsupported-by-qemu"]
  case .missingIOMMUFDObject, .wrongIOMMUFDObject: return ["iommufd-missing-object"]
  case .descriptorWithoutID: return ["fd-without-id"]
  case .realizedArgument: return ["realized-argument"]
  case .descriptorWithoutIOMMUFD: return ["iommufd-fd-without-object"]
  case .groupNotViable: return ["group-not-viable", "not-bound"]
  case .notBound, .groupNodeMissing: return ["not-bound"]
  case .noCdev: return ["not-bound", "iommufd-no-cdev"]
  case .cdevNodeMissing, .iommufdMissing: return ["iommufd-no-cdev"]
  case .cdevDenied, .iommufdDenied: return ["iommufd-perm"]
  case .alreadyAttached: return ["dup-host-device"]
  case .bindFails, .inUse: return ["device-in-use", "group-split-across-vms", "dup-host-device"]
  case .badToken: return ["iommufd-vf-token"]
  case .mixedBackends: return ["mixed-backends"]
  case .duplicateID: return ["dup-id"]
  default: return []
  }
}

/// The property that a failure is about.
private func property(_ cause: FailureCause) -> String {
  switch cause {
  case .badID, .duplicateID: return "id"
  case .busNotFound, .wrongBusType, .busNotHotpluggable: return "bus"
  case .slotTaken, .noSlot: return "addr"
  case .noSuchHostDevice, .noGroup, .groupNodeMissing, .groupNodeDenied, .inUse, .alreadyAttached: return "host"
  case .badDescriptor: return "fd"
  case .badToken: return "vf-token"
  case .bindFails, .missingIOMMUFDObject: return "iommufd"
  case .noDisplay: return "display"
  case .noMigration: return "enable-migration"
  default: return "driver"
  }
}
