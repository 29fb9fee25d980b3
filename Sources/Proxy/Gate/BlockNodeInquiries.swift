import QMP
import Syntax

/// Commands that give existing block nodes other children, and end QEMU with some.
extension CrashInquiry {
  /// The inquiry about the nodes that a command connects; nil where it connects none.
  static func ofNodes(
    _ command: WireText, _ arguments: JSON?, _ gate: QMPCommandFilter, _ about: QMPCommandFilter.CommandContext
  ) -> CrashInquiry? {
    switch command {
    case "blockdev-snapshot": overlays([arguments].compactMap { $0 }, gate, about)
    case "transaction":
      overlays(actions(arguments, "blockdev-snapshot"), gate, about)
    case "blockdev-reopen": files(arguments?["options"]?.array ?? [], gate, about)
    default: nil
    }
  }

  private static func actions(_ transaction: JSON?, _ type: WireText) -> [JSON] {
    (transaction?["actions"]?.array ?? []).filter { $0.wire("type") == type }.compactMap { $0["data"] }
  }

  /// A node that becomes the backing of one that has it as a child already. The name may be that of a device.
  private static func overlays(
    _ snapshots: [JSON], _ gate: QMPCommandFilter, _ about: QMPCommandFilter.CommandContext
  ) -> CrashInquiry? {
    let pairs = snapshots.compactMap { data -> (below: WireText, overlay: WireText)? in
      guard let below = data.wire("node"), let overlay = data.wire("overlay") else { return nil }
      return (below, overlay)
    }
    guard !pairs.isEmpty else { return nil }
    return CrashInquiry(gate, about, [Command("x-debug-query-block-graph")]) { answers in
      let graph = BlockGraph(answers[0])
      let isShared = pairs.contains { pair in
        !graph.children(of: pair.overlay).isDisjoint(with: graph.children(of: pair.below, as: "root").union([pair.below]))
      }
      return isShared ? CrashingCommands.sharedChild.message : nil
    }
  }

  /// A new file of a qcow2 node beside a change that QEMU refuses late: the node keeps the file that it did not get (QEMU
  /// block/qcow2.c: qcow2_reopen_abort; 7.2 and 11.1).
  private static func files(
    _ options: [JSON], _ gate: QMPCommandFilter, _ about: QMPCommandFilter.CommandContext
  ) -> CrashInquiry? {
    let fixed = ["force-share", "data-file"]
    let late = options.filter { node in node.wire("driver") != "qcow2" || fixed.contains { node[$0] != nil } }
    guard late.contains(where: { $0["file"] != nil }) else { return nil }
    let questions = [Command("x-debug-query-block-graph"), Command("query-named-block-nodes", ["flat": true])]
    return CrashInquiry(gate, about, questions) { answers in
      let graph = BlockGraph(answers[0])
      let images = Set((answers[1].array ?? []).filter { $0.wire("drv") == "qcow2" }.compactMap { $0.wire("node-name") })
      for node in late {
        guard let name = node.wire("node-name"), let file = node.wire("file"), images.contains(name),
          !graph.children(of: name, as: "file").contains(file)
        else { continue }
        return "`\(name)` gets another file together with another driver, `force-share` or `data-file`, which QEMU refuses too late: the "
          + "next use of the node crashes; change the file alone"
      }
      return nil
    }
  }
}
