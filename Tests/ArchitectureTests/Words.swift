/// The words of a text in lower case, as a search for phrases needs them.
struct Words {
  struct Word {
    let text: String
    /// Counted from 1.
    let line: Int
    /// Only blanks, line breaks and comment marks are between this word and the one before.
    let continues: Bool
  }

  private(set) var words: [Word] = []

  init(_ lines: [Substring]) {
    var isJoined = false
    for (index, line) in lines.enumerated() {
      var word: [UInt8] = []
      var isMargin = true
      func isPart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "'"): return true
        default: return byte >= 0x80
        }
      }
      for byte in line.utf8 {
        if isPart(byte) {
          word.append(UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte)
          isMargin = false
          continue
        }
        if !word.isEmpty {
          add(&word, index, isJoined)
          isJoined = true
        }
        // A comment's mark at the beginning of a line separates nothing.
        if byte != UInt8(ascii: " "), !isMargin { isJoined = false }
      }
      if !word.isEmpty {
        add(&word, index, isJoined)
        isJoined = true
      }
      if line.isEmpty { isJoined = false }
    }
  }

  private mutating func add(_ word: inout [UInt8], _ index: Int, _ continues: Bool) {
    words.append(Word(text: String(decoding: word, as: UTF8.self), line: index + 1, continues: continues))
    word.removeAll(keepingCapacity: true)
  }

  /// Every occurrence of one of the phrases, with the words around it.
  func find(_ phrases: [String: [[String]]]) -> [(phrase: String, line: Int, before: String, after: String)] {
    var found: [(phrase: String, line: Int, before: String, after: String)] = []
    for (index, word) in words.enumerated() {
      for phrase in phrases[word.text] ?? [] where matches(phrase, at: index) {
        let next = index + phrase.count
        found.append(
          (
            phrase: phrase.joined(separator: " "), line: word.line,
            before: index > 0 && word.continues ? words[index - 1].text : "",
            after: next < words.count && words[next].continues ? words[next].text : ""
          ))
      }
    }
    return found
  }

  private func matches(_ phrase: [String], at index: Int) -> Bool {
    for (offset, text) in phrase.enumerated() {
      guard index + offset < words.count, words[index + offset].text == text else { return false }
      if offset > 0, !words[index + offset].continues { return false }
    }
    return true
  }
}
