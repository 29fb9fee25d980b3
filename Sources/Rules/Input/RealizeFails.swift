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

/// Failures that have a rule of their own, which says more.
private let covered: Set<FailureCause> = [
  .atsNotSupported, .noATSProperty, .missingIOMMUFDObject, .wrongIOMMUFDObject, .descriptorWithoutID,
  .realizedArgument, .descriptorWithoutIOMMUFD, .groupNotViable, .notBound, .alreadyAttached, .noCdev,
  .cdevNodeMissing, .cdevDenied, .iommufdMissing, .iommufdDenied, .bindFails, .mixedBackends,
  .duplicateID, .inUse, .badToken,
]

private func judge(_ definition: Definition, _ judgement: inout Judgement) {
  for prediction in definition.predictions {
    guard let failure = prediction.failure, !covered.contains(failure.cause) else { continue }
    judgement.report(
      "QEMU refuses \(prediction.name): `\(failure.text)`",
      at: prediction.request.location(of: property(failure.cause)))
  }
}

/// The property that a failure is about.
private func property(_ cause: FailureCause) -> String {
  switch cause {
  case .badID: return "id"
  case .unknownDriver, .abstractDriver: return "driver"
  case .busNotFound, .wrongBusType, .busNotHotpluggable: return "bus"
  case .slotTaken, .noSlot: return "addr"
  case .noSuchHostDevice: return "host"
  case .badDescriptor: return "fd"
  default: return "driver"
  }
}
