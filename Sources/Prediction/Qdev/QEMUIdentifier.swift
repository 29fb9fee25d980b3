import Facts

/// The ids of devices and objects.
public enum QEMUIdentifier {
  /// Whether QEMU accepts an id: a letter, then letters, digits, `-`, `.` and `_` (QEMU util/id.c: id_wellformed).
  public static func isWellFormed(_ id: String) -> Bool {
    guard let first = id.utf8.first, first.isASCIILetter else { return false }
    return id.utf8.allSatisfy { $0.isASCIILetterOrDigit || "-._".utf8.contains($0) }
  }
}
