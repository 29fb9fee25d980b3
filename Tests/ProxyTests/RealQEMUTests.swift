import Common
import Facts
import Glibc
import Proxy
import QMP
import Support
import Syntax
import XCTest

/// The client against the distribution's QEMU, over a real socket.
final class RealQEMUTests: XCTestCase {
  private var deadline: Deadline { Deadline(after: .seconds(60)) }

  private func program() throws -> String {
    guard let path = Child.find("qemu-system-x86_64") else {
      throw XCTSkip("SKIPPED: qemu-system-x86_64 is not installed, so nothing was tried against a real QEMU")
    }
    return path
  }

  /// A stopped machine with a monitor at `path`.
  private func start(_ path: String, options: String = "") throws -> Child {
    let arguments = ["-M", "q35", "-nodefaults", "-no-user-config", "-display", "none", "-S"]
    let socket = "socket,id=c,path=\(path),server=on,wait=off"
    let monitor = ["-chardev", socket, "-mon", "chardev=c,mode=control\(options)"]
    let child = try Child(try program(), arguments + monitor)
    try Wait.listener(at: path)
    return child
  }

  /// Runs with a negotiated connection to a fresh QEMU.
  private func withQEMU(
    options: String = "", _ body: (QMPConnection, Greeting) throws -> Void
  ) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/qmp.sock"
    let qemu = try start(path, options: options)
    defer { qemu.end() }
    let connection = try QMPConnection.connect(path: path, until: deadline)
    try body(connection, try connection.negotiate(until: deadline))
  }

  func testNegotiationGivesTheVersionThatQueryVersionGives() throws {
    try withQEMU { connection, greeting in
      let version = try QEMUVersion.parse(connection.execute(Command("query-version"), until: deadline).get())
      XCTAssertEqual(version, greeting.version)
      XCTAssertGreaterThanOrEqual(version.major, 5)
    }
  }

  func testPrettyPrintedMonitorsAreUnderstood() throws {
    try withQEMU(options: ",pretty=on") { connection, _ in
      let status = try connection.execute(Command("query-status"), until: deadline).get()
      XCTAssertEqual(status["status"], "prelaunch")
    }
  }

  func testErrorsBelongToTheirCommandAndTheMonitorGoesOn() throws {
    try withQEMU { connection, _ in
      let reply = try connection.execute(
        Command("device-list-properties", ["typename": "nope"]), until: deadline)
      XCTAssertEqual(
        reply, .failure(CommandError(errorClass: "DeviceNotFound", text: "Device 'nope' not found")))
      XCTAssertNoThrow(try connection.execute(Command("query-status"), until: deadline).get())
    }
  }

  func testEventsOfContAndStopArrive() throws {
    try withQEMU { connection, _ in
      _ = try connection.execute(Command("cont"), until: deadline).get()
      XCTAssertGreaterThan(try connection.awaitEvent("RESUME", until: deadline).seconds, 1_600_000_000)
      _ = try connection.execute(Command("stop"), until: deadline).get()
      XCTAssertNil(try connection.awaitEvent("STOP", until: deadline).data)
    }
  }

  func testGetfdTakesADescriptorAndClosefdClosesIt() throws {
    try withQEMU { connection, _ in
      var ends: [Int32] = [-1, -1]
      XCTAssertEqual(pipe(&ends), 0)
      defer { close(ends[0]) }
      _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
      _ = try connection.execute(
        Command("getfd", ["fdname": "end"], descriptors: [ends[1]]), until: deadline).get()
      close(ends[1])
      var byte: UInt8 = 0
      XCTAssertEqual(read(ends[0], &byte, 1), -1, "QEMU holds the other end")
      XCTAssertEqual(errno, EAGAIN)
      _ = try connection.execute(Command("closefd", ["fdname": "end"]), until: deadline).get()
      XCTAssertEqual(read(ends[0], &byte, 1), 0, "and no one does any more")
    }
  }

  func testGetfdWithoutADescriptorIsRefusedInQEMUsWords() throws {
    try withQEMU { connection, _ in
      XCTAssertEqual(
        try connection.execute(Command("getfd", ["fdname": "none"]), until: deadline),
        .failure(CommandError(errorClass: "GenericError", text: "No file descriptor supplied via SCM_RIGHTS")))
    }
  }

  func testASecondClientWaitsUngreeted() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/qmp.sock"
    let qemu = try start(path)
    defer { qemu.end() }
    let first = try QMPConnection.connect(path: path, until: deadline)
    _ = try first.negotiate(until: deadline)
    XCTAssertThrowsError(try QEMUQuestion.ask(qmpSocket: path, timeout: .milliseconds(300))) {
      XCTAssertEqual("\($0)", "\(path): no QMP greeting within 0.3 s; QEMU serves one QMP client at a time")
    }
    withExtendedLifetime(first) {}
  }

  func testQuitAnswersAndThenTheConnectionEnds() throws {
    try withQEMU { connection, _ in
      XCTAssertNoThrow(try connection.execute(Command("quit"), until: deadline).get())
      XCTAssertEqual(try connection.awaitEvent("SHUTDOWN", until: deadline).data?["reason"], "host-qmp-quit")
      XCTAssertThrowsError(try connection.execute(Command("query-status"), until: deadline)) {
        XCTAssertTrue($0 is QMPFailure, "\($0)")
      }
    }
  }

  func testAKilledQEMUEndsTheConnection() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/qmp.sock"
    let qemu = try start(path)
    let connection = try QMPConnection.connect(path: path, until: deadline)
    _ = try connection.negotiate(until: deadline)
    qemu.end()
    XCTAssertThrowsError(try connection.execute(Command("query-status"), until: deadline)) {
      XCTAssertTrue("\($0)".contains("query-status"), "\($0)")
    }
    XCTAssertThrowsError(try QEMUQuestion.ask(qmpSocket: path)) {
      XCTAssertEqual("\($0)", "\(path): cannot connect: Connection refused", "the socket's file stays")
    }
  }

  /// The program and a running monitor of it must give the same profile, and the version decides
  /// what that is: 11.1 has `ats`, and no release before it.
  func testTheQuestionToTheProgramAndToItsMonitorAgree() throws {
    let asked = try QEMUQuestion.ask(binary: try program())
    let directory = try TemporaryDirectory()
    let path = directory.path + "/qmp.sock"
    let qemu = try start(path)
    defer { qemu.end() }
    let running = try QEMUQuestion.ask(qmpSocket: path)
    XCTAssertEqual(asked.behaviour, running.behaviour)
    XCTAssertEqual(asked.properties, running.properties)
    XCTAssertTrue(try asked.properties.value.contains("host"))
    XCTAssertEqual(asked.name.hasSuffix("at \(try program())"), true, asked.name)
    let hasATS = try asked.properties.value.contains("ats")
    XCTAssertEqual(asked.behaviour, .known(hasATS ? .shipped : .none))
    if asked.name.hasPrefix("QEMU 7.") { XCTAssertFalse(hasATS) }
  }
}
