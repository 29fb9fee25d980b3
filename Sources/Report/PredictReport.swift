import Facts
import Prediction
import Syntax

/// Output of `vfiogate predict`.
public struct PredictReport: Sendable {
  private let inputs: ATSInputs
  private let outcome: PartialATSOutcome
  private let notes: [String]
  /// The device's name in QEMU's errors, between `vfio ` and `: `.
  private let name: String
  /// Name of the device in the heading.
  private let label: String

  /// - Parameters:
  ///   - host: address or path of the host device, as QEMU prints it.
  ///   - id: id of the device, for the heading.
  public init(_ inputs: ATSInputs, host: String, id: String?) {
    self.inputs = inputs
    outcome = inputs.outcome
    notes = ATSNotes.notes(inputs, outcome, host: host)
    name = host
    label = id.map { "`\($0)` (\(host))" } ?? host
  }

  private var realize: Known<String> { outcome.error.map { $0 == nil ? "ok" : "fails" } }

  /// QEMU prefixes errors of realize, but not that of a property that does not exist.
  private func full(_ error: String) -> String {
    error == ATSText.noProperty.rawValue ? error : "vfio \(name): \(error)"
  }

  /// Object for programs; what the inputs do not decide is `"undetermined"`.
  public var json: JSON {
    var members: [JSON.Member] = [
      .init("behaviour", inputs.behaviour.json { .string($0.rawValue) }),
      .init("realize", realize.json { .string($0) }),
    ]
    switch outcome.error {
    case .known(.some(let error)): members.append(.init("error", .string(full(error))))
    case .known(.none): break
    case .unknown: members.append(.init("error", "undetermined"))
    }
    members += [
      .init("warnings", outcome.warnings.json { .strings($0) }),
      .init("guest-sees-ats", outcome.guestSees.json), .init("checked-by-qemu", outcome.checked.json),
      .init("notes", .strings(notes)),
    ]
    return .object(members)
  }

  /// Text for a terminal: the steps of the decision, then the outcome.
  public func text(_ style: Style) -> String {
    var lines = [style.bold("\(label), behaviour \(inputs.behaviour.display?.rawValue ?? "unknown")"), ""]
    lines += ATSExplanation.steps(inputs).map { "  " + $0 }
    lines += ["", "realize:         " + (realize.display ?? "undetermined")]
    if case .known(.some(let error)) = outcome.error { lines.append("error:           " + full(error)) }
    switch outcome.warnings {
    case .unknown: lines.append("warnings:        undetermined")
    case .known(let texts): lines += texts.map { "warning:         \($0)" }
    }
    lines.append("guest sees ATS:  " + PredictReport.word(outcome.guestSees))
    lines.append("checked by QEMU: " + PredictReport.word(outcome.checked))
    lines += notes.map { "note:            \($0)" }
    return lines.joined(separator: "\n") + "\n"
  }

  static func word(_ value: Known<Bool>) -> String {
    switch value {
    case .known(let flag): return flag ? "yes" : "no"
    case .unknown: return "undetermined"
    }
  }
}
