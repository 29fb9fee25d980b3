import Glibc
import Syntax

@testable import QMP

/// A session whose sockets are arrays: what it writes is collected, and a QEMU that answers in order is optional.
final class SessionHarness {
  let session: ProxySession
  var now = ContinuousClock.now
  /// Bytes that each client has got.
  private(set) var got: [Int: [UInt8]] = [:]
  /// Commands that QEMU has got, as text.
  private(set) var commands: [String] = []
  private(set) var notices: [ProxySession.Notice] = []
  /// Descriptors that QEMU has got, with their number.
  private(set) var passed: [Int32] = []
  /// Whether QEMU answers each in-band command at once.
  var answers = true
  /// Clients that read nothing.
  var stalled: Set<Int> = []
  /// Whether QEMU reads nothing.
  var isQEMUStalled = false
  private var stream = ClientStream(tellsPlace: true)

  static let greeting =
    #"{"QMP": {"version": {"qemu": {"micro": 3, "minor": 1, "major": 11}, "package": ""}, "capabilities": ["oob"]}}"# + "\r\n"

  init(
    clients: Int = 1, filter: any CommandFilter = UnfilteredCommands(),
    _ change: (inout ProxySession.Options) -> Void = { _ in }
  ) {
    var options = ProxySession.Options()
    options.clients = clients
    change(&options)
    session = ProxySession(Self.monitor, idPrefix: "own-", filter: filter, options: options)
    for number in 1...clients { session.connect(ProxyPeer(number: number, process: nil, user: nil)) }
    settle()
  }

  private static let monitor = GuardedMonitor(
    greeting: Array(greeting.utf8), offered: ["oob"], version: "11.1.3", tellsPlace: true, isPretty: false)

  /// Continues a session.
  init(continuing state: SessionState, clients: Int) {
    var options = ProxySession.Options()
    options.clients = clients
    session = ProxySession(Self.monitor, continuing: state, filter: UnfilteredCommands(), options: options)
    settle()
  }

  /// Connects clients and negotiates.
  convenience init(
    negotiated clients: Int, outOfBand: Bool = false, filter: any CommandFilter = UnfilteredCommands(),
    _ change: (inout ProxySession.Options) -> Void = { _ in }
  ) {
    self.init(clients: clients, filter: filter, change)
    let arguments = outOfBand ? #","arguments":{"enable":["oob"]}"# : ""
    for number in 1...clients { send(#"{"execute":"qmp_capabilities"\#(arguments)}"#, from: number) }
    got = [:]
    notices = []
  }

  func send(_ text: String, descriptors: [OwnedDescriptor] = [], from number: Int = 1) {
    send(Array(text.utf8)[...], descriptors: descriptors, from: number)
  }

  func send(_ bytes: ArraySlice<UInt8>, descriptors: [OwnedDescriptor] = [], from number: Int = 1) {
    session.receive(bytes, descriptors: descriptors, from: number)
    settle()
  }

  func receive(_ text: String) {
    session.receiveFromQEMU(Array(text.utf8)[...])
    settle()
  }

  func reply(_ id: String) { receive(#"{"return": {}, "id": \#(id)}"# + "\r\n") }

  /// Advances and writes until nothing changes.
  func settle() {
    var isMoving = true
    while isMoving {
      session.advance(at: now)
      isMoving = false
      notices += session.takeNotices()
      for number in session.connected where !stalled.contains(number) {
        while let write = session.write(to: number) {
          got[number, default: []] += write.bytes
          session.wrote(write.bytes.count, to: number)
          isMoving = true
        }
      }
      while !isQEMUStalled, let write = session.writeToQEMU {
        take(write.bytes, write.descriptors.map(\.number))
        session.wroteToQEMU(write.bytes.count)
        isMoving = true
      }
    }
  }

  /// QEMU accepts a number of bytes.
  func write(toQEMU count: Int) {
    guard let write = session.writeToQEMU else { return }
    take(write.bytes.prefix(count), write.descriptors.map(\.number))
    session.wroteToQEMU(min(count, write.bytes.count))
  }

  private func take(_ bytes: ArraySlice<UInt8>, _ descriptors: [Int32]) {
    passed += descriptors
    stream.append(bytes)
    while case .message(let message)? = stream.next() {
      commands.append(String(decoding: message.bytes, as: UTF8.self))
      guard answers, !message.isOutOfBand else { continue }
      let id = message.id.map { ", \"id\": " + $0.qemuText() } ?? ""
      session.receiveFromQEMU(Array("{\"return\": {}\(id)}\r\n".utf8)[...])
    }
  }

  func text(_ number: Int = 1) -> String { String(decoding: got[number] ?? [], as: UTF8.self) }

  /// Takes what a client has got.
  func take(_ number: Int = 1) -> String {
    defer { got[number] = nil }
    return text(number)
  }
}

/// A pipe, to see when its writing end is closed.
struct Witness {
  let descriptor: OwnedDescriptor
  private let reader: OwnedDescriptor

  init() {
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0)
    (reader, descriptor) = (OwnedDescriptor(ends[0]), OwnedDescriptor(ends[1]))
  }

  /// A copy of the writing end, to be given away.
  func copy() -> OwnedDescriptor { OwnedDescriptor(dup(descriptor.number)) }

  static func isOpen(_ number: Int32) -> Bool { fcntl(number, F_GETFD) >= 0 }
}

/// A filter that records what it is asked, with the decisions of a test.
final class ScriptedFilter: CommandFilter {
  private(set) var inspected: [String] = []
  private(set) var gone: [Int] = []
  var decisions: [ScriptedDecision] = []

  func inspect(_ message: ClientMessage, from client: ProxyPeer) -> ProxyInspection {
    let name = message.command ?? ""
    inspected.append("\(client.number):\(name)")
    if name.hasPrefix("refuse") { return .refuse(CommandError(errorClass: "GenericError", text: "no")) }
    guard name.hasPrefix("decide") else { return .pass }
    let decision = ScriptedDecision(refuses: name == "decide-no")
    decisions.append(decision)
    return .inquire(decision)
  }

  func clientGone(_ client: ProxyPeer) -> [WireText] {
    gone.append(client.number)
    return left
  }
  /// The names of descriptors that each client leaves.
  var left: [WireText] = []
}

/// A decision that asks one question.
final class ScriptedDecision: CommandDecision {
  private(set) var answers: [Result<JSON, CommandError>] = []
  private(set) var steps = 0
  private(set) var reply: Result<JSON, CommandError>?
  private let refuses: Bool
  init(refuses: Bool) { self.refuses = refuses }

  func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep {
    steps += 1
    self.answers += answers
    if steps == 1 { return .ask([Command("question")]) }
    return refuses ? .refuse(CommandError(errorClass: "GenericError", text: "decided")) : .pass(instead: nil)
  }

  func answered(_ reply: Result<JSON, CommandError>) { self.reply = reply }
}
