import Facts
import Glibc
import Host
import QMP
import Syntax

/// Descriptors that QEMU has, as far as they went through here: by getfd's name, and by number.
struct DescriptorLedger {
  struct Entry {
    let function: Known<PCIAddress?>
    let isIOMMUFD: Bool

    init(_ descriptor: Int32) {
      function = VFIODescriptor.device(behind: descriptor)
      isIOMMUFD = DescriptorLedger.isIOMMU(descriptor)
    }
  }

  /// By the value of `fd`: a name, or a number as text.
  private(set) var entries: [String: Entry] = [:]
  /// Numbers that devices and objects use as they are: QEMU does not duplicate them.
  var numbersInUse: Set<Int32> = []

  mutating func keep(_ name: String, _ entry: Entry?) { entries[name] = entry }

  /// Which function `fd=` is; nil when nobody can look.
  func function(_ fd: String, process: pid_t?) -> Known<PCIAddress?>? {
    if let entry = entries[fd] { return entry.function }
    guard let number = Int32(fd), number >= 0, let process else { return nil }
    return VFIODescriptor.device(behind: number, ofProcess: Int(process))
  }

  func isIOMMUFD(_ fd: String, process: pid_t?) -> Known<Bool> {
    if let entry = entries[fd] { return .known(entry.isIOMMUFD) }
    guard let number = Int32(fd), let process else { return .unknown("descriptor \(fd)", "it did not come through here") }
    var path = [CChar](repeating: 0, count: 64)
    // SAFETY: readlink writes at most the buffer's own count.
    let count = readlink("/proc/\(process)/fd/\(number)", &path, path.count)
    guard count > 0 else { return .unknown("descriptor \(fd)", errnoWords(errno)) }
    return .known(path.prefix(count).map { UInt8(bitPattern: $0) }.elementsEqual("/dev/iommu".utf8))
  }

  /// The misc device of that name (linux drivers/iommu/iommufd/main.c).
  private static func isIOMMU(_ descriptor: Int32) -> Bool {
    var given = stat()
    var node = stat()
    // SAFETY: both calls fill the structure that they are given.
    guard fstat(descriptor, &given) == 0, stat("/dev/iommu", &node) == 0 else { return false }
    return given.st_mode & S_IFMT == S_IFCHR && given.st_rdev == node.st_rdev
  }
}

/// getfd, add-fd, closefd, and iommufd objects around a descriptor: sent alone, and written down once
/// QEMU has taken them.
final class DescriptorInquiry: ProxyInquiry {
  private let gate: PlugGate
  private let message: ClientMessage
  private let client: ProxyPeer
  private let entry: DescriptorLedger.Entry?

  init(_ gate: PlugGate, _ message: ClientMessage, _ client: ProxyPeer) {
    self.gate = gate
    self.client = client
    self.message = message
    // QEMU takes the first and closes the others.
    entry = message.descriptors.first.map { DescriptorLedger.Entry($0) }
  }

  func proceed(_ answers: [Result<JSON, CommandError>]) -> ProxyStep { .pass(instead: nil) }

  func answered(_ reply: Result<JSON, CommandError>) {
    guard case .success(let value) = reply else { return }
    let arguments = message.arguments
    switch message.command {
    case "getfd":
      guard let name = arguments?["fdname"]?.string else { return }
      gate.ledger.keep(name, entry)
      gate.owners[name] = client.number
    case "closefd":
      guard let name = arguments?["fdname"]?.string else { return }
      gate.ledger.keep(name, nil)
      gate.owners[name] = nil
    case "add-fd": if case .integer(let number)? = value["fd"] { gate.ledger.keep(String(number), entry) }
    default:
      guard let fd = arguments?["fd"]?.string else { return }
      if let number = Int32(fd) { return _ = gate.ledger.numbersInUse.insert(number) }
      gate.ledger.keep(fd, nil)
      gate.owners[fd] = nil
    }
  }
}

/// remove-fd closes a set's descriptors under whatever was given their bare numbers.
final class RemoveFdInquiry: ProxyInquiry {
  private let gate: PlugGate
  private let about: PlugGate.Subject
  private var questions: GuestQuestions?
  private var sets: JSON?

  init(_ gate: PlugGate, _ about: PlugGate.Subject) {
    self.gate = gate
    self.about = about
  }

  func proceed(_ answers: [Result<JSON, CommandError>]) -> ProxyStep {
    if answers.isEmpty, questions == nil { return .ask([Command("query-fdsets")] + GuestQuestions.first) }
    guard var asked = questions else {
      sets = try? answers.first?.get()
      var first = GuestQuestions(Array(answers.dropFirst()))
      let more = first.second()
      questions = first
      return .ask(more)
    }
    asked.take(answers)
    return decide(asked)
  }

  private func decide(_ guest: GuestQuestions) -> ProxyStep {
    for number in numbers {
      if gate.ledger.numbersInUse.contains(number) {
        return refuse("descriptor \(number) was given to QEMU as `fd=\(number)`, and removing its set closes it under the running device")
      }
      // What came through here and was not used, or is nothing of vfio's, may go.
      if let entry = gate.ledger.entries[String(number)], entry.function == .known(nil), !entry.isIOMMUFD { continue }
      let strangers = guest.vfioByDescriptor.contains { $0.map { gate.plugged[$0] == nil } ?? true }
      guard strangers else { continue }
      let process = gate.options.process
      let isCdev = gate.ledger.function(String(number), process: process)
      if case .known(nil)? = isCdev, gate.ledger.isIOMMUFD(String(number), process: process) == .known(false) { continue }
      guard gate.options.onUnknown != .warn else { continue }
      return refuse("descriptor \(number) may be that of a running vfio device, and removing its set closes it under the device")
    }
    return .pass(instead: nil)
  }

  private func refuse(_ message: String) -> ProxyStep {
    if case .refuse(let error) = gate.refuse(BackDoors.Reason(rule: "fd-in-use", message: message), about) { return .refuse(error) }
    return .pass(instead: nil)
  }

  /// The descriptors that would be closed.
  private var numbers: [Int32] {
    let arguments = about.message.arguments
    if case .integer(let one)? = arguments?["fd"] { return Int32(exactly: one).map { [$0] } ?? [] }
    let set = (sets?.array ?? []).first { $0["fdset-id"] == arguments?["fdset-id"] }
    return (set?["fds"]?.array ?? []).compactMap { item in
      if case .integer(let number)? = item["fd"] { return Int32(exactly: number) }
      return nil
    }
  }

  func answered(_ reply: Result<JSON, CommandError>) {
    guard case .success = reply else { return }
    for number in numbers { gate.ledger.keep(String(number), nil) }
  }
}
