/// Counts lines and columns as QEMU's lexer does: from 1, in bytes, over the whole connection.
struct PlaceCounter: Sendable {
  private(set) var line = 1
  /// Bytes before this place in its line.
  private(set) var column = 0
  /// Index in the caller's buffer up to which was counted.
  private(set) var passed = 0

  mutating func pass(_ bytes: ArraySlice<UInt8>) {
    for byte in bytes {
      column += 1
      if byte == 0x0a { (line, column) = (line + 1, 0) }
    }
    passed += bytes.count
  }

  mutating func restart() { passed = 0 }
}
