/// The lines of a shell script as the shell joins them: at a backslash, and over a quote or an array that is open.
struct ShellLines {
  private(set) var lines: [Range<Int>] = []
  private(set) var comments: [Range<Int>] = []
  /// Here documents, each with the line that ends it.
  private(set) var documents: [Range<Int>] = []

  private let bytes: [UInt8]
  private var start = 0
  private var quote: UInt8?
  private var isComment = false
  /// Of parentheses, in an array.
  private var depth = 0
  /// Where the current line names here documents that follow it.
  private var marks: [Int] = []

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    var index = 0
    while index < bytes.count { index = step(index) }
    if start < bytes.count { lines.append(start..<bytes.count) }
  }

  /// - Returns: where to go on.
  private mutating func step(_ index: Int) -> Int {
    let byte = bytes[index]
    if isComment {
      isComment = byte != 0x0a
      comments[comments.count - 1] = comments[comments.count - 1].lowerBound..<index
    } else if byte == UInt8(ascii: "\\"), quote != UInt8(ascii: "'") {
      return index + 2
    } else if let open = quote {
      if byte == open { quote = nil }
    } else {
      unquoted(byte, index)
    }
    return byte == 0x0a && quote == nil && depth == 0 ? endLine(index) : index + 1
  }

  private mutating func unquoted(_ byte: UInt8, _ index: Int) {
    func follows(_ other: Unicode.Scalar) -> Bool { index > 0 && bytes[index - 1] == UInt8(ascii: other) }
    switch byte {
    case UInt8(ascii: "'"), UInt8(ascii: "\""): quote = byte
    case UInt8(ascii: "#") where index == 0 || bytes[index - 1] <= 0x20:
      isComment = true
      comments.append(index..<index)
    case UInt8(ascii: "(") where depth > 0 || follows("="): depth += 1
    case UInt8(ascii: ")") where depth > 0: depth -= 1
    case UInt8(ascii: "<") where follows("<"): marks.append(index + 1)
    default: break
    }
  }

  private mutating func endLine(_ index: Int) -> Int {
    lines.append(start..<index)
    start = index + 1
    for mark in marks { readDocument(mark) }
    marks = []
    return start
  }

  /// `<<END`, `<<-'END'`: up to the line that is END. Where there is none, it was no here document but a shift.
  private mutating func readDocument(_ mark: Int) {
    let word = bytes[mark...].drop { $0 == UInt8(ascii: "-") || $0 == 0x20 }.prefix { $0 > 0x20 && !"<>;|&)".utf8.contains($0) }
    let end = word.filter { !"'\"\\".utf8.contains($0) }
    guard !end.isEmpty, let place = ends[end[...]]?.first(where: { $0.lowerBound >= start }) else { return }
    documents.append(start..<place.upperBound)
    start = place.upperBound
  }

  /// The places of every line, by its text without tabs before it. A text that occurs often is found at its first
  /// places only: there are no scripts with so many documents.
  private lazy var ends: [ArraySlice<UInt8>: [Range<Int>]] = {
    var ends: [ArraySlice<UInt8>: [Range<Int>]] = [:]
    var position = 0
    while position < bytes.count {
      let lineEnd = bytes[position...].firstIndex(of: 0x0a) ?? bytes.count
      let next = min(lineEnd + 1, bytes.count)
      let text = bytes[position..<lineEnd].drop { $0 == 0x09 }
      if ends[text]?.count ?? 0 < 1000 { ends[text, default: []].append(position..<next) }
      position = next
    }
    return ends
  }()
}
