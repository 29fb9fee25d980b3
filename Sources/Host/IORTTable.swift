import Facts
import Glibc

/// The root complexes of the ACPI table IORT (Arm DEN 0049 §3), by PCI segment.
struct IORTTable: Sendable, Equatable {
  private var complexes: [UInt32: RootComplex] = [:]
  /// The segments of which two nodes say different things.
  private var disputed: Set<UInt32> = []

  /// Parses a table.
  /// - Throws: the first error. A part of a table is not used: the missing node could be the one that is wanted.
  init(_ bytes: [UInt8]) throws(TableError) {
    let table = TableBytes(bytes)
    func wrong(_ reason: String) -> TableError { TableError("IORT", reason) }
    guard bytes.count >= 48, bytes.starts(with: "IORT".utf8) else { throw wrong("no IORT header") }
    let length = Int(table.word32(4)), count = Int(table.word32(36))
    guard length >= 48, length <= bytes.count else { throw wrong("length \(length) does not fit \(bytes.count) bytes") }
    var at = Int(table.word32(40))
    guard at >= 48 else { throw wrong("nodes begin at \(at), inside the header") }
    // Each node has 16 bytes at least, so a count that does not fit ends within the table.
    for _ in 0..<count {
      guard at + 16 <= length else { throw wrong("node cut off at \(at)") }
      let size = Int(table.word16(at + 1))
      guard size >= 16, at + size <= length else { throw wrong("node of \(size) bytes at \(at)") }
      if table.byte(at) == 2 {  // a PCI root complex (§3.1.1.4)
        guard size >= 32 else { throw wrong("root complex of \(size) bytes at \(at)") }
        add(
          RootComplex(.iort, ats: table.word32(at + 24) & 1 == 1, canwbs: table.byte(at + 23) & 4 != 0),
          segment: table.word32(at + 28))
      }
      at += size
    }
  }

  /// Linux takes the first node of a segment (drivers/acpi/arm64/iort.c: iort_scan_node); firmware that describes one
  /// twice is not relied on.
  private mutating func add(_ complex: RootComplex, segment: UInt32) {
    if let other = complexes[segment], other != complex { disputed.insert(segment) } else { complexes[segment] = complex }
  }

  /// The root complex of a PCI domain.
  func rootComplex(ofSegment segment: UInt32) throws(TableError) -> RootComplex {
    if disputed.contains(segment) { throw TableError("IORT", "two root complexes of segment \(segment) differ") }
    guard let complex = complexes[segment] else { throw TableError("IORT", "no root complex of segment \(segment)") }
    return complex
  }
}

/// The root complexes of functions that an Arm SMMUv3 serves, read from this host.
struct LiveRootComplexes {
  let tree: FileTree
  private let iort: Known<IORTTable>

  init(_ tree: FileTree) {
    self.tree = tree
    let path = "/sys/firmware/acpi/tables/IORT"
    iort = tree.bytes(path, limit: 1 << 20)
      .known("IORT", absent: .unknown("IORT", "\(path): \(errnoText(ENOENT))"))
      .flatMap { bytes in
        do throws(TableError) { return .known(try IORTTable(bytes)) } catch { return .unknown("IORT", error.reason) }
      }
  }

  /// The root complex above a function. Linux asks the device tree where the host bridge has a node in it, and IORT else
  /// (linux drivers/pci/pci-driver.c: pci_dma_configure).
  func above(_ address: PCIAddress) -> Known<RootComplex> {
    let fact = "root complex of \(address)", path = "/sys/bus/pci/devices/\(address)"
    let place = tree.link(path).known(fact, absent: .unknown(fact, "\(path): it is gone"))
    return place.flatMap { target in
      let parts = target.split(separator: "/")
      guard let root = parts.lastIndex(where: { $0.hasPrefix("pci") && $0.contains(":") }),
        let devices = parts.firstIndex(of: "devices"), devices < root, parts.last.flatMap({ PCIAddress($0) }) == address,
        !parts[devices...].contains("..")
      else { return .unknown(fact, "\(path) points to `\(target)`") }
      // The host bridge's parent: `platform/4010000000.pcie`, or nothing under ACPI.
      let parent = parts[(devices + 1)..<root]
      guard !parent.isEmpty else { return described(address, fact) }
      let node = "/sys/devices/" + parent.joined(separator: "/") + "/of_node"
      switch tree.list(node) {
      case .found(let properties):
        return .known(RootComplex(.deviceTree, ats: properties.contains("ats-supported"), canwbs: false))
      case .absent: return described(address, fact)
      case .failed(let reason): return .unknown(fact, reason)
      }
    }
  }

  private func described(_ address: PCIAddress, _ fact: String) -> Known<RootComplex> {
    let found = iort.flatMap { table -> Known<RootComplex> in
      do throws(TableError) { return .known(try table.rootComplex(ofSegment: address.domain)) } catch {
        return .unknown(fact, error.reason)
      }
    }
    guard case .unknown(let unknown) = found else { return found }
    return .unknown(fact, unknown.reason)
  }
}
