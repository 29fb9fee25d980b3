import Facts
import Syntax

/// One `hostpciN:` entry (qemu-server PVE/QemuServer/PCI.pm: parse_hostpci).
struct ProxmoxHostPCI: Sendable {
  /// A host device as written, with its domain.
  enum Function: Hashable, Sendable {
    /// `0000:01:00.0`. Proxmox accepts any two digits, also for a slot that no bus has.
    case one(String)
    /// `0000:01:00`: every function.
    case slot(String)
  }

  /// The number in the key.
  let index: Int
  let properties: ProxmoxProperties
  let location: Location
  /// Nil where the entry names no address.
  let functions: [Function]?
  let mapping: String?

  /// Nil also for an entry that Proxmox leaves out, as it cannot parse it.
  /// - Parameter problem: reports what keeps Proxmox from starting the machine, or from passing the device.
  init?(_ entry: ProxmoxConfig.Entry, in config: ProxmoxConfig, problem: (InputProblem) -> Void) {
    guard entry.key.hasPrefix("hostpci"), let index = Int(entry.key.dropFirst(7)), (0..<16).contains(index) else {
      return nil
    }
    self.index = index
    location = config.location(entry)
    properties = ProxmoxProperties(entry.value)
    mapping = properties["mapping"]
    var isIgnored = false
    func ignore(_ item: ProxmoxProperties.Item, _ key: String, _ what: String, _ fix: String) {
      isIgnored = true
      let place = Location(source: config.source.name, range: item.range, path: "\(entry.key).\(key)")
      problem(ProxmoxMachine.ignored(entry.key, what, fix, place))
    }
    for item in properties.items {
      guard let (what, fix) = ProxmoxHostPCI.mistake(in: item, of: properties) else { continue }
      ignore(item, item.key, what, fix)
    }
    let host = properties.item("") ?? properties.item("host")
    var found: [Function] = []
    for text in host?.value.split(separator: ";", omittingEmptySubsequences: false) ?? [] {
      guard let function = ProxmoxHostPCI.function(text) else {
        if let host {
          ignore(
            host, "host", "'\(text)' is not a PCI address",
            "write `[domain:]bus:slot[.function]` in hexadecimal and lower case, as `lspci -D` does")
        }
        break
      }
      found.append(function)
    }
    functions = host == nil ? nil : found
    if isIgnored { return nil }
    if host != nil, mapping != nil {
      problem(ProxmoxMachine.refusal("Cannot set both 'host' and 'mapping'.", "keep one of them", location))
    } else if host == nil, mapping == nil {
      problem(
        ProxmoxMachine.refusal(
          "Either 'host' or 'mapping' must be set.", "name the device: `hostpci\(index): 0000:01:00`", location))
    }
  }

  /// The mistake for which the schema does not accept an item, and the remedy (qemu-server PVE/QemuServer/PCI.pm: $hostpci_fmt;
  /// pve-common PVE/JSONSchema.pm: parse_property_string).
  private static func mistake(in item: ProxmoxProperties.Item, of all: ProxmoxProperties) -> (String, String)? {
    let key = item.key.isEmpty ? "host" : item.key
    if all.items.filter({ ($0.key.isEmpty ? "host" : $0.key) == key }).first?.range != item.range {
      return ("duplicate key in comma-separated list property: \(key)", "write it once")
    }
    switch key {
    case "host", "mapping", "romfile", "mdev": return nil
    case "rombar", "pcie", "x-vga", "legacy-igd":
      return all.flag(key) == nil ? ("type check ('boolean') failed - got '\(item.value)'", "write `\(key)=1` or `\(key)=0`") : nil
    case "vendor-id", "device-id", "sub-vendor-id", "sub-device-id":
      let digits = item.value.dropFirst(2).utf8
      let isID = item.value.hasPrefix("0x") && digits.count == 4 && item.value.dropFirst(2).allSatisfy(\.isHexDigit)
      return isID ? nil : ("`\(key)` is '\(item.value)'", "write four digits, as `0x10de`")
    case "driver":
      return ["vfio", "keep"].contains(item.value) ? nil : ("`driver` is '\(item.value)'", "write `driver=vfio` or `driver=keep`")
    default: return ("invalid key in comma-separated list property: \(key)", "take `\(key)` out")
    }
  }

  /// `[domain:]bus:slot[.function]`, lower-case hexadecimal without `0x`; the domain is 0 when it is not given.
  static func function(_ text: some StringProtocol) -> Function? {
    let dot = String(text).split(separator: "." as Character, omittingEmptySubsequences: false)
    var numbers = dot[0].split(separator: ":" as Character, omittingEmptySubsequences: false).map(String.init)
    if numbers.count == 2 { numbers.insert("0000", at: 0) }
    let isDigit: (UInt8) -> Bool = { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    guard dot.count < 3, numbers.count == 3, numbers[0].utf8.count >= 4, numbers[1].utf8.count == 2,
      numbers[2].utf8.count == 2, numbers.allSatisfy({ $0.utf8.allSatisfy(isDigit) })
    else { return nil }
    let slot = numbers.joined(separator: ":")
    guard dot.count == 2 else { return .slot(slot) }
    return dot[1].utf8.count == 1 && dot[1].utf8.allSatisfy(isDigit) ? .one("\(slot).\(dot[1])") : nil
  }

  var isExpress: Bool { properties.flag("pcie") ?? false }
  var isLegacyIGD: Bool { properties.flag("legacy-igd") ?? false }
  var isPrimaryVGA: Bool { properties.flag("x-vga") ?? false }
  var mediatedType: String? { properties["mdev"] }
}
