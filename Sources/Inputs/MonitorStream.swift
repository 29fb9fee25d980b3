import Facts
import Syntax

/// The commands of a stream that decide about plugs behind them, in their order: objects that do not exist yet or any more,
/// devices that are unplugged, and what QEMU refuses to plug into. Of any other command nothing is kept.
struct MonitorStream {
  /// A command as QMP or the human monitor gives it.
  struct Command {
    let name: String
    /// The value of an argument of QMP; of the human monitor, which has no names, the first argument for every name.
    let argument: (String) -> String?
    let place: Location
  }

  /// The descriptors that the stream has passed.
  private var descriptors: Set<String> = []
  /// Commands about objects since the last plug.
  private var objects: [ObjectCommand] = []
  /// Objects that the stream has deleted.
  private var deleted: Set<String> = []
  /// The number of plugs before the first creation of each object.
  private var firstPlug: [String: Int] = [:]
  /// Devices that were unplugged since the last plug.
  private var unplugged: [String] = []
  /// Devices that the guest was asked to release and that QEMU has not reported as deleted, each with its command.
  private var leaving: [String: Location] = [:]
  /// The iommufd object of each device, by its id, and the number of devices that use each object.
  private var links: [String: String] = [:]
  private var users: [String: Int] = [:]
  /// Plugs of each bus, and of each id.
  private var buses: [String?: Occupants] = [:]
  private var named: [String: Occupants] = [:]
  /// The maximum number of devices that leave at once, because each plug is compared with all of them.
  private static let maximumLeaving = 256
  /// Devices that were reported as deleted since the last plug.
  private var gone: [String] = []
  /// Whether a command may have given a device another `bootindex`.
  private var changesBootIndexes = false
  /// The reason why QEMU may refuse every further plug.
  private var obstacle: UnreadPart?

  /// Reads a command that adds neither a device nor an object.
  mutating func read(_ command: Command, into definition: inout ParsedInput) {
    func note(_ what: String, _ reason: String) -> UnreadPart {
      UnreadPart(what: what, reason: reason, location: command.place)
    }
    switch command.name {
    case "getfd": command.argument("fdname").map { _ = descriptors.insert($0) }
    case "device_del":
      guard let id = command.argument("id").map(MonitorStream.device) else { return }
      unplugged.append(id)
      if let object = links.removeValue(forKey: id) { users[object, default: 1] -= 1 }
      if leaving.count < MonitorStream.maximumLeaving || leaving[id] != nil {
        leaving[id] = command.place
      } else {
        obstacle = obstacle ?? note(
          "whether the guest has released `\(id)`", "more than \(MonitorStream.maximumLeaving) devices leave at once")
      }
    case "object-del", "object_del":
      guard let id = command.argument("id") else { return }
      objects.append(.delete(id: id, at: command.place))
      // QEMU refuses to delete an iommufd in use (QEMU backends/iommufd.c: iommufd_backend_can_be_deleted).
      if users[id, default: 0] == 0 { deleted.insert(id) }
    case "migrate", "migrate-recover", "snapshot-load", "snapshot-save", "loadvm", "savevm", "quit", "q", "exit":
      obstacle = obstacle ?? note(
        "whether `\(command.name)` has ended", "while a migration runs, and when QEMU has ended, it refuses to plug")
    case "qom-set":
      let property = command.argument("property")
      // libvirt's own, of the balloon.
      if property == "guest-stats-polling-interval" { return }
      // The human monitor's first argument is the path.
      if property == "bootindex" || property == command.argument("path") { changesBootIndexes = true }
      definition.machine.unreadParts.append(
        note("`qom-set`", "it may change a device or an object that exists, and is not modelled"))
    default: return
    }
  }

  /// The id of a device by its id or its path (QEMU qom/object.c: object_resolve_path_at); empty parts do not count.
  private static func device(_ path: String) -> String {
    let parts = path.split(separator: "/")
    if path.hasPrefix("/") { return parts.count == 3 && parts[..<2] == ["machine", "peripheral"] ? String(parts[2]) : path }
    return parts.count == 1 ? String(parts[0]) : path
  }

  /// Reads an event: QEMU reports it when the guest has released the device.
  mutating func deviceDeleted(_ id: String) {
    if leaving.removeValue(forKey: id) != nil { gone.append(id) }
  }

  /// Adds an object. One that was deleted and is made again is the same to the plugs behind it.
  mutating func add(_ object: ObjectRequest, to definition: inout ParsedInput) {
    objects.append(.add(object))
    // It may be any that a plug names.
    for name in ["qom-type", "id"] {
      definition.noteOpen(object.properties.last { $0.name == name }?.value, object.location)
    }
    let isAgain = object.id.map { deleted.remove($0) != nil } ?? false
    if let id = object.id, firstPlug[id] == nil { firstPlug[id] = definition.plugs.count }
    if let fd = object.string("fd"), fd.utf8.first.map({ (0x30...0x39).contains($0) }) != true,
      !descriptors.contains(fd) {
      definition.machine.unreadParts.append(
        UnreadPart(
          what: "descriptor `\(fd)` of the object `\(object.id ?? "")`", reason: "no `getfd` of the stream gives it",
          location: object.location))
    }
    if !isAgain || !definition.machine.objects.contains(where: { $0.id == object.id }) { definition.machine.objects.append(object) }
  }

  /// Adds a plug, with what the commands before it have changed.
  mutating func add(_ plug: DeviceRequest, to definition: inout ParsedInput) {
    // A device of a type that is not known: QEMU gets one.
    if definition.noteOpen(plug.value("driver"), plug.location) { return }
    var plug = plug
    plug.history.absentObjects = deleted
    plug.history.objects = objects
    objects = []
    plug.history.unplugged = unplugged
    plug.history.deleted = gone
    plug.history.changesBootIndexes = changesBootIndexes
    (unplugged, gone) = ([], [])
    if let obstacle {
      definition.machine.unreadParts.append(obstacle)
      self.obstacle = nil
    }
    for (id, place) in leaving.sorted(by: { $0.key < $1.key }) where mayMeet(plug, id) {
      leaving[id] = nil
      definition.machine.unreadParts.append(
        UnreadPart(
          what: "whether the guest has released `\(id)`",
          reason: "the stream shows no DEVICE_DELETED, and until then QEMU refuses what the device still occupies",
          location: place))
    }
    buses[plug.bus, default: Occupants()].add(plug)
    if let id = plug.id { named[id, default: Occupants()].add(plug) }
    if let object = plug.string("iommufd") {
      users[object, default: 0] += 1
      // One without an id cannot be unplugged.
      if let id = plug.id, let other = links.updateValue(object, forKey: id) { users[other, default: 1] -= 1 }
    }
    definition.plugs.append(plug)
  }

  /// Whether a plug asks for the id, the bus or the host function of a device that may still be there.
  private func mayMeet(_ plug: DeviceRequest, _ id: String) -> Bool {
    // One of the machine itself, of which nothing is known here.
    guard let old = named[id] else { return true }
    if plug.bus == old.bus { return true }
    // The guest releases a slot with all of its functions.
    return [old, buses[old.bus]].contains { $0?.mayMeet(plug) == true }
  }

  /// The plugs of one bus, or of one id.
  private struct Occupants {
    /// The bus of the last one.
    var bus: String?
    private var ids: Set<String> = []
    private var hosts: Set<PCIAddress> = []
    private var hasVFIO = false

    mutating func add(_ plug: DeviceRequest) {
      bus = plug.bus
      if let id = plug.id { ids.insert(id) }
      guard plug.isVFIO else { return }
      hasVFIO = true
      if let host = plug.string("host").flatMap({ PCIAddress($0) }) { hosts.insert(host) }
    }

    func mayMeet(_ plug: DeviceRequest) -> Bool {
      if let id = plug.id, ids.contains(id) { return true }
      guard plug.isVFIO, hasVFIO else { return false }
      return plug.string("host").flatMap { PCIAddress($0) }.map(hosts.contains) ?? true
    }
  }

  /// Marks the plugs that name an object which the stream adds behind them.
  func finish(_ definition: inout ParsedInput) {
    definition.machine.lastCommands.objects = objects
    definition.machine.lastCommands.unplugged = unplugged
    definition.machine.lastCommands.deleted = gone
    for index in definition.plugs.indices {
      guard let link = definition.plugs[index].string("iommufd"), let first = firstPlug[link], first > index else { continue }
      definition.plugs[index].history.absentObjects.insert(link)
    }
  }
}

extension ParsedInput {
  /// Notes a value of a monitor's command that another program fills in.
  /// - Returns: whether it is one.
  @discardableResult
  fileprivate mutating func noteOpen(_ value: PropertyValue?, _ place: Location) -> Bool {
    guard case .unknown(let text)? = value else { return false }
    let what = "value of `\(text)`"
    if !machine.unreadParts.contains(where: { $0.what == what && $0.location == place }) {
      machine.unreadParts.append(UnreadPart(what: what, reason: "another program fills it in", location: place))
    }
    return true
  }
}
