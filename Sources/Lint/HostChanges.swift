import Common
import Facts
import Host
import Report
import Rules
import Syntax

/// `vfiogate probe --diff OLD NEW`: the changes between two recordings of a host, and the guests that they concern.
public struct HostComparison: Sendable {
  private let old: String
  private let new: String
  private let definitions: [String]
  private let qemu: QEMUChoice
  private let isJSON: Bool
  private let style: Style

  /// - Parameters:
  ///   - definitions: files and folders whose verdicts are compared; may be empty.
  ///   - qemu: the QEMU that they are for.
  public init(old: String, new: String, definitions: [String], qemu: QEMUChoice, isJSON: Bool, style: Style) {
    self.old = old
    self.new = new
    self.definitions = definitions
    self.qemu = qemu
    self.isJSON = isJSON
    self.style = style
  }

  /// - Returns: exit code 1 when a definition that was safe is unsafe, 2 when one is undetermined now, or cannot be read.
  public func run() -> Answer {
    do {
      let changes = HostChanges(try HostChoice(old).load(), try HostChoice(new).load())
      let guests = definitions.isEmpty ? nil : try GuestChanges(definitions: definitions, old: old, new: new, qemu: qemu)
      var answer = Answer(complaint: guests?.complaint ?? "", exit: guests?.exit ?? .clean)
      if isJSON {
        let members = [JSON.Member("host", changes.json)] + (guests?.members ?? [])
        answer.output = JSON.object(members).text(indented: true) + "\n"
      } else {
        answer.output = changes.text(style) + (guests.map { "\n" + $0.text(style) } ?? "")
      }
      return answer
    } catch {
      return .couldNotLook("\(error)")
    }
  }
}

/// The changes between two recordings of a host.
struct HostChanges: Sendable {
  /// Functions that the host had, and has no more.
  let removed: [HostDevice]
  /// Functions that it did not have.
  let added: [HostDevice]
  /// Removed functions whose id an added one has.
  let moved: [(from: HostDevice, to: HostDevice)]
  /// Facts that differ about the host and the functions that it still has.
  let differences: [RecordingDifference]
  /// The reason why the functions cannot be compared; nil when they can.
  let gap: Unknown?

  /// Compares two hosts.
  init(_ old: Facts.Host, _ new: Facts.Host) {
    differences = HostRecording.differences(old, new)
    var lost: [HostDevice] = [], gained: [HostDevice] = [], pairs: [(from: HostDevice, to: HostDevice)] = []
    switch (old.addresses, new.addresses) {
    case (.known(let before), .known(let after)):
      gap = nil
      lost = before.subtracting(after).sorted().map { old.devices[$0] ?? HostDevice($0, nothingKnown: "not in the recording") }
      gained = after.subtracting(before).sorted().map { new.devices[$0] ?? HostDevice($0, nothingKnown: "not in the recording") }
    case (.unknown(let unknown), _), (_, .unknown(let unknown)): gap = unknown
    }
    // One of an id on either side is the same device; of several the addresses do not say which is which.
    for device in lost {
      guard case .known(let id) = device.id, lost.filter({ $0.id == .known(id) }).count == 1 else { continue }
      let candidates = gained.filter { $0.id == .known(id) }
      if candidates.count == 1 { pairs.append((device, candidates[0])) }
    }
    moved = pairs
    removed = lost.filter { device in !pairs.contains { $0.from.address == device.address } }
    added = gained.filter { device in !pairs.contains { $0.to.address == device.address } }
  }

  /// Whether nothing differs, as far as it is known.
  var isEmpty: Bool { removed.isEmpty && added.isEmpty && moved.isEmpty && differences.isEmpty && gap == nil }

  /// Text for a terminal: one change a line.
  func text(_ style: Style) -> String {
    if isEmpty { return "no changes\n" }
    var lines: [String] = []
    if let gap { lines.append("devices: cannot be compared (\(gap))") }
    lines += removed.map { "- \(HostChanges.title($0))" }
    lines += added.map { "+ \(HostChanges.title($0))" }
    lines += moved.map { "> \($0.from.address) is now \(HostChanges.title($0.to))" }
    for difference in differences {
      let subject = difference.address.map { "\($0) " } ?? ""
      lines.append("~ \(subject)\(difference.fact): \(difference.old ?? "unknown") -> \(difference.new ?? "unknown")")
    }
    return lines.flatMap { ReportText.wrapped(printable($0), style) }.joined(separator: "\n") + "\n"
  }

  private static func title(_ device: HostDevice) -> String {
    let id = device.id.display.map { " [\($0)]" } ?? ""
    return "\(device.address)" + (HostDetail.name(of: device).map { "  \($0)" } ?? "") + id
  }

  /// Object for programs.
  var json: JSON {
    func text(_ value: String?) -> JSON { value.map(JSON.string) ?? .null }
    func device(_ device: HostDevice) -> JSON {
      .object([.init("address", .string("\(device.address)")), .init("id", text(device.id.display?.description))])
    }
    return .object([
      .init("removed", .array(removed.map(device))), .init("added", .array(added.map(device))),
      .init("moved", .array(moved.map { .object([.init("from", device($0.from)), .init("to", device($0.to))]) })),
      .init("changed", .array(differences.map {
        .object([
          .init("address", text($0.address?.description)), .init("fact", .string($0.fact)), .init("old", text($0.old)),
          .init("new", text($0.new)),
        ])
      })),
      .init("not-compared", gap.map { .string("\($0)") } ?? .null),
    ])
  }
}
