import Glibc

extension [UInt8] {
  /// Index of the first such byte from a position on. The C library compares many bytes at a time.
  public func firstIndex(of byte: UInt8, from start: Int) -> Int? {
    withUnsafeBufferPointer { $0.firstIndex(of: byte, from: start) }
  }

  /// Index of the line feed that ends the line of a position; the number of bytes where none does.
  public func lineEnd(from start: Int) -> Int { firstIndex(of: 0x0a, from: start) ?? count }

  /// Indices of a text, which may overlap.
  public func indices(of text: [UInt8]) -> [Int] {
    guard let first = text.first else { return [] }
    return withUnsafeBufferPointer { bytes in
      var found: [Int] = []
      var start = 0
      while let index = bytes.firstIndex(of: first, from: start) {
        if bytes[index...].starts(with: text) { found.append(index) }
        start = index + 1
      }
      return found
    }
  }
}

extension UnsafeBufferPointer<UInt8> {
  fileprivate func firstIndex(of byte: UInt8, from start: Int) -> Int? {
    // SAFETY: memchr reads no further than the count that is left, and what it returns lies in the same buffer.
    guard start < count, let base = UnsafeRawPointer(baseAddress), let found = memchr(base + start, Int32(byte), count - start)
    else { return nil }
    return UnsafeRawPointer(found) - base
  }
}
