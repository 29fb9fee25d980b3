import CLinux
import Common
import Glibc
import QMP
import Support
import Syntax
import XCTest

/// The driver against a server that the test plays itself, over real sockets.
final class QMPConnectionTests: XCTestCase {
  static let greeting = #"{"QMP": {"version": {"qemu": {"micro": 3, "minor": 1, "major": 11}, "package": ""}, "#
    + #""capabilities": ["oob"]}}"# + "\r\n"
  static let negotiated = greeting + #"{"return": {}, "id": "vfiogate-1"}"# + "\r\n"

  private func failure(
    _ attempt: () throws -> Void, file: StaticString = #filePath, line: UInt = #line
  ) -> String {
    do {
      try attempt()
      XCTFail("succeeded", file: file, line: line)
      return ""
    } catch {
      XCTAssertTrue(error is QMPFailure, "\(error)", file: file, line: line)
      return "\(error)"
    }
  }

  /// A connection whose other end is the test's, with what the server says first.
  private func connection(saying text: String) throws -> (client: QMPConnection, server: Int32) {
    let (client, server) = try socketPair()
    try writeAll(server, Array(text.utf8))
    return (QMPConnection(adopting: client, path: "test"), server)
  }

  func testEventsWithoutAnEndAreNotWaitedForForEver() throws {
    let (client, server) = try connection(saying: QMPConnectionTests.greeting)
    let event = Array(#"{"event": "X", "timestamp": {"seconds": 1, "microseconds": 1}}"#.utf8) + [10]
    let writer = Thread {
      while send(server, event, event.count, Int32(MSG_NOSIGNAL)) == event.count {}
      close(server)
    }
    writer.start()
    let failure = failure { _ = try client.negotiate(until: Deadline(after: .milliseconds(200))) }
    XCTAssert(failure.hasPrefix("test: timed out after 0.2 s awaiting the reply to `qmp_capabilities`"), failure)
  }

  func testASignalDoesNotEndTheWait() throws {
    let (client, server) = try connection(saying: "")
    let waiting = pthread_self()
    signal(SIGUSR1) { _ in }
    let isDone = DispatchSemaphore(value: 0)
    let sender = Thread {
      for _ in 0..<10 {
        // The state is that of the first thread, in which XCTest runs this.
        try? Wait.until("the wait for QEMU", isTrue: { String(decoding: try readFile("/proc/self/stat"), as: UTF8.self).contains(") S ") })
        pthread_kill(waiting, SIGUSR1)
      }
      try? writeAll(server, Array(QMPConnectionTests.negotiated.utf8))
      isDone.signal()
    }
    sender.start()
    defer {
      isDone.wait()
      signal(SIGUSR1, SIG_DFL)
      close(server)
    }
    _ = try client.negotiate(until: Deadline(after: .seconds(60)))
  }

  func testASocketThatIsNotThere() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/none.sock"
    XCTAssertEqual(
      failure { _ = try QMPConnection.connect(path: path, until: Deadline(after: .seconds(60))) },
      "\(path): cannot connect: No such file or directory")
  }

  func testASocketThatNobodyListensAt() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/dead.sock"
    do { _ = try UnixListener(path: path) }
    XCTAssertEqual(
      failure { _ = try QMPConnection.connect(path: path, until: Deadline(after: .seconds(60))) },
      "\(path): cannot connect: Connection refused")
  }

  func testASocketThatMayNotBeOpened() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/locked.sock"
    let listener = try UnixListener(path: path)
    chmod(path, 0)
    chmod(directory.path, 0o755)
    // Root may open everything; as nobody it may not.
    let isRoot = geteuid() == 0
    if isRoot { XCTAssertEqual(seteuid(65534), 0) }
    defer { if isRoot { XCTAssertEqual(seteuid(0), 0) } }
    XCTAssertEqual(
      failure { _ = try QMPConnection.connect(path: path, until: Deadline(after: .seconds(60))) },
      "\(path): cannot connect: Permission denied")
    withExtendedLifetime(listener) {}
  }

  func testAPathThatNoSocketAddressHolds() {
    let path = "/tmp/" + String(repeating: "x", count: 103)
    XCTAssertEqual(
      failure { _ = try QMPConnection.connect(path: path, until: Deadline(after: .seconds(60))) },
      "\(path): cannot connect: File name too long")
  }

  func testAFullBacklogIsWaitedForUntilTheDeadline() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/full.sock"
    let listener = try UnixListener(path: path, backlog: 0)
    let first = try QMPConnection.connect(path: path, until: Deadline(after: .seconds(60)))
    XCTAssertEqual(
      failure { _ = try QMPConnection.connect(path: path, until: Deadline(after: .milliseconds(100))) },
      "\(path): timed out after 0.1 s awaiting a place in its backlog")
    withExtendedLifetime((listener, first)) {}
  }

  func testASocketThatNeverGreets() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/silent.sock"
    let listener = try UnixListener(path: path)
    let start = ContinuousClock.now
    XCTAssertEqual(
      failure {
        let deadline = Deadline(after: .milliseconds(250))
        _ = try QMPConnection.connect(path: path, until: deadline).negotiate(until: deadline)
      }, "\(path): no QMP greeting within 0.25 s; QEMU serves one QMP client at a time")
    let taken = ContinuousClock.now - start
    XCTAssertGreaterThanOrEqual(taken, .milliseconds(250))
    XCTAssertLessThan(taken, .seconds(60))
    withExtendedLifetime(listener) {}
  }

  func testAReplyThatDoesNotComeIsNamed() throws {
    let (client, server) = try connection(saying: Self.negotiated)
    defer { close(server) }
    _ = try client.negotiate(until: Deadline(after: .seconds(60)))
    XCTAssertEqual(
      failure { _ = try client.execute(Command("query-status"), until: Deadline(after: .milliseconds(50))) },
      "test: timed out after 0.05 s awaiting the reply to `query-status`")
    XCTAssertEqual(client.session.outstanding.map(\.name), ["query-status"])
  }

  func testAPeerThatClosesInTheMiddleOfAMessage() throws {
    let (client, server) = try connection(saying: Self.negotiated)
    _ = try client.negotiate(until: Deadline(after: .seconds(60)))
    try writeAll(server, Array(#"{"return": {"#.utf8))
    shutdown(server, Int32(SHUT_WR))
    defer { close(server) }
    XCTAssertEqual(
      failure { _ = try client.execute(Command("query-pci"), until: Deadline(after: .seconds(60))) },
      "test: the connection was closed by the other side 12 bytes into a message"
        + " while awaiting the reply to `query-pci`")
    XCTAssertEqual(
      failure { _ = try client.execute(Command("query-status"), until: Deadline(after: .seconds(60))) },
      "test: the connection was closed by the other side 12 bytes into a message"
        + " while awaiting the reply to `query-pci`", "and it stays closed")
  }

  func testAPeerThatCloses() throws {
    let (client, server) = try connection(saying: "")
    close(server)
    XCTAssertEqual(
      failure { _ = try client.negotiate(until: Deadline(after: .seconds(60))) },
      "test: the connection was closed by the other side")
  }

  func testAPeerThatDiesWithTheCommandUnread() throws {
    let (client, server) = try connection(saying: Self.negotiated)
    _ = try client.negotiate(until: Deadline(after: .seconds(60)))
    _ = failure { _ = try client.execute(Command("x"), until: Deadline(after: .milliseconds(10))) }
    close(server)  // with bytes unread, which makes the kernel reset the connection
    let message = failure { _ = try client.execute(Command("quit"), until: Deadline(after: .seconds(60))) }
    XCTAssertEqual(message, "test: cannot read the reply to `x`: Connection reset by peer")
  }

  func testWhatWasSaidBeforeTheEndStillCounts() throws {
    let (client, server) = try connection(saying: Self.negotiated)
    defer { close(server) }
    _ = try client.negotiate(until: Deadline(after: .seconds(60)))
    try writeAll(server, Array(#"{"return": 1, "id": "vfiogate-2"}"#.utf8))
    shutdown(server, Int32(SHUT_RDWR))
    XCTAssertEqual(try client.execute(Command("quit"), until: Deadline(after: .seconds(60))).get(), 1)
  }

  func testAHumanMonitorIsToldFromQMP() throws {
    let banner = "QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) "
    let (client, server) = try connection(saying: banner)
    defer { close(server) }
    let message = failure { _ = try client.negotiate(until: Deadline(after: .seconds(60))) }
    XCTAssertTrue(message.hasPrefix("test: not JSON ("), message)
    XCTAssertTrue(message.hasSuffix("`QEMU`"), message)
  }

  func testCommandsBeforeNegotiationAreRefused() throws {
    let (client, server) = try connection(saying: "")
    defer { close(server) }
    XCTAssertEqual(
      failure { _ = try client.execute(Command("stop"), until: Deadline(after: .seconds(60))) },
      "test: a command was sent before capabilities were negotiated")
  }

  func testDescriptorsArriveWithTheFirstByteOfTheirCommandAndWithNoOther() throws {
    let (client, server) = try connection(saying: Self.negotiated)
    defer { close(server) }
    _ = try client.negotiate(until: Deadline(after: .seconds(60)))
    _ = failure { _ = try client.execute(Command("query-name"), until: Deadline(after: .milliseconds(10))) }
    let before = try receive(server, 4096)
    XCTAssertTrue(before.text.hasSuffix("\"vfiogate-2\"}\n"), before.text)
    XCTAssertEqual(before.descriptors, 0)
    let null = open("/dev/null", O_RDONLY)
    defer { close(null) }
    let text = String(repeating: "x", count: 100)
    let command = Command("add-fd", ["opaque": .string(text)], descriptors: [null, null])
    _ = failure { _ = try client.execute(command, until: Deadline(after: .milliseconds(10))) }
    _ = failure { _ = try client.execute(Command("query-fdsets"), until: Deadline(after: .milliseconds(10))) }
    let first = try receive(server, 1)
    XCTAssertEqual(first.text, "{")
    XCTAssertEqual(first.descriptors, 2)
    let rest = try receive(server, 4096)
    XCTAssertTrue(rest.text.contains("add-fd") || rest.text.contains("opaque"), rest.text)
    XCTAssertEqual(rest.descriptors, 0)
  }

  func testACommandLargerThanTheSocketsBufferIsWrittenInPieces() throws {
    let (client, server) = try connection(saying: Self.negotiated)
    defer { close(server) }
    _ = try client.negotiate(until: Deadline(after: .seconds(60)))
    let size = 1 << 20
    // It answers when it has read that much, five times what the socket holds.
    let script = "head -c \(size) > /dev/null; echo '{\"return\": 1, \"id\": \"vfiogate-2\"}'"
    let reader = try Child("/bin/sh", ["-c", script], input: server, output: server)
    let command = Command("x", ["text": .string(String(repeating: "x", count: size))])
    XCTAssertEqual(try client.execute(command, until: Deadline(after: .seconds(20))).get(), 1)
    reader.end()
  }

  func testEventsAreKeptInOrderUpToTheirLimitAndThenCounted() throws {
    let (client, server) = try connection(saying: Self.negotiated)
    defer { close(server) }
    let extra = 10
    let count = QMPConnection.eventLimit + extra
    let writer = try eventWriter(to: server, count: count)
    let last = try client.awaitEvent("LAST", until: Deadline(after: .seconds(20)))
    XCTAssertEqual(last.seconds, 0)
    XCTAssertEqual(client.events.count, QMPConnection.eventLimit - 1)
    XCTAssertEqual(client.eventsDropped, extra + 1)
    XCTAssertEqual(client.events.first?.seconds, Int64(extra) + 2)
    writer.wait()
  }

  private func eventWriter(to socket: Int32, count: Int) throws -> Child {
    let script = """
      i=1; while [ $i -le \(count) ]; do
      echo '{"timestamp": {"seconds": '$i', "microseconds": 0}, "event": "TICK"}'; i=$((i+1)); done
      echo '{"timestamp": {"seconds": 0, "microseconds": 0}, "event": "LAST"}'
      """
    return try Child("/bin/sh", ["-c", script], output: socket)
  }

  private func receive(_ socket: Int32, _ capacity: Int) throws -> (text: String, descriptors: Int) {
    var bytes = [UInt8](repeating: 0, count: capacity)
    var descriptors = [Int32](repeating: -1, count: Int(CLINUX_DESCRIPTORS_MAX))
    var number = 0
    let count = clinux_receive(socket, &bytes, bytes.count, &descriptors, &number)
    guard count >= 0 else { throw SystemFailure("receive", errno: Int32(-count)) }
    for descriptor in descriptors[..<number] { XCTAssertEqual(close(descriptor), 0) }
    return (String(decoding: bytes[..<count], as: UTF8.self), number)
  }
}
