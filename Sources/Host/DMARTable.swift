import Facts

/// The part of the ACPI DMAR table that is about ATS: ATSR and SATC structures (VT-d 4.1 §8.5, §8.8).
struct DMARTable: Sendable, Equatable {
  /// A device scope: a start bus and a path of device and function numbers down from it.
  struct Scope: Sendable, Equatable {
    /// 1 is an endpoint, 2 a bridge; other types name no PCI function (VT-d 4.1 §8.3.1).
    let type: UInt8
    let startBus: UInt8
    let path: [Step]
  }

  struct Step: Sendable, Equatable {
    let slot: UInt8
    let function: UInt8
  }

  /// Root ports below which ATS works.
  struct ATSR: Sendable, Equatable {
    let segment: UInt16
    let allPorts: Bool
    let scopes: [Scope]
  }

  /// Integrated functions that have, and possibly require, address translation caches.
  struct SATC: Sendable, Equatable {
    let segment: UInt16
    let required: Bool
    let scopes: [Scope]
  }

  var rootPorts: [ATSR] = []
  var integrated: [SATC] = []

  /// Parses a table.
  /// - Throws: the first error. A part of a table is not used: a missing structure could be the one that covers a device.
  init(_ bytes: [UInt8]) throws(TableError) {
    let table = TableBytes(bytes)
    guard bytes.count >= 48, bytes.starts(with: "DMAR".utf8) else { throw TableError("DMAR", "no DMAR header") }
    let length = Int(table.word32(4))
    guard length >= 48, length <= bytes.count else {
      throw TableError("DMAR", "length \(length) does not fit \(bytes.count) bytes")
    }
    var at = 48  // VT-d 4.1 §8.1: the structures follow a 48-byte header
    while at < length {
      guard at + 4 <= length else { throw TableError("DMAR", "structure cut off at \(at)") }
      let type = table.word16(at), size = Int(table.word16(at + 2))
      guard size >= 4, at + size <= length else { throw TableError("DMAR", "structure of \(size) bytes at \(at)") }
      if type == 2 || type == 5 {
        guard size >= 8 else { throw TableError("DMAR", "structure of \(size) bytes at \(at)") }
        let flag = table.byte(at + 4) & 1 == 1, segment = table.word16(at + 6)
        // With ALL_PORTS the structure has no scopes (VT-d 4.1 §8.5).
        let scopes = type == 2 && flag ? [] : try table.scopes(from: at + 8, to: at + size)
        if type == 2 {
          rootPorts.append(ATSR(segment: segment, allPorts: flag, scopes: scopes))
        } else {
          integrated.append(SATC(segment: segment, required: flag, scopes: scopes))
        }
      }
      at += size
    }
  }
}

extension TableBytes {
  /// Device scope structures (VT-d 4.1 §8.3.1): six bytes, then two for each step of the path.
  fileprivate func scopes(from start: Int, to end: Int) throws(TableError) -> [DMARTable.Scope] {
    var scopes: [DMARTable.Scope] = []
    var at = start
    while at < end {
      let size = Int(byte(at + 1))
      guard size >= 6, at + size <= end else { throw TableError("DMAR", "device scope of \(size) bytes at \(at)") }
      let path = stride(from: at + 6, to: at + size - 1, by: 2).map {
        DMARTable.Step(slot: byte($0), function: byte($0 + 1))
      }
      scopes.append(DMARTable.Scope(type: byte(at), startBus: byte(at + 5), path: path))
      at += size
    }
    return scopes
  }
}

extension FileTree {
  /// The table of this host, which only root may read.
  var dmarTable: Known<DMARTable> {
    let path = "/sys/firmware/acpi/tables/DMAR", fact = "DMAR table"
    return bytes(path, limit: 1 << 20)
      .known(fact, absent: .unknown(fact, "there is no table: the IOMMU is not VT-d, or is off in the firmware"))
      .flatMap { bytes in
        do throws(TableError) { return .known(try DMARTable(bytes)) } catch { return .unknown(fact, error.reason) }
      }
  }
}
