import Syntax

extension InputFormat {
  /// How a file that nobody named is written: nil when it is no definition, as most files of a
  /// directory are. What only may be one is left out; its user can name it.
  /// - Parameter head: the file, or its beginning.
  public static func recognise(_ head: [UInt8]) -> InputFormat? {
    let head = UTF16Text.utf8(head, isPart: true) ?? head
    guard let first = head.first(where: { $0 > 0x20 }) else { return nil }
    if detect(head) == .xml { return LibvirtDocument.isRelevant(head) ? .xml : nil }
    if head.contains(0) { return startsWithEmulator(head) ? .nul : nil }
    switch first {
    case UInt8(ascii: "{"): return isQMP(head) ? .qmp : nil
    default: return isCommandLine(head) ? detect(head) : nil
    }
  }

  /// `qemu-system-x86_64`, `/usr/libexec/qemu-kvm`, `kvm`.
  static func isEmulator(_ word: String) -> Bool {
    let name = word.fileName ?? ""
    return name.hasPrefix("qemu-system-") || name == "qemu-kvm" || name == "qemu" || name == "kvm"
  }

  private static func startsWithEmulator(_ bytes: [UInt8]) -> Bool {
    isEmulator(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
  }

  /// An object that is a command or its arguments; one that is cut short counts when it says `execute`.
  private static func isQMP(_ bytes: [UInt8]) -> Bool {
    guard let range = JSONPlaces(bytes).values.first else { return false }
    guard let value = try? JSON.parse(Array(bytes[range])) else {
      return String(decoding: bytes, as: UTF8.self).contains("\"execute\"")
    }
    return value["execute"]?.string != nil || value["exec-oob"]?.string != nil || value["driver"]?.string != nil
  }

  /// Whether a script starts a guest. One that names an emulator and devices may do so in a way that is not seen;
  /// of others that only speak of QEMU, such as `usermod -aG kvm`, there are many.
  private static func isGuestScript(_ bytes: [UInt8]) -> Bool {
    if ShellScript(bytes).command != nil { return true }
    let text = String(decoding: bytes, as: UTF8.self)
    return text.contains("-device") && bytes.split { $0 <= 0x20 }.contains { isEmulator(String(decoding: $0, as: UTF8.self)) }
  }

  /// A command whose first word is an emulator or an option of one.
  private static func isCommandLine(_ bytes: [UInt8]) -> Bool {
    if ShellScript.isScript(bytes) { return isGuestScript(bytes) }
    for line in bytes.split(separator: 0x0a) {
      let words = line.split { $0 <= 0x20 }
      guard let first = words.first, first.first != UInt8(ascii: "#") else { continue }
      let start = words.firstIndex { isEmulator(String(decoding: $0, as: UTF8.self)) }
      if isPrefix(words[..<(start ?? words.count)]) {
        if start != nil { return true }
      } else {
        return isOption(first)
      }
    }
    return false
  }

  /// What may stand before the emulator in one command: `exec`, `sudo -u qemu`, an assignment.
  private static func isPrefix(_ words: ArraySlice<ArraySlice<UInt8>>) -> Bool {
    guard let first = words.first else { return true }
    // Text in quotes that goes on: the emulator's name is a part of it.
    for quote in [UInt8(ascii: "\""), UInt8(ascii: "'")] {
      if words.reduce(0, { $0 + $1.count { $0 == quote } }) % 2 != 0 { return false }
    }
    let word = String(decoding: first, as: UTF8.self)
    return ["exec", "sudo", "env", "nice", "ionice", "taskset", "numactl", "setsid", "nohup", "doas"].contains(word)
      || word.contains("=") && !word.hasPrefix("-") && !word.hasPrefix("=")
  }

  /// One of the options that a list of arguments begins with.
  private static func isOption(_ word: ArraySlice<UInt8>) -> Bool {
    let name = String(decoding: word.drop { $0 == UInt8(ascii: "-") }, as: UTF8.self)
    let known = ["device", "object", "machine", "M", "name", "readconfig", "nodefaults", "enable-kvm", "cpu", "m"]
    return word.first == UInt8(ascii: "-") && known.contains(name)
  }
}
