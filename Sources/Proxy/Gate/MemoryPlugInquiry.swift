import Common
import Facts
import Prediction
import QMP
import Rules
import Syntax

/// Memory that is added to a running guest: QEMU maps it for each vfio device, and crashes with SIGABRT when the kernel refuses
/// that because of the limit of locked memory (QEMU hw/vfio/listener.c: vfio_listener_region_add; observed on 11.1.3).
final class MemoryPlugInquiry: CommandDecision {
  /// The memory's size.
  enum Size {
    /// The size of the object with this id.
    case object(WireText)
    /// The size with which a virtio-mem device is plugged.
    case bytes(JSON)
    /// The size that a virtio-mem device is to have.
    case requested(JSON, path: WireText)
  }

  private let gate: QMPCommandFilter
  private let about: QMPCommandFilter.CommandContext
  private let size: Size
  private var questions: GuestQuery
  private var guest: QOMSnapshot?

  init(_ gate: QMPCommandFilter, _ size: Size, _ about: QMPCommandFilter.CommandContext) {
    self.gate = gate
    questions = GuestQuery(gate.guestProperties)
    self.size = size
    self.about = about
  }

  /// The size of a device's memory; nil for a device that adds none.
  static func size(of request: DeviceRequest) -> Size? {
    switch request.driver.map({ WireText($0) }) {
    case "pc-dimm", "nvdimm", "virtio-pmem-pci", "ivshmem-plain": return request.string("memdev").map { .object(WireText($0)) }
    // Memory that is mapped when the guest switches on the device's region (QEMU hw/nvme/ctrl.c: nvme_init_pmr).
    case "nvme": return request.string("pmrdev").map { .object(WireText($0)) }
    case "virtio-mem-pci":
      switch request.value("requested-size") {
      case nil: return nil
      case .integer(let number)?: return .bytes(.integer(number))
      case .string(let text)?: return .bytes(.string(text))
      default: return .bytes(.null)
      }
    default: return nil
    }
  }

  func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep {
    if let guest { return decide(guest, answers) }
    switch questions.proceed(answers) {
    case .ask(let commands): return .ask(commands)
    case .done(let guest):
      gate.readHiddenPrimaries()
      gate.follow(guest)
      let isUsed = guest.missing != nil || guest.devices.contains(where: \.isVFIO) || !gate.hidden.isEmpty
      guard isUsed else { return .pass(instead: nil) }
      self.guest = guest
      let questions = ownQuestions + growing(guest).flatMap { [ask($0, "requested-size"), ask($0, "size")] }
      return questions.isEmpty ? decide(guest, []) : .ask(questions)
    }
  }

  /// The question about the memory itself.
  private var ownQuestions: [Command] {
    switch size {
    case .object(let id): [ask("/objects/\(id)", "size")]
    case .requested(_, let path): [ask("\(path)", "size")]
    case .bytes: []
    }
  }

  /// Other devices of virtio-mem, whose guest may not have taken yet what it was promised.
  private func growing(_ guest: QOMSnapshot) -> [String] {
    var own: WireText?
    if case .requested(_, let path) = size { own = path.split("/").last { !$0.bytes.isEmpty } }
    return guest.devices.filter { WireText($0.type).hasPrefix("virtio-mem-pci") && WireText($0.path).split("/").last != own }.map(\.path)
  }

  private func ask(_ path: String, _ property: String) -> Command {
    Command("qom-get", ["path": .string(path), "property": .string(property)])
  }

  private func decide(_ guest: QOMSnapshot, _ answers: [Result<JSON, CommandError>]) -> DecisionStep {
    do throws(Unknown) {
      let use = try gate.reserve.lend { () throws(Unknown) in try gate.lockedMemory(gate.options.process) }
      guard let limit = use.limit else { return .pass(instead: nil) }
      let more = try bytes(answers)
      let (need, used) = try demand(of: more, guest, use)
      guard used.addingReportingOverflow(need).overflow || used + need > limit else { return .pass(instead: nil) }
      let why = "the new memory needs \(ByteSize.text(need)) to be locked for vfio devices, and of \(ByteSize.text(limit)) "
        + "\(ByteSize.text(used)) are locked: QEMU crashes with SIGABRT, and the guest with it"
      return gate.step(.init(rule: .memoryPlugExceedsLimit, message: why), about)
    } catch {
      guard gate.options.onUnknown != .warn else { return .pass(instead: nil) }
      return gate.step(
        .init(rule: .memoryPlugExceedsLimit, message: "cannot determine whether it applies: \(error)"), about)
    }
  }

  /// The bytes that are to be locked, once for each address space, and those that are locked.
  private func demand(
    of more: UInt64, _ guest: QOMSnapshot, _ use: LockedMemoryUse
  ) throws(Unknown) -> (need: UInt64, used: UInt64) {
    if let missing = guest.missing { throw missing }
    let machine = gate.machine(guest, globals: .known([]))
    let host = Facts.Host(nothingKnown: "not needed", source: "none")
    let target = LintTarget(
      machine: machine, plugs: [], problems: [], host: host, qemu: guest.profile,
      running: guest.guest())
    let (need, overflow) = more.multipliedReportingOverflow(by: UInt64(max(1, target.guest.addressSpaceCount)))
    let isIOMMUFD = machine.devices.contains { $0.isVFIO && $0.has("iommufd") }
    return (overflow ? .max : need, isIOMMUFD ? max(use.locked, use.pinned) : use.locked)
  }

  /// The new memory, and what other devices are still to get.
  private func bytes(_ answers: [Result<JSON, CommandError>]) throws(Unknown) -> UInt64 {
    func number(_ value: JSON?) throws(Unknown) -> UInt64 {
      switch value {
      case .integer(let number)? where number >= 0: return UInt64(number)
      case .unsigned(let number)?: return number
      case .string(let text)?: if let size = ByteSize.parse(text) { return size }
      default: break
      }
      throw Unknown("size of the new memory", reason: "it is not a number")
    }
    let values = answers.map { try? $0.get() }
    var sum: UInt64
    switch size {
    case .object: sum = try number(values.first ?? nil)
    case .bytes(let value): sum = try number(value)
    case .requested(let value, _):
      let (wanted, now) = (try number(value), try number(values.first ?? nil))
      // It shrinks: nothing new is locked for it.
      if wanted <= now { return 0 }
      sum = wanted - now
    }
    let others = Array(values.dropFirst(ownQuestions.count))
    for index in stride(from: 0, to: others.count - 1, by: 2) {
      let (wanted, now) = (try number(others[index]), try number(others[index + 1]))
      sum = sum.addingReportingOverflow(wanted > now ? wanted - now : 0).overflow ? .max : sum + (wanted > now ? wanted - now : 0)
    }
    return sum
  }

  /// Does nothing: the reply is only forwarded.
  package func answered(_ reply: Result<JSON, CommandError>) {}
}
