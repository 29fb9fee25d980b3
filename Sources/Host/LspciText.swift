import Facts

/// The text of `lspci -xxxx -nn -D`, with `-v` or `-k` or without, as a host: ids, names, classes and config space, the
/// drivers and groups that it names, and nothing else. Which other functions the host has is not known: lspci may have been
/// asked for some only.
enum LspciText {
  /// The reason of every fact that the text does not have.
  private static let reason = "not in the text of lspci"

  static func host(_ bytes: [UInt8], source: String) throws(RecordingError) -> Host {
    var host = Host(nothingKnown: reason, source: source)
    do throws(ConfigDumpError) {
      for dump in try ConfigDump.parse(bytes) {
        guard let address = dump.address, host.devices[address] == nil else { continue }
        host.devices[address] = device(dump, at: address)
      }
    } catch {
      let reason = ConfigDumpError(line: nil, problem: error.problem).description
      throw RecordingError(source: source, line: error.line, problem: .unreadable(reason))
    }
    return host
  }

  private static func device(_ dump: ConfigDump, at address: PCIAddress) -> HostDevice {
    var device = HostDevice(address, nothingKnown: reason)
    device.config = .known(dump.config)
    device.classCode = dump.config.dword(8).map { $0 >> 8 }
    let id = title(dump.title, &device)
    // A virtual function's own registers are all ones; the ids in brackets are the kernel's.
    if let id {
      device.vendor = .known(id.vendor)
      device.device = .known(id.device)
    } else if let vendor = dump.config.word(0).display, vendor != 0xffff {
      device.vendor = .known(vendor)
      device.device = dump.config.word(2)
    }
    for line in dump.details {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      let value = parts[1].drop { $0 == " " }
      switch parts[0] {
      case "Kernel driver in use": device.driver = .known(String(value))
      case "IOMMU group": if let number = Int(value) { device.group = .known(number) }
      case "NUMA node": if let node = Int(value) { device.numaNode = .known(node) }
      default: break
      }
    }
    return device
  }

  /// `0000:01:00.0 VGA compatible controller [0300]: NVIDIA Corporation GA102 [10de:2204] (rev a1)`: the class's name, and
  /// the vendor's and the device's in one.
  /// - Returns: the id in the last brackets; nil without `-nn`.
  private static func title(_ title: String, _ device: inout HostDevice) -> PCIID? {
    let text = title.drop { $0 != " " }.dropFirst()
    guard let mark = text.firstRange(of: "]: "), let bracket = text[..<mark.lowerBound].lastIndex(of: "[") else { return nil }
    let name = text[..<bracket].trimmed
    if !name.isEmpty { device.className = .known(name) }
    let rest = text[mark.upperBound...]
    guard let open = rest.lastIndex(of: "["), let close = rest[open...].firstIndex(of: "]"),
      let id = PCIID(rest[rest.index(after: open)..<close])
    else { return nil }
    device.deviceName = .known(rest[..<open].trimmed)
    return id
  }
}

extension Substring {
  fileprivate var trimmed: String { String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
}
