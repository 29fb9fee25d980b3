/// The reason why an ACPI table could not be read.
struct TableError: Error, Equatable {
  let reason: String
  /// - Parameter table: the table's signature.
  init(_ table: String, _ reason: String) { self.reason = "\(table) table: \(reason)" }
}

/// Little-endian reads of an ACPI table; bytes beyond the end are zero, and callers check lengths first.
struct TableBytes {
  let bytes: [UInt8]
  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func byte(_ at: Int) -> UInt8 { bytes.indices.contains(at) ? bytes[at] : 0 }
  func word16(_ at: Int) -> UInt16 { UInt16(byte(at)) | UInt16(byte(at + 1)) << 8 }
  func word32(_ at: Int) -> UInt32 { UInt32(word16(at)) | UInt32(word16(at + 2)) << 16 }
}
