import Glibc

extension [UInt8] {
  /// Index of the first such byte from a position on. The C library compares many bytes at a time.
  public func firstIndex(of byte: UInt8, from start: Int) -> Int? {
    withUnsafeBufferPointer { bytes in
      // SAFETY: memchr reads no further than the count that is left, and what it returns lies in the same buffer.
      guard start < bytes.count, let base = UnsafeRawPointer(bytes.baseAddress),
        let found = memchr(base + start, Int32(byte), bytes.count - start)
      else { return nil }
      return UnsafeRawPointer(found) - base
    }
  }
}
