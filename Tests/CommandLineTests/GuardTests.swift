import CLinux
import Glibc
import Support
import XCTest

/// `run --guard` in front of a real QEMU: the address stays, and what kills QEMU does not reach it.
final class GuardTests: XCTestCase {
  private var folder: TemporaryDirectory!
  private var qemu = ""

  override func setUpWithError() throws {
    guard let found = Child.find("qemu-system-x86_64") else {
      throw XCTSkip("SKIPPED: qemu-system-x86_64 is not installed")
    }
    qemu = found
    folder = try TemporaryDirectory()
  }

  private var path: String { folder.path + "/qmp" }
  private let plain = ["-nodefaults", "-display", "none", "-M", "q35", "-accel", "tcg", "-S"]

  private func start(_ arguments: [String], guards: [String] = ["--guard"]) throws -> Child {
    try Child(
      try Child.built("vfiogate"),
      ["run"] + guards + ["--log", folder.path + "/log", "--host", "none", "--", qemu] + plain + arguments)
  }

  /// Sends one line after the greeting and the negotiation, and returns the answers.
  private func talk(_ lines: [String], at path: String) throws -> [String] {
    let connection = try connect(path)
    defer { close(connection) }
    return try talk(lines, on: connection)
  }

  private func talk(_ lines: [String], on connection: Int32) throws -> [String] {
    var answers = [try line(connection)]
    for one in [#"{"execute":"qmp_capabilities"}"#] + lines {
      try writeAll(connection, Array((one + "\n").utf8))
      answers.append(try line(connection))
    }
    return answers
  }

  private func connect(_ path: String) throws -> Int32 {
    try Wait.connection(to: path)
  }

  private func line(_ connection: Int32) throws -> String {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while true {
      var entry = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 60_000) > 0, read(connection, &byte, 1) == 1 else {
        throw SystemFailure("the answer after `\(String(decoding: bytes, as: UTF8.self))`", errno: ETIMEDOUT)
      }
      if byte == 0x0a { return String(decoding: bytes, as: UTF8.self) }
      if byte != 0x0d { bytes.append(byte) }
    }
  }

  /// Waits until there is no listener at a path and its file is gone.
  private func waitUntilGone(_ path: String) -> Bool {
    (try? Wait.absence(of: path)) != nil
  }

  /// K2 (`realized=true`) kills QEMU; see the refusals of `vfiogate proxy`.
  private let killer = #"{"execute":"device_add","arguments":{"driver":"virtio-rng-pci","realized":true},"id":7}"#

  private func checkGuard(_ arguments: [String]) throws {
    let child = try start(arguments)
    defer { child.end() }
    let answers = try talk([killer, #"{"execute":"query-status"}"#], at: path)
    XCTAssert(answers[0].hasPrefix(#"{"QMP""#), answers[0])
    XCTAssert(answers[2].contains("vfiogate: refused: "), answers[2])
    XCTAssert(answers[2].contains(#""id": 7"#) || answers[2].contains(#""id":7"#), answers[2])
    XCTAssert(answers[3].contains("prelaunch") || answers[3].contains("paused"), answers[3])
    // The next client finds it as the first did.
    XCTAssert(try talk([#"{"execute":"quit"}"#], at: path)[0].hasPrefix(#"{"QMP""#))
    XCTAssertEqual(child.wait(), 0)
    XCTAssert(waitUntilGone(path), "the socket's file outlives QEMU")
  }

  func testAListeningQMPOptionIsGuardedAtItsAddress() throws {
    try checkGuard(["-qmp", "unix:\(path),server=on,wait=off"])
  }

  func testOldSpellingsAreToo() throws { try checkGuard(["-qmp", "unix:\(path),server,nowait"]) }

  func testAMonitorOnACharacterDeviceIs() throws {
    try checkGuard(["-chardev", "socket,id=m,path=\(path),server=on,wait=off", "-mon", "chardev=m,mode=control"])
  }

  func testAnInheritedListeningSocketIsGuardedUnderItsNumber() throws {
    let listener = try UnixListener(path: path)
    let number = fcntl(listener.descriptor, F_DUPFD, 40)
    defer { close(number) }
    let child = try start(["-chardev", "socket,id=m,fd=\(number),server=on,wait=off", "-mon", "chardev=m,mode=control"])
    defer { child.end() }
    let answers = try talk([killer, #"{"execute":"quit"}"#], at: path)
    XCTAssert(answers[2].contains("vfiogate: refused: "), answers[2])
    XCTAssertEqual(child.wait(), 0)
  }

  func testAnInheritedConnectionIsGuarded() throws {
    let (ours, theirs) = try socketPair()
    defer { close(ours) }
    let number = fcntl(theirs, F_DUPFD, 50)
    close(theirs)
    let child = try start(["-qmp", "unix:fd=\(number)"])
    close(number)
    defer { child.end() }
    let answers = try talk([killer, #"{"execute":"quit"}"#], on: ours)
    XCTAssert(answers[2].contains("vfiogate: refused: "), answers[2])
    XCTAssertEqual(child.wait(), 0)
  }

  func testQEMUWaitsForAClientWhereItIsToldTo() throws {
    let child = try start(["-qmp", "unix:\(path),server=on,wait=on"])
    defer { child.end() }
    try Wait.listener(at: path)
    // proc_pid_stat(5): the state is behind the name; S is an interruptible sleep, in wait for a client.
    try Wait.until("the guard sleeps", isTrue: {
      String(decoding: try readFile("/proc/\(child.processID)/stat"), as: UTF8.self).contains(") S ")
    })
    XCTAssertEqual(try comm(child), "vfiogate")
    let answers = try talk([#"{"execute":"quit"}"#], at: path)
    XCTAssert(answers[0].hasPrefix(#"{"QMP""#))
    XCTAssertEqual(child.wait(), 0)
  }

  private func comm(_ child: Child) throws -> String {
    String(decoding: try readFile("/proc/\(child.processID)/comm"), as: UTF8.self).split(separator: "\n").joined()
  }

  func testQEMUStaysTheProcessThatWasStarted() throws {
    let child = try start(["-qmp", "unix:\(path),server=on,wait=off"])
    defer { child.end() }
    _ = try talk([], at: path)
    let name = try comm(child)
    XCTAssert(name.hasPrefix("qemu-system"), name)
  }

  func testTheGuardGoesWithAKilledQEMU() throws {
    let child = try start(["-qmp", "unix:\(path),server=on,wait=off"])
    _ = try talk([], at: path)
    child.end()
    XCTAssert(waitUntilGone(path))
  }

  func testAQEMUThatCannotStartLeavesNothing() throws {
    let child = try start(["-qmp", "unix:\(path),server=on,wait=off", "-device", "no-such-device"])
    XCTAssertNotEqual(child.wait(), 0)
    XCTAssert(waitUntilGone(path))
  }

  func testADaemonIsGuardedAndNobodyWaitsForItsOutput() throws {
    let pidfile = folder.path + "/pid"
    let command =
      "\"$0\" run --guard --host none -- \"$1\" \(plain.joined(separator: " ")) -daemonize -pidfile \(pidfile) "
      + "-qmp unix:\(path),server=on,wait=off 2>&1 | cat"
    let run = try Child.run("/bin/sh", ["-c", command, try Child.built("vfiogate"), qemu])
    XCTAssertEqual(run.status, 0, String(decoding: run.output, as: UTF8.self))
    let answers = try talk([killer, #"{"execute":"quit"}"#], at: path)
    XCTAssert(answers[2].contains("vfiogate: refused: "), answers[2])
    XCTAssert(waitUntilGone(path))
  }

  private func listen(at path: String) -> String {
    let address = #"{"type":"unix","data":{"path":"\#(path)"}}"#
    return #"{"execute":"chardev-add","arguments":{"id":"x","backend":{"type":"socket","data":{"addr":\#(address),"wait":false}}}}"#
  }

  /// QEMU would unlink the file of the socket that its clients connect to, and bind another.
  func testNoMonitorsSocketIsReplaced() throws {
    let listener = try UnixListener(path: folder.path + "/passed")
    let number = fcntl(listener.descriptor, F_DUPFD, 40)
    defer { close(number) }
    let child = try start([
      "-qmp", "unix:\(path),server=on,wait=off", "-qmp", "unix:\(path)2,server=on,wait=off", "-monitor",
      "unix:\(path)3,server=on,wait=off", "-chardev", "socket,id=m,fd=\(number),server=on,wait=off", "-mon", "chardev=m,mode=control",
    ])
    defer { child.end() }
    let all = [path, path + "2", path + "3", listener.path]
    for own in [path, listener.path] {
      let answers = try talk(all.map(listen) + [listen(at: path + "4")], at: own)
      for (place, answer) in zip(all, answers.dropFirst(2)) {
        XCTAssert(answer.contains("replaces-a-socket"), "\(place) at \(own): \(answer)")
      }
      XCTAssertEqual(answers.last?.contains("vfiogate"), false, "another path at \(own)")
    }
  }

  func testASocketInTheWorkingDirectoryIsGuardedAndGoes() throws {
    let vfiogate = try Child.built("vfiogate")
    let command = "cd \(folder.path) && exec \(vfiogate) run --guard --log log --host none -- \(qemu) \(plain.joined(separator: " "))"
    let child = try Child("/bin/sh", ["-c", command + " -qmp unix:qmp,server=on,wait=off"])
    defer { child.end() }
    let answers = try talk([listen(at: "/no/qmp"), listen(at: "qmp"), listen(at: path), #"{"execute":"quit"}"#], at: path)
    XCTAssertFalse(answers[2].contains("vfiogate"), answers[2])
    for answer in answers[3...4] { XCTAssert(answer.contains("replaces-a-socket"), answer) }
    XCTAssertEqual(child.wait(), 0)
    XCTAssert(waitUntilGone(path))
  }

  /// The guard of a daemon does not know QEMU's process, but has its command line.
  func testTheMonitorOfADaemonIsNotEnded() throws {
    let child = try start([
      "-daemonize", "-chardev", "socket,id=m,path=\(path),server=on,wait=off", "-mon", "chardev=m,mode=control",
    ])
    XCTAssertEqual(child.wait(), 0)
    let yank = #"{"execute":"yank","arguments":{"instances":[{"type":"chardev","id":"m"}]}}"#
    let answers = try talk([yank, #"{"execute":"quit"}"#], at: path)
    XCTAssert(answers[2].contains("deletes-a-monitor"), answers[2])
    XCTAssert(waitUntilGone(path))
  }

  func testEveryHumanMonitorIsNamed() throws {
    for (arguments, name) in [
      (["-serial", "mon:null"], "-serial mon:null"), (["-debugcon", "mon:null"], "-debugcon mon:null"), (["-s"], "gdb's port (`-s`)"),
      (["-serial", "unix:/x,mux=on"], "-serial unix:/x,mux=on"), (["-parallel", "unix:mux=on,path=/x"], "-parallel unix:mux=on,path=/x"),
      (["-serial", "unix:/x,mux=off"], nil),
      (["-gdb", "tcp::1"], "gdb's port (`-gdb tcp::1`)"), ([], nil), (["-gdb", "none"], nil),
    ] as [([String], String?)] {
      let run = try Vfiogate.run(["run", "--guard", "--dry-run", "--host", "none", "--", qemu, "-nodefaults"] + arguments)
      XCTAssertEqual(run.error.contains("not guarded: "), name != nil, run.error)
      if let name { XCTAssert(run.error.contains("not guarded: \(name) is an HMP monitor"), run.error) }
    }
    let byDefault = "QEMU's default monitor"
    for (arguments, isThere) in [
      ([], true), (["-daemonize"], true), (["-debugcon", "mon:null"], true), (["-s"], true), (["-serial", "mon:null"], false),
      (["-nodefaults"], false), (["-monitor", "none"], false), (["-object", "monitor-hmp,id=m,chardev=c"], false),
    ] as [([String], Bool)] {
      let run = try Vfiogate.run(["run", "--guard", "--dry-run", "--host", "none", "--", qemu] + arguments)
      XCTAssertEqual(run.error.contains(byDefault), isThere, "\(arguments): \(run.error)")
    }
  }

  func testMonitorsOfAnotherProgramAreNotSeen() throws {
    let inside = ["sh", "-c", "exec \(qemu) -nodefaults -qmp unix:\(path),server=on,wait=off"]
    let passedOn = ["env", "./start", "-nodefaults", "-qmp", "unix:\(path),server=on,wait=off"]
    for (words, isSeen) in [(inside, false), (["./start"], false), (passedOn, true), (["taskset", "1", qemu, "-nodefaults"], true)] {
      let run = try Vfiogate.run(["run", "--guard", "--dry-run", "--host", "none", "--"] + words)
      XCTAssertEqual(run.status, 0, run.error)
      XCTAssertEqual(run.error.contains("monitors that it opens are not seen"), !isSeen, run.error)
      XCTAssertFalse(run.error.contains("default monitor"), run.error)
    }
  }

  func testALiveSocketIsNotTakenFromItsOwner() throws {
    let other = try UnixListener(path: path)
    let child = try start(["-qmp", "unix:\(other.path),server=on,wait=off"])
    XCTAssertEqual(child.wait(), 2)
    XCTAssertEqual(access(path, F_OK), 0)
  }

  func testAFileThatIsNoSocketIsLeftAlone() throws {
    try writeFile(path, "a disk")
    let child = try start(["-qmp", "unix:\(path),server=on,wait=off"])
    XCTAssertEqual(child.wait(), 2)
    XCTAssertEqual(try readFile(path), Array("a disk".utf8))
  }

  func testADeadSocketIsReplaced() throws {
    // Its listener is gone, its file is not.
    _ = try UnixListener(path: path)
    try checkGuard(["-qmp", "unix:\(path),server=on,wait=off"])
  }

  func testWhatNoGuardCanStandInFrontOfRefuses() throws {
    for monitor in ["tcp:127.0.0.1:0,server=on,wait=off", "stdio", "unix:\(path),server=on,abstract=on"] {
      let run = try Vfiogate.run(["run", "--guard", "--host", "none", "--", qemu] + plain + ["-qmp", monitor])
      XCTAssertEqual(run.status, 2, monitor)
      XCTAssert(run.error.contains("cannot be guarded"), run.error)
    }
  }

  /// As a program of Python does.
  func testAProgramThatClosesTheDescriptorGetsAdvice() throws {
    let launcher = folder.path + "/launcher"
    let closing = "for f in /proc/self/fd/*; do f=${f##*/}; ((f < 3)) || eval \"exec $f>&-\"; done"
    try writeFile(launcher, "#!/bin/bash\n\(closing)\n\(qemu) \"$@\"\n", mode: 0o755)
    for (program, isAdvised) in [(launcher, true), (qemu, false)] {
      let log = folder.path + "/log-\(isAdvised)"
      let options = plain + ["-qmp", "unix:\(path),server=on,wait=off", "-device", isAdvised ? "edu" : "nosuch"]
      _ = try Vfiogate.run(["run", "--guard", "--log", log, "--host", "none", "--", program] + options)
      try Wait.text(" end ", in: log)
      let text = String(decoding: try readFile(log), as: UTF8.self)
      XCTAssert(text.contains("QEMU closed the connection before the "), text)
      XCTAssertEqual(text.contains("start QEMU itself with `vfiogate run --guard`, in that program"), isAdvised, text)
    }
  }

  func testAMonitorThatAnotherOptionChangesRefuses() throws {
    let monitor = ["-chardev", "socket,id=m,path=\(path),server=on,wait=off", "-mon", "chardev=m,mode=control,id=q"]
    for set in [["-set", "chardev.m.path=/other"], ["--set", "mon.q.mode=readline"]] {
      let run = try Vfiogate.run(["run", "--guard", "--dry-run", "--host", "none", "--", qemu] + plain + monitor + set)
      XCTAssertEqual(run.status, 2, set[1])
      XCTAssert(run.error.contains("`-set \(set[1])` changes a monitor"), run.error)
    }
  }

  func testAMonitorOfAConfigurationFileIsNotLeftUnguarded() throws {
    let config = folder.path + "/config"
    try writeFile(
      config,
      """
      [chardev "m"]
        backend = "socket"
        path = "\(path)"
        server = "on"
        wait = "off"
      [mon "m"]
        chardev = "m"
        mode = "control"

      """)
    let run = try Vfiogate.run(["run", "--guard", "--host", "none", "--", qemu] + plain + ["-readconfig", config])
    XCTAssertEqual(run.status, 2)
    XCTAssert(run.error.contains("it is described in"), run.error)
  }

  func testADryRunNamesWhatItWouldGuardAndWhatNot() throws {
    let run = try Vfiogate.run(
      "run", "--guard", "--dry-run", "--", qemu, "-nodefaults", "-qmp", "unix:\(path),server=on,wait=off", "-monitor",
      "unix:/tmp/b,server=on,wait=off")
    XCTAssertEqual(run.status, 0, run.error)
    XCTAssert(run.error.contains("would guard `-qmp unix:\(path),server=on,wait=off`"), run.error)
    XCTAssert(run.error.contains("not guarded: -monitor unix:/tmp/b"), run.error)
    XCTAssertEqual(access(path, F_OK), -1)
  }

  /// QEMU's booleans have four spellings each (QEMU qapi/qapi-util.c: qapi_bool_parse).
  func testEverySpellingOfABooleanOpensTheSocket() throws {
    for server in ["y", "yes", "true", "on"] {
      let run = try Vfiogate.run("run", "--guard", "--dry-run", "--", qemu, "-nodefaults", "-qmp", "unix:\(path),server=\(server),wait=n")
      XCTAssertEqual(run.status, 0, run.error)
      XCTAssert(run.error.contains("would guard `-qmp unix:\(path),server=\(server),wait=n`"), run.error)
    }
  }
}
