import Facts
import Inputs
import Support
import Syntax

/// A row of Fixtures/realizes/believed-*.jsonl: a machine, plugs, and what QEMU did with them.
struct BelievedRow {
  enum Happened {
    case ok, died
    case failed(String)

    var isOK: Bool { if case .ok = self { true } else { false } }
  }

  /// QEMU's options and the commands, for messages.
  let name: String
  let machine: MachineConfig
  /// Whether it is about plugs.
  let isHot: Bool
  /// Whether QEMU came to them.
  let isStarted: Bool
  let plugs: [DeviceRequest]
  /// QEMU's answers to them.
  let replies: [Happened]
  /// The outcome of the launch.
  let launch: Happened

  static func all(_ file: String) throws -> [BelievedRow] {
    try Fixture.text("realizes/\(file).jsonl").split(separator: "\n").map { BelievedRow(try JSON.parse(String($0))) }
  }

  private init(_ row: JSON) {
    let argv = (row["argv"]?.array ?? []).compactMap(\.string)
    name = argv.joined(separator: " ") + (row["config"]?.string ?? "") + (row["plugs"].map { " -- \($0.text())" } ?? "")
    let bytes = (["qemu-system-x86_64", "-accel", "tcg"] + argv).flatMap { (argument: String) -> [UInt8] in
      Array(argument.utf8) + [UInt8(0)]
    }
    let config = row["config"]?.string.map { FollowedFile.found(SourceText(name: "/tmp/config", bytes: Array($0.utf8))) }
    machine = ParsedInput.parse(SourceText(name: "argv", bytes: bytes), as: .nul) { path in
      config.flatMap { path == "/tmp/config" ? $0 : nil } ?? .failed("not recorded")
    }.machine
    isHot = row["plugs"] != nil
    isStarted = row["started"] == .bool(true)
    let commands = row["plugs"]?.array ?? []
    plugs = BelievedRow.plugs(commands)
    replies = zip(commands, row["replies"]?.array ?? []).filter { BelievedRow.isPlug($0.0) }.map { BelievedRow.happened($0.1) }
    switch row["rc"]?.number ?? 0 {
    case 0: launch = .ok
    case 1: launch = .failed(Stderr.plain(row["error"]?.string ?? ""))
    default: launch = .died
    }
  }

  private static func plugs(_ commands: [JSON]) -> [DeviceRequest] {
    let isHuman = commands.first?.string != nil
    let lines = commands.map { one in
      one.string ?? (isPlug(one) ? "{\"execute\":\"device_add\",\"arguments\":\(one.text())}" : one.text())
    }
    let text = lines.joined(separator: "\n")
    return ParsedInput.parse(SourceText(name: "plugs", bytes: Array(text.utf8)), as: isHuman ? .hmp : .qmp).plugs
  }

  /// Whether it is a plug, and not `device_del` or an event.
  private static func isPlug(_ command: JSON) -> Bool {
    command.string.map { $0.hasPrefix("device_add") } ?? (command["driver"] != nil)
  }

  private static func happened(_ reply: JSON) -> Happened {
    switch reply {
    case .null: return .died
    case .string(let text): return .failed(Stderr.plain(text))
    default: return .ok
    }
  }
}
