import CLinux
import Glibc
import QMP
import Support
import Syntax
import XCTest

@testable import Proxy

/// The proxy's loop between clients and a QEMU that the test plays.
final class ProxyLoopTests: XCTestCase {
  func testAQEMUThatReadsNoMoreKeepsTheProxyFromNothing() throws {
    let qemu = try ScriptedQEMU()
    let proxy = try ProxyHarness(qemu: qemu.proxysEnd, clients: 2)
    try qemu.negotiate()
    let client = try proxy.connect()
    try client.negotiate()
    qemu.goDeaf()
    try client.send(#"{"execute":"query-status"}"#)
    // The proxy has failed to write before it serves another.
    let other = try proxy.connect()
    other.setPatience(10)
    try other.negotiate()
    XCTAssertEqual(proxy.stop(), .stopped)
    XCTAssertLessThan(proxy.waits, 100)
  }

  /// The rest of a command follows when QEMU reads again, though nothing else happens meanwhile.
  func testAQEMUThatReadsLateGetsTheWholeCommand() throws {
    let qemu = try ScriptedQEMU()
    let proxy = try ProxyHarness(qemu: qemu.proxysEnd)
    try qemu.negotiate()
    let client = try proxy.connect()
    try client.negotiate()
    let text = String(repeating: "x", count: 1_000_000)
    try client.send(#"{"execute":"stop","arguments":{"a":"\#(text)"}}"#)
    // Half of the kernel's default buffer of a socket that is not read.
    try Wait.until("QEMU's socket fills", isTrue: { qemu.unreadBytes >= 100_000 })
    let command = try qemu.next()
    XCTAssertEqual(command["arguments"]?["a"]?.string?.utf8.count, text.utf8.count)
    try qemu.answer(command)
    XCTAssertEqual(try client.line(), #"{"return":{}}"#)
    XCTAssertEqual(proxy.stop(), .stopped)
  }

  /// Holds the proxy up in a command that it refuses.
  private final class HoldUp: CommandFilter {
    let end = DispatchSemaphore(value: 0)

    func inspect(_ message: ClientMessage, from client: ProxyPeer) -> ProxyInspection {
      guard message.command == "query-name" else { return .pass }
      end.wait()
      return .refuse(CommandError(errorClass: "GenericError", text: "no"))
    }

    func clientGone(_ client: ProxyPeer) -> [WireText] { [] }
  }

  /// QEMU gets all of it, though it is more than one read brings and nobody is there any more.
  func testAllThatAClientSendsBeforeItClosesIsRead() throws {
    let qemu = try ScriptedQEMU()
    nonisolated(unsafe) let filter = HoldUp()
    let proxy = try ProxyHarness(qemu: qemu.proxysEnd, clients: 2, gate: { filter })
    try qemu.negotiate()
    let other = try proxy.connect()
    var client: RawClient? = try proxy.connect()
    for one in [other, client] { try one?.negotiate() }
    try other.send(#"{"execute":"query-name"}"#)
    try client?.send(String(repeating: " ", count: 3 << 15) + #"{"execute":"stop"}"#)
    client = nil
    filter.end.signal()
    XCTAssertEqual(try qemu.next()["execute"], "stop")
    proxy.requestStop()
    XCTAssertEqual(proxy.wait(), .stopped)
  }

  /// The connection of one client belongs to the session, which closes it; a second close could be that of another descriptor.
  func testAListenerClosesOnlyASocketThatListens() throws {
    let folder = try TemporaryDirectory()
    let listening = (folder.path + "/l.sock").withCString { clinux_listen_unix($0, 1) }
    var ends: [Int32] = [-1, -1]
    XCTAssertEqual(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends), 0)
    defer { for end in ends { close(end) } }
    for (descriptor, isOpen) in [(listening, false), (ends[0], true)] {
      let door = try ProxyListener.open(.descriptor(descriptor))
      XCTAssertEqual(door.isListening, !isOpen)
      door.close()
      XCTAssertEqual(fcntl(descriptor, F_GETFD) >= 0, isOpen)
    }
  }

  func testUsersWhoAreNotAllowedAreSentAway() throws {
    for (user, isServed) in [(geteuid(), true), (geteuid() + 1, false)] {
      let qemu = try ScriptedQEMU()
      let proxy = try ProxyHarness(qemu: qemu.proxysEnd, options: { $0.allowedUsers = [user] })
      try qemu.negotiate()
      XCTAssertEqual(try proxy.connect().line()?.hasPrefix(#"{"QMP""#), isServed ? true : nil)
    }
  }

  func testAReloadWaitsForTheMessagesInProgress() throws {
    var wakeUp: [Int32] = [-1, -1]
    XCTAssertEqual(pipe(&wakeUp), 0)
    defer { for end in wakeUp { close(end) } }
    let qemu = try ScriptedQEMU(), folder = try TemporaryDirectory()
    let log = open(folder.path + "/log", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    defer { close(log) }
    let handedOver = DispatchSemaphore(value: 0)
    let proxy = try ProxyHarness(qemu: qemu.proxysEnd, log: log, reload: wakeUp[0], handOver: { handedOver.signal() })
    try qemu.negotiate()
    let client = try proxy.connect()
    try client.negotiate()
    try client.send(#"{"execute":"query-name"}"#)
    let first = try qemu.next()
    XCTAssertEqual(write(wakeUp[1], "x", 1), 1)
    try Wait.text(" reloading", in: folder.path + "/log")
    try qemu.answer(first)
    XCTAssertEqual(handedOver.wait(timeout: .now() + 10), .success)
    XCTAssertEqual(try client.line(), #"{"return":{}}"#)
    proxy.stop()
    let text = String(decoding: try readFile(folder.path + "/log"), as: UTF8.self)
    XCTAssertFalse(text.contains("still in progress"), text)
  }

  /// Its descriptor may be the one that was missing.
  func testAClosedConnectionMakesRoomForAnother() {
    let proxy = Proxy(qemu: -1, listener: nil, gate: UnfilteredCommands())
    let monitor = GuardedMonitor(greeting: [], offered: [], version: "11.1.3", tellsPlace: true, isPretty: false)
    let session = ProxySession(monitor, idPrefix: "", filter: UnfilteredCommands())
    proxy.acceptsAgain = .now + .seconds(60)
    proxy.closeSockets(session)
    XCTAssertFalse(proxy.mayAccept)
    proxy.sockets[1] = OwnedDescriptor(open("/dev/null", O_RDONLY))
    proxy.closeSockets(session)
    XCTAssert(proxy.mayAccept)
  }

  func testAMonitorThatDoesNotGreetIsGivenUp() throws {
    let (qemu, other) = try socketPair()
    defer { close(other) }
    let proxy = try ProxyHarness(qemu: qemu, options: { $0.handshake = .milliseconds(20) })
    XCTAssertNil(proxy.wait())
    XCTAssertEqual(proxy.failure, "no greeting from QEMU within 0 s; it serves one client at a time")
  }
}
