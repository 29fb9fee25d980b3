/// One `-device` or `device_add`, every spelling lowered to QEMU's property names.
public struct DeviceRequest: Hashable, Sendable {
  /// The syntax of the request: QEMU is strict about types in JSON, and parses text for everything else.
  public enum Form: Sendable { case keyval, json }
  /// Cold: before the machine runs. Hot: `device_add` on a running one.
  public enum Plug: Sendable { case cold, hot }

  /// Everything but the properties. Shared by the copies of a request, of which each step and each rule makes some.
  private final class Details: Sendable {
    let form: Form
    let plug: Plug
    let location: Location
    let libvirt: LibvirtHostdev?
    let history: History

    init(_ form: Form, _ plug: Plug, _ location: Location, _ libvirt: LibvirtHostdev?, _ history: History) {
      self.form = form
      self.plug = plug
      self.location = location
      self.libvirt = libvirt
      self.history = history
    }
  }

  /// Commands and events before a plug, as far as they concern it.
  public struct History: Hashable, Sendable {
    /// Ids of objects that do not exist when QEMU executes the request, because the stream of commands adds them later or
    /// has deleted them.
    public var absentObjects: Set<String> = []
    /// Ids of devices that commands before the request have unplugged.
    public var unplugged: [String] = []
    /// Ids of devices that QEMU has reported as deleted since the plug before this one.
    public var deleted: [String] = []
    /// Commands about objects since the plug before this one.
    public var objects: [ObjectCommand] = []
    /// The id in the text of a key=value device that `-set` has given another id; nil for any other. QEMU compares the ids of the text.
    public var writtenID: String?
    /// Whether a command before the request may have changed the `bootindex` of a device.
    public var changesBootIndexes = false

    /// Creates the history of a plug that nothing precedes.
    public init() {}
  }

  private var details: Details

  /// The syntax that the user wrote.
  public var form: Form { details.form }
  /// Whether the request is part of a launch or a hot plug.
  public var plug: Plug { details.plug }
  /// Location of the whole request.
  public var location: Location { details.location }
  /// Set when it comes from a libvirt `<hostdev>` or `<interface type='hostdev'>`.
  public var libvirt: LibvirtHostdev? {
    get { details.libvirt }
    set { details = Details(form, plug, location, newValue, history) }
  }
  /// Commands and events before a plug; empty for a device of a launch.
  public var history: History {
    get { details.history }
    set { details = Details(form, plug, location, libvirt, newValue) }
  }
  /// The properties in the order written, `driver`, `id` and `bus` included. A name given twice is in it twice;
  /// the last counts.
  public var properties: [Property] {
    didSet { readNames() }
  }

  /// The device type, by its own name where the request uses an alias. `driver`, `id` and `bus` count only when they
  /// are strings; QEMU treats anything else as absent (QEMU system/qdev-monitor.c: qdev_device_add_from_qdict; observed on 11.1.3).
  public private(set) var driver: String?
  /// The device's id, as QMP names it; nil for an anonymous device.
  public private(set) var id: String?
  /// The guest bus that the request names; nil when QEMU is to choose.
  public private(set) var bus: String?

  /// Name for messages: "`smmu0`", or the driver of a device without an id.
  public var plainName: String { (id ?? driver).map { "`\($0)`" } ?? "a device" }

  /// Creates a request. `driver`, `id` and `bus` are taken from its properties.
  public init(
    form: Form, plug: Plug, properties: [Property], location: Location, libvirt: LibvirtHostdev? = nil
  ) {
    details = Details(form, plug, location, libvirt, History())
    self.properties = properties
    readNames()
  }

  /// Whether QEMU prints the device's properties and makes none (QEMU util/qemu-option.c: qemu_opt_has_help_opt).
  public var asksForHelp: Bool { form == .keyval && (has("help") || has("?") || ["help", "?"].contains(driver)) }

  private mutating func readNames() {
    driver = string("driver").map(DriverAlias.resolve)
    // Of key=value text the first id counts (QEMU util/qemu-option.c: opts_parse_id; observed on 11.1.3).
    id = form == .keyval ? properties.first { $0.name == "id" }?.value.string : string("id")
    bus = string("bus")
  }

  public static func == (a: DeviceRequest, b: DeviceRequest) -> Bool {
    if a.details !== b.details {
      guard a.form == b.form, a.plug == b.plug, a.location == b.location, a.libvirt == b.libvirt, a.history == b.history
      else { return false }
    }
    return a.properties == b.properties
  }

  // A location is unique, and comparing the rest is for ==.
  public func hash(into hasher: inout Hasher) { hasher.combine(location) }

  /// The last property of that name, which is the one that counts.
  public func property(_ name: String) -> Property? { index(of: name).map { properties[$0] } }

  /// The value of a property; nil when it is not given.
  public func value(_ name: String) -> PropertyValue? { index(of: name).map { properties[$0].value } }

  /// Whether a property is given, with any value.
  public func has(_ name: String) -> Bool { index(of: name) != nil }

  private func index(of name: String) -> Int? {
    let length = name.utf8.count
    return properties.lastIndex { $0.name.utf8.count == length && $0.name == name }
  }

  /// The value of a property that is a string; nil for any other type.
  public func string(_ name: String) -> String? { value(name)?.string }

  /// Whether libvirt chooses the device's guest address: a free slot that fits, on a bus that it adds if necessary.
  public var isPlacedByLibvirt: Bool {
    guard libvirt != nil, case .unknown? = value("bus") else { return false }
    return true
  }

  /// Location of the property, or of the request when the property is not given.
  public func location(of name: String) -> Location { property(name)?.location ?? location }

  /// Whether the driver is `vfio-pci` or `vfio-pci-nohotplug`.
  public var isVFIO: Bool { driver == "vfio-pci" || driver == "vfio-pci-nohotplug" }
}

/// A command of a stream about an object.
public enum ObjectCommand: Hashable, Sendable {
  case add(ObjectRequest)
  case delete(id: String, at: Location)
}

/// One `-object` or `object-add`.
public struct ObjectRequest: Hashable, Sendable {
  /// The object type (`qom-type`); nil when it is not a string.
  public let type: String?
  /// The object's id.
  public let id: String?
  /// The properties in the order written, `qom-type` and `id` included.
  public let properties: [Property]
  /// Location of the whole request.
  public let location: Location
  /// Whether it is written as JSON, whose values have types.
  public let isJSON: Bool
  /// Whether a stream of commands adds it to a running machine.
  public let isAdded: Bool
  /// Whether it is a section of a configuration file.
  public let isSection: Bool

  /// Creates a request. `type` and `id` are taken from its properties: of the text of `-object` the first id counts (QEMU
  /// util/qemu-option.c: opts_parse_id; observed on 7.2.22, 10.0.13 and 11.1.3).
  public init(properties: [Property], location: Location, isJSON: Bool = false, isAdded: Bool = false, isSection: Bool = false) {
    self.properties = properties
    self.location = location
    self.isJSON = isJSON
    self.isAdded = isAdded
    self.isSection = isSection
    type = properties.last { $0.name == "qom-type" }?.value.string
    let ids = properties.lazy.filter { $0.name == "id" }
    id = (isJSON || isAdded || isSection ? ids.last : ids.first)?.value.string
  }

  /// The value of a property that is a string; nil for any other type.
  public func string(_ name: String) -> String? { properties.last { $0.name == name }?.value.string }

  /// Whether QEMU reads it as an object with parts; otherwise it is the text of an option (QEMU qapi/opts-visitor.c).
  public var isVisited: Bool { isJSON || isAdded || isSection }

  /// Whether another process opens /dev/iommu and passes the descriptor: `fd`.
  public var isPassed: Bool { properties.contains { $0.name == "fd" } }
}

/// One `-global driver.property=value`.
public struct GlobalProperty: Hashable, Sendable {
  /// The device type that the option names; it applies to derived types too.
  public let driver: String
  /// The property's name.
  public let property: String
  /// The value as text, which QEMU parses by the property's type.
  public let value: String
  /// Location of the option.
  public let location: Location

  /// Creates an option.
  public init(driver: String, property: String, value: String, location: Location) {
    self.driver = driver
    self.property = property
    self.value = value
    self.location = location
  }
}

/// One `-set group.id.property=value`.
public struct SetProperty: Hashable, Sendable {
  /// Option groups that `-set` cannot change (QEMU system/vl.c: is_qemuopts_group).
  public static let unsupported: Set<String> = ["object", "audiodev", "machine", "smp-opts", "boot-opts"]

  /// The option group: `device`, `drive`.
  public let group: String
  /// The id of the option that it changes.
  public let id: String
  /// The property's name.
  public let property: String
  /// The value as text.
  public let value: String
  /// Location of the option.
  public let location: Location

  /// Creates an option.
  public init(group: String, id: String, property: String, value: String, location: Location) {
    self.group = group
    self.id = id
    self.property = property
    self.value = value
    self.location = location
  }
}
