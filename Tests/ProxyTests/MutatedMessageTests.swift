import Glibc
import Support
import Syntax
import XCTest

@testable import Proxy
@testable import QMP

/// Damaged messages through the proxy's core to real QEMU: QEMU parses exactly the commands that the filter has passed, and no
/// others, as its trace event `handle_qmp_command` prints them. `scripts/test --long` sends a million to each QEMU.
final class MutatedMessageTests: XCTestCase {
  /// The filter, and what it passed in the order in which it is sent.
  private final class Witness: CommandFilter {
    let filter = QMPCommandFilter(.init(), log: ProxyLog())
    var passed: [String] = []
    var refused = 0

    func inspect(_ message: ClientMessage, from client: ProxyPeer) -> ProxyInspection {
      let answer = filter.inspect(message, from: client)
      switch answer {
      case .pass: passed.append(message.json.qemuText())
      case .refuse: refused += 1
      case .wait: XCTFail("a plug is tried, although no process of QEMU is known")
      case .inquire(let decision): return .inquire(Asked(decision, message, self))
      }
      return answer
    }

    func clientGone(_ client: ProxyPeer) -> [WireText] { filter.clientGone(client) }
  }

  private final class Asked: CommandDecision {
    private let decision: any CommandDecision
    private let message: ClientMessage
    private let witness: Witness

    init(_ decision: any CommandDecision, _ message: ClientMessage, _ witness: Witness) {
      self.decision = decision
      self.message = message
      self.witness = witness
    }

    func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep {
      let step = decision.proceed(answers)
      switch step {
      case .ask: break
      case .pass: witness.passed.append(message.json.qemuText())
      case .refuse: witness.refused += 1
      }
      return step
    }

    func answered(_ reply: Result<JSON, CommandError>) { decision.answered(reply) }
  }

  /// A QEMU with its trace in a pipe.
  private final class TracedQEMU {
    let socket: Int32
    let trace: Int32
    private let child: Child
    private var line: [UInt8] = []
    private var input = [UInt8](repeating: 0, count: 1 << 16)
    /// Requests as QEMU has parsed them, those of the proxy's own left out.
    var requests: [String] = []
    var isGone = false

    init(_ program: String, _ arguments: [String], in directory: TemporaryDirectory) throws {
      let path = directory.path + "/trace"
      guard mkfifo(path, 0o600) == 0 else { throw SystemFailure("mkfifo") }
      trace = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
      child = try RealQEMU.start(
        in: directory, program: program, more: arguments, after: ["-trace", "handle_qmp_command", "-D", path])
      socket = try RealQEMU.connect(directory)
    }

    func end() {
      close(socket)
      close(trace)
      child.end()
    }

    func write(_ bytes: some Collection<UInt8>) throws {
      var rest = Array(bytes)[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if count > 0 { rest = rest.dropFirst(count) } else { try wait(for: Int16(POLLOUT)) { _ in } }
      }
    }

    /// Waits for a byte of QEMU, or of its trace.
    func wait(for more: Int16 = 0, _ receive: (ArraySlice<UInt8>) throws -> Void) throws {
      var ends = [pollfd(fd: socket, events: Int16(POLLIN) | more, revents: 0), pollfd(fd: trace, events: Int16(POLLIN), revents: 0)]
      guard poll(&ends, 2, 60_000) > 0 else { throw SystemFailure("an answer of QEMU", errno: ETIMEDOUT) }
      if ends[1].revents != 0 { readTrace() }
      guard ends[0].revents & Int16(POLLIN | POLLHUP | POLLERR) != 0, more == 0 else { return }
      let count = recv(socket, &input, input.count, 0)
      if count > 0 { try receive(input[..<count]) } else if count == 0 { isGone = true }
    }

    func readTrace() {
      while true {
        let count = read(trace, &input, input.count)
        guard count > 0 else { return }
        for byte in input[..<count] {
          guard byte == 0x0a else {
            line.append(byte)
            continue
          }
          take(String(decoding: line, as: UTF8.self))
          line = []
        }
      }
    }

    private func take(_ text: String) {
      guard text.hasPrefix("handle_qmp_command "), let at = text.range(of: " req: ") else { return }
      let request = String(text[at.upperBound...])
      if !request.contains("\"id\": \"differential-") { requests.append(request) }
    }
  }

  private func run(_ program: String, _ arguments: [String], count: Int, seed: UInt64) throws {
    let directory = try TemporaryDirectory()
    let qemu = try TracedQEMU(program, arguments, in: directory)
    defer { qemu.end() }
    var handshake = ProxyHandshake(idPrefix: "differential-")
    while handshake.monitor == nil {
      try qemu.wait { try handshake.receive($0) }
      try qemu.write(handshake.takeBytes())
    }
    let witness = Witness()
    let session = ProxySession(try XCTUnwrap(handshake.monitor), idPrefix: "differential-", filter: witness)
    session.connect(ProxyPeer(number: 1, process: nil, user: nil))
    var messages = MutatedMessages(seed: seed)
    session.receive(Array(#"{"execute":"qmp_capabilities"}"#.utf8)[...], from: 1)
    var (sent, compared) = (0, 0)
    while true {
      session.advance(at: .now)
      if let end = session.end ?? session.ending { return XCTFail("the session ended: \(end)") }
      while let write = session.write(to: 1) { session.wrote(write.bytes.count, to: 1) }
      _ = session.takeNotices()
      while let write = session.writeToQEMU {
        try qemu.write(write.bytes)
        session.wroteToQEMU(write.bytes.count)
      }
      let isIdle = session.inFlight.isEmpty && session.job == nil && session.deciding == nil
      if isIdle {
        // What QEMU has answered it has traced before.
        qemu.readTrace()
        compared += try compare(witness, qemu, seed: seed, sent)
        if sent == count { break }
      }
      if session.wantsInput(of: 1), sent < count {
        sent += 1
        // The last byte ends a message that is not complete.
        session.receive((messages.next() + [0xff])[...], from: 1)
        continue
      }
      if !isIdle { try qemu.wait { session.receiveFromQEMU($0) } }
      if qemu.isGone { return XCTFail("QEMU is gone, seed \(seed), after \(sent)") }
    }
    XCTAssertGreaterThan(compared, count / 20, "most messages did not reach QEMU")
    XCTAssertGreaterThan(witness.refused, count / 50)
  }

  private func compare(_ witness: Witness, _ qemu: TracedQEMU, seed: UInt64, _ sent: Int) throws -> Int {
    // Both are complete when QEMU is idle.
    if witness.passed != qemu.requests {
      let same = zip(witness.passed, qemu.requests).prefix { $0 == $1 }.count
      let (passed, executed) = (witness.passed.dropFirst(same).first, qemu.requests.dropFirst(same).first)
      XCTFail("seed \(seed), at \(sent): passed \(passed ?? "nothing"), executed \(executed ?? "nothing")")
      throw SystemFailure("the same commands", errno: EPROTO)
    }
    defer { (witness.passed, qemu.requests) = ([], []) }
    return qemu.requests.count
  }

  private var count: Int { getenv("VFIOGATE_LONG") == nil ? 10_000 : 1_000_000 }

  func testTheDistributionsQEMUExecutesWhatTheFilterPassed() throws {
    try run(try RealQEMU.program(), [], count: count, seed: 18)
  }

  func testTheLabsQEMUExecutesWhatTheFilterPassed() throws {
    let (program, arguments) = try RealQEMU.lab()
    try run(program, arguments, count: count, seed: 181)
  }
}
