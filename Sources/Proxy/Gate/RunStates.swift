import QMP
import Syntax

/// Commands that abort QEMU in some states of the guest: its table of states lacks the step (QEMU system/runstate.c:
/// runstate_transitions_def), images are inactive, or a capability of migrations is on. All were observed on 7.2.22 or 11.1.3.
struct RunStates {
  /// The questions whose answers `refusal` expects.
  static func questions(about command: WireText) -> [Command] {
    let last: Command = ["snapshot-save", "savevm", "qemu-io"].contains(command)
      ? Command("query-named-block-nodes", ["flat": true]) : Command("query-version")
    return [Command("query-status"), Command("query-migrate-capabilities"), Command("query-migrate"), last]
      + (["migrate", "cont", "c"].contains(command) ? MemoryBlocks.questions : [])
  }

  /// The commands that are concerned, also those of the human monitor alone.
  static let commands: Set<WireText> = [
    "system_reset", "migrate", "dump-guest-memory", "snapshot-save", "savevm", "snapshot-load", "loadvm", "block_resize", "qemu-io",
    "cont", "c",
  ]

  /// Devices whose unplug the guest has not completed, and at whose removal by a reset QEMU aborts (`QEMUCrash.abortsAtReset`).
  var unplugging: Set<WireText> = []

  /// Whether the guest was reset since a migration made its images inactive: its state does not show it any more.
  private var isResetWhileInactive = false

  /// The refusal of a command.
  /// - Parameter answers: QEMU's answers to the questions about it.
  mutating func refusal(of command: WireText, _ answers: [JSON]) -> String? {
    let state = answers[0].wire("status") ?? ""
    let hasInactiveImages = hasInactiveImages(state)
    func isOn(_ capability: WireText) -> Bool {
      (answers[1].array ?? []).contains { $0.wire("capability") == capability && $0["state"] == .bool(true) }
    }
    switch command {
    // A dump is reported as complete before it ends (QEMU dump/dump.c: dump_process). It blocks migrations until then.
    case "dump-guest-memory":
      let blockers = answers[2]["blocked-reasons"]?.array ?? []
      return blockers.contains { $0.wire?.contains("dump-guest-memory") ?? false }
        ? "a dump of the guest's memory has not ended, and QEMU aborts; try again" : nil
    case "snapshot-load", "loadvm": return unplugAtReset(answers[3])
    case "system_reset":
      if let why = unplugAtReset(answers[3]) { return why }
      guard state == "save-vm" else { return nil }
      return "the guest's memory is being dumped or saved (`\(state)`), and QEMU aborts; try again when it runs"
    case "migrate":
      if state == "restore-vm" || state == "save-vm" {
        return "the guest is in the state `\(state)`, as after a snapshot that could not be loaded, and QEMU aborts; load a snapshot, or "
          + "use `cont` or `system_reset` first"
      }
      // QEMU 10.0 and 11.1 migrate.
      if state == "prelaunch", hasInactiveImages, !RunStates.isAtLeastTen(answers[3]) {
        return "a migration has made the images inactive, and QEMU 7.2 aborts; use `cont` first"
      }
      if isOn("background-snapshot"), !["running", "paused", "suspended", "shutdown"].contains(state) {
        return "with the capability `background-snapshot` QEMU aborts in the state `\(state)`; use `cont` first"
      }
      // A guest that is suspended wakes by itself.
      guard state == "running" || state == "suspended", !isOn("background-snapshot"), let why = MemoryBlocks.abort(answers)
      else { return nil }
      return why + "; use `stop` first, and `cont` when it has ended"
    case "cont", "c":
      let isUnderWay = ["setup", "active", "device", "pre-switchover", "wait-unplug", "cancelling"].contains(answers[2].wire("status"))
      guard isUnderWay, !isOn("background-snapshot"), let why = MemoryBlocks.abort(answers) else { return nil }
      return why + "; wait until it has ended"
    case "snapshot-save", "savevm":
      let hasBitmaps = (answers[3].array ?? []).contains { $0["dirty-bitmaps"]?.array?.isEmpty == false }
      return (["multifd", hasBitmaps ? "dirty-bitmaps" : nil] as [WireText?]).compactMap { $0 }.first(where: isOn).map {
        "with the capability `\($0)` QEMU crashes or answers no more; switch it off for the snapshot (`migrate-set-capabilities`)"
      }
    case "block_resize", "qemu-io":
      // Nodes that `blockdev-set-active` or an option made inactive, in any state.
      if command == "qemu-io", let node = (answers[3].array ?? []).first(where: { $0["active"] == .bool(false) }) {
        let name = node.wire("node-name") ?? ""
        return "the block node `\(name)` is inactive, and QEMU aborts when one is written; use `blockdev-set-active` first"
      }
      return hasInactiveImages ? "the images are inactive in the state `\(state)`, and QEMU aborts; use `cont` first" : nil
    default: return nil
    }
  }

  /// A reset, with which a snapshot is loaded too, removes a device that the guest has not released.
  private func unplugAtReset(_ version: JSON) -> String? {
    guard RunStates.isAtLeastTen(version), let id = unplugging.first else { return nil }
    return "the guest has not answered the unplug of `\(id)`, and QEMU 10.0 and later abort when a reset completes it; try again after "
      + "its event DEVICE_DELETED, or end the guest"
  }

  /// The first part of QEMU's version; nil where it is not known.
  /// - Parameter version: its answer to `query-version`.
  static func major(_ version: JSON) -> Int64? {
    if case .integer(let major)? = version["qemu"]?["major"] { major } else { nil }
  }

  /// Whether QEMU is of 10.0 or newer.
  static func isAtLeastTen(_ version: JSON) -> Bool { major(version) ?? 0 >= 10 }

  /// Whether QEMU has given up its images to a migration, or waits for one to get them.
  private mutating func hasInactiveImages(_ state: WireText) -> Bool {
    switch state {
    case "postmigrate":
      isResetWhileInactive = true
      return true
    case "prelaunch": return isResetWhileInactive
    default:
      isResetWhileInactive = false
      return state == "inmigrate" || state == "finish-migrate"
    }
  }
}
