import Facts
import Inputs
import Prediction
import Support
import Syntax

/// One trial recorded from real QEMU 11.1.3 on a real kernel (Linux 7.3.4): what was asked, what the
/// host was like, and what came of it.
struct LabRow {
  let json: JSON
  private let base: [JSON]

  static func rows(_ variant: String) throws -> [LabRow] {
    let devices = try JSON.parse(try Fixture.bytes("realizes/lab-\(variant)-11.1.3.devices.json")).array ?? []
    return try Fixture.text("realizes/lab-\(variant)-11.1.3.jsonl").split(separator: "\n")
      .map { LabRow(json: try JSON.parse(String($0)), base: devices) }
  }

  var name: String { json["name"]?.string ?? "" }

  /// Trials whose host was bent in a way that no recording has a word for: a sysfs directory
  /// replaced by another, a descriptor of something else.
  var isBeyondFacts: Bool {
    let setup = json["setup"]?.array?.compactMap(\.string) ?? []
    return setup.contains { $0.hasPrefix("shadow") }
  }

  func lines(_ key: String) -> [String] { json[key]?.array?.compactMap(\.string) ?? [] }

  func machine(_ key: String) -> ParsedDefinition {
    let argv: [UInt8] = lines(key).flatMap { (argument: String) -> [UInt8] in Array(argument.utf8) + [UInt8(0)] }
    return .parse(SourceText(name: key, bytes: argv), as: .nul)
  }

  func plugs() -> ParsedDefinition {
    .parse(SourceText(name: "qmp", bytes: Array((json["hot-qmp"] ?? .null).text().utf8)), as: .qmp)
  }

  // MARK: the host

  var host: Facts.Host {
    var host = Facts.Host(nothingKnown: "not recorded", source: name)
    host.kernelRelease = .known("7.3.4")
    host.kernelCommandLine = .known("")
    let user = json["user"].flatMap(\.number)
    host.user = .known(user == nil ? "root" : "uid \(user ?? 0)")
    host.memlock = .known(json["memlock"].flatMap(\.number).map(UInt64.init) ?? nil)
    host.iommufd = .known(access("/dev/iommu"))
    let isClosed = user != nil && lines("setup").contains("chmod 600 /dev/vfio/vfio")
    host.vfioContainer = .known(isAway("/dev/vfio/vfio") ? .absent : isClosed ? .denied : .accessible)
    host.addresses = .known(Set(facts.compactMap { $0["host"]?.string.flatMap { PCIAddress($0) } }))
    for fact in facts { add(fact, to: &host) }
    if let physical = json["facts"]?["physfn"]?.string.flatMap({ PCIAddress($0) }) {
      host.devices[physical]?.driver = .known(json["facts"]?["physfn-driver"]?.string)
    }
    return host
  }

  /// The recorded device as it was at the trial, and the others as they were at boot.
  private var facts: [JSON] {
    let mine = json["facts"] ?? .null
    let rest = base.filter { $0["host"]?.string != mine["host"]?.string }
    return rest + (mine["exists"] == .bool(true) ? [mine] : [])
  }

  private func add(_ fact: JSON, to host: inout Facts.Host) {
    guard let address = fact["host"]?.string.flatMap({ PCIAddress($0) }) else { return }
    var device = HostDevice(address, nothingKnown: "not recorded")
    let drivers = json["facts"]?["group-devices"]
    device.driver = .known((drivers?[address.description] ?? fact["driver"])?.string)
    device.classCode = .known(UInt32((fact["class"]?.string ?? "0x0").dropFirst(2), radix: 16) ?? 0)
    device.removable = .known(nil)
    device.physicalFunction = .known(fact["physfn"]?.string.flatMap { PCIAddress($0) })
    device.virtualFunctions = .known([])
    device.users = .known(isHeld(address) ? [ProcessReference(pid: 1, name: "qemu")] : [])
    device.config = .known(config(fact))
    let cdev = fact["cdev"]?.string
    device.cdev = .known(cdev.map { path in
      VFIOCdev(name: String(path.split(separator: "/").last ?? ""), node: .known(access(path, of: address)))
    })
    if device.driver.display == .some("vfio-pci"), cdev == nil, fact["host"]?.string != json["facts"]?["host"]?.string {
      device.cdev = .known(VFIOCdev(name: "vfio99", node: .known(.accessible)))
    }
    if case .bool(let flag)? = fact["hw-info"]?["ats-not-supported"] { device.boundATSNotSupported = .known(flag) }
    let number = fact["group"]?.string.flatMap { Int($0) }
    device.group = .known(number)
    host.devices[address] = device
    guard let number else { return }
    var group = IOMMUGroup(number, nothingKnown: "not recorded")
    group.members = .known((fact["group-devices"]?.members ?? []).compactMap { PCIAddress($0.key) })
    let hasVFIO = (fact["host"] == json["facts"]?["host"] ? drivers : fact["group-devices"])?.members?
      .contains { $0.value.string == "vfio-pci" } ?? false
    group.node = .known(!hasVFIO ? .absent : access("/dev/vfio/\(number)", of: address, kind: "group"))
    host.groups[number] = group
  }

  private func isHeld(_ address: PCIAddress) -> Bool {
    (json["holder"]?.text() ?? "").contains(address.description)
  }

  private func isAway(_ node: String) -> Bool { lines("setup").contains("away \(node)") }

  private func access(_ path: String, of address: PCIAddress? = nil, kind: String = "cdev") -> NodeAccess {
    if isAway(path) { return .absent }
    if let address, isAway("\(kind):\(address)") { return .absent }
    guard json["user"].flatMap(\.number) != nil else { return .accessible }
    let mode = json["nodes"]?.array?.first { $0["path"]?.string == path }?["mode"]?.string
    // crw-rw-rw-: the last three letters are for others, and the user is nobody.
    return mode.map { $0.dropFirst(7).hasPrefix("rw") } ?? true ? .accessible : .denied
  }

  /// A space with the lists and capabilities that were seen in the real one.
  private func config(_ fact: JSON) -> ConfigSpace {
    let size = fact["config-bytes"].flatMap(\.number) ?? 256
    var bytes = [UInt8](repeating: 0, count: size)
    if let capabilities = fact["caps"]?.array, !capabilities.isEmpty {
      bytes[0x06] = 0x10
      bytes[0x34] = 0x40
      bytes[0x40] = 0x01
    }
    let extended = (fact["ext-caps"]?.array ?? []).compactMap { $0.array?.compactMap(\.number) }
    for (index, capability) in extended.enumerated() where capability.count == 3 && capability[2] + 4 <= size {
      let next = index + 1 < extended.count ? extended[index + 1][2] : 0
      let header = UInt32(capability[0]) | UInt32(capability[1]) << 16 | UInt32(next) << 20
      for byte in 0..<4 { bytes[capability[2] + byte] = UInt8(header >> (8 * UInt32(byte)) & 0xff) }
    }
    return ConfigSpace(bytes, size: .known(size))
  }
}

extension JSON {
  var number: Int? {
    if case .integer(let number) = self { return Int(number) }
    return nil
  }
}
