import Common
import Facts
import Prediction
import QMP
import Syntax

/// QEMU's reply, compared with the prediction.
extension PlugInquiry {
  /// Updates the ledger, and logs an error when the reply differs from the prediction.
  package func answered(_ reply: Result<JSON, CommandError>) {
    let failure = PlugInquiry.failure(reply)
    if failure == nil { gate.wasPlugged(request, prediction?.host) }
    // Resolving a name consumes it, also when the plug then fails.
    if let name = request.string("fd").map({ WireText($0) }) {
      // A number whose plug fails may be that of another file now: /proc shows it.
      if name.number == nil || failure != nil { gate.ledger.keep(name.number.map { WireText(String($0)) } ?? name, nil) }
      if name.number == nil { gate.owners[name] = nil }
    }
    compare(failure)
  }

  private func compare(_ failure: String?) {
    guard let prediction else { return }
    let predicted: String?
    switch prediction.realize {
    case .ok: predicted = nil
    case .fails, .crashes: predicted = prediction.failure?.text
    case .undetermined:
      return gate.log.write(
        .info, "result", [.init("device", .string(device)), .init("qemu", .string(failure ?? "plugged"))])
    }
    // QEMU prints descriptors' numbers, which are not known outside of it.
    let isAsPredicted = predicted == failure || predicted.map { WireText($0).contains("fd=N") } == true && failure != nil
    gate.log.write(
      isAsPredicted ? .info : .error, isAsPredicted ? "result" : "mismatch",
      [
        .init("device", .string(device)), .init("predicted", .string(predicted ?? "plugged")),
        .init("qemu", .string(failure ?? "plugged")),
      ])
  }

  /// QEMU's message text, nil for success. The human monitor answers with text.
  static func failure(_ reply: Result<JSON, CommandError>) -> String? {
    switch reply {
    case .failure(let error): return error.text
    case .success(let value):
      let lines = (value.wire ?? "").split("\n").map { WireText(bytes: $0.bytes.filter { $0 != 0x0d }) }
      return lines.first { $0.hasPrefix("Error: ") }.map { $0.dropping(7).description }
    }
  }
}
