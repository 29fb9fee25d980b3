import Facts
import Syntax

/// One `hostpciN:` entry (qemu-server PVE/QemuServer/PCI.pm: parse_hostpci).
struct ProxmoxHostPCI: Sendable {
  /// A host device as written: one function, or every function of a slot.
  enum Function: Hashable, Sendable {
    case one(PCIAddress)
    /// The address has function 0.
    case slot(PCIAddress)

    /// The address without the function where every function is meant: `0000:01:00`.
    var name: String {
      switch self {
      case .one(let address): return "\(address)"
      case .slot(let address): return "\(address)".split(separator: ".").first.map(String.init) ?? "\(address)"
      }
    }
  }

  /// The number in the key.
  let index: Int
  let properties: ProxmoxProperties
  let location: Location
  /// Nil where the entry names a mapping, or an address that cannot be read.
  let functions: [Function]?
  let mapping: String?

  /// - Parameter problem: reports what keeps Proxmox from starting the machine.
  init?(_ entry: ProxmoxConfig.Entry, in config: ProxmoxConfig, problem: (String, String, Location) -> Void) {
    guard entry.key.hasPrefix("hostpci"), let index = Int(entry.key.dropFirst(7)), (0..<16).contains(index) else {
      return nil
    }
    self.index = index
    location = config.location(entry)
    properties = ProxmoxProperties(entry.value)
    mapping = properties["mapping"]
    let host = properties.item("") ?? properties.item("host")
    if host != nil, mapping != nil {
      problem("Cannot set both 'host' and 'mapping'.", "keep one of them", location)
    }
    guard let host else {
      functions = nil
      if mapping == nil {
        problem("Either 'host' or 'mapping' must be set.", "name the device: `hostpci\(index): 0000:01:00`", location)
      }
      return
    }
    var found: [Function] = []
    for text in host.value.split(separator: ";", omittingEmptySubsequences: false) {
      guard let function = ProxmoxHostPCI.function(text) else {
        let place = Location(source: config.source.name, range: host.range, path: "\(entry.key).host")
        problem(
          "invalid format - '\(text)' is not a PCI address", "write `[domain:]bus:slot[.function]` in hexadecimal, as `lspci -D` does",
          place)
        functions = nil
        return
      }
      found.append(function)
    }
    functions = found
  }

  /// `[domain:]bus:slot[.function]`, lower-case hexadecimal without `0x`; the domain is 0 when it is not given.
  static func function(_ text: some StringProtocol) -> Function? {
    let isWhole = !text.contains(".")
    guard !text.utf8.contains(where: { (0x41...0x5a).contains($0) }),
      let address = PCIAddress(isWhole ? "\(text).0" : "\(text)")
    else { return nil }
    return isWhole ? .slot(address) : .one(address)
  }

  var isExpress: Bool { properties.flag("pcie") ?? false }
  var isLegacyIGD: Bool { properties.flag("legacy-igd") ?? false }
  var isPrimaryVGA: Bool { properties.flag("x-vga") ?? false }
  var mediatedType: String? { properties["mdev"] }
}
