import Facts
import Syntax

/// What a text asks of QEMU, lowered to facts. What cannot be read is a problem with a place.
public struct ParsedInput: Sendable {
  public var machine: MachineConfig
  /// `device_add` requests into a running machine, in order.
  public var plugs: [DeviceRequest] = []
  public var problems: [InputProblem] = []
  /// Files that it refers to and that were read.
  public var sources: [SourceText] = []
  /// What comments in the text allow.
  public var allowances: [Policy.Allowance] = []
  /// Whether it is a domain without passthrough that was not lowered, because nothing is said about it.
  var isPlain = false
}

/// How a definition is written.
public enum InputFormat: String, Sendable, CaseIterable {
  /// One command as typed into a shell.
  case shell
  /// One argument a line.
  case lines
  /// Arguments that end in NUL, as /proc/PID/cmdline has them.
  case nul
  /// QMP commands, or the arguments of a `device_add`.
  case qmp
  /// A libvirt domain, or devices of one.
  case xml

  /// By the content: an opening angle bracket, NUL bytes, an opening brace, and for the rest whether an option shares its line.
  public static func detect(_ bytes: [UInt8]) -> InputFormat {
    if isXML(bytes) { return .xml }
    if bytes.contains(0) { return .nul }
    if isQMP(bytes) { return .qmp }
    if ShellScript.isScript(bytes) { return .shell }
    let lines = bytes.split(separator: 0x0a).map { $0.drop { blanks.contains($0) } }
      .filter { !$0.isEmpty && $0.first != UInt8(ascii: "#") }
    let sharesLine = lines.enumerated().contains { index, line in
      line.last == UInt8(ascii: "\\")
        || (index == 0 || line.first == UInt8(ascii: "-")) && line.contains(UInt8(ascii: " "))
    }
    return sharesLine || lines.count < 2 ? .shell : .lines
  }

  /// After a byte order mark, as editors of other systems write one, and blanks.
  private static func isXML(_ bytes: [UInt8]) -> Bool {
    if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) { return true }
    let start = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    return bytes[start...].first { !blanks.contains($0) } == UInt8(ascii: "<")
  }

  /// A message, or one with a mark of who speaks, after remarks.
  private static func isQMP(_ bytes: [UInt8]) -> Bool {
    var text = bytes[...]
    while true {
      text = text.drop { blanks.contains($0) }
      guard text.first == UInt8(ascii: "#") else { break }
      text = text.drop { $0 != 0x0a }
    }
    return text.first == UInt8(ascii: "{") || text.starts(with: "-> ".utf8) || text.starts(with: "<- ".utf8)
  }

  private static let blanks: Set<UInt8> = [0x20, 0x09, 0x0a, 0x0d]
}

extension ParsedInput {
  /// Beyond this no file is read.
  public static let maximumSize = XMLTree.maximumSize
  /// Beyond this a command line or a stream of commands is not read; QEMU's own stay far below.
  private static let maximumOptionsSize = 4 << 20

  /// How much of a libvirt domain is lowered; everything else is lowered whole.
  public enum Extent: Sendable {
    case all
    /// Nothing where it plainly has no passthrough: then nothing is said about it.
    case passthrough
    /// Its name, and its host devices without their places in the guest, where nothing but its `<devices>`
    /// asks for any; else as `passthrough`. That is what the other definitions of a run are told.
    case hostDevices
  }

  /// - Parameter follow: reads the files of `-readconfig`; without it they stay unread, and the machine
  ///   incomplete.
  public static func parse(
    _ source: SourceText, as format: InputFormat? = nil, follow: FileFollower? = nil, extent: Extent = .all
  ) -> ParsedInput {
    let format = format ?? .detect(source.bytes)
    let limit = format == .xml ? maximumSize : maximumOptionsSize
    guard source.bytes.count <= limit else {
      return .empty(source, "the definition is larger than \(limit) bytes and was not read")
    }
    guard source.bytes.contains(where: { $0 > 0x20 }) else { return .empty(source, "the definition is empty") }
    switch format {
    case .xml: return LibvirtDocument.parse(source, extent)
    case .qmp: return QMPReader(source).definition
    case .nul: return CommandLineReader(source, words: split(source.bytes, at: 0), follow: follow).definition
    case .lines:
      let all = split(source.bytes, at: 0x0a)
      let words = all.filter { $0.bytes.first != UInt8(ascii: "#") }
      var definition = CommandLineReader(source, words: words, follow: follow).definition
      let comments = all.filter { $0.bytes.first == UInt8(ascii: "#") }.map(\.range)
      CommandComments(source: source, words: words).read(comments, into: &definition)
      return definition
    case .shell: return ShellScript.isScript(source.bytes) ? parse(script: source, follow) : parse(command: source, follow)
    }
  }

  static func parse(
    command source: SourceText, _ follow: FileFollower?, _ arrays: ShellArrays = ShellArrays()
  ) -> ParsedInput {
    let words = ShellWords(source.bytes)
    let list = arrays.expanded(words.words, in: source.bytes)
    var reader = CommandLineReader(source, words: list, follow: follow)
    reader.definition.problems += words.problems.map { problem in
      InputProblem(
        message: problem.message, fix: "give one plain command, its quotes closed",
        location: Location(source: source.name, range: problem.range, path: ""))
    }
    CommandComments(source: source, words: list).read(words.comments, into: &reader.definition)
    return reader.definition
  }

  private static func empty(_ source: SourceText, _ message: String) -> ParsedInput {
    let location = Location(source: source.name, range: 0..<min(1, source.bytes.count), path: "")
    return ParsedInput(
      machine: MachineConfig(source: source.name, emulator: nil, missingPart: message),
      problems: [InputProblem(message: message, fix: "give a QEMU command line, a QMP command or a libvirt domain", location: location)])
  }

  /// Arguments one by one. A line's end may be CR LF, and blank lines are none.
  private static func split(_ bytes: [UInt8], at separator: UInt8) -> [Word] {
    var words: [Word] = []
    var start = 0
    for end in bytes.indices + [bytes.count] where end == bytes.count || bytes[end] == separator {
      var piece = Array(bytes[start..<end])
      if separator == 0x0a {
        if piece.last == 0x0d { piece.removeLast() }
        if !piece.isEmpty { words.append(Word(piece, at: start)) }
      } else if end < bytes.count || !piece.isEmpty {
        words.append(Word(piece, at: start))
      }
      start = end + 1
    }
    return words
  }
}
