/// One `-device` or `device_add`, every spelling lowered to QEMU's property names.
public struct DeviceRequest: Hashable, Sendable {
  /// How the text is read: QEMU is strict about types in JSON and takes text for everything else.
  public enum Form: Sendable { case keyval, json }
  /// Cold: before the machine runs. Hot: `device_add` on a running one.
  public enum Plug: Sendable { case cold, hot }

  /// Shared: a machine has many requests, and whoever goes through them is handed each.
  private final class Parts: Sendable {
    let form: Form
    let plug: Plug
    let properties: [Property]
    let location: Location
    let libvirt: LibvirtHostdev?
    let driver: String?
    let id: String?
    let bus: String?
    let isVFIO: Bool

    init(_ form: Form, _ plug: Plug, _ properties: [Property], _ location: Location, _ libvirt: LibvirtHostdev?) {
      func name(_ name: String) -> String? { properties.last { $0.name == name }?.value.string }
      self.form = form
      self.plug = plug
      self.properties = properties
      self.location = location
      self.libvirt = libvirt
      driver = name("driver")
      id = name("id")
      bus = name("bus")
      isVFIO = driver == "vfio-pci" || driver == "vfio-pci-nohotplug"
    }
  }

  private var parts: Parts

  public init(
    form: Form, plug: Plug, properties: [Property], location: Location, libvirt: LibvirtHostdev? = nil
  ) {
    parts = Parts(form, plug, properties, location, libvirt)
  }

  public var form: Form { parts.form }
  public var plug: Plug { parts.plug }
  /// The whole request.
  public var location: Location { parts.location }
  /// Set when it comes from a libvirt `<hostdev>` or `<interface type='hostdev'>`.
  public var libvirt: LibvirtHostdev? {
    get { parts.libvirt }
    set { parts = Parts(form, plug, properties, location, newValue) }
  }

  /// In the order written, `driver`, `id` and `bus` included. A name given twice stands twice;
  /// the last counts.
  public var properties: [Property] {
    get { parts.properties }
    set { parts = Parts(form, plug, newValue, location, libvirt) }
  }

  /// `driver`, `id` and `bus` count only when they are strings; QEMU takes anything else for
  /// absent (QEMU system/qdev-monitor.c, observed on 11.1.3).
  public var driver: String? { parts.driver }
  public var id: String? { parts.id }
  public var bus: String? { parts.bus }

  public static func == (a: DeviceRequest, b: DeviceRequest) -> Bool {
    a.parts === b.parts || a.form == b.form && a.plug == b.plug && a.properties == b.properties
      && a.location == b.location && a.libvirt == b.libvirt
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(location) }

  /// The property that counts: the last of that name.
  public func property(_ name: String) -> Property? { index(of: name).map { parts.properties[$0] } }

  /// What a property is set to; nil when nobody gives it.
  public func value(_ name: String) -> PropertyValue? { index(of: name).map { parts.properties[$0].value } }

  /// Whether a property is given, with whatever value.
  public func has(_ name: String) -> Bool { index(of: name) != nil }

  private func index(of name: String) -> Int? {
    let length = name.utf8.count
    return parts.properties.lastIndex { $0.name.utf8.count == length && $0.name == name }
  }

  public func string(_ name: String) -> String? { value(name)?.string }

  /// Whether libvirt chooses where the device goes: a free place that fits, on a bus that it adds if need be.
  public var isPlacedByLibvirt: Bool {
    guard libvirt != nil, case .unknown? = value("bus") else { return false }
    return true
  }

  /// The property's place, or the request's.
  public func location(of name: String) -> Location { property(name)?.location ?? location }

  /// Whether it is one of the drivers that this program is about.
  public var isVFIO: Bool { parts.isVFIO }
}

/// One `-object` or `object-add`.
public struct ObjectRequest: Hashable, Sendable {
  public let type: String?
  public let id: String?
  public let properties: [Property]
  public let location: Location

  public init(properties: [Property], location: Location) {
    self.properties = properties
    self.location = location
    type = properties.last { $0.name == "qom-type" }?.value.string
    id = properties.last { $0.name == "id" }?.value.string
  }

  public func string(_ name: String) -> String? { properties.last { $0.name == name }?.value.string }

  /// Whether somebody else opens /dev/iommu and passes it: `fd`.
  public var isPassed: Bool { properties.contains { $0.name == "fd" } }
}

/// One `-global driver.property=value`.
public struct GlobalProperty: Hashable, Sendable {
  public let driver: String
  public let property: String
  public let value: String
  public let location: Location

  public init(driver: String, property: String, value: String, location: Location) {
    self.driver = driver
    self.property = property
    self.value = value
    self.location = location
  }
}

/// One `-set group.id.property=value`.
public struct SetProperty: Hashable, Sendable {
  public let group: String
  public let id: String
  public let property: String
  public let value: String
  public let location: Location

  public init(group: String, id: String, property: String, value: String, location: Location) {
    self.group = group
    self.id = id
    self.property = property
    self.value = value
    self.location = location
  }
}
