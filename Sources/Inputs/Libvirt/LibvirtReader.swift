import Facts
import Syntax

/// A libvirt document to the QEMU options that libvirt makes of it.
///
/// Names, ids and orders are those of libvirt's src/qemu/qemu_command.c and qemu_alias.c. Where libvirt
/// chooses an address when it defines the domain, `bus` is unknown and there is no `addr`.
struct LibvirtReader {
  var definition: ParsedInput
  let source: String
  /// The name of each PCI bus, by its controller's index.
  var buses: [Int: String] = [:]
  /// Slots of the guest with more than function 0, as `slotOfBus` has them.
  var sharedSlots: Set<UInt64> = []
  /// Networks that are pools of VFs, by name.
  var pools: [String: LibvirtNetwork] = [:]
  /// Whether a place holder of a template has been reported.
  private var hasPlaceholder = false
  /// The domain's default for hostdevs: `<iommufd enabled='yes'/>`.
  var usesIOMMUFD = false
  /// Whether aliases that libvirt makes itself are taken from the text: of a domain that runs.
  var isRunning = false
  /// Numbers of devices that have been read, by the prefix of their aliases.
  private var counts: [String: Int] = [:]

  init(_ source: String) {
    self.source = source
    definition = ParsedInput(machine: MachineConfig(source: source, emulator: nil))
    definition.machine.libvirt = LibvirtDomain(name: nil)
  }

  mutating func problem(_ message: String, fix: String, at location: Location) {
    definition.problems.append(InputProblem(message: message, fix: fix, location: location))
  }

  /// Reports a value that is not a number; of a template's placeholders only the first.
  mutating func notANumber(_ what: String, _ attribute: XMLAttribute, fix: String, at place: Location) {
    guard LibvirtReader.isPlaceholder(attribute.value) else {
      return problem("\(what) is `\(attribute.value)`, which is not a number", fix: fix, at: place)
    }
    guard !hasPlaceholder else { return }
    hasPlaceholder = true
    problem(
      "\(what) is `\(attribute.value)`, a place holder: the document is a template, and its host devices are not known",
      fix: "give the document that is made of it", at: place)
  }

  /// `{{ bus }}`, `${bus}`, `$BUS`, `@BUS@`, `%s`, `<%= bus %>`, `__BUS__`, `0xBUSX`.
  static func isPlaceholder(_ text: String) -> Bool {
    text.contains { "{}$@%<_".contains($0) } || text.filter { ("G"..."Z").contains($0) && $0 != "X" }.count > 1
  }

  /// The place of an element: its start tag.
  /// - Parameter end: continues its path.
  func location(_ element: XMLElement, _ part: LocationBase, _ end: String = "") -> Location {
    Location(in: part, range: element.tagRange, end: end)
  }

  /// - Parameter end: continues the path of its element.
  func location(_ attribute: XMLAttribute, _ part: LocationBase, _ end: String = "") -> Location {
    Location(in: part, range: attribute.range, end: end, attribute: attribute.name)
  }

  /// The place of an attribute, or of what lacks it.
  func location(_ attribute: XMLAttribute?, _ part: LocationBase, _ end: String, or whole: Location) -> Location {
    guard let attribute else { return whole }
    return location(attribute, part, end)
  }

  /// The id that libvirt gives a device: the user's own, which begins with `ua-`, or the next of its kind.
  mutating func alias(_ element: XMLElement, _ prefix: String, number: Int? = nil) -> String {
    let next = number ?? counts[prefix, default: 0]
    counts[prefix] = max(counts[prefix, default: 0], next + 1)
    return ownAlias(element) ?? "\(prefix)\(next)"
  }

  /// The id of a host device: behind the highest number that was given, of which a name of the user's own takes none (libvirt
  /// src/qemu/qemu_alias.c: qemuAssignDeviceHostdevAlias).
  mutating func hostdevAlias(_ element: XMLElement) -> String {
    guard let own = ownAlias(element) else { return alias(element, "hostdev") }
    if own.hasPrefix("hostdev"), let number = Int(own.dropFirst("hostdev".count)), number < 1 << 20 {
      counts["hostdev"] = max(counts["hostdev", default: 0], number + 1)
    }
    return own
  }

  /// Takes an attribute that upstream's libvirt does not read.
  mutating func unsupported(_ attribute: XMLAttribute?, _ part: LocationBase, _ end: String, of id: String?) {
    guard let attribute else { return }
    let unsupported = UnsupportedLibvirtAttribute(
      name: "\(attribute.name)", value: attribute.value, id: id, location: location(attribute, part, end))
    definition.machine.unsupportedAttributes.append(unsupported)
  }

  func ownAlias(_ element: XMLElement) -> String? {
    guard let name = element.child("alias")?.value("name"), isRunning || name.hasPrefix("ua-") else { return nil }
    return name
  }
}

/// A device under construction: its properties, with the place that each is from.
struct LibvirtDevice {
  let part: LibvirtDeviceElement
  let location: Location
  private(set) var properties: [Property] = []

  init(_ part: LibvirtDeviceElement) {
    self.part = part
    location = Location(in: part.path, range: part.element.tagRange)
    properties.reserveCapacity(8)
  }

  var element: XMLElement { part.element }
  /// The place of the element in the document's structure.
  var path: LocationBase { part.path }

  mutating func set(_ name: String, _ value: PropertyValue, at place: Location? = nil) {
    properties.append(Property(name: name, value: value, location: place ?? location))
  }

  mutating func set(_ name: String, _ text: String, at place: Location? = nil) { set(name, .string(text), at: place) }

  /// libvirt passes devices as JSON to every QEMU that it supports.
  func request(_ libvirt: LibvirtHostdev? = nil, plug: DeviceRequest.Plug = .cold) -> DeviceRequest {
    DeviceRequest(form: .json, plug: plug, properties: properties, location: location, libvirt: libvirt)
  }
}
