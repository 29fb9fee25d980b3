import Syntax

/// Block scalars of a YAML text, `run: |` and `cmd: >-`, in which playbooks and pipelines have scripts (YAML 1.2.2, 8.1). No other part
/// of the text is a command of a shell.
struct YAMLBlocks {
  /// The text, in which lines that YAML folds are one. Nothing in it moves.
  private let bytes: [UInt8]
  private let blocks: [Range<Int>]

  /// Nil when the text has no such block.
  init?(_ bytes: [UInt8]) {
    guard !bytes.starts(with: "#!".utf8), bytes.contains(UInt8(ascii: "|")) || bytes.contains(UInt8(ascii: ">")) else { return nil }
    // Their arguments go to the program of an image, which may be any, and the program gets arguments from elsewhere.
    let isOfContainers = bytes.contains(text: "image:")
    var text = bytes
    var blocks: [Range<Int>] = []
    var lines = EmbeddedCommand.lines(bytes)[...]
    while let line = lines.popFirst() {
      guard let (key, isFolded) = YAMLBlocks.header(bytes[line]) else { continue }
      let outer = YAMLBlocks.indentation(bytes[line])
      let inner = lines.first { !YAMLBlocks.isBlank(bytes[$0]) }.map { YAMLBlocks.indentation(bytes[$0]) } ?? 0
      guard inner > outer else { continue }
      let content = lines.prefix { YAMLBlocks.isBlank(bytes[$0]) || YAMLBlocks.indentation(bytes[$0]) >= inner }
      lines = lines.dropFirst(content.count)
      for (line, next) in zip(content, content.dropFirst()) {
        if bytes[line].last == 0x0d { text[line.upperBound - 1] = 0x20 }
        // Lines that are indented further stay lines.
        let isLevel = [line, next].allSatisfy { !YAMLBlocks.isBlank(bytes[$0]) && YAMLBlocks.indentation(bytes[$0]) == inner }
        if isFolded, isLevel { text[line.upperBound] = 0x20 }
      }
      if isOfContainers, ["command:", "entrypoint:"].contains(where: { key.elementsEqual($0.utf8) }) { continue }
      if let first = content.first, let last = content.last { blocks.append(first.lowerBound..<last.upperBound) }
    }
    guard !blocks.isEmpty else { return nil }
    (self.bytes, self.blocks) = (text, blocks)
  }

  /// The blocks that start QEMU, with all else blanked out; nil where none does. Each has a shell of its own.
  var script: [UInt8]? {
    let scripts = blocks.filter { block in
      let script = ShellScript(Array(bytes[block]))
      return script.command != nil || script.hasInnerCommand
    }
    return scripts.isEmpty ? nil : EmbeddedCommand.only(scripts, of: bytes)
  }

  /// The only block that is a systemd service.
  var service: Range<Int>? {
    let services = blocks.filter { SystemdUnit.isService(Array(bytes[$0])) }
    return services.count == 1 ? services.first : nil
  }

  /// The key of the block below a line, and whether it is folded; nil when the line does not begin one: behind a key, or the dash of
  /// an item.
  private static func header(_ line: ArraySlice<UInt8>) -> (key: ArraySlice<UInt8>, isFolded: Bool)? {
    let words = line.split { $0 <= 0x20 }
    guard words.count > 1, let mark = words.last, mark.first == UInt8(ascii: "|") || mark.first == UInt8(ascii: ">"),
      mark.count <= 3, mark.dropFirst().allSatisfy({ $0.isASCIIDigit || "+-".utf8.contains($0) })
    else { return nil }
    let key = words.dropLast().drop { $0.elementsEqual("-".utf8) }
    guard key.count <= 1, key.first.map({ $0.last == UInt8(ascii: ":") }) ?? true else { return nil }
    return (key.first ?? [], mark.first == UInt8(ascii: ">"))
  }

  private static func indentation(_ line: ArraySlice<UInt8>) -> Int { line.prefix { $0 == 0x20 }.count }

  private static func isBlank(_ line: ArraySlice<UInt8>) -> Bool { line.allSatisfy { $0 <= 0x20 } }
}
