import Common
import Facts
import Glibc
@testable import Proxy
import QMP
import Support
import Syntax
import XCTest

/// Plugs that crash QEMU, with the list of known crashes switched off.
final class ScratchQEMUTests: XCTestCase {
  /// The filter's answers to plugs into `rp1` of a running QEMU with these further options: the text of the refusal, or nil.
  func refusals(
    _ program: String, _ more: [String], _ plugs: String..., isAccepted: Bool = true, log: ProxyLog = ProxyLog(),
    before: (QMPCommandFilter) throws -> Void = { _ in }
  ) throws -> [String?] {
    let directory = try TemporaryDirectory()
    let qemu = try RealQEMU.start(in: directory, program: program, after: more)
    defer { qemu.end() }
    var options = QMPCommandFilter.Options()
    options.process = qemu.processID
    options.emulator = program
    let filter = QMPCommandFilter(options, log: log)
    filter.knownCrash = { _ in nil }
    return try plugs.map { members in
      try before(filter)
      let bus = members.contains(#""bus""#) ? "" : #""bus":"rp1","#
      let text = #"{"execute":"device_add","arguments":{\#(bus)\#(members)}}"#
      let message = ClientMessage(bytes: Array(text.utf8), json: try JSON.parse(text), descriptors: [])
      guard case .wait(let trial) = filter.inspect(message, from: ProxyPeer(number: 1, process: nil, user: nil)) else {
        XCTFail("\(members) is not tried")
        return nil
      }
      while true {
        switch trial.inspection {
        case .refuse(let error): return error.text
        case .inquire(let decision):
          decision.answered(isAccepted ? .success([:]) : .failure(CommandError(errorClass: "GenericError", text: "no")))
          return nil
        case .some: return nil
        case nil:
          let awaited = try XCTUnwrap(filter.awaited)
          var entry = pollfd(fd: awaited.descriptor, events: Int16(POLLIN), revents: 0)
          _ = poll(&entry, 1, Deadline(after: awaited.until - .now).milliseconds)
          filter.awoken()
        }
      }
    }
  }

  private func assertCrash(_ program: String, _ more: [String], _ members: String, _ signal: String) throws {
    let text = try XCTUnwrap(try refusals(program, more, members)[0], "\(program) \(more) \(members)")
    XCTAssert(text.hasPrefix("vfiogate: refused: crashes-qemu: a scratch QEMU crashed with \(signal) on "), text)
  }

  private static let plug = #""driver":"vfio-pci","host":"ff:1f.7","id":"v""#
  private static let realized = #""driver":"e1000e","realized":true"#

  func testTheDistributionsQEMU() throws {
    let program = try RealQEMU.program()
    // K2, K2g. This release has no `fd`.
    try assertCrash(program, [], ScratchQEMUTests.realized, "SIGSEGV")
    // The same of a device that another takes the place of.
    try assertCrash(program, [], #""driver":"vhost-user-blk-pci","realized":true"#, "SIGSEGV")
    try assertCrash(program, ["-global", "vfio-pci.realized=on"], ScratchQEMUTests.plug, "SIGSEGV")
    // K4
    try assertCrash(program, ["-global", "vfio-pci.addr=3"], ScratchQEMUTests.plug, "SIGABRT")
    XCTAssertEqual(
      try refusals(program, [], ScratchQEMUTests.plug, ScratchQEMUTests.plug, #""driver":"e1000e","addr":"zz""#), [nil, nil, nil])
  }

  /// The scratch QEMU would find the slot taken, and not get so far as to crash.
  func testAPlugIntoTheSlotOfADeviceThatIsGoneIsTried() throws {
    let program = try RealQEMU.program()
    // A controller's memory of a petabyte.
    let crash = #""driver":"nvme","serial":"x","cmb_size_mb":1073741824,"id":"b","addr":"0.0""#
    let texts = try refusals(program, [], #""driver":"e1000e","id":"a","addr":"0""#, crash) {
      $0.deviceGone("a")
      // A program that continues the session knows it too.
      let other = QMPCommandFilter($0.options, log: ProxyLog())
      try other.restore($0.books)
      XCTAssertEqual(other.scratch?.released, ["a"])
    }
    XCTAssertNil(texts[0])
    XCTAssert(texts[1]?.contains("crashed with SIGTRAP") ?? false, texts[1] ?? "it passes")
  }

  /// The same of a device of QEMU's command line, whose unplug the proxy has seen or not.
  func testAPlugInPlaceOfADeviceOfTheCommandLineIsTried() throws {
    let program = try RealQEMU.program()
    let crash = #""driver":"nvme","serial":"x","cmb_size_mb":1073741824"#
    let own = ["-device", "pcie-root-port,id=rp9,chassis=99"]
    let rows: [(device: String, plug: String, isSeen: Bool)] = [
      ("e1000e,id=a,bus=rp9", #""id":"a","bus":"rp9""#, true),
      ("e1000e,id=a,bus=rp9", #""id":"a","bus":"rp9""#, false),
      ("e1000e,id=a,bus=rp9,addr=0", #""id":"b","bus":"rp9","addr":"0x0.0""#, false),
      ("e1000e,id=a,bus=rp9", #""id":"b","bus":"rp9","addr":0"#, false),
      ("e1000e,id=a,bootindex=7", #""id":"b","bus":"rp9","bootindex":7"#, true),
      ("pcie-pci-bridge,id=a,bus=rp9 -device e1000,bus=a,addr=1", #""id":"b","bus":"rp9","addr":"0""#, true),
    ]
    for row in rows {
      let devices = row.device.components(separatedBy: " -device ").flatMap { ["-device", $0] }
      let text = try refusals(program, own + devices, crash + "," + row.plug) { if row.isSeen { $0.deviceGone("a") } }[0]
      XCTAssert(text?.contains("crashed with SIGTRAP") ?? false, "\(row): \(text ?? "it passes")")
    }
  }

  /// A plug that QEMU refuses because of one before takes nothing from later trials.
  func testARefusedPlugIsNotThatOfADeviceThatIsGone() throws {
    let program = try RealQEMU.program()
    let bridge = #""driver":"pci-bridge","chassis_nr":9,"id":"br","addr":"0.0""#
    let crash = #""driver":"nvme","serial":"x","cmb_size_mb":1073741824,"id":"b","bus":"br""#
    // The id again; and another device on the same bus, neither of them with an address.
    for second in [#""driver":"e1000","id":"br","bus":"br""#, #""driver":"e1000","id":"e","bus":"br""#] {
      let texts = try refusals(program, [], bridge, second, crash)
      XCTAssertEqual(texts.prefix(2).compactMap { $0 }, [], second)
      XCTAssert(texts[2]?.contains("crashed with SIGTRAP") ?? false, texts[2] ?? "it passes after \(second)")
    }
  }

  /// The running QEMU has not the devices that it refused, and a plug that only a scratch QEMU refuses was not tried.
  func testAPlugThatTheRunningQEMURefusedIsNotRepeated() throws {
    let program = try RealQEMU.program()
    let first = #""driver":"virtio-rng-pci","id":"d1","bus":"rp2","bootindex":7"#
    let second = #""driver":"nvme","serial":"x","cmb_size_mb":1073741824,"id":"b","bootindex":7"#
    let folder = try TemporaryDirectory()
    let plain = #""driver":"e1000e","id":"d1","bus":"rp2","bootindex":7"#
    XCTAssert(try refusals(program, [], plain, second, isAccepted: false)[1]?.contains("crashed with SIGTRAP") ?? false)
    let log = try ProxyLog.open(folder.path + "/log", format: .text)
    XCTAssertEqual(try refusals(program, [], plain, second, log: log), [nil, nil])
    XCTAssertEqual(try refusals(program, [], first, log: log), [nil])
    log.flush()
    let text = String(decoding: try readFile(folder.path + "/log"), as: UTF8.self)
    XCTAssertEqual(text.split(separator: "\n").count { $0.contains("tried no further: a scratch QEMU refuses it") }, 2, text)
    XCTAssertFalse(text.contains("without what connects it"), text)
    XCTAssertEqual(try refusals(program, ["-device", "nec-usb-xhci,id=x"], #""driver":"usb-host","id":"u","bus":"x.0""#, log: log), [nil])
    log.flush()
    let more = String(decoding: try readFile(folder.path + "/log").dropFirst(text.utf8.count), as: UTF8.self)
    XCTAssert(more.contains("was tried without what connects it to the host"), more)
  }

  /// Objects are made just before a plug that names them.
  func testAPlugIsTriedWithTheObjectsThatQEMUHasMade() throws {
    let program = try RealQEMU.program()
    let crash = #""driver":"nvme","serial":"x","cmb_size_mb":1073741824,"id":"b","pmrdev":"hm""#
    func record(_ filter: QMPCommandFilter, _ name: String, _ arguments: String, _ reply: Result<JSON, CommandError>) throws {
      let text = FilterProbe.command(name, arguments)
      let message = ClientMessage(bytes: Array(text.utf8), json: try JSON.parse(text), descriptors: [])
      guard case .inquire(let decision) = filter.inspect(message, from: ProxyPeer(number: 1, process: nil, user: nil)) else {
        return XCTFail("\(name) is not recorded")
      }
      decision.answered(reply)
    }
    let memory = #"{"qom-type":"memory-backend-file","id":"hm","size":16777216,"share":true,"mem-path":"/dev/shm"}"#
    let text = try refusals(program, [], crash) { try record($0, "object-add", memory, .success([:])) }[0]
    XCTAssert(text?.contains("crashed with SIGTRAP") ?? false, text ?? "it passes")
    let refused = Result<JSON, CommandError>.failure(CommandError(errorClass: "GenericError", text: "no"))
    XCTAssertNil(try refusals(program, [], crash) { try record($0, "object-add", memory, refused) }[0])
    let gone = try refusals(program, [], crash) {
      try record($0, "object-add", memory, .success([:]))
      let books = $0.books
      try record($0, "object-del", #"{"id":"hm"}"#, .success([:]))
      XCTAssertEqual([books, $0.books].map { $0["objects"]?.array?.count }, [1, 0])
    }
    XCTAssertNil(gone[0])
  }

  func testAPlugIsTriedByAProcessThatMayOpenNoMoreDescriptors() throws {
    let program = try RealQEMU.program()
    var scarcity: Scarcity?
    let texts = try refusals(program, [], ScratchQEMUTests.realized, ScratchQEMUTests.realized) { _ in
      if scarcity == nil { scarcity = Scarcity() }
    }
    for text in texts { XCTAssert(text?.contains("crashed with SIGSEGV") ?? false, text ?? "it passes") }
    withExtendedLifetime(scarcity) {}
  }

  /// An update has replaced the modules of a running QEMU: the second that it loads ends it.
  func testPlugsOfATypeInAModuleOfAnotherBuild() throws {
    let program = try RealQEMU.program()
    guard let compiler = Child.find("cc") ?? Child.find("clang"), try InstalledQEMU.has("qxl", program) else {
      throw XCTSkip("SKIPPED: no C compiler, or no qxl in \(program), so that no module of another build was loaded")
    }
    let folder = try TemporaryDirectory()
    let code = """
      void register_dso_module_init(void (*begin)(void), int type);
      static void begin(void) {}
      static void __attribute__((constructor)) enter(void) { register_dso_module_init(begin, 3); }
      """
    try writeFile(folder.path + "/m.c", code)
    for name in ["hw-display-qxl", "hw-usb-host"] {
      let made = try Child.run(compiler, ["-shared", "-fPIC", "-o", "\(folder.path)/\(name).so", folder.path + "/m.c"])
      XCTAssertEqual(made.status, 0, String(decoding: made.error, as: UTF8.self))
    }
    setenv("QEMU_MODULE_DIR", folder.path, 1)
    defer { unsetenv("QEMU_MODULE_DIR") }
    // The second is replaced in a rehearsal.
    for members in [#""driver":"qxl","id":"q""#, #""driver":"usb-host","id":"u""#] { try assertCrash(program, [], members, "SIGABRT") }
    XCTAssertEqual(try refusals(program, [], #""driver":"e1000e","id":"n""#, #""driver":"no-such-device""#), [nil, nil])
  }

  func testAQEMUThatExitsIsAGuestThatIsLost() throws {
    let program = try RealQEMU.program()
    guard try InstalledQEMU.has("qxl", program) else {
      throw XCTSkip("SKIPPED: \(program) has no qxl, so that no device is known that makes it exit")
    }
    let texts = try refusals(program, [], #""driver":"qxl","vram64_size_mb":1048576,"id":"q""#, ScratchQEMUTests.plug)
    XCTAssertEqual(
      texts[0],
      "vfiogate: refused: crashes-qemu: a scratch QEMU exited on `q`, and the guest would be lost: "
        + "`cannot set up guest memory 'qxl.vram': Cannot allocate memory`")
    XCTAssertEqual(texts[1], nil)
  }

  /// Only what happened at the plug itself says something about it.
  func testAnEndBeforeThePlugIsNoTrial() {
    let place = Location(source: "guest", range: nil, path: "[1]"), other = Location(source: "guest", range: nil, path: "-device[0]")
    let request = DeviceRequest(form: .json, plug: .hot, properties: [], location: place)
    func outcome(_ outcome: RehearsalResult.Outcome) -> ScratchTrial.Outcome {
      .init(.known(RehearsalResult(qemu: "QEMU", outcome: outcome, rehearsed: 1, changes: [])), of: request)
    }
    let rows: [(RehearsalResult.Outcome, ScratchTrial.Outcome)] = [
      (.started, .created), (.notRehearsed("no"), .unknown("no")),
      (.refused(text: "no", location: place, about: "it"), .refused(text: "no")),
      (.refused(text: "no", location: other, about: "it"), .unknown("the scratch QEMU refused it: no")),
      (.crashed(signal: "SIGABRT", location: place, about: "it"), .crashed(signal: "SIGABRT")),
      (.crashed(signal: "SIGABRT", location: other, about: "it"), .unknown("the scratch QEMU crashed with SIGABRT on it")),
      (.exited(text: "a b\nc", location: place, about: "it"), .exited(text: "a b\nc")),
      (.exited(text: "no", location: other, about: "it"), .unknown("the scratch QEMU refused it: no")),
    ]
    for (result, expected) in rows {
      XCTAssertEqual(outcome(result), expected)
      XCTAssertEqual(ScratchTrial.Outcome(text: expected.text), expected, "through the pipe")
    }
    XCTAssertEqual(ScratchTrial.Outcome(text: ""), .unknown("the trial ended without an answer"))
    let scratch = ScratchQEMU(process: getpid())
    scratch.hasCreated(request)
    XCTAssertNotEqual(scratch.history.map(\.location), [place], "an earlier plug is another part")
  }

  func testTheLabsQEMU() throws {
    let directory = try TemporaryDirectory()
    guard let program = try InstalledQEMU.ofLab(in: directory) else {
      throw XCTSkip("SKIPPED: scripts/lab has not made its root, so no plug was tried on QEMU 11.1")
    }
    // K1, K2, K4, K1g, K2g
    try assertCrash(program, [], #""driver":"vfio-pci","fd":"7""#, "SIGSEGV")
    try assertCrash(program, [], #""driver":"vfio-pci","fd":"name","id":5"#, "SIGSEGV")
    try assertCrash(program, [], ScratchQEMUTests.realized, "SIGSEGV")
    try assertCrash(program, ["-global", "vfio-pci.addr=3"], ScratchQEMUTests.plug, "SIGABRT")
    try assertCrash(program, ["-global", "vfio-pci.fd=9"], ScratchQEMUTests.plug, "SIGSEGV")
    try assertCrash(program, ["-global", "vfio-pci.realized=on"], ScratchQEMUTests.plug, "SIGSEGV")
    XCTAssertEqual(try refusals(program, [], ScratchQEMUTests.plug, #""driver":"e1000e","id":"n""#), [nil, nil])
  }

  /// A scratch QEMU that starts when a file is there.
  func testOtherClientsAreServedWhileAPlugIsTried() throws {
    let directory = try TemporaryDirectory()
    let qemu = try RealQEMU.start(in: directory)
    defer { qemu.end() }
    let (emulator, go, ids) = (directory.path + "/emulator", directory.path + "/go", directory.path + "/ids")
    let script = """
      #!/bin/sh
      echo $$ >> \(ids)
      until [ -e \(go) ]; do sleep 0.02; done
      exec \(try RealQEMU.program()) "$@"

      """
    try writeFile(emulator, script, mode: 0o755)
    let process = qemu.processID
    let proxy = try ProxyHarness(qemu: try RealQEMU.connect(directory), clients: 3) {
      var options = QMPCommandFilter.Options()
      options.process = process
      options.emulator = emulator
      return QMPCommandFilter(options, log: ProxyLog())
    }
    let (first, second, third) = (try proxy.connect(), try proxy.connect(), try proxy.connect())
    for client in [first, second, third] { try client.negotiate() }
    try first.send(#"{"execute":"device_add","arguments":{"driver":"e1000e","bus":"rp1","id":"n"},"id":1}{"execute":"query-name","id":2}"#)
    try Wait.until("the scratch QEMU", isTrue: { access(ids, F_OK) == 0 })
    // A second plug waits for the first, and a client that leaves takes its trial along.
    try second.send(#"{"execute":"query-name","id":"x"}{"execute":"device_add","arguments":{"driver":"edu","bus":"nope"},"id":"y"}"#)
    XCTAssertEqual(try second.line(), #"{"return": {}, "id": "x"}"#)
    try third.send(#"{"execute":"query-status","id":"z"}"#)
    XCTAssertEqual(try third.line()?.hasSuffix(#""id": "z"}"#), true)
    XCTAssertEqual(try first.arrived(), "")
    try writeFile(go, "")
    XCTAssertEqual(try first.line(), #"{"return": {}, "id": 1}"#)
    XCTAssertEqual(try first.line(), #"{"return": {}, "id": 2}"#)
    XCTAssertEqual(try second.line()?.contains("Bus 'nope' not found"), true)
    proxy.stop()
    XCTAssertLessThan(proxy.waits, 200)
  }

  func testAClientThatLeavesEndsItsTrial() throws {
    let directory = try TemporaryDirectory()
    let qemu = try RealQEMU.start(in: directory)
    defer { qemu.end() }
    let (emulator, ids) = (directory.path + "/emulator", directory.path + "/ids")
    try writeFile(emulator, "#!/bin/sh\necho $$ >> \(ids)\nexec sleep 600\n", mode: 0o755)
    let process = qemu.processID
    let proxy = try ProxyHarness(qemu: try RealQEMU.connect(directory), clients: 2) {
      var options = QMPCommandFilter.Options()
      options.process = process
      options.emulator = emulator
      return QMPCommandFilter(options, log: ProxyLog())
    }
    var leaving: RawClient? = try proxy.connect()
    try leaving?.negotiate()
    try leaving?.send(#"{"execute":"device_add","arguments":{"driver":"e1000e","bus":"rp1"}}"#)
    func started() -> [pid_t] {
      String(decoding: (try? readFile(ids)) ?? [], as: UTF8.self).split(separator: "\n").compactMap { pid_t($0) }
    }
    try Wait.until("the scratch QEMU", isTrue: { started().count == 1 })
    leaving = nil
    for one in started() { try Wait.until("the end of \(one)", isTrue: { kill(one, 0) != 0 }) }
    let other = try proxy.connect()
    try other.negotiate()
    proxy.stop()
  }
}
