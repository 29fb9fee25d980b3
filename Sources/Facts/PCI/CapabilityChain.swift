/// One capability found in a chain.
public struct Capability: Hashable, Sendable {
  /// Capability id: 8 bits for a standard capability, 16 for an extended one.
  public let id: UInt16
  /// 1 to 15 for an extended capability, 0 for a standard one.
  public let version: UInt8
  /// Offset of the capability's header in config space.
  public let offset: Int

  /// Creates a capability that was found at `offset`.
  public init(id: UInt16, version: UInt8, offset: Int) {
    self.id = id
    self.version = version
    self.offset = offset
  }
}

/// The reason why a walk along a chain ended.
public enum ChainEnd: Hashable, Sendable {
  /// The last capability's next pointer is zero.
  case complete
  /// There is no chain: no capability-list bit, or a zero first pointer or header.
  case empty
  /// A pointer leads back to a capability already seen.
  case loop(at: Int)
  /// A pointer leads into the header, or beyond the space.
  case outside(pointer: Int)
  /// A header of all ones: the function stopped answering.
  case allOnes(at: Int)
  /// A header that could not be read; what follows is unknown.
  case unread(Unknown)
}

/// A capability chain: the capabilities that were found, and how the walk ended.
public struct CapabilityChain: Hashable, Sendable {
  /// The capabilities in the order of the chain.
  public let capabilities: [Capability]
  /// The reason why the walk ended.
  public let end: ChainEnd
  /// Offsets of pointers whose two low bits were set; they are reserved and masked
  /// (PCI 3.0 §6.7, PCIe 6.0 §7.6.3).
  public let unaligned: [Int]

  /// Whether the chain holds `id`: unknown when it is not among the capabilities that were found and the walk
  /// could not finish.
  public func contains(_ id: UInt16, named name: String) -> Known<Bool> {
    if capabilities.contains(where: { $0.id == id }) { return .known(true) }
    switch end {
    case .unread(let unknown): return .unknown(name, "\(unknown.fact): \(unknown.reason)")
    case .allOnes(let at):
      return .unknown(name, "config space reads all ones at 0x" + String(at, radix: 16))
    case .complete, .empty, .loop, .outside: return .known(false)
    }
  }
}

extension ConfigSpace {
  /// The standard capabilities (PCI 3.0 §6.7), from the pointer at 0x34 when PCI_STATUS says
  /// that there is a list.
  public var standardChain: CapabilityChain {
    switch standardPointer {
    case .unknown(let unknown): return CapabilityChain(capabilities: [], end: .unread(unknown), unaligned: [])
    case .known(nil): return CapabilityChain(capabilities: [], end: .empty, unaligned: [])
    case .known(let first?): return standardChain(from: first)
    }
  }

  /// Offset of the pointer to the first capability, nil when there is no list.
  private var standardPointer: Known<Int?> {
    word(0x06).flatMap { status in
      guard status & 0x10 != 0 else { return .known(nil) }
      // A CardBus bridge keeps its pointer at 0x14 (PC Card standard, header type 2).
      return headerType.flatMap { type in
        let place = type == 2 ? 0x14 : 0x34
        return byte(place).map { $0 == 0 ? nil : place }
      }
    }
  }

  private func standardChain(from first: Int) -> CapabilityChain {
    var walk = Walk(lowest: 0x40, limit: 0x100)
    var pointerAt = first
    while true {
      guard let pointer = walk.next(byte(pointerAt).map(Int.init), at: pointerAt) else { break }
      guard case .known(let header) = word(pointer) else { walk.unread(word(pointer)); break }
      if header == 0xffff { walk.end = .allOnes(at: pointer); break }
      walk.found.append(Capability(id: header & 0xff, version: 0, offset: pointer))
      pointerAt = pointer + 1
    }
    return walk.chain
  }

  /// The extended capabilities (PCIe 6.0 §7.6.3), from 0x100.
  public var extendedChain: CapabilityChain {
    switch hasExtendedList {
    case .unknown(let unknown): return CapabilityChain(capabilities: [], end: .unread(unknown), unaligned: [])
    case .known(false): return CapabilityChain(capabilities: [], end: .empty, unaligned: [])
    case .known(true): break
    }
    var walk = Walk(lowest: 0x100, limit: 0x1000)
    var pointer: Int? = walk.next(.known(0x100), at: 0x100)
    while let at = pointer {
      guard case .known(let header) = dword(at) else { walk.unread(dword(at)); break }
      if header == 0xffff_ffff { walk.end = .allOnes(at: at); break }
      walk.found.append(
        Capability(id: UInt16(header & 0xffff), version: UInt8(header >> 16 & 0xf), offset: at))
      pointer = walk.next(.known(Int(header >> 20)), at: at + 2)
    }
    return walk.chain
  }

  /// Step 1 of the ats decision: PCI_STATUS bit 4 and a non-zero pointer. QEMU reads the pointer
  /// at 0x34 for every header type (QEMU hw/vfio/pci.c: vfio_pci_add_capabilities).
  public var hasStandardList: Known<Bool> {
    word(0x06).flatMap { status in
      status & 0x10 == 0 ? .known(false) : byte(0x34).map { $0 != 0 }
    }
  }

  /// Whether the dword at 0x100 is not zero. A conventional function has no byte there.
  public var hasExtendedList: Known<Bool> {
    if case .known(false) = isExtendedSize { return .known(false) }
    return dword(0x100).map { $0 != 0 }
  }
}

/// The guards of both walks: masked pointers, a lower and an upper bound, and no offset twice, so
/// that a walk ends on any bytes.
private struct Walk {
  let lowest: Int
  let limit: Int
  private var visited: Set<Int> = []
  var found: [Capability] = []
  var end = ChainEnd.complete
  var unaligned: [Int] = []

  init(lowest: Int, limit: Int) {
    self.lowest = lowest
    self.limit = limit
  }

  /// The offset of the next capability; nil with `end` set where the walk ends.
  mutating func next(_ raw: Known<Int>, at offset: Int) -> Int? {
    guard case .known(let pointer) = raw else { unread(raw); return nil }
    if pointer & 3 != 0 { unaligned.append(offset) }
    let aligned = pointer & ~3
    if aligned == 0 { return nil }
    if aligned < lowest || aligned > limit - 4 { end = .outside(pointer: aligned); return nil }
    if !visited.insert(aligned).inserted { end = .loop(at: aligned); return nil }
    return aligned
  }

  mutating func unread<T>(_ value: Known<T>) {
    if case .unknown(let unknown) = value { end = .unread(unknown) }
  }

  var chain: CapabilityChain {
    CapabilityChain(capabilities: found, end: end, unaligned: unaligned)
  }
}
