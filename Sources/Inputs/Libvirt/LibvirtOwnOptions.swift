import Facts
import Syntax

/// Options of a domain that libvirt passes to QEMU unchecked.
extension LibvirtReader {
  static let qemuNamespace = "http://libvirt.org/schemas/domain/qemu/1.0"

  /// Whether the domain may have options for QEMU, regardless of the namespace of their prefix.
  static func hasOwnOptions(_ domain: XMLElement) -> Bool {
    domain.children.contains { $0.name == "commandline" || $0.name == "override" }
  }

  mutating func readOwnOptions(_ domain: XMLElement, _ path: String) {
    for element in domain.children {
      let name = element.name
      guard name == "commandline" || name == "override" else { continue }
      guard element.namespace == LibvirtReader.qemuNamespace else {
        if element.qualifiedName.hasPrefix("qemu:") { reportDropped(element, "\(path)/\(element.qualifiedName)") }
        continue
      }
      definition.machine.libvirt?.hasOwnOptions = true
      if name == "commandline" {
        readCommandLine(element)
      } else {
        readOverrides(element, "\(path)/\(element.qualifiedName)")
      }
    }
  }

  /// Options that are appended unchanged to those that libvirt generates.
  private mutating func readCommandLine(_ element: XMLElement) {
    let values = element.children.filter { $0.name == "arg" }.compactMap { $0.word("value") }
    // Disks and networks are JSON, which `-set` does not find; of the rest libvirt always makes a chardev and a mon.
    let groups: Set<String> = ["chardev", "mon", "fsdev", "tpmdev"]
    let own = CommandLineReader(SourceText(name: source, bytes: []), options: values, after: groups).definition
    definition.machine.append(own.machine)
    // Errors in options that have nothing to do with passthrough are left to libvirt.
    let isAboutVFIO = { (text: String) in text.contains("vfio") || text.contains("readconfig") }
    if values.contains(where: { isAboutVFIO($0.text) }) || hasHostDevice { definition.problems += own.problems }
  }

  private var hasHostDevice: Bool {
    definition.machine.devices.contains { $0.driver?.hasPrefix("vfio-pci") == true }
  }

  /// Properties that replace, add to or take from those of one device.
  private mutating func readOverrides(_ element: XMLElement, _ path: String) {
    var indexes: [String: Int] = [:]
    for (index, device) in definition.machine.devices.enumerated() {
      if let id = device.id, indexes[id] == nil { indexes[id] = index }
    }
    var changes: [Int: [(name: String, property: Property?)]] = [:]
    for device in element.children where device.name == "device" {
      guard let alias = device["alias"], let frontend = device.children.first(where: { $0.name == "frontend" }),
        let index = indexes[alias.value]
      else { continue }
      for property in frontend.children where property.name == "property" {
        guard let name = property.value("name") else { continue }
        let place = Location(
          source: source, range: property.tagRange,
          path: "\(path)/\(device.qualifiedName)[@alias='\(alias.value)']/\(name)")
        if let refusal = LibvirtReader.refusal(of: property, name) {
          problem(
            "libvirt refuses the override of `\(name)` of `\(alias.value)`: \(refusal.reason)", fix: refusal.fix, at: place)
          continue
        }
        let value = LibvirtReader.value(of: property)
        changes[index, default: []].append((name, value.map { Property(name: name, value: $0, location: place) }))
      }
    }
    for (index, changes) in changes { override(index, with: changes) }
  }

  /// Applies the overrides of a device; of several of one property the last applies.
  private mutating func override(_ index: Int, with changes: [(name: String, property: Property?)]) {
    var names: Set<String> = []
    let last = changes.reversed().filter { names.insert($0.name).inserted }.reversed()
    var device = definition.machine.devices[index]
    device.properties.removeAll { names.contains($0.name) }
    device.properties += last.compactMap(\.property)
    // libvirt binds the `<source>`, and opens its nodes to QEMU: not those of the device that QEMU gets instead.
    if let hostdev = device.libvirt, let source = hostdev.source, !device.has("fd"), LibvirtReader.host(of: device) != source {
      definition.machine.libvirt?.unassigned[source] = hostdev
      device.libvirt = nil
    }
    definition.machine.devices[index] = device
  }

  private static func host(of device: DeviceRequest) -> PCIAddress? {
    let path = device.property("sysfsdev")?.value.string.flatMap { $0.split(separator: "/").last }
    return (path ?? device.property("host")?.value.string?[...]).flatMap { PCIAddress($0) }
  }

  /// Values that libvirt does not accept (libvirt src/qemu/qemu_domain.c: qemuDomainDefNamespaceParseOverrideProperties).
  private static func refusal(of property: XMLElement, _ name: String) -> (reason: String, fix: String)? {
    if name == "id" { return ("`id` cannot be overridden", "give the device an `<alias>`") }
    let given = property["value"]
    let text = given?.value
    let type = property.value("type") ?? ""
    let isGood: Bool
    switch type {
    case "string": isGood = text != nil
    case "signed": isGood = text.flatMap { Int64($0) } != nil
    case "unsigned": isGood = text.flatMap { UInt64($0) } != nil
    case "bool": isGood = text == "true" || text == "false"
    case "remove": return text == nil ? nil : ("`remove` takes no value", "take `value` out")
    default: return ("`type` is `\(type)`", "write `string`, `signed`, `unsigned`, `bool` or `remove`")
    }
    if isGood { return nil }
    guard let text else { return ("it has no `value`", "give one") }
    let what = type == "bool" ? "`true` or `false`" : "a decimal number"
    let number = given.flatMap(LibvirtNumber.parse).map { "`\($0)`" }
    return ("`\(text)` is not \(what)", "write \(type == "unsigned" ? number ?? what : what)")
  }

  /// Nil for `type='remove'`.
  private static func value(of property: XMLElement) -> PropertyValue? {
    let text = property.value("value") ?? ""
    switch property.value("type") {
    case "remove": return nil
    case "signed": return Int64(text).map(PropertyValue.integer)
    case "unsigned":
      return UInt64(text).map { number in Int64(exactly: number).map(PropertyValue.integer) ?? .unsigned(number) }
    case "bool": return .bool(text == "true")
    default: return .string(text)
    }
  }

  /// libvirt searches the element by its namespace, and ignores one that is in none.
  private mutating func reportDropped(_ element: XMLElement, _ path: String) {
    let namespace = element.namespace.map { "bound to `\($0)`, which libvirt does not know" } ?? "not bound to a namespace"
    problem(
      "`<\(element.qualifiedName)>` is dropped by libvirt: the prefix `qemu` is \(namespace)",
      fix: "write `<domain … xmlns:qemu='\(LibvirtReader.qemuNamespace)'>`",
      at: Location(source: source, range: element.tagRange, path: path))
  }
}
