/// Vendor and device id of a PCI function, as lspci writes them: `10de:2941`.
public struct PCIID: Hashable, Sendable, CustomStringConvertible {
  /// Vendor id (PCI 3.0 §6.2.1).
  public let vendor: UInt16
  /// Device id (PCI 3.0 §6.2.1).
  public let device: UInt16

  /// Creates an id.
  public init(vendor: UInt16, device: UInt16) {
    self.vendor = vendor
    self.device = device
  }

  /// Reads `VVVV:DDDD`, four hexadecimal digits each.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 4 && $0.utf8.first != UInt8(ascii: "+") }),
      let vendor = UInt16(parts[0], radix: 16), let device = UInt16(parts[1], radix: 16)
    else { return nil }
    self.init(vendor: vendor, device: device)
  }

  public var description: String { vendor.hexadecimal(digits: 4) + ":" + device.hexadecimal(digits: 4) }
}

extension HostDevice {
  /// Vendor and device id.
  public var id: Known<PCIID> {
    vendor.flatMap { vendor in device.map { PCIID(vendor: vendor, device: $0) } }
  }
}
