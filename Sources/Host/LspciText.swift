import Facts

/// The text of `lspci -xxxx -nn -D`, with `-v` or `-k` or without, as a host: ids, names, classes and config space, the
/// drivers and groups that it names, and nothing else. Which other functions the host has is not known: lspci may have been
/// asked for some only.
enum LspciText {
  private static let reason = UnknownReason.notInLspci

  static func host(_ bytes: [UInt8], source: String) throws(RecordingError) -> Host {
    var host = Host(nothingKnown: reason, ofFiles: UnknownReason.neverRecorded, source: source)
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
      case "Flags": flags(value, &device)
      default: break
      }
    }
    return device
  }

  /// `bus master, fast devsel, latency 0, IRQ 16, NUMA node 0, IOMMU group 2`: `-v` has one line for what `-vv` has several
  /// lines for (pciutils ls-pci.c: show_terse).
  private static func flags(_ text: Substring, _ device: inout HostDevice) {
    for flag in text.split(separator: ",") {
      let words = flag.split(separator: " ")
      guard words.count == 3, let number = Int(words[2]) else { continue }
      if words[..<2] == ["IOMMU", "group"] { device.group = .known(number) }
      if words[..<2] == ["NUMA", "node"] { device.numaNode = .known(number) }
    }
  }

  /// `0000:01:00.0 VGA compatible controller [0300]: NVIDIA Corporation GA102 [10de:2204] (rev a1)`: the class's name, and
  /// the vendor's and the device's in one. `-v` adds `(prog-if 00 [VGA controller])`.
  /// - Returns: the id in brackets; nil without `-nn`.
  private static func title(_ title: String, _ device: inout HostDevice) -> PCIID? {
    let text = title.drop { $0 != " " }.dropFirst()
    guard let mark = text.firstRange(of: "]: "), let bracket = text[..<mark.lowerBound].lastIndex(of: "[") else { return nil }
    let name = text[..<bracket].trimmed
    if !name.isEmpty { device.className = .known(name) }
    let rest = text[mark.upperBound...]
    for open in rest.indices.reversed() where rest[open] == "[" {
      guard let close = rest[open...].firstIndex(of: "]"), let id = PCIID(rest[rest.index(after: open)..<close]) else { continue }
      device.deviceName = .known(rest[..<open].trimmed)
      return id
    }
    return nil
  }
}

extension Substring {
  fileprivate var trimmed: String { String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
}
