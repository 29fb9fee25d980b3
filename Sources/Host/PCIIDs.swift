import Facts
import Glibc

extension Host {
  /// Adds the names of all functions, from the machine's list of PCI ids. Only commands that print names call it: the list
  /// has a megabyte, and no decision rests on a name.
  /// - Parameter root: the folder that contains `usr`.
  public mutating func readNames(root: String = "/") {
    let names = PCIIDs(FileTree(root: root), of: devices.values)
    for (address, device) in devices {
      let vendor = names.name(of: device.vendor) { .vendor($0) }
      let model = names.name(of: device.vendor.flatMap { vendor in device.device.map { (vendor, $0) } }) { .device($0.0, $0.1) }
      devices[address]?.vendorName = vendor
      devices[address]?.deviceName = model
      devices[address]?.className = names.className(of: device.classCode)
    }
  }
}

/// Names from pci.ids (the PCI ID Project's list, with which lspci names devices): the packages pci.ids and hwdata install it.
struct PCIIDs {
  private static let paths = ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"]
  /// Size limit in bytes; the list of 2026 has 1.5 megabytes.
  static let sizeLimit = 8 << 20
  /// Bytes of a name that are kept; the longest of the list has 150.
  private static let nameLimit = 200

  /// An entry of the list.
  enum Key: Hashable {
    case vendor(UInt16)
    case device(UInt16, UInt16)
    case baseClass(UInt8)
    case subclass(UInt16)
  }

  /// The names of the wanted entries; or why the list cannot be read.
  private var names: Known<[Key: String]>

  /// Reads the first list that exists, for the ids of these devices.
  init(_ tree: FileTree, of devices: some Sequence<HostDevice>) {
    names = .unknown("list of PCI ids", PCIIDs.paths.joined(separator: " and ") + ": \(errnoText(ENOENT))")
    var reason: String?
    for path in PCIIDs.paths {
      switch tree.bytes(path, limit: PCIIDs.sizeLimit) {
      case .found(let bytes):
        names = .known(PCIIDs.parse(bytes, PCIIDs.wanted(devices)))
        return
      // A folder that is missing too is a package that is not installed.
      case .absent: break
      case .failed(let text): if !text.hasSuffix(errnoText(ENOENT)) { reason = text }
      }
    }
    if let reason { names = .unknown("list of PCI ids", reason) }
  }

  private static func wanted(_ devices: some Sequence<HostDevice>) -> Set<Key> {
    var wanted: Set<Key> = []
    for device in devices {
      if case .known(let vendor) = device.vendor {
        wanted.insert(.vendor(vendor))
        if case .known(let model) = device.device { wanted.insert(.device(vendor, model)) }
      }
      if case .known(let code) = device.classCode {
        wanted.insert(.baseClass(UInt8(truncatingIfNeeded: code >> 16)))
        wanted.insert(.subclass(UInt16(truncatingIfNeeded: code >> 8)))
      }
    }
    return wanted
  }

  /// Lines `10de  NVIDIA Corporation`, below it `\t2204  GA102 …`; `C 03  Display controller`, below it `\t00  VGA …`.
  /// Subsystems and programming interfaces have two tabs.
  private static func parse(_ bytes: [UInt8], _ wanted: Set<Key>) -> [Key: String] {
    var found: [Key: String] = [:]
    var vendor: UInt16?
    var baseClass: UInt16?
    for line in bytes.split(separator: 0x0a) {
      let isBelow = line.first == 0x09
      let body = isBelow ? line.dropFirst() : line
      if body.first == 0x09 || body.first == UInt8(ascii: "#") { continue }
      let isClass = !isBelow && body.starts(with: "C ".utf8)
      if !isBelow { (vendor, baseClass) = (nil, nil) }
      let entry = isClass ? body.dropFirst(2) : body
      guard let (number, digits) = hexadecimal(entry) else { continue }
      var key: Key?
      if isClass, digits == 2 {
        baseClass = number
        key = .baseClass(UInt8(truncatingIfNeeded: number))
      } else if !isBelow, digits == 4 {
        vendor = number
        key = .vendor(number)
      } else if let vendor, digits == 4 {
        key = .device(vendor, number)
      } else if let baseClass, digits == 2 {
        key = .subclass(baseClass << 8 | number)
      }
      guard let key, wanted.contains(key) else { continue }
      let name = trimmedText(Array(entry.dropFirst(digits).prefix(nameLimit)))
      if !name.isEmpty { found[key] = found[key] ?? name }
    }
    return found
  }

  /// The number that an entry begins with, and its digits.
  private static func hexadecimal(_ entry: ArraySlice<UInt8>) -> (UInt16, Int)? {
    var number: UInt16 = 0
    var digits = 0
    for byte in entry.prefix(5) {
      if byte == 0x20 { return digits == 0 ? nil : (number, digits) }
      guard digits < 4, let digit = byte.hexDigitValue else { return nil }
      number = number << 4 | UInt16(digit)
      digits += 1
    }
    return nil
  }

  func name<ID: Sendable>(of id: Known<ID>, _ key: (ID) -> Key) -> Known<String?> {
    id.flatMap { id in names.map { $0[key(id)] } }
  }

  /// The subclass's name, or the base class's where the list has no such subclass.
  func className(of code: Known<UInt32>) -> Known<String?> {
    code.flatMap { code in
      names.map { $0[.subclass(UInt16(truncatingIfNeeded: code >> 8))] ?? $0[.baseClass(UInt8(truncatingIfNeeded: code >> 16))] }
    }
  }
}
