import Facts
import Syntax

/// A Proxmox VE machine, lowered to what Proxmox would say to QEMU (qemu-server PVE/QemuServer.pm: config_to_command):
/// from there on it is a command line like any other.
///
/// An address without a function stands for every function of its slot, which only the host can list: `lowered`
/// is asked again when the host is known.
public struct ProxmoxMachine: Sendable {
  /// The functions of a slot, given its function 0, in order; unknown where the host was not inspected.
  public typealias FunctionsOfSlot = (PCIAddress) -> Known<[PCIAddress]>

  let config: ProxmoxConfig
  let assigned: [ProxmoxHostPCI]
  /// Nil where no entry names a mapping.
  let mappings: Known<ProxmoxMapping>?
  /// Reasons for which Proxmox refuses to start the machine on every host.
  private let refusals: [InputProblem]

  init(_ source: SourceText, follow: FileFollower?) {
    let config = ProxmoxConfig(source)
    var refusals: [InputProblem] = []
    let assigned = config.entries.compactMap { entry -> ProxmoxHostPCI? in
      ProxmoxHostPCI(entry, in: config) { refusals.append($0) }
    }
    self.config = config
    self.assigned = assigned.sorted { $0.index < $1.index }
    mappings = assigned.contains { $0.mapping != nil } ? ProxmoxMapping.read(follow) : nil
    self.refusals = config.problems + (config.flag("template") ? [] : refusals)
  }

  static func refusal(_ message: String, _ fix: String, _ place: Location) -> InputProblem {
    InputProblem(message: "Proxmox refuses to start the machine: \(message)", fix: fix, location: place)
  }

  /// An entry that Proxmox cannot parse: it warns, and leaves the entry out (qemu-server PVE/QemuServer.pm:
  /// parse_vm_config).
  static func ignored(_ key: String, _ reason: String, _ fix: String, _ place: Location) -> InputProblem {
    InputProblem(
      message: "Proxmox starts the machine without the device: it warns `unable to parse value of '\(key)'`: \(reason)",
      fix: fix, location: place)
  }

  /// The slots of which every function is passed through, as the address of function 0.
  public var slots: Set<PCIAddress> {
    Set(
      assigned.flatMap { $0.functions ?? [] }.compactMap { function in
        if case .slot(let slot) = function { return PCIAddress(slot + ".0") }
        return nil
      })
  }

  /// The places of all `hostpciN:`, and of entries that do not count.
  var readEntries: [Location] {
    (config.entries.filter { ProxmoxConfig.isHostPCI($0.key) } + config.unused).map(config.location)
  }

  var machineOptions: ProxmoxProperties? { config.entry("machine").map { ProxmoxProperties($0.value) } }
  /// The type without Proxmox's own revision: `pc-q35-10.0+pve1` is `pc-q35-10.0` to QEMU.
  var machineType: String {
    let options = machineOptions
    return ProxmoxMachine.withoutRevision(options?[""] ?? options?["type"] ?? "pc")
  }

  static func withoutRevision(_ type: String) -> String { String(type.prefix { $0 != "+" }) }

  var isQ35: Bool { machineType == "q35" || machineType.hasPrefix("pc-q35") }

  /// Whether the machine's version is that or a newer one; without a version it is the newest.
  func isAtLeast(_ major: Int, _ minor: Int) -> Bool {
    let numbers = (machineType.split(separator: "-").last ?? "").split(separator: ".").compactMap { Int($0) }
    return numbers.count < 2 || !numbers.lexicographicallyPrecedes([major, minor])
  }

  /// Whether it is a template, which starts for its backup only, without host devices.
  var isTemplate: Bool { config.flag("template") }
  var isUEFI: Bool { config.text("bios") == "ovmf" }

  /// The machine as QEMU is asked for it.
  /// - Parameter isArm: whether the host is an Arm machine, whose architecture a configuration without `arch:` has.
  public func lowered(isArm: Bool?, _ functions: @escaping FunctionsOfSlot) -> ParsedInput {
    var reader = ProxmoxLowering(self, isArm: isArm, functions)
    reader.lower()
    var definition = reader.definition
    definition.problems = refusals + definition.problems
    definition.proxmox = self
    for comment in config.comments {
      let text = String(decoding: config.source.bytes[comment].drop { $0 == UInt8(ascii: "#") }, as: UTF8.self)
      let place = Location(source: config.source.name, range: comment, path: "comment")
      AllowComment.parse(text, at: place, scope: nil, into: &definition)
    }
    definition.noteUnreadDevices(config.source, in: 0..<config.end)
    return definition
  }
}

extension ParsedInput {
  /// Every function that slots may have of which all functions are passed through.
  public var wholeSlots: Set<PCIAddress> {
    Set((proxmox?.slots ?? []).flatMap { slot in
      (0..<8).compactMap { PCIAddress(domain: slot.domain, bus: slot.bus, slot: slot.slot, function: $0) }
    })
  }
}
