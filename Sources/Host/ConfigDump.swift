import Facts

/// A saved config-space image: raw bytes, or `lspci -x`, `-xxx` or `-xxxx` text.
public struct ConfigDump: Hashable, Sendable {
  /// The line of lspci that names the function; for a raw image, its size.
  public let title: String
  /// Nil for a raw image, and for rows without a line that names a function.
  public let address: PCIAddress?
  /// Lines of description below the title, without blanks around them: `Kernel driver in use: vfio-pci`.
  public let details: [String]
  /// The bytes of the image.
  public let config: ConfigSpace

  /// The text of thousands of functions with 4096 bytes each.
  public static let sizeLimit = 64 << 20

  /// The images in a file, in its order; at least one.
  ///
  /// Bytes that the file does not have are unknown. The size of the space is known when 4096
  /// bytes are there, or 256 of a function that can have no more.
  public static func parse(_ bytes: [UInt8]) throws(ConfigDumpError) -> [ConfigDump] {
    if bytes.count > sizeLimit { throw ConfigDumpError(line: nil, problem: .tooLarge(limit: sizeLimit)) }
    if bytes.isEmpty { throw ConfigDumpError(line: nil, problem: .empty) }
    if isText(bytes) {
      var reader = DumpText()
      try reader.read(bytes)
      return reader.dumps
    }
    guard (64...4096).contains(bytes.count) else {
      throw ConfigDumpError(line: nil, problem: .rawSize(bytes.count))
    }
    return [ConfigDump(title: "\(bytes.count)-byte image", address: nil, bytes: bytes.map { $0 })]
  }

  init(title: String, address: PCIAddress?, details: [String] = [], bytes: [UInt8?]) {
    self.title = title
    self.details = details
    self.address = address
    config = ConfigSpace(bytes: bytes, size: ConfigDump.size(of: bytes))
  }

  /// Whether the file is text: it begins like a dump, or is UTF-8 without control characters, which config
  /// space contains.
  private static func isText(_ bytes: [UInt8]) -> Bool {
    if DumpText.begins(bytes) { return true }
    let hasControls = bytes.contains { $0 < 0x20 && !(0x09...0x0d).contains($0) && $0 != 0x1b || $0 == 0x7f }
    return !hasControls && String(validating: bytes, as: UTF8.self) != nil
  }

  /// The kernel treats a function as one of 4096 bytes only when it has a PCI Express capability,
  /// a PCI-X capability, or is a host bridge (linux/drivers/pci/probe.c: pci_cfg_space_size).
  private static func size(of bytes: [UInt8?]) -> Known<Int> {
    if bytes.count == 4096 { return .known(4096) }
    let fact = "config space size"
    let short = ConfigSpace(bytes: bytes, size: .unknown(fact, "the image ends at \(bytes.count) bytes"))
    guard bytes.count == 256 else { return short.size }
    let chain = short.standardChain
    let mayBeLarger = chain.contains(0x10, named: "PCI Express capability").flatMap { express in
      chain.contains(0x07, named: "PCI-X capability").flatMap { pciX in
        short.word(0x0a).map { express || pciX || $0 == 0x0600 }
      }
    }
    return mayBeLarger == .known(false) ? .known(256) : short.size
  }
}

/// The reason why a file has no config-space image that can be read.
public struct ConfigDumpError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kinds of problem.
  public enum Problem: Hashable, Sendable {
    case empty
    case tooLarge(limit: Int)
    /// A raw image of fewer than 64 or more than 4096 bytes.
    case rawSize(Int)
    /// Text without one row of bytes.
    case noRows
    /// A row that is cut off or contains text that is not bytes; `text` is that text.
    case badRow(text: String)
    /// A row beyond 0xfff.
    case rowOutside(Int)
    /// A row that gives bytes which an earlier row of the same function gave.
    case rowTwice(Int)
  }

  /// Line number from 1; nil for a raw image.
  public let line: Int?
  /// The kind of problem.
  public let problem: Problem

  public var description: String {
    let place = line.map { "line \($0): " } ?? ""
    switch problem {
    case .empty: return "the file is empty"
    case .tooLarge(let limit): return "the file is larger than \(limit) bytes"
    case .rawSize(let size):
      return "\(size) bytes are not config space: a raw image has 64 to 4096, and text no control characters"
    case .noRows: return "no rows of bytes: expected `00: de 10 84 26 …` as `lspci -xxxx` prints them"
    case .badRow(let text): return "\(place)expected up to 16 bytes of two hexadecimal digits, found `\(text)`"
    case .rowOutside(let offset):
      return "\(place)row 0x\(String(offset, radix: 16)) is beyond the 4096 bytes of config space"
    case .rowTwice(let offset): return "\(place)row 0x\(String(offset, radix: 16)) is given twice"
    }
  }
}
