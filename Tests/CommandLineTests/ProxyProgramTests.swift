import Glibc
import Support
import XCTest

/// The built `vfiogate proxy` as a service: its sockets, its signals, its ends; and a QMP library's session.
final class ProxyProgramTests: XCTestCase {
  private final class Running {
    let directory: TemporaryDirectory
    let qemu: Child
    let proxy: Child
    var path: String { directory.path + "/p" }
    var log: String { (try? readFile(directory.path + "/log")).map { String(decoding: $0, as: UTF8.self) } ?? "" }

    init(_ more: [String] = [], machine: [String] = []) throws {
      guard let program = Child.find("qemu-system-x86_64") else {
        throw XCTSkip("SKIPPED: qemu-system-x86_64 is not installed, so no proxy had a QEMU")
      }
      directory = try TemporaryDirectory()
      let monitor = directory.path + "/q"
      qemu = try Child(program, [
        "-M", "q35", "-nodefaults", "-no-user-config", "-display", "none", "-S", "-chardev",
        "socket,id=c,path=\(monitor),server=on,wait=off", "-mon", "chardev=c,mode=control", "-device",
        "pcie-root-port,id=rp1,chassis=1",
      ] + machine)
      try Wait.listener(at: monitor)
      proxy = try Child(
        try Child.built("vfiogate"),
        ["proxy", "--listen", directory.path + "/p", "--qmp", monitor, "--log", directory.path + "/log"] + more)
      try Wait.text("connected", in: directory.path + "/log")
      try Wait.listener(at: directory.path + "/p")
    }

    /// One session: what was answered to each command after the negotiation.
    func session(_ commands: [String]) throws -> [String] {
      let script = """
        import socket, sys
        s = socket.socket(socket.AF_UNIX); s.settimeout(60); s.connect(sys.argv[1]); f = s.makefile('r')
        f.readline()
        for c in ['{"execute":"qmp_capabilities"}'] + sys.argv[2:]:
            s.sendall(c.encode()); print(f.readline().strip())
        """
      guard let python = Child.find("python3") else { throw XCTSkip("SKIPPED: python3 is not installed: nobody spoke to the proxy") }
      let done = try Child.run(python, ["-c", script, path] + commands)
      XCTAssertEqual(done.status, 0, String(decoding: done.error, as: UTF8.self))
      return String(decoding: done.output, as: UTF8.self).split(separator: "\n").dropFirst().map(String.init)
    }
  }

  private static let deadly = #"{"execute":"device_add","arguments":{"driver":"e1000e","bus":"rp1","realized":true},"id":1}"#
  private static let missing = #"{"execute":"device_add","arguments":{"driver":"vfio-pci","bus":"rp1","host":"ff:1f.7","id":"v"}}"#

  func testItsSocketIsForItsUserAloneAndGoesWithIt() throws {
    let running = try Running()
    var status = stat()
    XCTAssertEqual(lstat(running.path, &status), 0)
    XCTAssertEqual(status.st_mode & 0o777, 0o600)
    kill(running.proxy.processID, SIGTERM)
    XCTAssertEqual(running.proxy.wait(), 0)
    XCTAssertNotEqual(access(running.path, F_OK), 0)
    XCTAssert(running.log.contains("asked to stop"), running.log)
  }

  /// systemd or another program has bound them.
  func testTheSocketsBehindDescriptorsAreNotReplaced() throws {
    let running = try Running()
    kill(running.proxy.processID, SIGTERM)
    running.proxy.wait()
    let clients = try UnixListener(path: running.path)
    let monitor = try Wait.connection(to: running.directory.path + "/q")
    let numbers = (fcntl(clients.descriptor, F_DUPFD, 40), fcntl(monitor, F_DUPFD, 40))
    let arguments = ["proxy", "--listen", "fd:\(numbers.0)", "--qmp", "fd:\(numbers.1)", "--log", running.directory.path + "/log"]
    let second = try Child(try Child.built("vfiogate"), arguments)
    defer { second.end() }
    for one in [numbers.0, numbers.1, monitor] { close(one) }
    for path in [running.path, running.directory.path + "/q"] {
      let address = #"{"type":"unix","data":{"path":"\#(path)"}}"#
      let answer = try running.session(
        [#"{"execute":"chardev-add","arguments":{"id":"x","backend":{"type":"socket","data":{"addr":\#(address),"wait":false}}}}"#])
      XCTAssertEqual(answer.first?.contains("replaces-a-socket"), true, "\(path): \(answer)")
    }
  }

  func testADeadSocketIsReplacedAndALiveOneIsNot() throws {
    let running = try Running()
    let second = try Child.run(
      try Child.built("vfiogate"), ["proxy", "--listen", running.path, "--qmp", running.directory.path + "/q"])
    XCTAssertEqual(second.status, 2)
    XCTAssert(String(decoding: second.error, as: UTF8.self).contains("Address already in use"))
    kill(running.proxy.processID, SIGKILL)
    running.proxy.wait()
    XCTAssertEqual(access(running.path, F_OK), 0, "a killed proxy leaves its socket")
    let third = try Child(
      try Child.built("vfiogate"),
      ["proxy", "--listen", running.path, "--qmp", running.directory.path + "/q", "--log", running.directory.path + "/log2"])
    try Wait.text("connected", in: running.directory.path + "/log2")
    XCTAssertEqual(try running.session([#"{"execute":"query-name"}"#]), [#"{"return": {}}"#])
    third.end()
  }

  func testAnEmulatorThatCannotBeStartedEndsWithOneLine() throws {
    let directory = try TemporaryDirectory()
    let plain = directory.path + "/plain"
    try writeFile(plain, "x")
    for (emulator, text) in [
      (directory.path + "/none", "No such file or directory"), (plain, "Permission denied"), ("no-such-qemu", "not in PATH"),
    ] {
      let done = try Child.run(
        try Child.built("vfiogate"), ["proxy", "--listen", directory.path + "/p", "--qmp", directory.path + "/q", "--emulator", emulator])
      XCTAssertEqual(done.status, 2)
      let error = String(decoding: done.error, as: UTF8.self)
      XCTAssert(error.contains("\(emulator): ") && error.contains(text) && error.split(separator: "\n").count == 1, error)
    }
  }

  func testItEndsWithQEMU() throws {
    let running = try Running()
    running.qemu.end()
    XCTAssertEqual(running.proxy.wait(), 0)
    XCTAssert(running.log.contains("QEMU closed the connection"), running.log)
  }

  func testItLogsDecisionsAndHoldsQEMUsAnswerAgainstThem() throws {
    let running = try Running(["--log-format", "json", "--mode", "observe"])
    let answers = try running.session([Self.missing])
    XCTAssert(answers[0].contains("no such host device"), answers[0])
    // Written after the answer, perhaps.
    try Wait.until("QEMU's result in the log", isTrue: {
      running.log.contains(#""event":"result""#) || running.log.contains(#""event":"mismatch""#)
    })
    XCTAssert(running.log.contains(#""verdict":"would-refuse""#), running.log)
  }

  func testWhatKillsIsRefusedAndTheMonitorGoesOn() throws {
    let running = try Running()
    let answers = try running.session([Self.deadly, Self.missing, #"{"execute":"query-name","id":2}"#])
    XCTAssert(answers[0].hasPrefix(#"{"id": 1, "error": {"class": "GenericError", "desc": "vfiogate: refused: realized-argument: "#))
    XCTAssert(answers[1].hasPrefix(#"{"error": {"class": "GenericError", "desc": "vfiogate: refused: realize-fails: "#), answers[1])
    XCTAssertEqual(answers[2], #"{"return": {}, "id": 2}"#)
  }

  func testAPolicyForOneGuestGoesByTheNameThatQEMUSays() throws {
    let folder = try TemporaryDirectory()
    let policy = folder.path + "/policy"
    try writeFile(policy, "[guest \"web,1\"]\n  allow = \"realize-fails\"\n  reason = \"the card is slow\"\n")
    for (name, isAllowed) in [("web,,1", true), ("other", false)] {
      let running = try Running(["--policy", policy], machine: ["-name", "guest=\(name)"])
      let answer = try running.session([Self.missing])[0]
      XCTAssertEqual(answer.contains("vfiogate: refused: "), !isAllowed, answer)
      XCTAssert(answer.contains("no such host device"), answer)
    }
  }

  func testADeviceOnARootComplexThatBypassesTheVIOMMUIsNotRefusedForIt() throws {
    let expander = [
      "-device", "intel-iommu,intremap=off", "-device", "pxb-pcie,id=pxb,bus_nr=8,bypass_iommu=on", "-device",
      "pcie-root-port,id=rp8,bus=pxb,chassis=8",
    ]
    let running = try Running(["--mode", "observe"], machine: expander)
    func plug(_ port: String) throws -> String {
      let before = running.log
      _ = try running.session([Self.missing.replacing("rp1", with: port)])
      return String(running.log.dropFirst(before.count))
    }
    XCTAssert(try plug("rp1").contains("vtd-caching-mode"), running.log)
    XCTAssertFalse(try plug("rp8").contains("vtd-caching-mode"), running.log)
  }

  func testTheRunningIOMMUsWidthIsAskedFor() throws {
    let folder = try TemporaryDirectory()
    let host = folder.path + "/host"
    let lines = try Fixture.text("hosts/intel-no-device-tlb.host").split(separator: "\n", omittingEmptySubsequences: false)
    let narrow = lines.map { line in
      // MGAW of 39 bits.
      line.hasPrefix("iommu dmar") && line.contains(" cap ") ? "\(line.prefix(11)) cap 0xd2008c40260462" : String(line)
    }
    try writeFile(host, narrow.joined(separator: "\n"))
    for (bits, isRefused) in [(39, false), (48, true)] {
      let running = try Running(
        ["--host", host, "--mode", "observe"],
        machine: ["-device", "intel-iommu,intremap=off,caching-mode=on,aw-bits=\(bits)"])
      _ = try running.session([Self.missing.replacing("ff:1f.7", with: "0000:01:00.0")])
      XCTAssertEqual(running.log.contains("host aw-bits 39"), isRefused, running.log)
      XCTAssertFalse(running.log.contains("default of aw-bits"), running.log)
    }
  }

  func testAUserWhoIsNotAllowedIsPutOut() throws {
    let running = try Running(["--allow-uid", String(getuid() + 1)])
    guard let python = Child.find("python3") else { throw XCTSkip("SKIPPED: python3 is not installed: nobody was put out") }
    let script = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); sys.exit(len(s.recv(100)))"
    XCTAssertEqual(try Child.run(python, ["-c", script, running.path]).status, 0)
    try Wait.text("not among --allow-uid", in: running.directory.path + "/log")
  }

  func testAPublicLibrarysSession() throws {
    let own = (getenv("HOME").map { String(cString: $0) } ?? "/root") + "/.cache/vfiogate/python/bin/python3"
    guard let python = access(own, X_OK) == 0 ? own : Child.find("python3"),
      try Child.run(python, ["-c", "import qemu.qmp"]).status == 0
    else {
      throw XCTSkip("SKIPPED: PyPI's qemu.qmp is not installed (pip install qemu.qmp), so no public library spoke through the proxy")
    }
    let running = try Running()
    let script = """
      import asyncio, sys
      from qemu.qmp import QMPClient
      async def main():
          q = QMPClient('test'); await q.connect(sys.argv[1])
          assert (await q.execute('query-status'))['running'] is False
          with open('/dev/zero') as zero:
              q.send_fd_scm(zero.fileno()); await q.execute('getfd', {'fdname': 'zero'})
              q.send_fd_scm(zero.fileno()); print(await q.execute('add-fd'))
          await q.execute('closefd', {'fdname': 'zero'})
          try:
              await q.execute('device_add', {'driver': 'e1000e', 'bus': 'rp1', 'realized': True})
              sys.exit(9)
          except Exception as error:
              print(error)
          await q.execute('device_add', {'driver': 'e1000e', 'bus': 'rp1', 'id': 'n0'})
          with q.listener('RESUME') as listener:
              await q.execute('cont'); print((await asyncio.wait_for(listener.get(), 10))['event'])
          await q.disconnect()
      asyncio.run(main())
      """
    let done = try Child.run(python, ["-c", script, running.path])
    let text = String(decoding: done.output, as: UTF8.self)
    XCTAssertEqual(done.status, 0, String(decoding: done.error, as: UTF8.self))
    XCTAssert(text.contains("fdset-id") && text.contains("vfiogate: refused: realized-argument") && text.contains("RESUME"), text)
  }
}
