import Common
import Facts
import Syntax

/// Refusals while QEMU reads its command line: of names, types and values of options that it has not acted on yet. It has opened
/// nothing for them then (QEMU system/vl.c: qemu_init).
extension RehearsalTrial {
  /// An option at which QEMU stops reading, before it acts on any.
  private static let end = ["-blockdev", "driver=vfiogate-end"]

  /// QEMU's refusal of the first option with the definition's own text, among those that the rehearsal replaces or leaves out; nil
  /// when it accepts all.
  func refusedReading() throws(Unknown) -> RehearsalResult.Outcome? {
    if plan.readings.isEmpty { return nil }
    let parts = plan.readings.map(\.arguments)
    let process = try start(QEMUProcess.arguments + parts.flatMap { $0 } + RehearsalTrial.end, 0, true)
    guard case .stopped(_, let error) = try process.answer(until: deadline),
      let message = message(error, parts + [RehearsalTrial.end]), let index = message.part, index < parts.count,
      let place = plan.readings[index].location
    else { return nil }
    return .refused(text: message.text, location: place, about: plan.readings[index].name)
  }
}

extension RehearsalPlan {
  /// Has QEMU read an option with the definition's text, unless that is one word, is not written out or may contain a password: a
  /// command line can be read by others.
  mutating func read(_ option: String, _ text: String, _ location: Location) {
    if isOfDomain(location) || isShells(location) { return }
    let isOneWord = !text.contains { ",=\"".contains($0) }
    if isOneWord || !RehearsalPlan.isWritten(text) || ["://", "cookie", "password"].contains(where: text.contains) { return }
    readings.append(Part(arguments: [option, text], location: location))
  }

  /// Whether a text is written out, and leaves nothing to who fills in a template.
  static func isWritten(_ text: String) -> Bool {
    !text.split { ",=\"".contains($0) }.map(String.init).contains {
      TemplatePlaceholder.isIn($0) || TemplatePlaceholder.omits(Array($0.utf8))
    }
  }
}
