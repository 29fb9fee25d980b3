import Facts
import Prediction
import Rules
import Syntax

/// The rehearsed options, and the QEMU.
enum RehearsalReport {
  /// Maximum number of untried parts in a line.
  private static let maxUntried = 8

  /// Lines of text. The refusal itself is a finding.
  static func lines(_ rehearsal: Known<RehearsalResult>, verbose: Bool) -> [String] {
    switch rehearsal {
    case .unknown(let unknown): return ["unknown: \(unknown.reason)"]
    case .known(let result):
      let changes = result.changes.count
      let parts = "\(result.rehearsed) option\(result.rehearsed == 1 ? "" : "s")"
        + (changes == 0 ? "" : ", \(changes) part\(changes == 1 ? "" : "s") replaced or left out"
          + (verbose ? "" : "; --verbose lists them"))
      let accelerator = result.accelerator == "tcg" ? ", with tcg" : ""
      let untried = result.changes.filter(\.isUntried).map(\.what)
      let outcome = switch result.outcome {
      case .started: "creates the machine (\(parts)\(accelerator))"
      case .refused(_, _, let about): "refuses \(about) (\(parts)\(accelerator))"
      case .crashed(let signal, _, let about): "crashes with \(signal) on \(about) (\(parts)\(accelerator))"
      case .exited(_, _, let about): "exits on \(about) (\(parts)\(accelerator))"
      case .notRehearsed(let reason): "not rehearsed: \(reason)"
      }
      let rest = untried.count > maxUntried ? ", and \(untried.count - maxUntried) more" : ""
      let left = untried.isEmpty || !result.isTried ? [] : ["not tried: \(untried.prefix(maxUntried).joined(separator: ", "))\(rest)"]
      return ["\(result.qemu): \(outcome)"] + left + (verbose ? result.changes.map { "\($0.what): \($0.why)" } : [])
    }
  }

  /// Differences from the prediction: faults of vfiogate that are worth reporting.
  static func disagreements(_ target: LintTarget) -> [String] {
    guard let result = target.rehearsal?.display else { return [] }
    let overruled = target.overruled.map { one in
      "differs from the prediction, please report it: `\(one.failure.text)` was predicted for `\(one.location.path)`, and QEMU did not "
        + "report it"
    }
    let (what, place): (String, Location)
    switch result.outcome {
    case .refused(let text, let location, _): (what, place) = ("`\(text)`", location)
    case .crashed(let signal, let location, _): (what, place) = ("a crash with \(signal)", location)
    case .exited(let text, let location, _): (what, place) = ("an exit with `\(text)`", location)
    case .started, .notRehearsed: return overruled
    }
    guard let device = target.predictions.first(where: { $0.request.location == place }), device.realize == .ok else { return overruled }
    return overruled + ["differs from the prediction, please report it: \(what) was not predicted for \(device.name)"]
  }

  /// Null when no rehearsal was asked for.
  static func json(_ rehearsal: Known<RehearsalResult>?) -> JSON {
    switch rehearsal {
    case nil: return .null
    case .unknown(let unknown): return .object([.init("outcome", "unknown"), .init("reason", .string(unknown.reason))])
    case .known(let result):
      var members: [JSON.Member] = [
        .init("qemu", .string(result.qemu)), .init("accelerator", result.accelerator.map { .string($0) } ?? .null),
      ]
      switch result.outcome {
      case .started: members.append(.init("outcome", "started"))
      case .refused(let text, let place, _):
        members += [.init("outcome", "refused"), .init("error", .string(text)), .init("path", .string(place.path))]
      case .crashed(let signal, let place, _):
        members += [.init("outcome", "crashed"), .init("signal", .string(signal)), .init("path", .string(place.path))]
      case .exited(let text, let place, _):
        members += [.init("outcome", "exited"), .init("error", .string(text)), .init("path", .string(place.path))]
      case .notRehearsed(let reason): members += [.init("outcome", "not-rehearsed"), .init("reason", .string(reason))]
      }
      members.append(.init("options", .integer(Int64(result.rehearsed))))
      members.append(.init("changes", .array(result.changes.map { change in
        .object([.init("what", .string(change.what)), .init("why", .string(change.why)), .init("untried", .bool(change.isUntried))])
      })))
      return .object(members)
    }
  }
}
