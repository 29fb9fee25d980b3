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
    guard let failure = prediction.failure, !runner.isExplained(failure.cause, of: prediction.request) else { continue }
    let location = prediction.request.location(of: failure.property ?? "driver")
    // A text that cannot be parsed is reported as such; QEMU's message about what is left of it is a consequence.
    if problems.overlaps(location) { continue }
    runner.report(
      (failure.signal.map { "QEMU crashes with \($0) on" } ?? "QEMU refuses") + " \(prediction.name): `\(failure.text)`",
      at: location, about: prediction.request,
      fix: propertyAdvice(failure) ?? failure.cause.advice(on: target.hostNow))
  }
}

/// Advice about the property that a failure names; nil where it names none, or nothing is known of its values.
private func propertyAdvice(_ failure: RealizeFailure) -> String? {
  guard let name = failure.property else { return nil }
  switch failure.cause {
  case .badProperty: return PropertyAdvice.values(of: name)
  case .unknownProperty: return PropertyAdvice.meant(by: name).map { "write `\($0)=`" }
  default: return nil
  }
}
