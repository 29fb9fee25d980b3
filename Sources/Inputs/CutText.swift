import Facts
import Syntax

/// Signs that a text is only the beginning of a definition: its devices may be in the rest.
extension ParsedInput {
  mutating func noteCut(_ source: SourceText, _ format: InputFormat) {
    guard problems.isEmpty, unrecognised == nil, machine.unreadParts.isEmpty, machine.devices.isEmpty, machine.emulator != nil
    else { return }
    let whole = 0..<source.bytes.count
    if format == .nul, source.bytes.last != 0 {
      return noteUnread("the last argument", "the text does not end in NUL, and may have been cut", whole, source)
    }
    if format == .shell, ShellScript.isScript(source.bytes) {
      let script = ShellLines(source.bytes)
      var code = source.bytes
      for range in script.comments + script.documents {
        for index in range where code[index] != 0x0a { code[index] = 0x20 }
      }
      if let word = ShellNesting(code, script).unclosed {
        return noteUnread("the rest of the script", "it ends inside of `\(word)`, and may have been cut", whole, source)
      }
    }
    // The path of QEMU, or of something that is called so.
    if ![.xml, .proxmox].contains(format), machine.options.isEmpty, machine.machine.isEmpty, machine.objects.isEmpty,
      machine.globals.isEmpty {
      noteUnread("the options of QEMU", "the text has none: they may have been cut off, or another program adds them", whole, source)
    }
  }
}
