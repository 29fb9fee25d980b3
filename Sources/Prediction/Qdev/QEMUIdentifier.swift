/// The ids of devices and objects.
enum QEMUIdentifier {
  /// Whether QEMU accepts an id: a letter, then letters, digits, `-`, `.` and `_` (QEMU util/id.c: id_wellformed).
  static func isWellFormed(_ id: String) -> Bool {
    guard let first = id.utf8.first, isLetter(first) else { return false }
    return id.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || "-._".utf8.contains($0) }
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte | 0x20) }
}
