import Common
import Facts
import QMP
import Syntax

/// A network or a character device of the definition, whose text QEMU reads by a command of its monitor. It checks all parameters and
/// their values, and opens nothing: a network of that name is there, or no such character device to change (QEMU net/net.c:
/// net_client_init1, chardev/char.c: qmp_chardev_change).
struct MonitorTrial: Sendable {
  /// Name of the network that is there, and of the character device that is not.
  static let name = "vfiogate-tried"
  /// Length from which the human monitor cuts a word (QEMU monitor/hmp.c: monitor_parse_arguments).
  private static let limit = 1000
  /// Answers of commands whose values are accepted.
  private static let accepted = ["Duplicate ID '\(name)'", "Chardev '\(name)' does not exist"]
  /// The end of an answer whose message is its first line.
  private static let unread = "Parsing chardev args failed"

  let command: Command
  let location: Location

  /// Nil for a text that the monitor cannot have.
  init?(network items: [(name: String, value: String)], _ location: Location) {
    let own = items.filter { $0.name != "id" } + [("id", MonitorTrial.name)]
    self.init("netdev_add", OptionText.keyval(own), location)
  }

  /// A network in the form of JSON.
  init?(network json: String, _ location: Location) {
    guard let members = try? JSON.parse(json).members else { return nil }
    let own = members.filter { $0.key != "id" } + [JSON.Member("id", .string(MonitorTrial.name))]
    command = Command("netdev_add", .object(own))
    self.location = location
  }

  /// Nil for a text that the monitor cannot have.
  init?(characterDevice items: [(name: String, value: String)], _ location: Location) {
    self.init("chardev-change \(MonitorTrial.name)", OptionText.keyval(items.filter { $0.name != "id" }), location)
  }

  private init?(_ command: String, _ text: String, _ location: Location) {
    guard text.utf8.count < MonitorTrial.limit, text.utf8.allSatisfy({ $0 >= 0x20 }) else { return nil }
    let quoted = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    self.command = Command("human-monitor-command", ["command-line": .string("\(command) \"\(quoted)\"")])
    self.location = location
  }

  /// QEMU's refusal in an answer; nil when it has accepted the values, or has no such command.
  static func refusal(in answer: Result<JSON, CommandError>) -> String? {
    let text: String
    switch answer {
    case .failure(let error): text = error.description
    case .success(let reply):
      let lines = (reply.string ?? "").split(whereSeparator: \.isNewline).map(String.init)
      guard let place = lines.lastIndex(where: { $0.hasPrefix("Error: ") }) else { return nil }
      let last = String(lines[place].dropFirst("Error: ".count))
      let read = lines[..<place].filter { !$0.hasPrefix("warning: ") }
      text = last == unread ? read.joined(separator: "\n") : last
    }
    return text.isEmpty || accepted.contains(text) ? nil : text
  }
}

extension RehearsalPlan {
  /// Has QEMU's monitor read an option's values, unless they are not written out.
  mutating func tryOnMonitor(_ option: Property, _ text: String) {
    if isOfDomain(option.location) || isShells(option.location) || !RehearsalPlan.isWritten(text) { return }
    let place = option.location
    let trial: MonitorTrial?
    switch option.name {
    case "netdev" where text.hasPrefix("{"): trial = MonitorTrial(network: text, place)
    case "netdev":
      let items = OptionText.items(text, implied: "type")
      let type = items.last { $0.name == "type" }?.value ?? ""
      // QEMU reads other texts of these on its command line.
      if ["stream", "dgram"].contains(type) { return read("-netdev", text, place) }
      trial = MonitorTrial(network: items, place)
    case "chardev" where !text.hasPrefix("{"): trial = MonitorTrial(characterDevice: OptionText.items(text, implied: "backend"), place)
    default: trial = nil
    }
    if let trial { monitorTrials.append(trial) }
  }
}

extension RehearsalTrial {
  /// QEMU's refusal of the first network or character device that the rehearsal replaces; nil when it accepts the values of all.
  func refusedOnMonitor() throws(Unknown) -> RehearsalResult.Outcome? {
    guard !plan.monitorTrials.isEmpty else { return nil }
    let number = JSON.integer(Int64(plan.parts.count + 2))
    let hub = Command("netdev_add", ["type": "hubport", "id": .string(MonitorTrial.name), "hubid": number])
    guard case .reply(.success) = try whole.execute(hub, until: deadline) else { return nil }
    for trial in plan.monitorTrials {
      guard case .reply(let answer) = try whole.execute(trial.command, until: deadline) else { return nil }
      guard let text = MonitorTrial.refusal(in: answer) else { continue }
      return .refused(text: text, location: trial.location, about: "`\(trial.location.path)`")
    }
    return nil
  }
}
