import CLinux
import Common
import Glibc
import Proxy
import QMP
import Support
import XCTest

/// Clients and QEMUs that come, go, stall, and send descriptors.
final class ProxyFaultTests: XCTestCase {
  private func withProxy(
    clients: Int = 1, _ body: (ProxyHarness, Child) throws -> Void
  ) throws {
    let directory = try TemporaryDirectory()
    let qemu = try RealQEMU.start(in: directory)
    defer { qemu.end() }
    let proxy = try ProxyHarness(qemu: try RealQEMU.connect(directory), clients: clients)
    try body(proxy, qemu)
    proxy.stop()
  }

  /// This process's open descriptors.
  private func descriptors() -> Int { ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []).count }

  func testDescriptorsTravelWithTheirCommandAndNoneIsKept() throws {
    try withProxy { proxy, _ in
      let client = try proxy.connect()
      try client.negotiate()
      let before = descriptors()
      var ends: [Int32] = [-1, -1]
      XCTAssertEqual(pipe(&ends), 0)
      _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
      // Commands before and behind it in the same write of the kernel's.
      try client.send(#"{"execute":"query-name","id":1}"#)
      try client.send(#"{"execute":"getfd","arguments":{"fdname":"end"},"id":2}"#, descriptors: [ends[1]])
      try client.send(#"{"execute":"query-name","id":3}"#)
      XCTAssertEqual(try (0..<3).map { _ in try client.line() }, (1...3).map { #"{"return": {}, "id": \#($0)}"# })
      close(ends[1])
      var byte: UInt8 = 0
      XCTAssertEqual(read(ends[0], &byte, 1), -1, "QEMU holds the other end")
      XCTAssertEqual(errno, EAGAIN)
      try client.send(#"{"execute":"closefd","arguments":{"fdname":"end"}}"#)
      XCTAssertEqual(try client.line(), #"{"return": {}}"#)
      try Wait.until("the end in QEMU and here", isTrue: { read(ends[0], &byte, 1) == 0 })
      close(ends[0])
      try Wait.until("no descriptor too many", isTrue: { descriptors() == before })
    }
  }

  func testADescriptorAheadOfItsCommandAndTheMostThatOneMessageCarries() throws {
    try withProxy { proxy, _ in
      let client = try proxy.connect()
      try client.negotiate()
      let null = open("/dev/null", O_RDWR)
      defer { close(null) }
      let before = descriptors()
      try client.send(" ", descriptors: [null])
      try client.send(#"{"execute":"add-fd","arguments":{"fdset-id":7}}"#)
      XCTAssertEqual(try client.line()?.contains(#""fdset-id": 7"#), true)
      try client.send(#"{"execute":"getfd","arguments":{"fdname":"many"}}"#, descriptors: Array(repeating: null, count: 253))
      XCTAssertNotNil(try client.line())
      try client.send(#"{"execute":"getfd","arguments":{"fdname":"x"}"# + "]", descriptors: [null])
      XCTAssertEqual(try client.line()?.contains("JSON parse error"), true)
      try Wait.until("the end of what was sent", isTrue: { descriptors() == before })
    }
  }

  func testASecondClientWaitsUngreetedUntilTheFirstGoes() throws {
    try withProxy { proxy, _ in
      var first: RawClient? = try proxy.connect()
      try first?.negotiate()
      let second = try proxy.connect()
      // The proxy has been around its loop since the second came.
      for _ in 0..<2 {
        try first?.send(#"{"execute":"query-name"}"#)
        XCTAssertEqual(try first?.line(), #"{"return": {}}"#)
      }
      XCTAssertEqual(try second.arrived(), "")
      first = nil
      try second.negotiate()
      try second.send(#"{"execute":"query-status","id":"x"}"#)
      XCTAssertEqual(try second.line()?.hasSuffix(#""id": "x"}"#), true)
    }
  }

  func testSeveralClientsGetTheirOwnRepliesAndAllEvents() throws {
    try withProxy(clients: 3) { proxy, _ in
      let all = try (0..<3).map { _ in try proxy.connect() }
      for client in all { try client.negotiate() }
      for round in 0..<50 {
        for (index, client) in all.enumerated() {
          try client.send(#"{"execute":"query-name","id":"\#(index)-\#(round)"}"# + #"{"execute":"nope","id":1}"#)
        }
      }
      for (index, client) in all.enumerated() {
        for round in 0..<50 {
          XCTAssertEqual(try client.line(), #"{"return": {}, "id": "\#(index)-\#(round)"}"#)
          XCTAssertEqual(try client.line()?.hasPrefix(#"{"id": 1, "error""#), true)
        }
      }
      try all[0].send(#"{"execute":"cont"}"#)
      for client in all { XCTAssertEqual(try client.line()?.contains("RESUME"), true) }
      XCTAssertEqual(try all[0].line(), #"{"return": {}}"#)
    }
  }

  func testADescriptorsNameBelongsToTheClientThatGaveIt() throws {
    let directory = try TemporaryDirectory()
    let qemu = try RealQEMU.start(in: directory)
    defer { qemu.end() }
    let proxy = try ProxyHarness(
      qemu: try RealQEMU.connect(directory), clients: 2, gate: { QMPCommandFilter(.init(), log: ProxyLog()) })
    let (first, second) = (try proxy.connect(), try proxy.connect())
    for client in [first, second] { try client.negotiate() }
    let null = open("/dev/null", O_RDWR)
    defer { close(null) }
    let getfd = #"{"execute":"getfd","arguments":{"fdname":"x"}}"#
    try first.send(getfd, descriptors: [null])
    XCTAssertEqual(try first.line(), #"{"return": {}}"#)
    try second.send(getfd, descriptors: [null])
    XCTAssertEqual(try second.line()?.contains("vfiogate: refused: fd-of-another-client: "), true)
    try second.send(#"{"execute":"closefd","arguments":{"fdname":"x"}}"#)
    XCTAssertEqual(try second.line()?.contains("fd-of-another-client"), true)
    try first.send(#"{"execute":"closefd","arguments":{"fdname":"x"}}"#)
    XCTAssertEqual(try first.line(), #"{"return": {}}"#)
    try second.send(getfd, descriptors: [null])
    XCTAssertEqual(try second.line(), #"{"return": {}}"#)
    proxy.stop()
  }

  func testAHalfClosedClientIsAnsweredAndThenClosed() throws {
    try withProxy { proxy, _ in
      let client = try proxy.connect()
      try client.negotiate()
      try client.send(#"{"execute":"query-name","id":1}{"execute":"query-name","id":2}{"exec"#)
      shutdown(client.descriptor, Int32(SHUT_WR))
      XCTAssertEqual(try client.line(), #"{"return": {}, "id": 1}"#)
      XCTAssertEqual(try client.line(), #"{"return": {}, "id": 2}"#)
      XCTAssertNil(try client.line())
      try proxy.connect().negotiate()
    }
  }

  func testAClientThatGoesAtAnyPointLeavesACleanMonitor() throws {
    try withProxy { proxy, _ in
      let before = descriptors()
      let talk = Array((#"{"execute":"qmp_capabilities"}"# + #"{"execute":"query-qmp-schema","id":1}{"execute":"nope"}"#).utf8)
      let null = open("/dev/null", O_RDWR)
      for length in stride(from: 0, through: talk.count, by: 3) {
        let client = try proxy.connect()
        if length > 0 { try client.send(Array(talk[..<length]), descriptors: length % 2 == 0 ? [null] : []) }
      }
      close(null)
      let last = try proxy.connect()
      try last.negotiate()
      try last.send(#"{"execute":"query-name","id":"clean"}"#)
      XCTAssertEqual(try last.line(), #"{"return": {}, "id": "clean"}"#)
      // A client has two ends here.
      try withExtendedLifetime(last) { try Wait.until("the ends of the others", isTrue: { descriptors() == before + 2 }) }
    }
  }

  func testTenThousandClientsComeAndGo() throws {
    try withProxy { proxy, _ in
      let before = descriptors()
      for number in 0..<10_000 {
        let client = try proxy.connect()
        if number % 50 == 0 { try client.send(#"{"execute":"qmp_capabilities"}"#) }
      }
      let last = try proxy.connect()
      try last.negotiate()
      // A client has two ends here.
      try withExtendedLifetime(last) { try Wait.until("the ends of the others", isTrue: { descriptors() == before + 2 }) }
    }
  }

  /// At every state of the protocol: the client sees an end, never a hang.
  func testAQEMUThatIsKilledAtAnyPointEndsTheClients() throws {
    let talk = [
      "", #"{"execute":"qmp_capabilities"}"#, #"{"execute":"query-status"}"#, #"{"execute":"query-qmp-schema"}"#,
      #"{"execute":"device_add","arguments":{"driver":"vfio-pci","bus":"rp1","host":"ff:1f.7","id":"v"}}"#, #"{"exec"#,
    ]
    for (length, isAnswered) in (1...talk.count).flatMap({ [($0, false), ($0, true)] }) {
      let directory = try TemporaryDirectory()
      let qemu = try RealQEMU.start(in: directory)
      let proxy = try ProxyHarness(
        qemu: try RealQEMU.connect(directory), gate: { QMPCommandFilter(.init(), log: ProxyLog()) })
      let client = try proxy.connect()
      _ = try client.line()
      for text in talk[..<length] where !text.isEmpty {
        try client.send(text)
        if isAnswered && text.hasSuffix("}") { _ = try client.line() }
      }
      qemu.end()
      while try client.line() != nil {}
      switch proxy.wait() {
      case .qemuGone: break
      case let other: XCTFail("\(length): \(String(describing: other))")
      }
    }
  }

  func testAQEMUThatIsKilledEndsTheClientsAndTheProxy() throws {
    try withProxy { proxy, qemu in
      let client = try proxy.connect()
      try client.negotiate()
      qemu.end()
      XCTAssertNil(try client.line())
      XCTAssertEqual(proxy.wait(), .qemuGone(midMessage: false))
    }
  }

  func testQuitIsAnsweredAndThenTheProxyEnds() throws {
    try withProxy { proxy, _ in
      let client = try proxy.connect()
      try client.negotiate()
      try client.send(#"{"execute":"quit","id":"q"}"#)
      XCTAssertEqual(try client.line()?.contains("SHUTDOWN"), true)
      XCTAssertEqual(try client.line(), #"{"return": {}, "id": "q"}"#)
      XCTAssertNil(try client.line())
      XCTAssertEqual(proxy.wait(), .qemuGone(midMessage: false))
    }
  }

  /// A reader that stalls holds up QEMU, and nothing grows in between; once it reads, nothing is missing.
  func testASlowReaderLosesNothing() throws {
    try withProxy { proxy, _ in
      let client = try proxy.connect()
      try client.negotiate()
      let count = 40
      for number in 0..<count { try client.send(#"{"execute":"query-qmp-schema","id":\#(number)}"#) }
      // Half of the kernel's default buffer of a socket that is not read.
      try Wait.until("the reader's socket fills", isTrue: {
        var unread: Int32 = 0
        return ioctl(client.descriptor, UInt(FIONREAD), &unread) == 0 && unread >= 100_000
      })
      for number in 0..<count { XCTAssertEqual(try client.line()?.hasSuffix(#""id": \#(number)}"#), true) }
    }
  }

  func testAMessageBeyondTheLimitIsRefusedAndTheMonitorGoesOn() throws {
    try withProxy { proxy, _ in
      let client = try proxy.connect()
      try client.negotiate()
      try client.send(#"{"execute":"query-name","id":""# + String(repeating: "x", count: 1 << 20) + "\"}")
      XCTAssertEqual(
        try client.line(), #"{"error": {"class": "GenericError", "desc": "JSON token size limit exceeded"}}"#)
      let deep = String(repeating: "[", count: 600) + String(repeating: "]", count: 600)
      try client.send(#"{"execute":"query-name","id":\#(deep)}"#)
      XCTAssertEqual(
        try client.line(), #"{"error": {"class": "GenericError", "desc": "JSON nesting depth limit exceeded"}}"#)
      try client.send(#"{"execute":"query-name","id":1}"#)
      XCTAssertEqual(try client.line(), #"{"return": {}, "id": 1}"#)
    }
  }

  func testAStopIsAnEnd() throws {
    try withProxy { proxy, _ in
      let client = try proxy.connect()
      try client.negotiate()
      XCTAssertEqual(proxy.stop(), .stopped)
      XCTAssertNil(try client.line())
    }
  }

  /// A client that goes while the proxy waits for QEMU's last answer: the loop waits, and does not spin.
  func testAClientThatGoesWhileTheProxyStopsCostsNoProcessorTime() throws {
    var ends: [Int32] = [-1, -1]
    XCTAssertEqual(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends), 0)
    let qemu = RawClient(adopting: ends[1])
    let folder = try TemporaryDirectory()
    let log = open(folder.path + "/log", O_WRONLY | O_CREAT, 0o600)
    defer { close(log) }
    try qemu.send(#"{"QMP": {"version": {"qemu": {"micro": 3, "minor": 1, "major": 11}, "package": ""}, "capabilities": []}}"# + "\r\n")
    let proxy = try ProxyHarness(qemu: ends[0], log: log, options: { $0.drain = .milliseconds(1500) })
    // QEMU's part of the proxy's own negotiation.
    while let line = try qemu.line() {
      guard let id = line.firstRange(of: "\"id\"").map({ line[$0.lowerBound...].prefix { $0 != "}" && $0 != "," } }) else {
        // The 0xFF and what is not a command.
        continue
      }
      try qemu.send("{\"return\": {}, \(id)}\r\n")
      break
    }
    var client: RawClient? = try proxy.connect()
    try client?.negotiate()
    try client?.send(#"{"execute":"query-status"}"#)
    // The command reaches QEMU, which does not answer.
    try Wait.input(qemu.descriptor)
    proxy.requestStop()
    try Wait.text("stopping", in: folder.path + "/log")
    client = nil
    XCTAssertEqual(proxy.wait(), .stopped)
    XCTAssertLessThan(proxy.waits, 50)
  }
}
