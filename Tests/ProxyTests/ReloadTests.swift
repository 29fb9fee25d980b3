import Foundation
import Glibc
import Support
import XCTest

/// `vfiogate proxy` that is replaced by another program on SIGHUP, with a real QEMU.
final class ReloadTests: XCTestCase {
  private final class Running {
    let directory: TemporaryDirectory
    /// A copy of the program, which a test replaces.
    let program: String
    let qemu: Child
    let proxy: Child
    var path: String { directory.path + "/p" }
    var log: String { (try? readFile(directory.path + "/log")).map { String(decoding: $0, as: UTF8.self) } ?? "" }

    var link: String { directory.path + "/link" }

    init(clients: Int = 1, more: [String] = [], log: String? = nil, isLinked: Bool = false) throws {
      directory = try TemporaryDirectory()
      program = directory.path + "/vfiogate"
      try FileManager.default.copyItem(atPath: try Child.built("vfiogate"), toPath: program)
      qemu = try RealQEMU.start(in: directory)
      if isLinked { try FileManager.default.createSymbolicLink(atPath: directory.path + "/link", withDestinationPath: program) }
      proxy = try Child(isLinked ? directory.path + "/link" : program, [
        "proxy", "--listen", directory.path + "/p", "--qmp", directory.path + "/qmp.sock", "--log", log ?? directory.path + "/log",
        "--clients", String(clients),
      ] + more)
      try Wait.listener(at: directory.path + "/p")
    }

    deinit {
      proxy.end()
      qemu.end()
    }

    /// Puts another file in the program's place, as an update does.
    func replace(by text: String) throws {
      try writeFile(program + ".new", text)
      XCTAssertEqual(chmod(program + ".new", 0o755), 0)
      XCTAssertEqual(rename(program + ".new", program), 0)
    }

    /// Asks for a reload, and waits until the log reports so many outcomes.
    func reload(count: Int, _ outcome: String = " info reloaded ") throws {
      kill(proxy.processID, SIGHUP)
      try Wait.until("\(count) times `\(outcome)`", isTrue: { log.split(separator: "\n").count { $0.contains(outcome) } == count })
    }

    var descriptors: Int { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(proxy.processID)/fd").count) ?? 0 }
  }

  func testAReloadedProxyKeepsItsClientsAndWhatItKnows() throws {
    let running = try Running(clients: 3)
    let client = try RawClient(path: running.path), other = try RawClient(path: running.path)
    try client.negotiate()
    XCTAssert(try other.line()?.hasPrefix(#"{"QMP""#) == true)
    let zero = open("/dev/zero", O_RDONLY)
    defer { close(zero) }
    try client.send(#"{"execute":"getfd","arguments":{"fdname":"mine"}}"#, descriptors: [zero])
    XCTAssertEqual(try client.line(), #"{"return": {}}"#)

    // As an update does: another file at the same path, while the old one runs.
    try FileManager.default.copyItem(atPath: running.program, toPath: running.program + ".new")
    XCTAssertEqual(rename(running.program + ".new", running.program), 0)
    try client.send(#"{"execute":"query-na"#)
    try running.reload(count: 1)
    let once = running.descriptors
    for count in 2...4 { try running.reload(count: count) }
    XCTAssertEqual(running.descriptors, once, "a reload leaves descriptors open")

    XCTAssertEqual(try client.answer(#"me","id":"é"}"#), #"{"return": {}, "id": "\u00E9"}"#)
    XCTAssertEqual(try other.answer(#"{"execute":"qmp_capabilities"}"#), #"{"return": {}}"#)
    // The name belongs to the first client, and the descriptor is no device's.
    let foreign = try other.answer(#"{"execute":"closefd","arguments":{"fdname":"mine"}}"#)
    XCTAssert(foreign.contains("vfiogate: refused: fd-of-another-client"), foreign)
    let plug = #"{"execute":"device_add","arguments":{"driver":"vfio-pci","bus":"rp1","fd":"mine","id":"v"}}"#
    let wrong = try client.answer(plug)
    XCTAssert(wrong.contains("vfiogate: refused: "), wrong)
    XCTAssert(try RawClient(path: running.path).line()?.hasPrefix(#"{"QMP""#) == true, "the socket is still the proxy's")

    kill(running.proxy.processID, SIGTERM)
    XCTAssertEqual(running.proxy.wait(), 0)
    XCTAssertNotEqual(access(running.path, F_OK), 0, "the socket file goes with the last program")
  }

  func testWhatCannotContinueTheSessionIsNotStarted() throws {
    let running = try Running()
    let client = try RawClient(path: running.path)
    try client.negotiate()
    let programs = [
      "not a program", "#!/bin/false\n", "#!/bin/sh\nexec sleep 100\n", "#!/bin/true\n", "#!/bin/sh\necho ls 9.1\n",
      // An earlier release, with fewer options.
      "#!/bin/sh\n[ $# != 1 ] || exec echo 0.0.9\necho ' --listen <listen>'\n",
    ]
    for (count, text) in programs.enumerated() {
      try running.replace(by: text)
      try running.reload(count: count + 1, " not reloaded ")
    }
    XCTAssert(running.log.contains("its help does not have `--qmp`"), running.log)
    XCTAssertEqual(unlink(running.program), 0)
    try running.reload(count: programs.count + 1, " not reloaded ")
    XCTAssertEqual(try client.answer(#"{"execute":"query-name","id":2}"#), #"{"return": {}, "id": 2}"#)
  }

  func testFilesThatASuccessorCouldNotReadStopTheReload() throws {
    let folder = try TemporaryDirectory()
    let (policy, log) = (folder.path + "/policy", folder.path + "/log")
    try writeFile(policy, "")
    XCTAssertEqual(mkfifo(log, 0o600), 0)
    var reader = open(log, O_RDONLY | O_NONBLOCK)
    let running = try Running(more: ["--policy", policy], log: log)
    let client = try RawClient(path: running.path)
    try client.negotiate()
    func reload(_ outcome: String) throws {
      kill(running.proxy.processID, SIGHUP)
      var text = ""
      try Wait.until(outcome, isTrue: {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(reader, &bytes, bytes.count)
        text += String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
        return text.contains(outcome)
      })
      XCTAssertEqual(try client.answer(#"{"execute":"query-name","id":2}"#), #"{"return": {}, "id": 2}"#, outcome)
    }
    try writeFile(policy, "nonsense = [")
    try reload(" not reloaded ")
    XCTAssertEqual(unlink(policy), 0)
    try reload(" not reloaded ")
    try writeFile(policy, "")
    try reload(" info reloaded ")
    // A log without a reader cannot be opened.
    close(reader)
    kill(running.proxy.processID, SIGHUP)
    XCTAssertEqual(try client.answer(#"{"execute":"query-name","id":3}"#), #"{"return": {}, "id": 3}"#)
    reader = open(log, O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    try reload(" info reloaded ")
  }

  func testALogThatASuccessorCouldNotOpenStopsTheReload() throws {
    let folder = try TemporaryDirectory()
    let (logs, away) = (folder.path + "/logs", folder.path + "/away")
    XCTAssertEqual(mkdir(logs, 0o700), 0)
    let running = try Running(log: logs + "/log")
    let client = try RawClient(path: running.path)
    try client.negotiate()
    XCTAssertEqual(rename(logs, away), 0)
    kill(running.proxy.processID, SIGHUP)
    try Wait.text(" not reloaded ", in: away + "/log")
    XCTAssertEqual(try client.answer(#"{"execute":"query-name","id":4}"#), #"{"return": {}, "id": 4}"#)
    XCTAssertEqual(rename(away, logs), 0)
    kill(running.proxy.processID, SIGHUP)
    try Wait.text(" info reloaded ", in: logs + "/log")
    XCTAssertEqual(try client.answer(#"{"execute":"query-name","id":5}"#), #"{"return": {}, "id": 5}"#)
  }

  /// The file at the path is the update, not the file that runs.
  func testAProgramThatWasRenamedIsReplacedByTheFileAtItsPath() throws {
    let running = try Running()
    let client = try RawClient(path: running.path)
    try client.negotiate()
    XCTAssertEqual(rename(running.program, running.program + ".old"), 0)
    try running.reload(count: 1, " not reloaded ")
    try FileManager.default.copyItem(atPath: running.program + ".old", toPath: running.program)
    try running.reload(count: 1)
    XCTAssertEqual(try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(running.proxy.processID)/exe"), running.program)
    XCTAssertEqual(try client.answer(#"{"execute":"query-name","id":2}"#), #"{"return": {}, "id": 2}"#)
  }

  /// An update of an installation with a folder for each release is another link to one.
  func testALinkByWhichTheProgramWasStartedIsFollowedAnew() throws {
    let running = try Running(isLinked: true)
    let client = try RawClient(path: running.path)
    try client.negotiate()
    let update = running.directory.path + "/update"
    try FileManager.default.copyItem(atPath: running.program, toPath: update)
    try FileManager.default.removeItem(atPath: running.link)
    try FileManager.default.createSymbolicLink(atPath: running.link, withDestinationPath: update)
    for count in 1...2 {
      try running.reload(count: count)
      XCTAssertEqual(try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(running.proxy.processID)/exe"), update)
    }
    XCTAssertEqual(try client.answer(#"{"execute":"query-name","id":2}"#), #"{"return": {}, "id": 2}"#)
  }

  /// Each is in the state twice as long.
  func testUnfinishedMessagesThatAreTooLongStayWithTheirProgram() throws {
    let running = try Running(clients: 5)
    var clients = try (0..<5).map { _ in try RawClient(path: running.path) }
    for client in clients {
      try client.negotiate()
      try client.send(#"{"execute":"query-name","arguments":{"x":""# + String(repeating: "x", count: 900_000))
    }
    try running.reload(count: 1, " bytes of unfinished messages cannot be handed over")
    XCTAssert(try clients[0].answer(#""},"id":1}"#).contains("Parameter 'x' is unexpected"))
    clients = []
    try running.reload(count: 1)
  }

  func testPlugsBeforeTheReloadAreRepeatedInTrials() throws {
    let running = try Running()
    let client = try RawClient(path: running.path)
    try client.negotiate()
    let bridge = #"{"execute":"device_add","arguments":{"driver":"pcie-pci-bridge","bus":"rp1","id":"b"}}"#
    XCTAssertEqual(try client.answer(bridge), #"{"return": {}}"#)
    try running.reload(count: 1)
    // A controller's memory of a petabyte.
    let crash = #"{"execute":"device_add","arguments":{"driver":"nvme","serial":"x","cmb_size_mb":1073741824,"bus":"b","addr":"3"}}"#
    let answer = try client.answer(crash)
    XCTAssert(answer.contains("a scratch QEMU crashed with SIGTRAP"), answer)
    XCTAssertEqual(try client.answer(#"{"execute":"query-name","id":1}"#), #"{"return": {}, "id": 1}"#)
  }

  /// A scratch QEMU that starts when a file is there.
  func testASignalWhileAPlugIsTriedLeavesNoScratchQEMU() throws {
    for signal in [SIGTERM, SIGKILL, SIGHUP] {
      let folder = try TemporaryDirectory()
      let (emulator, go, ids) = (folder.path + "/emulator", folder.path + "/go", folder.path + "/ids")
      let script = "#!/bin/sh\necho $$ >> \(ids)\nuntil [ -e \(go) ]; do sleep 0.02; done\nexec \(try RealQEMU.program()) \"$@\"\n"
      try writeFile(emulator, script, mode: 0o755)
      let running = try Running(more: ["--emulator", emulator])
      let client = try RawClient(path: running.path)
      try client.negotiate()
      try client.send(#"{"execute":"device_add","arguments":{"driver":"e1000e","bus":"rp1","id":"n"},"id":1}"#)
      func started() -> [pid_t] {
        String(decoding: (try? readFile(ids)) ?? [], as: UTF8.self).split(separator: "\n").compactMap { pid_t($0) }
      }
      try Wait.until("the scratch QEMU", isTrue: { started().count == 1 })
      kill(running.proxy.processID, signal)
      if signal == SIGHUP {
        try Wait.text(" reloading", in: running.directory.path + "/log")
        try writeFile(go, "")
        XCTAssertEqual(try client.line(), #"{"return": {}, "id": 1}"#)
        try Wait.text(" info reloaded ", in: running.directory.path + "/log")
        XCTAssertEqual(try client.answer(#"{"execute":"query-name","id":2}"#), #"{"return": {}, "id": 2}"#)
      } else {
        XCTAssertNil(try client.line())
        running.proxy.wait()
      }
      for one in started() { try Wait.until("the end of \(one)", isTrue: { kill(one, 0) != 0 }) }
    }
  }

  func testAStateThatIsNoneEndsWithOneLine() throws {
    let own = "the state of the proxy before this one"
    for (value, text) in [("x", "is not a descriptor"), ("0", "is not a descriptor"), ("77", own)] {
      let arguments = ["proxy", "--listen", "/nonexistent/p", "--qmp", "/nonexistent/q"]
      let done = try Child.run("/usr/bin/env", ["VFIOGATE_HANDOVER=\(value)", try Child.built("vfiogate")] + arguments)
      XCTAssertEqual(done.status, 2)
      let error = String(decoding: done.error, as: UTF8.self)
      XCTAssert(error.contains(text) && error.split(separator: "\n").count == 1, error)
    }
  }
}

extension RawClient {
  /// The answer to a command, or to the rest of one.
  fileprivate func answer(_ text: String) throws -> String {
    try send(text)
    return try line() ?? ""
  }
}
