import Facts
import Host
import Inputs
import Prediction
import Support
import Syntax

/// One trial recorded from real QEMU 11.1.3 on a real kernel (Linux 7.3.4): what was asked, what the
/// host was like, and what came of it.
struct LabRow {
  let json: JSON
  private let variant: String
  private let base: [JSON]
  /// The host at boot.
  private let boot: Facts.Host

  static func rows(_ variant: String) throws -> [LabRow] {
    let devices = try JSON.parse(try Fixture.bytes("realizes/lab-\(variant).devices.json")).array ?? []
    if variant.hasPrefix("arm-") {
      return try rows(variant, devices, on: try HostRecording.load(Fixture.path("realizes/lab-\(variant).host")))
    }
    var boot = Facts.Host(nothingKnown: "not recorded", source: variant)
    let template = LabRow(json: .null, variant: variant, base: devices, boot: boot)
    for device in devices { template.add(device, to: &boot) }
    // Rows that do not tell are from before this was recorded: the registers were those of Fixtures/hosts/recorded-q35-vtd-*.
    func register(_ name: String, _ usual: String) -> Known<UInt64> {
      .known(UInt64(devices.compactMap { $0[name]?.string }.first ?? usual, radix: 16) ?? 0)
    }
    boot.iommus = .known(["dmar0": IOMMUUnit(
      "dmar0", capability: register("iommu-cap", "80d2008c222f0606"), extendedCapability: register("iommu-ecap", "f00f4e"))])
    boot.kernelRelease = .known("7.3.4")
    boot.kernelCommandLine = .known(variant == "intel-first-stage" ? "intel_iommu=on intel_iommu=sm_on" : "")
    boot.interruptsIsolated = .known(!variant.hasSuffix("unsafe-interrupts"))
    boot.unsafeInterrupts = .known([])
    return try rows(variant, devices, on: boot)
  }

  private static func rows(_ variant: String, _ devices: [JSON], on boot: Facts.Host) throws -> [LabRow] {
    try Fixture.text("realizes/lab-\(variant).jsonl").split(separator: "\n")
      .map { LabRow(json: try JSON.parse(String($0)), variant: variant, base: devices, boot: boot) }
  }

  var name: String { json["name"]?.string ?? "" }

  /// Trials whose host was bent in a way that no recording has a word for: a sysfs directory
  /// replaced by another, a descriptor of something else.
  var isBeyondFacts: Bool {
    let setup = json["setup"]?.array?.compactMap(\.string) ?? []
    return setup.contains { $0.hasPrefix("shadow") } && !hasNoNumber
  }

  /// The trial in whose sysfs the device's cdev has no `dev`, as under a kernel that makes no cdevs.
  private var hasNoNumber: Bool { name == "vfio-dev/vfio9 without dev, iommufd" }

  func lines(_ key: String) -> [String] { json[key]?.array?.compactMap(\.string) ?? [] }

  /// The arguments that all trials share.
  private static let shorthand = [
    "MACHINE": [
      "qemu-system-x86_64", "-machine", "q35", "-accel", "qtest", "-m", "64", "-nodefaults", "-display", "none", "-S",
    ],
    "ARM": [
      "qemu-system-aarch64", "-machine", "virt", "-accel", "qtest", "-m", "64", "-nodefaults", "-display", "none", "-S",
    ],
    "ARM-KVM": [
      "qemu-system-aarch64", "-machine", "virt,gic-version=3", "-accel", "kvm", "-cpu", "host", "-bios", "/tmp/lab/firmware",
      "-m", "128", "-nodefaults", "-display", "none", "-S",
    ],
    "PORTS": [
      "-device", "pcie-root-port,id=rp,bus=pcie.0,addr=4.0,chassis=1", "-device",
      "pcie-root-port,id=rp2,bus=pcie.0,addr=5.0,chassis=2", "-device",
      "pcie-root-port,id=rpb,bus=pcie.0,addr=6.0,chassis=3", "-device", "pcie-pci-bridge,id=ppb,bus=rpb",
    ],
  ]

  func machine(_ plug: String) -> MachineConfig {
    let argv = (json[plug]?["argv"]?.array ?? []).compactMap(\.string).flatMap { LabRow.shorthand[$0] ?? [$0] }
    let bytes = argv.flatMap { (argument: String) -> [UInt8] in Array(argument.utf8) + [UInt8(0)] }
    return ParsedInput.parse(SourceText(name: plug, bytes: bytes), as: .nul).machine
  }

  var plugs: [DeviceRequest] {
    let command = (json["hot"]?["qmp"] ?? .null).text()
    return ParsedInput.parse(SourceText(name: "qmp", bytes: Array(command.utf8)), as: .qmp).plugs
  }

  // MARK: the host

  var host: Facts.Host {
    var host = boot
    let user = json["user"].flatMap(\.number)
    host.user = .known(user == nil ? "root" : "uid \(user ?? 0)")
    host.memlock = .known(json["memlock"].flatMap(\.number).map(UInt64.init) ?? nil)
    host.iommufd = .known(access("/dev/iommu"))
    let isClosed = user != nil && lines("setup").contains("chmod 600 /dev/vfio/vfio")
    host.vfioContainer = .known(isAway("/dev/vfio/vfio") ? .absent : isClosed ? .denied : .accessible)
    let mine = mine
    for member in mine["group-devices"]?.members ?? [] {
      guard let address = PCIAddress(member.key) else { continue }
      host.devices[address]?.driver = .known(member.value.string)
      // Only a vfio driver makes a character device.
      if member.value.string?.contains("vfio") != true { host.devices[address]?.cdev = .known(nil) }
    }
    for address in host.devices.keys where isHeld(address) {
      host.devices[address]?.users = .known([ProcessReference(pid: 1, name: "qemu", node: holds)])
    }
    if let address = json["host"]?.string.flatMap({ PCIAddress($0) }), mine["exists"] != .bool(true) { host.devices[address] = nil }
    if mine["exists"] == .bool(true) { add(mine, to: &host) }
    host.addresses = .known(Set(host.devices.keys))
    if let physical = mine["physfn"]?.string.flatMap({ PCIAddress($0) }) {
      host.devices[physical]?.driver = .known(mine["physfn-driver"]?.string)
    }
    return host
  }

  /// The trial's device as it was then: as at boot, but for what the row says.
  private var mine: JSON {
    let boot = base.first { $0["host"]?.string == json["host"]?.string }?.members ?? []
    let changed = json["facts"]?.members ?? []
    return .object(changed + boot.filter { member in !changed.contains { $0.key == member.key } })
  }

  private func add(_ fact: JSON, to host: inout Facts.Host) {
    guard let address = fact["host"]?.string.flatMap({ PCIAddress($0) }) else { return }
    let recorded = variant.hasPrefix("arm-") ? boot.devices[address] : nil
    var device = recorded ?? HostDevice(address, nothingKnown: "not recorded")
    let drivers = fact["group-devices"]
    device.driver = .known((drivers?[address.description] ?? fact["driver"])?.string)
    device.classCode = .known(UInt32((fact["class"]?.string ?? "0x0").dropFirst(2), radix: 16) ?? 0)
    device.removable = .known(nil)
    device.physicalFunction = .known(fact["physfn"]?.string.flatMap { PCIAddress($0) })
    device.virtualFunctions = .known([])
    device.iommu = .known(fact["iommu"]?.string ?? (variant.hasPrefix("intel") ? "dmar0" : nil))
    if recorded == nil { device.config = .known(config(fact)) }
    device.users = .known(isHeld(address) ? [ProcessReference(pid: 1, name: "qemu", node: holds)] : [])
    let cdev = fact["cdev"]?.string
    device.cdev = .known(cdev.map { path in
      VFIOCdev(
        name: String(path.split(separator: "/").last ?? ""),
        node: .known(hasNoNumber ? .absent : access(path, of: address)), hasNumber: .known(!hasNoNumber))
    })
    if case .bool(let flag)? = fact["hw-info"]?["ats-not-supported"] { device.boundATSNotSupported = .known(flag) }
    let number = fact["group"]?.string.flatMap { Int($0) }
    device.group = .known(number)
    host.devices[address] = device
    guard let number else { return }
    var group = IOMMUGroup(number, nothingKnown: "not recorded")
    group.members = .known((drivers?.members ?? []).compactMap { PCIAddress($0.key) })
    let hasVFIO = drivers?.members?.contains { $0.value.string == "vfio-pci" } ?? false
    group.node = .known(!hasVFIO ? .absent : access("/dev/vfio/\(number)", of: address, kind: "group"))
    host.groups[number] = group
  }

  private var holds: ProcessReference.Node { json["holder"]?["backend"]?.string == "legacy" ? .group : .cdev }

  private func isHeld(_ address: PCIAddress) -> Bool {
    (json["holder"]?.text() ?? "").contains(address.description)
  }

  private func isAway(_ node: String) -> Bool { lines("setup").contains("away \(node)") }

  private func access(_ path: String, of address: PCIAddress? = nil, kind: String = "cdev") -> NodeAccess {
    if isAway(path) { return .absent }
    if let address, isAway("\(kind):\(address)") { return .absent }
    guard json["user"].flatMap(\.number) != nil else { return .accessible }
    let mode = json["nodes"]?[path]?.string
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
