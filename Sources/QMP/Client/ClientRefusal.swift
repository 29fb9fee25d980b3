/// What a client is told that sends what is not accepted: QEMU's words, with QEMU's place.
extension ClientStream {
  /// - Parameter complaint: about the message that begins at `start`.
  mutating func refusal(_ complaint: ParseComplaint, upTo end: Int) -> Item {
    var words = complaint.text
    if !complaint.isLimit {
      words = "JSON parse error, " + words
      if tellsPlace {
        let place = here(start + complaint.offset)
        words = "\(place.line):\(place.column): " + words
      }
    }
    return .refused(words, descriptors: arrivals.take(before: end))
  }

  /// Line and column of a token that is in the buffer, as QEMU 11.1 tells them: one too far for a token whose
  /// first byte ended the one before, which is a word, a number, or what was passed over after a stray byte
  /// (QEMU qobject/json-lexer.c, observed).
  private mutating func here(_ index: Int) -> (line: Int, column: Int) {
    places.pass(buffer[min(places.passed, index)..<index])
    let endsAnother = index == endOfRecovery || index > start && ClientStream.isOfWord(buffer[index - 1])
    return (places.line, places.column + (endsAnother ? 2 : 1))
  }

  private static func isOfWord(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte || 0x61...0x7a ~= byte }
}
