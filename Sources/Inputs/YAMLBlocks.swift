import Syntax

/// Block scalars of a YAML text, `run: |` and `cmd: >-`, in which playbooks and pipelines have scripts (YAML 1.2.2, 8.1), plain ones of
/// several lines that begin with a QEMU, and commands beside their key or dash. No other part of the text is a command of a shell.
struct YAMLBlocks {
  /// The text, in which lines that YAML or Ansible folds are one. Nothing in it moves.
  private let bytes: [UInt8]
  private let blocks: [Range<Int>]
  /// Whether there are blocks that may be a command in more than one way.
  private let hasOpenBlocks: Bool

  /// Nil when the text has no such block.
  init?(_ bytes: [UInt8]) {
    guard !bytes.starts(with: "#!".utf8) else { return nil }
    // Most texts have no block, and are not searched for these.
    lazy var containers = Containers(bytes)
    lazy var isPlaybook = ["hosts:", "tasks:"].contains { bytes.contains(text: $0) }
    var text = bytes
    var blocks: [Range<Int>] = []
    var hasOpenBlocks = false
    // The keys that the current line is below.
    var owners: [(column: Int, name: String)] = []
    var lines = EmbeddedCommand.lines(bytes)[...]
    while let line = lines.popFirst() {
      guard let header = Header(bytes[line]) else { continue }
      while let owner = owners.last, owner.column > header.column || owner.column == header.column && !header.name.isEmpty {
        owners.removeLast()
      }
      let owner = owners.last?.name ?? ""
      if !header.name.isEmpty { owners.append((header.column, header.name)) }
      guard let first = lines.first(where: { !YAMLBlocks.isBlank(bytes[$0]) }), header.style != .plain || YAMLBlocks.isQEMU(bytes[first])
      else { continue }
      let inner = header.width.map { header.column + $0 } ?? YAMLBlocks.indentation(bytes[first])
      guard inner > header.column else { continue }
      let least = header.style == .plain ? header.column + 1 : inner
      let content = lines.prefix { YAMLBlocks.isBlank(bytes[$0]) || YAMLBlocks.indentation(bytes[$0]) >= least }
      lines = lines.dropFirst(content.count)
      guard let start = content.first?.lowerBound, let end = content.last?.upperBound else { continue }
      if containers.areGiven(header.name, isAnchored: header.isAnchored, below: owner) { hasOpenBlocks = true; continue }
      let isSplit = header.isOfCommandModule(below: owner)
      let joinsAll = isSplit && (isPlaybook || header.name.contains(".") || owner.contains("."))
      for (line, next) in zip(content, content.dropFirst()) {
        let isText = [line, next].allSatisfy { !YAMLBlocks.isBlank(bytes[$0]) }
        // Lines of a block that are indented further stay lines.
        let isLevel = header.style == .plain || [line, next].allSatisfy { YAMLBlocks.indentation(bytes[$0]) == inner }
        let isOne = joinsAll || header.style != .literal && isText && isLevel
        // YAML has no CR.
        if bytes[line].last == 0x0d { text[line.upperBound - 1] = isOne ? 0x20 : 0x0a }
        if isOne || bytes[line].last == 0x0d { text[line.upperBound] = 0x20 }
      }
      if bytes[end - 1] == 0x0d { text[end - 1] = 0x0a }
      // Ansible's module splits it at any blank, and other programs run its lines.
      if isSplit, !joinsAll, owner != "run", YAMLBlocks.hasMoreLines(text[start..<end], than: first) {
        hasOpenBlocks = true
      } else {
        blocks.append(start..<end)
      }
    }
    var others = blocks[...]
    for command in YAMLCommands.all(in: bytes) {
      others = others.drop { $0.upperBound <= command.range.lowerBound }
      if let other = others.first, other.overlaps(command.range) { continue }
      if containers.areGiven(command.key, isAnchored: command.isAnchored, below: command.owner) { hasOpenBlocks = true; continue }
      // YAML folds lines.
      for index in command.range where text[index] == 0x0a || text[index] == 0x0d { text[index] = 0x20 }
      blocks.append(command.range)
    }
    blocks.sort { $0.lowerBound < $1.lowerBound }
    guard !blocks.isEmpty || hasOpenBlocks else { return nil }
    (self.bytes, self.blocks, self.hasOpenBlocks) = (text, blocks, hasOpenBlocks)
  }

  /// The blocks that start QEMU, with all else blanked out; nil where none does. Each has a shell of its own.
  var script: [UInt8]? {
    let starts = blocks.filter { block in
      let script = ShellScript(Array(bytes[block]))
      return script.command != nil || script.hasInnerCommand
    }
    guard !starts.isEmpty || hasOpenBlocks else { return nil }
    return EmbeddedCommand.only(whole(starts), of: bytes)
  }

  /// The blocks of some that no neighbour continues, such as `args:` beside `command:`, or a part of the file that is merged.
  private func whole(_ starts: [Range<Int>]) -> [Range<Int>] {
    guard !starts.isEmpty, let entries = YAMLLists.values(bytes)?.entries else { return starts }
    let parts = Dictionary(grouping: entries.filter { $0.key == "<<" || ArgumentFile.isOfCommand($0.key) }, by: \.group)
    var next = 0
    return starts.filter { block in
      while next < entries.count, entries[next].range.lowerBound <= block.lowerBound { next += 1 }
      // Pipelines add nothing to the commands of a script.
      guard next > 0, !["script", "before_script", "after_script"].contains(entries[next - 1].key) else { return true }
      let own = entries[next - 1]
      return !(parts[own.group] ?? []).prefix(4).contains { part in
        // Of a mapping `args:` Ansible takes the folder; a container's `args:` go to the shell of its `command:`.
        part.range != own.range && !(own.key == "args" && part.key == "command")
          && !(part.key == "args" && part.range.count == part.key.utf8.count)
      }
    }
  }

  /// The first block that is a systemd service with a guest, or the only service.
  var service: Range<Int>? {
    let services = blocks.filter { SystemdUnit.isService(Array(bytes[$0])) }
    return services.count == 1 ? services.first : services.first { SystemdUnit.isRelevant(Array(bytes[$0])) }
  }

  /// Whether QEMU's command is followed by lines that do not continue it.
  private static func hasMoreLines(_ block: ArraySlice<UInt8>, than first: Range<Int>) -> Bool {
    guard isQEMU(block[first.lowerBound..<block.endIndex]) else { return false }
    let rest = block.split(separator: 0x0a).drop { isBlank($0) }
    return rest.dropLast().contains { line in line.last { $0 > 0x20 } != UInt8(ascii: "\\") } && rest.dropFirst().contains { !isBlank($0) }
  }

  /// Whether the first word is a QEMU.
  private static func isQEMU(_ line: ArraySlice<UInt8>) -> Bool {
    let word = line.drop { $0 <= 0x20 }.prefix { $0 > 0x20 }
    return word.last != UInt8(ascii: ":") && InputFormat.isEmulator(String(decoding: word, as: UTF8.self))
  }

  private static func indentation(_ line: ArraySlice<UInt8>) -> Int { line.prefix { $0 == 0x20 }.count }

  private static func isBlank(_ line: ArraySlice<UInt8>) -> Bool { line.allSatisfy { $0 <= 0x20 } }
}

extension YAMLBlocks {
  /// A line with a key and no value on it, or with the mark of a block, behind a key or the dash of an item.
  fileprivate struct Header {
    enum Style { case literal, folded, plain }

    /// The key; empty for an item of a list.
    let name: String
    /// Bytes before the key or the last dash.
    let column: Int
    let style: Style
    /// The indentation that the mark gives.
    let width: Int?
    /// Whether other parts of the text may name the block.
    let isAnchored: Bool

    /// Nil for any other line.
    init?(_ line: ArraySlice<UInt8>) {
      // Most lines end in something else.
      guard let end = line.last(where: { $0 > 0x20 }), end.isASCIIDigit || ":|>+-".utf8.contains(end) || line.contains(UInt8(ascii: "#"))
      else { return nil }
      let all = line.split { $0 <= 0x20 }.prefix { $0.first != UInt8(ascii: "#") }
      let dashes = all.prefix { $0.elementsEqual("-".utf8) || $0.elementsEqual("---".utf8) }
      var words = all.dropFirst(dashes.count)
      let mark = words.last.flatMap { Header.isMark($0) ? words.popLast() : nil }
      let properties = words.filter { $0.first == UInt8(ascii: "&") || $0.first == UInt8(ascii: "!") }
      words.removeAll { $0.first == UInt8(ascii: "&") || $0.first == UInt8(ascii: "!") }
      let isQuoted = words.first.map { $0.first == UInt8(ascii: "\"") || $0.first == UInt8(ascii: "'") } ?? false
      let isKey = words.last.map { $0.last == UInt8(ascii: ":") } ?? (mark != nil)
      guard words.count <= 1 || isQuoted, isKey, let first = words.first ?? dashes.last else { return nil }
      let key = String(decoding: words.joined(separator: [0x20]).dropLast(), as: UTF8.self)
      name = isQuoted ? String(key.dropFirst().dropLast()) : key
      column = first.startIndex - line.startIndex
      isAnchored = properties.contains { $0.first == UInt8(ascii: "&") }
      style = mark.map { $0.first == UInt8(ascii: ">") ? .folded : .literal } ?? .plain
      width = mark?.first(where: \.isASCIIDigit).map { Int($0 - UInt8(ascii: "0")) }
    }

    private static func isMark(_ word: ArraySlice<UInt8>) -> Bool {
      (word.first == UInt8(ascii: "|") || word.first == UInt8(ascii: ">")) && word.count <= 3
        && word.dropFirst().allSatisfy { $0.isASCIIDigit || "+-".utf8.contains($0) }
    }

    /// Whether it may be the text of Ansible's module `command`, which no shell reads.
    func isOfCommandModule(below owner: String) -> Bool {
      func isModule(_ name: String) -> Bool { name == "command" || name.hasPrefix("ansible.") && name.hasSuffix(".command") }
      return isModule(name) || name == "cmd" && isModule(owner)
    }
  }

  /// Containers of a text: their arguments go to the program of an image, which may be any, and the program gets arguments from elsewhere.
  fileprivate struct Containers {
    private let arePresent: Bool
    /// Whether one of them gives a shell its script.
    private let haveShell: Bool

    init(_ bytes: [UInt8]) {
      arePresent = ["image", "build", "services"].contains { name in
        [":", "\":", "':"].contains { bytes.contains(text: name + $0) }
      }
      haveShell = arePresent && bytes.split { $0 <= 0x20 || "[],\"'".utf8.contains($0) }.contains { word in
        word.first == UInt8(ascii: "-") && 2...4 ~= word.count && word.last == UInt8(ascii: "c")
      }
    }

    /// Whether a text is among their arguments.
    func areGiven(_ key: String, isAnchored: Bool, below owner: String) -> Bool {
      // CircleCI runs what is below `run:`.
      guard arePresent, owner != "run" else { return false }
      if ["command", "entrypoint"].contains(key) || isAnchored { return true }
      return key.isEmpty && !haveShell && ["args", "command", "entrypoint"].contains(owner)
    }
  }
}
