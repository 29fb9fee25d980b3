/// The address of a PCI function, as the kernel writes it: `0000:01:00.0`.
public struct PCIAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The segment. The kernel numbers VMD's domains from 0x10000 up; QEMU's `host` accepts 16 bits.
  public let domain: UInt32
  /// Bus number.
  public let bus: UInt8
  /// 0 to 31.
  public let slot: UInt8
  /// 0 to 7.
  public let function: UInt8

  /// Creates an address; nil when the slot or the function is out of range.
  public init?(domain: UInt32, bus: UInt8, slot: UInt8, function: UInt8) {
    guard slot < 32, function < 8 else { return nil }
    self.domain = domain
    self.bus = bus
    self.slot = slot
    self.function = function
  }

  /// Reads `DDDD:BB:SS.F` or `BB:SS.F`, hexadecimal digits only. This is the kernel's and
  /// lspci's spelling; QEMU's `host` property accepts more, see `QEMUHostAddress`.
  public init?(_ text: some StringProtocol) {
    let dot = text.split(separator: ".", omittingEmptySubsequences: false)
    guard dot.count == 2, dot[1].utf8.count == 1 else { return nil }
    var parts = dot[0].split(separator: ":", omittingEmptySubsequences: false)
    if parts.count == 2 { parts.insert("0000", at: 0) }
    guard parts.count == 3, (4...8).contains(parts[0].utf8.count),
      parts[1].utf8.count == 2, parts[2].utf8.count == 2,
      let domain = PCIAddress.hex(parts[0]), let bus = PCIAddress.hex(parts[1]),
      let slot = PCIAddress.hex(parts[2]), let function = PCIAddress.hex(dot[1])
    else { return nil }
    self.init(domain: domain, bus: UInt8(bus), slot: UInt8(slot), function: UInt8(function))
  }

  /// The address that a text of another spelling means: `01:00:0`, `1:0.0`, or libvirt's `pci_0000_01_00_0`; nil for any other text.
  public static func meant(by text: some StringProtocol) -> PCIAddress? {
    let groups = text.split { ":._- ".contains($0) }.map { hex($0) }
    let numbers = groups.suffix(groups.count > 3 ? 4 : 3).compactMap { $0 }
    guard numbers.count == min(groups.count, 4), numbers.count >= 3, let bus = UInt8(exactly: numbers[numbers.count - 3]),
      let slot = UInt8(exactly: numbers[numbers.count - 2]), let function = UInt8(exactly: numbers[numbers.count - 1])
    else { return nil }
    return PCIAddress(domain: numbers.count == 4 ? numbers[0] : 0, bus: bus, slot: slot, function: function)
  }

  /// The complaint about a text that is not an address.
  public static func complaint(about text: some StringProtocol) -> String {
    "`\(text)` is not a PCI address; " + (meant(by: text).map { "did you mean \($0)?" } ?? "write it like 0000:01:00.0.")
  }

  private static func hex(_ text: some StringProtocol) -> UInt32? {
    // UInt32(_:radix:) accepts a sign, which no address has.
    text.utf8.first == UInt8(ascii: "+") ? nil : UInt32(text, radix: 16)
  }

  public var description: String {
    domain.hexadecimal(digits: 4) + ":" + bus.hexadecimal(digits: 2) + ":" + slot.hexadecimal(digits: 2) + ".\(function)"
  }

  public static func < (a: PCIAddress, b: PCIAddress) -> Bool {
    (a.domain, a.bus, a.slot, a.function) < (b.domain, b.bus, b.slot, b.function)
  }
}
