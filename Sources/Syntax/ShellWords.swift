/// One command as a shell would split it, without running anything (POSIX.1-2024, Shell Command
/// Language, 2.2 Quoting and 2.3 Token Recognition). Text that only a shell knows remains as written
/// and is marked.
public struct ShellWords {
  /// A text that a shell would not accept.
  public struct Problem: Error, Hashable, Sendable {
    /// The error.
    public let message: String
    /// Range of the text.
    public let range: Range<Int>
  }

  /// The words of the command.
  public private(set) var words: [Word] = []
  /// The errors.
  public private(set) var problems: [Problem] = []
  /// Ranges from `#` to the end of the line.
  public private(set) var comments: [Range<Int>] = []

  /// Ranges of `<<`: what the here document gives to the command's standard input is not read.
  public private(set) var documents: [Range<Int>] = []

  private let source: [UInt8]
  private var position = 0
  private var bytes: [UInt8] = []
  private var offsets: [Int] = []
  private var isInWord = false
  private var hasUnknown = false
  /// False once a substitution was never closed: one search to the end of the text is enough.
  private var hasEnds = true
  /// End of the text that holds no list in braces.
  private var withoutBraces = 0
  private let value: Value

  /// The value of a variable by its name, at the offset of its use; nil when only the shell knows it.
  public typealias Value = (_ name: String, _ offset: Int) -> [UInt8]?

  /// Splits a command.
  public init(_ source: [UInt8], value: @escaping Value = { _, _ in nil }) {
    self.source = source
    self.value = value
    while position < source.count { step() }
    endWord()
  }

  private mutating func step() {
    let byte = source[position]
    switch byte {
    case UInt8(ascii: " "), 0x09, 0x0d, 0x0a:
      endWord()
      position += 1
    case UInt8(ascii: "#") where !isInWord: if !placeholder() { skipComment() }
    case UInt8(ascii: "'"): singleQuoted()
    case UInt8(ascii: "\""): doubleQuoted()
    case UInt8(ascii: "\\"): escaped()
    case UInt8(ascii: "<"), UInt8(ascii: ">"): if !placeholder(), !remark(), !substitution(isQuoted: false) { redirection() }
    case UInt8(ascii: "&") where position + 1 < source.count && source[position + 1] == UInt8(ascii: ">"): redirection()
    case UInt8(ascii: "|"), UInt8(ascii: "&"), UInt8(ascii: ";"), UInt8(ascii: "("), UInt8(ascii: ")"): end()
    case UInt8(ascii: "{"): if !placeholder(), !braces() { take() }
    default: if !variable(isQuoted: false), !substitution(isQuoted: false) { take() }
    }
  }

  /// The value of `$NAME` or `${NAME}`, every byte of it at the place of the use. Without quotes it is split at blanks, and
  /// one that a file name could match remains unknown (POSIX.1-2024, 2.6.5 Field Splitting, 2.6.6 Pathname Expansion).
  private mutating func variable(isQuoted: Bool) -> Bool {
    guard source[position] == UInt8(ascii: "$"), let (name, end) = name(after: position), let bytes = value(name, position),
      isQuoted || !bytes.contains(where: { "*?[".utf8.contains($0) })
    else { return false }
    let use = position..<end
    position = end
    func close() { if !offsets.isEmpty { offsets[offsets.count - 1] = use.upperBound - 1 } }
    if isQuoted { isInWord = true }
    for byte in bytes {
      if !isQuoted, [0x20, 0x09, 0x0a].contains(byte) {
        close()
        endWord()
      } else {
        isInWord = true
        self.bytes.append(byte)
        offsets.append(use.lowerBound)
      }
    }
    if let last = bytes.last, isQuoted || ![0x20, 0x09, 0x0a].contains(last) { close() }
    return true
  }

  private func name(after dollar: Int) -> (String, end: Int)? {
    let isBraced = dollar + 1 < source.count && source[dollar + 1] == UInt8(ascii: "{")
    let start = dollar + (isBraced ? 2 : 1)
    let name = source[min(start, source.count)...].prefix { $0.isShellNameByte }
    guard let first = name.first, !(0x30...0x39).contains(first) else { return nil }
    if isBraced, name.endIndex >= source.count || source[name.endIndex] != UInt8(ascii: "}") { return nil }
    return (String(decoding: name, as: UTF8.self), name.endIndex + (isBraced ? 1 : 0))
  }

  /// A piece that only the shell knows, as a whole: its text contains no words of this command. Where its text could
  /// be mistaken for an option of QEMU's, it is shortened to `$(...)`. Of a comment, as `` `# this` ``, nothing is left.
  private mutating func substitution(isQuoted: Bool) -> Bool {
    guard hasEnds, ShellSubstitution.begins(source, at: position, isQuoted: isQuoted) else { return false }
    guard let end = ShellSubstitution.end(source, at: position, isQuoted: isQuoted) else {
      hasEnds = false
      return false
    }
    let text = source[position..<end]
    let isComment = text.first == UInt8(ascii: "`") && text.dropFirst().first { $0 > 0x20 } == UInt8(ascii: "#")
    if !isComment {
      let isWritable = text.allSatisfy { $0 > 0x20 && !",='\"".utf8.contains($0) }
      let isDollar = text.first == UInt8(ascii: "$") || text.first == UInt8(ascii: "`")
      let marks = Array(text.prefix(text.first == UInt8(ascii: "`") ? 1 : 2)) + Array("...".utf8) + text.suffix(1)
      if isDollar, isWritable {
        bytes += text
        offsets += position..<end
        (isInWord, hasUnknown) = (true, true)
      } else {
        mark(isDollar ? marks : Array("$(...)".utf8), upTo: end)
      }
    }
    position = end
    return true
  }

  /// Adds a mark in the place of text that only the shell knows.
  private mutating func mark(_ text: [UInt8], upTo end: Int) {
    bytes += text
    offsets += text.dropLast().map { _ in position } + [end - 1]
    (isInWord, hasUnknown) = (true, true)
  }

  /// `{a,b}` and `{1..3}`, of which a shell makes several words: a piece that only the shell knows (bash(1), Brace Expansion).
  private mutating func braces() -> Bool {
    guard position >= withoutBraces else { return false }
    var depth = 0, isList = false
    var at = position
    while at < source.count, source[at] > 0x20, !"|&;()<>`".utf8.contains(source[at]) {
      switch source[at] {
      case UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "}"): depth -= 1
      case UInt8(ascii: ","): isList = true
      case UInt8(ascii: "."): isList = isList || source[at - 1] == UInt8(ascii: ".")
      case UInt8(ascii: "\\"): at += 1
      default: break
      }
      at += 1
      if depth == 0 { break }
    }
    at = min(at, source.count)
    guard isList else {
      // None begins in there either.
      withoutBraces = at
      return false
    }
    mark(Array("${...}".utf8), upTo: at)
    position = at
    return true
  }

  /// `{{ name }}`, which a template replaces: a piece that only the template's reader knows.
  private mutating func placeholder() -> Bool {
    guard let end = TemplatePlaceholder.end(source, at: position) else { return false }
    mark(Array("$(...)".utf8), upTo: end)
    position = end
    return true
  }

  /// `<options>`, which stands for words that are not written: no shell accepts a `>` with nothing behind it, and a name with blanks.
  private mutating func remark() -> Bool {
    let inner = source[(position + 1)...].prefix { $0.isASCIILetterOrDigit || " _-.,".utf8.contains($0) }
    guard source[position] == UInt8(ascii: "<"), inner.first.map(\.isASCIILetterOrDigit) == true, inner.last != 0x20,
      source[inner.endIndex...].first == UInt8(ascii: ">"), source[(inner.endIndex + 1)...].first.map({ $0 <= 0x20 }) ?? true
    else { return false }
    mark(Array("$(...)".utf8), upTo: inner.endIndex + 1)
    position = inner.endIndex + 1
    return true
  }

  /// A redirection is not an argument: the mark, what it is about, and its number before it.
  private mutating func redirection() {
    if bytes.allSatisfy({ (0x30...0x39).contains($0) }) {
      (bytes, offsets, isInWord) = ([], [], false)
    }
    endWord()
    let start = position
    while position < source.count, "<>&|".utf8.contains(source[position]) { position += 1 }
    // A here string, `<<<`, is one word; a here document is the text behind this line.
    if source[start..<position].elementsEqual("<<".utf8) { documents.append(start..<position) }
    while position < source.count, source[position] == 0x20 || source[position] == 0x09 { position += 1 }
    let count = words.count
    if position < source.count, "<>".utf8.contains(source[position]) { _ = substitution(isQuoted: false) }
    while position < source.count, words.count == count, !" \t\n\r|&;()<>".utf8.contains(source[position]) { step() }
    (bytes, offsets, isInWord, hasUnknown) = ([], [], false, false)
  }

  /// The command's end. Text after it belongs to another command, and must not be a QEMU that is not checked.
  private mutating func end() {
    endWord()
    let start = position
    while position < source.count, "|&;".utf8.contains(source[position]) { position += 1 }
    let rest = String(decoding: source[position...], as: UTF8.self)
    if "()".utf8.contains(source[start]) || rest.contains("qemu") || rest.contains("kvm") { return unfollowed(start) }
    position = source.count
  }

  private mutating func unfollowed(_ start: Int) {
    let mark = String(decoding: [source[start]], as: UTF8.self)
    problems.append(Problem(message: "shell operator `\(mark)` is not followed", range: start..<start + 1))
    position = source.count
  }

  /// The byte under the cursor, unchanged.
  private mutating func take() {
    let byte = source[position]
    if byte == UInt8(ascii: "$") || byte == UInt8(ascii: "`") { hasUnknown = true }
    isInWord = true
    bytes.append(byte)
    offsets.append(position)
    position += 1
  }

  private mutating func endWord() {
    if isInWord {
      words.append(Word(bytes: bytes, offsets: offsets, end: position, hasUnknown: hasUnknown))
    }
    bytes = []
    offsets = []
    isInWord = false
    hasUnknown = false
  }

  private mutating func skipComment() {
    let start = position
    while position < source.count, source[position] != 0x0a { position += 1 }
    comments.append(start..<position)
  }

  private mutating func singleQuoted() {
    let start = position
    isInWord = true
    position += 1
    // `$'…'` has escapes, that of the quote among them; it stays unknown.
    let hasEscapes = hasUnknown && bytes.last == UInt8(ascii: "$") && offsets.last == start - 1
    while position < source.count, source[position] != UInt8(ascii: "'") {
      if hasEscapes, source[position] == UInt8(ascii: "\\"), position + 1 < source.count {
        bytes.append(source[position])
        offsets.append(position)
        position += 1
      }
      bytes.append(source[position])
      offsets.append(position)
      position += 1
    }
    close(start)
  }

  private mutating func doubleQuoted() {
    let start = position
    isInWord = true
    position += 1
    while position < source.count, source[position] != UInt8(ascii: "\"") {
      if source[position] == UInt8(ascii: "\\"), position + 1 < source.count,
        "$`\"\\\n".utf8.contains(source[position + 1])
      {
        position += 1
        if source[position] != 0x0a {
          bytes.append(source[position])
          offsets.append(position)
        }
        position += 1
      } else if !variable(isQuoted: true), !substitution(isQuoted: true), !placeholder() {
        take()
      }
    }
    close(start)
  }

  /// Past the closing quote, or a problem at the opening one.
  private mutating func close(_ start: Int) {
    if position < source.count {
      position += 1
    } else {
      problems.append(Problem(message: "quote is never closed", range: start..<source.count))
    }
  }

  private mutating func escaped() {
    position += 1
    guard position < source.count else { return }
    if source[position] == 0x0a {
      position += 1
    } else if source[position] == 0x0d, position + 1 < source.count, source[position + 1] == 0x0a {
      position += 2
    } else {
      isInWord = true
      bytes.append(source[position])
      offsets.append(position)
      position += 1
    }
  }
}
