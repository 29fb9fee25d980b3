import CZlib

/// Unpacking of gzip files (RFC 1952), for files of the kernel's.
enum GzipText {
  /// - Returns: nil for bytes that are not a whole gzip file, or unpack to more than `limit` bytes.
  static func unpack(_ packed: [UInt8], limit: Int) -> [UInt8]? {
    var stream = z_stream()
    // 16 asks for gzip's frame, 15 is the largest window.
    guard inflateInit2_(&stream, 16 + 15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
    defer { inflateEnd(&stream) }
    var packed = packed
    var result = Z_ERRNO
    let text = packed.withUnsafeMutableBufferPointer { input in
      [UInt8](unsafeUninitializedCapacity: limit) { output, count in
        // SAFETY: zlib reads and writes within the counts next to the pointers, both buffers live for the call, and
        // what it has written is what counts as initialized.
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(limit)
        result = inflate(&stream, Z_FINISH)
        count = limit - Int(stream.avail_out)
      }
    }
    return result == Z_STREAM_END ? text : nil
  }
}
