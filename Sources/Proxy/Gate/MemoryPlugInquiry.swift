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
      switch size {
      case .object(let id): return ask("/objects/\(id)", "size")
      case .requested(_, let path): return ask("\(path)", "size")
      case .bytes: return decide(guest, [])
      }
    }
  }

  private func ask(_ path: String, _ property: String) -> DecisionStep {
    .ask([Command("qom-get", ["path": .string(path), "property": .string(property)])])
  }

  private func decide(_ guest: QOMSnapshot, _ answers: [Result<JSON, CommandError>]) -> DecisionStep {
    do throws(Unknown) {
      let use = try gate.lockedMemory(gate.options.process)
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
    let answer = try? answers.first?.get()
    switch size {
    case .object: return try number(answer)
    case .bytes(let value): return try number(value)
    case .requested(let value, _):
      let (wanted, now) = (try number(value), try number(answer))
      return wanted > now ? wanted - now : 0
    }
  }

  /// Does nothing: the reply is only forwarded.
  package func answered(_ reply: Result<JSON, CommandError>) {}
}
