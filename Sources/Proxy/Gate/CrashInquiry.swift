import Common
import Facts
import Prediction
import QMP
import Rules
import Syntax

/// A command that ends QEMU in a state that only QEMU knows.
final class CrashInquiry: CommandDecision {
  private let gate: QMPCommandFilter
  private let about: QMPCommandFilter.CommandContext
  private let questions: [Command]
  private let rule: Rule
  /// The refusal, by QEMU's answers.
  private let failure: ([JSON]) -> String?
  private var hasAsked = false

  init(
    _ gate: QMPCommandFilter, _ about: QMPCommandFilter.CommandContext, _ questions: [Command], rule: Rule = .crashesQEMU,
    failure: @escaping ([JSON]) -> String?
  ) {
    self.rule = rule
    self.gate = gate
    self.about = about
    self.questions = questions
    self.failure = failure
  }

  /// The inquiry about a command; nil for one that crashes in no state.
  static func of(
    _ command: WireText, _ arguments: JSON?, _ gate: QMPCommandFilter, _ about: QMPCommandFilter.CommandContext
  ) -> CrashInquiry? {
    switch command {
    case "calc-dirty-rate" where arguments != nil:
      let recordsPages = ["dirty-ring", "dirty-bitmap"].contains(arguments?.wire("mode"))
      let questions = [Command("query-dirty-rate"), Command("query-kvm"), Command("query-version")]
      return CrashInquiry(gate, about, questions) { answers in
        // The thread of an accepted measurement says when it runs, and before that QEMU accepts another, with the same memory (QEMU
        // migration/dirtyrate.c: qmp_calc_dirty_rate; 7.2 and 11.1). Before the first, the time is 0.
        if answers[0].wire("status") == "unstarted", answers[0]["start-time"] != .integer(0) {
          return "another measurement is about to begin, and QEMU crashes with SIGSEGV when two run; try again when it has ended"
        }
        // QEMU 7.2 asks an accelerator that there is not.
        if !recordsPages || answers[1]["enabled"] == .bool(true) || RunStates.isAtLeastTen(answers[2]) { return nil }
        return "without KVM no dirty pages are recorded, and QEMU 7.2 crashes with SIGSEGV"
      }
    // QEMU writes all of that before it answers anything else, zeros where the guest has no memory (QEMU system/cpus.c:
    // qmp_pmemsave). Below 4 GiB there may be holes.
    case "memsave", "pmemsave":
      guard let size = arguments?["size"].flatMap(CrashingCommands.number), size > 1 << 32 else { return nil }
      return CrashInquiry(gate, about, [Command("query-memory-size-summary")]) { answers in
        let parts = ["base-memory", "plugged-memory"].map { answers[0][$0].flatMap(CrashingCommands.number) ?? 0 }
        let memory = parts.reduce(0, &+)
        guard memory < size - 1 << 32 else { return nil }
        return "the guest has \(ByteSize.text(memory)) of memory, and QEMU answers no more until it has written a file of "
          + "\(ByteSize.text(size))"
      }
    case "chardev-remove", "chardev-change": return arguments?.wire("id").map { agent($0, gate, about) }
    case _ where RunStates.commands.contains(command):
      return CrashInquiry(gate, about, RunStates.questions(about: command)) { answers in gate.runStates.refusal(of: command, answers) }
    case "transaction":
      let actions = arguments?["actions"]?.array ?? []
      guard actions.contains(where: { changed($0) != nil }) else { return nil }
      return CrashInquiry(gate, about, [Command("query-named-block-nodes", ["flat": true]), Command("query-block")]) { answers in
        missing(actions, answers).map {
          "`\($0.node)` has no dirty bitmap `\($0.name)`: QEMU crashes with SIGSEGV when it undoes the transaction"
        }
      }
    case "screendump", "input-send-event":
      guard let device = arguments?.wire("device") else { return nil }
      let isFirst = arguments?["head"].map { $0 == .integer(0) } ?? true
      // QEMU 10.0 ui/console.c: qemu_console_lookup_by_device asks each console before the device's for a property that those of
      // text do not have.
      let questions = [
        Command("qom-list", ["path": "/backend"]), Command("qom-get", ["path": "/backend/console[0]", "property": "device"])
      ]
      return CrashInquiry(gate, about, questions) { answers in
        let types = (answers[0].array ?? []).compactMap { $0.wire("type") }
        guard types.contains(where: { $0.contains("text-console") }) else { return nil }
        if isFirst, answers[1].wire?.split("/").last == device { return nil }
        return "the guest has consoles of text: QEMU 10.0 and later abort when they search the console of `\(device)` among them"
      }
    default: return nil
    }
  }

  /// The inquiry about the end of a character device: QEMU 11.1 ui/vdagent.c does not forget that the state of one is migrated.
  private static func agent(
    _ id: WireText, _ gate: QMPCommandFilter, _ about: QMPCommandFilter.CommandContext
  ) -> CrashInquiry {
    CrashInquiry(gate, about, [Command("qom-list", ["path": "/chardevs"]), Command("query-version")]) { answers in
      let isAgent = (answers[0].array ?? []).contains { $0.wire("name") == id && $0.wire("type")?.contains("qemu-vdagent") == true }
      guard isAgent, RunStates.isAtLeastTen(answers[1]) else { return nil }
      return "`\(id)` is a `qemu-vdagent`: when it has gone, QEMU 11.1 crashes with SIGSEGV at the next migration or snapshot"
    }
  }

  /// The inquiry about a throttle above nodes that exist; nil for none (QEMU block/throttle.c: throttle_attach_aio_context, of a node
  /// whose device has an I/O thread; 7.2, 10.0 and 11.1).
  static func ofThrottle(
    _ command: WireText, _ trees: [JSON], _ gate: QMPCommandFilter, _ about: QMPCommandFilter.CommandContext
  ) -> CrashInquiry? {
    let nodes = trees.flatMap(BlockOptions.throttled)
    // A node that is opened anew is above its child already.
    guard !nodes.isEmpty, command != "blockdev-reopen" else { return nil }
    return CrashInquiry(gate, about, [Command("x-debug-query-block-graph"), Command("query-iothreads")]) { answers in
      if answers[1].array?.isEmpty == true { return nil }
      return BlockGraph(answers[0]).used(nodes).map {
        "a throttle above `\($0)`, which is in use, crashes with SIGSEGV if its user has an I/O thread; add it before the user"
      }
    }
  }

  /// The inquiry about the memory that a plug shares: QEMU keeps its name when the device is released, and aborts when the next is to
  /// give it one (QEMU hw/misc/ivshmem-pci.c: ivshmem_exit; system/physmem.c: qemu_ram_set_idstr; 7.2 and 11.1), and when its size is
  /// none of a BAR (`QEMUCrash.sharedMemory`). Nil for another plug.
  static func ofSharedMemory(
    _ request: DeviceRequest, _ gate: QMPCommandFilter, _ about: QMPCommandFilter.CommandContext
  ) -> CrashInquiry? {
    guard let driver = request.driver, WireText(driver) == "ivshmem-plain",
      let id = request.string("memdev").flatMap({ WireText($0).split("/").last })
    else { return nil }
    // Releases before 6.2 have no x-query-ramblock.
    let questions = [Command("human-monitor-command", ["command-line": "info ramblock"]), Command("query-memdev")]
    return CrashInquiry(gate, about, questions) { answers in
      let size = answers[1].array?.first { $0.wire("id") == id }?["size"].flatMap(CrashingCommands.number)
      if let size, QEMUCrash.isUnevenBAR(size) { return "the size of `\(id)`, \(size) bytes, is not a power of two: QEMU aborts" }
      // The name is that of the device and of the object, behind a slash.
      let isNamed = (answers[0].wire ?? "").words.contains { $0.contains("/") && $0.split("/").last == id }
      return isNamed
        ? "`\(id)` is or was the memory of another device, and QEMU aborts when it is given to one again; make the object anew"
        : nil
    }
  }

  func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep {
    guard hasAsked else {
      hasAsked = true
      return .ask(questions)
    }
    let values = answers.compactMap { try? $0.get() }
    guard values.count == questions.count else {
      if gate.options.onUnknown == .warn { return .pass(instead: nil) }
      return refuse("cannot determine whether it applies: QEMU did not report the guest's state")
    }
    return failure(values).map(refuse) ?? .pass(instead: nil)
  }

  private func refuse(_ message: String) -> DecisionStep { gate.step(.init(rule: rule, message: message), about) }

  private struct Bitmap: Hashable {
    let node: WireText
    let name: WireText

    init?(_ data: JSON?) {
      guard let node = data?.wire("node"), let name = data?.wire("name") else { return nil }
      (self.node, self.name) = (node, name)
    }
  }

  /// The bitmap that an action switches on or off (QEMU blockdev.c: block_dirty_bitmap_enable_abort).
  private static func changed(_ action: JSON) -> Bitmap? {
    switch action.wire("type") {
    case "block-dirty-bitmap-enable", "block-dirty-bitmap-disable": Bitmap(action["data"])
    default: nil
    }
  }

  private static func missing(_ actions: [JSON], _ answers: [JSON]) -> Bitmap? {
    var there: Set<Bitmap> = []
    func add(_ node: WireText?, _ info: JSON?) {
      for bitmap in info?["dirty-bitmaps"]?.array ?? [] {
        if let node, let found = Bitmap(["node": .string("\(node)"), "name": bitmap["name"] ?? .null]) { there.insert(found) }
      }
    }
    for node in answers[0].array ?? [] { add(node.wire("node-name"), node) }
    for device in answers[1].array ?? [] { add(device.wire("device"), device["inserted"]) }
    for action in actions {
      if action.wire("type") == "block-dirty-bitmap-add", let new = Bitmap(action["data"]) { there.insert(new) }
      if let changed = changed(action), !there.contains(changed) { return changed }
    }
    return nil
  }

  /// Does nothing: the reply is only forwarded.
  package func answered(_ reply: Result<JSON, CommandError>) {}
}
