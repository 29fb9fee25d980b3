/// The configuration space of a PCI function, as far as it could be read.
///
/// sysfs gives an unprivileged reader 64 bytes, so a byte that is not here is unknown, not zero.
public struct ConfigSpace: Hashable, Sendable {
  /// The bytes that were read; nil is a byte that was not.
  public let bytes: [UInt8?]
  /// The size of the space, 256 (conventional) or 4096 (PCI Express), when it is known: the size
  /// of sysfs's `config` file, which an unprivileged reader can see though not read.
  public let size: Known<Int>

  /// A space of which everything beyond `bytes` is unknown.
  public init(bytes: [UInt8?], size: Known<Int>) {
    self.bytes = Array(bytes.prefix(4096))
    self.size = size
  }

  /// Creates a space of which `image` was read.
  public init(_ image: [UInt8], size: Known<Int>) {
    self.init(bytes: image.map { $0 }, size: size)
  }

  /// One byte; unknown where it was not read.
  public func byte(_ offset: Int) -> Known<UInt8> {
    if offset >= 0, offset < bytes.count, let byte = bytes[offset] { return .known(byte) }
    let name = "config space at 0x" + String(offset, radix: 16)
    // The usual short read is an unprivileged user's, and worth its number.
    let isCutOff = offset >= bytes.count && bytes.count <= 64
    return .unknown(name, isCutOff ? "only \(bytes.count) bytes could be read" : "not read")
  }

  /// Two bytes, little-endian (PCI 3.0 §6.1).
  public func word(_ offset: Int) -> Known<UInt16> {
    byte(offset).flatMap { low in byte(offset + 1).map { UInt16(low) | UInt16($0) << 8 } }
  }

  /// Four bytes, little-endian.
  public func dword(_ offset: Int) -> Known<UInt32> {
    word(offset).flatMap { low in word(offset + 2).map { UInt32(low) | UInt32($0) << 16 } }
  }

  /// Whether the function does not answer: the root complex returns all ones when no device
  /// does (PCI 3.0 §6.1): hot-removed, in D3cold, or hung. The vendor id alone does not decide: a
  /// virtual function's is always all ones (PCIe 6.0 §9.3.4.1.1); its command and status are not.
  public var isDead: Known<Bool> {
    word(0).flatMap { $0 != 0xffff ? .known(false) : dword(0x04).map { $0 == 0xffff_ffff } }
  }

  /// Header type without the multifunction bit (PCI 3.0 §6.2.1): 0 endpoint, 1 bridge, 2 CardBus.
  public var headerType: Known<UInt8> { byte(0x0e).map { $0 & 0x7f } }

  /// Whether config space beyond the first 256 bytes exists.
  public var isExtendedSize: Known<Bool> { size.map { $0 > 256 } }
}
