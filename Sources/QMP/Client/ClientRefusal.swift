/// The error that a client gets for text that is not accepted: QEMU's message text, with QEMU's position.
extension ClientStream {
  /// - Parameter complaint: about the message that begins at `start`.
  mutating func refusal(_ complaint: ParseComplaint, upTo end: Int) -> Item {
    var text = complaint.text
    if case .syntax(let offset) = complaint.kind {
      text = "JSON parse error, " + text
      if tellsPlace {
        let place = here(start + offset)
        text = "\(place.line):\(place.column): " + text
      }
    }
    _ = arrivals.take(before: end)
    return .refused(text)
  }

  /// Line and column of a token that is in the buffer, as QEMU 11.1 reports them: one too far for a token whose
  /// first byte ended the one before, which is a keyword, a number, or text that was skipped after a stray byte
  /// (QEMU qobject/json-lexer.c, observed).
  private mutating func here(_ place: Int) -> (line: Int, column: Int) {
    // A complaint about a text is never trusted to lie in it.
    let index = min(place, buffer.count)
    places.pass(buffer[min(places.passed, index)..<index])
    let endsAnother = index == endOfRecovery || index > start && ClientStream.isOfWord(buffer[index - 1])
    return (places.line, places.column + (endsAnother ? 2 : 1))
  }

  private static func isOfWord(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte || 0x61...0x7a ~= byte }
}
