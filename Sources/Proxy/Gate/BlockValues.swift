import Common
import Facts
import Prediction
import QMP
import Rules
import Syntax

/// Values of block nodes' options that QEMU expects never to get: it ends, or closes a descriptor that it has not opened. Values that
/// no driver accepts are refused regardless of the driver.
enum BlockValues {
  private enum Kind { case size, number, flag, words([WireText]) }

  /// Options that are read without an error to report (QEMU block/null.c: null_file_open; 7.2, 10.0 and 11.1).
  private static let aborting: [WireText: Kind] = ["size": .size, "latency-ns": .number, "read-zeroes": .flag]
  /// The same of block/nvme.c: nvme_file_open; other drivers have a text of that name.
  private static let ofNVMe: [WireText: Kind] = ["namespace": .number]
  /// Options that QEMU refuses before it opens the file, and then closes the descriptor that it does not have: 0 (QEMU block/file-posix.c:
  /// raw_open_common; 7.2, 10.0 and 11.1).
  private static let ofFiles: [WireText: Kind] = [
    "aio": .words(["threads", "native", "io_uring"]), "locking": .words(["auto", "on", "off"]), "drop-cache": .flag,
    "x-check-cache-dropped": .flag, "aio-max-batch": .number,
  ]

  /// The refusal of a tree of block nodes.
  static func refusal(of tree: JSON) -> BypassRules.Reason? {
    switch tree {
    case .array(let items): return items.lazy.compactMap(refusal).first
    case .object(let members):
      let isNVMe = tree.wire("driver") == "nvme"
      for member in members {
        let name = WireText(member.key)
        if let kind = aborting[name] ?? (isNVMe ? ofNVMe[name] : nil), isWrong(member.value, kind) {
          return .init(rule: .crashesQEMU, message: "QEMU aborts on a block node with such a value of `\(name)`, and the guest is lost")
        }
        if let kind = ofFiles[name], isWrong(member.value, kind) { return closing("such a value of `\(name)`") }
        if let reason = refusal(of: member.value) { return reason }
      }
      return nil
    default: return nil
    }
  }

  private static func closing(_ what: String) -> BypassRules.Reason {
    .init(rule: .fdInUse, message: "a file with " + closingText(what))
  }

  private static func closingText(_ what: String) -> String {
    what + " is refused by QEMU, which closes its descriptor 0 then: that may be a disk's or a monitor's"
  }

  private static func isWrong(_ value: JSON, _ kind: Kind) -> Bool {
    guard let text = text(of: value) else { return false }
    switch kind {
    case .size: return !QEMUNumber.isSize(text.description)
    case .number: return QEMUNumber.integer(text.description, isUnsigned: true) == nil
    case .flag: return QEMUBool(text.description) == .invalid
    case .words(let words): return !words.contains(text)
    }
  }

  /// The value as key=value text; nil for one that an option cannot have.
  private static func text(of value: JSON) -> WireText? {
    switch value {
    case .string(let text): WireText(text)
    case .integer(let number): WireText("\(number)")
    case .unsigned(let number): WireText("\(number)")
    case .bool(let flag): flag ? "on" : "off"
    default: nil
    }
  }

  /// The names of the managers of persistent reservations that a tree's files name.
  private static func managers(in tree: JSON) -> [WireText] {
    switch tree {
    case .array(let items): items.flatMap(managers)
    case .object(let members): tree.wires("pr-manager") + members.flatMap { managers(in: $0.value) }
    default: []
    }
  }

  /// The inquiry about those names; nil where there are none. QEMU refuses a file with one that there is not.
  static func ofManagers(
    _ trees: [JSON], _ gate: QMPCommandFilter, _ about: QMPCommandFilter.CommandContext
  ) -> CrashInquiry? {
    let names = trees.flatMap(managers)
    guard !names.isEmpty else { return nil }
    return CrashInquiry(gate, about, [Command("qom-list", ["path": "/objects"])], rule: .fdInUse) { answers in
      let objects = (answers[0].array ?? []).filter { $0.wire("type") == "child<pr-manager-helper>" }.compactMap { $0.wire("name") }
      let known = Set(objects)
      return names.first { !known.contains($0) }.map { closingText("a file of the `pr-manager` `\($0)`, which there is not,") }
    }
  }
}
