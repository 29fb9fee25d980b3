import Glibc
import Syntax

/// The proxy's own socket and that of its monitor: a listener of QEMU's at one of the paths replaces it, and a connection of
/// QEMU's own to one of them is a monitor's client that the proxy does not see.
struct GuardedSockets {
  let paths: [String]
  let process: pid_t?

  /// Size limit of a socket's path in bytes (Linux include/uapi/linux/un.h: UNIX_PATH_MAX).
  private static let pathLimit = 108

  /// Limits of the paths in one command's arguments that are looked up.
  private struct Budget {
    /// Places at which the name of a guarded socket is compared with all that is before it.
    var places = 64
    /// Paths with other names, which may be links.
    var links = 4096
  }

  /// The path that a text of the arguments names, as far as this process sees QEMU's files; nil for none.
  func named(in value: JSON) -> WireText? {
    var budget = Budget()
    return named(in: value, &budget)
  }

  private func named(in value: JSON, _ budget: inout Budget) -> WireText? {
    if paths.isEmpty { return nil }
    switch value {
    case .string(let text):
      if let options = try? WireText(text).imageOptions() { return named(in: options, &budget) }
      return named(by: WireText(text), &budget)
    case .array(let items):
      for item in items { if let path = named(in: item, &budget) { return path } }
    case .object(let members):
      for member in members { if let path = named(in: member.value, &budget) { return path } }
    default: break
    }
    return nil
  }

  private func named(by text: WireText, _ budget: inout Budget) -> WireText? {
    let texts = Set([text, GuardedSockets.percentDecoded(text)])
    for own in paths.map({ WireText($0) }) {
      let name = own.split("/").last ?? ""
      // Each folder of a path is looked into: a long one counts as several.
      let isLong = text.bytes.count > GuardedSockets.pathLimit && text.bytes.count < QEMUPath.limit
      if isLong, text.bytes.suffix(name.bytes.count) == name.bytes[...] { budget.places -= text.bytes.count / GuardedSockets.pathLimit }
      if budget.places < 0 || isSame(text, own) { return own }
      for text in texts {
        for path in GuardedSockets.pathsBehindMarks(in: text).prefix(budget.links + 1) {
          budget.links -= 1
          if budget.links < 0 || isSame(path, own) { return own }
        }
        for end in text.ends(of: name) where GuardedSockets.isWhole(text.bytes, end - name.bytes.count..<end) {
          budget.places -= 1
          // No path of a socket has so many. One that was not compared may be the one.
          if budget.places < 0 || GuardedSockets.paths(in: text, endingAt: end).contains(where: { isSame($0, own) }) { return own }
        }
      }
    }
    return nil
  }

  /// The texts before which a URI, or a rule that forwards to a socket, has the path of one.
  private static let marks: [WireText] = ["unix:", "socket=", "path="]

  /// The paths behind such marks, of any name: each ends with the text, or before a byte that may separate it from more.
  private static func pathsBehindMarks(in text: WireText) -> some Sequence<WireText> {
    marks.lazy.flatMap { text.ends(of: $0) }.flatMap { start in
      let path = text.bytes[start...].prefix(pathLimit)
      let ends = path.indices.filter { path.startIndex < $0 && isEnd(path[$0], text.bytes[$0...]) }
      return (ends + [path.endIndex]).map { WireText(bytes: path[..<$0]) }
    }
  }

  /// Whether a byte may be the first behind a path: one that separates, or that of a rule's `-ADDRESS:PORT`.
  private static func isEnd(_ byte: UInt8, _ rest: ArraySlice<UInt8>) -> Bool {
    byte == UInt8(ascii: "-") ? rest.contains(UInt8(ascii: ":")) : ":,&; ".utf8.contains(byte)
  }

  /// Every text that can be a path in a text with more around it, such as a URI or a rule that forwards to a socket.
  private static func paths(in text: WireText, endingAt end: Int) -> some Sequence<WireText> {
    let bytes = text.bytes
    let slash = UInt8(ascii: "/")
    let next = bytes[end...].first
    let starts = (max(0, end - pathLimit)..<end).lazy.filter { start in
      // A path does not begin within a name; an absolute one may follow anything.
      guard start == 0 || bytes[start] == slash || bytes[start - 1] != slash && !isName(bytes[start - 1]) else { return false }
      // `-ADDRESS:PORT` of a rule; otherwise `a-2` and `a.bak` are other files than `a`.
      if next == UInt8(ascii: "-") { return start > 0 && isEnd(UInt8(ascii: "-"), bytes[end...]) }
      return next.map { !isName($0) } ?? true
    }
    return starts.map { WireText(bytes: bytes[$0..<end]) }
  }

  /// Whether a name is not a part of a longer word.
  private static func isWhole(_ bytes: [UInt8], _ name: Range<Int>) -> Bool {
    (name.lowerBound == 0 || !isName(bytes[name.lowerBound - 1])) && (name.upperBound == bytes.count || !isName(bytes[name.upperBound]))
  }

  /// Whether a byte is one of a file's name in a text with paths.
  private static func isName(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
  }

  /// A text with the octets of its `%HH` (RFC 3986 section 2.1); others are unchanged.
  private static func percentDecoded(_ text: WireText) -> WireText {
    var decoded: [UInt8] = []
    var rest = text.bytes[...]
    while let byte = rest.popFirst() {
      let digits = String(decoding: rest.prefix(2), as: UTF8.self)
      if byte == UInt8(ascii: "%"), digits.utf8.allSatisfy(isAlphanumeric), digits.utf8.count == 2, let octet = UInt8(digits, radix: 16) {
        decoded.append(octet)
        rest = rest.dropFirst(2)
      } else {
        decoded.append(byte)
      }
    }
    return WireText(bytes: decoded)
  }

  /// Whether two paths are the same entry of one folder, or the first is a link to it; the file itself may not exist.
  private func isSame(_ path: WireText, _ own: WireText) -> Bool {
    if path == own { return true }
    guard let name = own.split("/").last else { return false }
    let view = QEMUPath(process: process)
    // A path with another name at its end matters where that is a link.
    guard path.split("/").last == name || view.isLink(path), let (folder, last) = view.resolved(path), last == name else { return false }
    return Folder(folder).map { $0 == Folder(GuardedSockets.parent(of: own)) } ?? false
  }

  private static func parent(of path: WireText) -> WireText {
    let parts = path.split("/").dropLast()
    return parts.isEmpty ? "." : WireText(bytes: parts.flatMap { $0.bytes + [UInt8(ascii: "/")] })
  }

  private struct Folder: Equatable {
    let device: UInt64
    let inode: UInt64

    init?(_ path: WireText) {
      var status = stat()
      // SAFETY: stat reads the path and fills the structure that it is given.
      guard stat(path.terminated, &status) == 0 else { return nil }
      (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
    }
  }
}
