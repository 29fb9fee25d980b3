import CLinux
import Glibc
import QMP
import Support
import XCTest

@testable import Proxy

/// Uses up all descriptors below a limit.
final class Scarcity {
  private var fillers: [OwnedDescriptor] = []
  private var before = rlimit()

  init() {
    getrlimit(__rlimit_resource_t(7), &before)  // RLIMIT_NOFILE of asm-generic/resource.h
    var limit = before
    limit.rlim_cur = 256
    setrlimit(__rlimit_resource_t(7), &limit)
    while true {
      let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { break }
      fillers.append(OwnedDescriptor(descriptor))
    }
  }

  func free(_ count: Int) { fillers.removeLast(count) }

  deinit { setrlimit(__rlimit_resource_t(7), &before) }
}

/// A process that may open no more descriptors.
final class ScarceDescriptorTests: XCTestCase {
  func testAConnectionThatCannotBeAcceptedWaitsWithoutASpinningLoop() throws {
    let folder = try TemporaryDirectory()
    let qemu = try RealQEMU.start(in: folder)
    defer { qemu.end() }
    let log = open(folder.path + "/log", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    defer { close(log) }
    let proxy = try ProxyHarness(qemu: try RealQEMU.connect(folder), clients: 2, log: log)
    let first = try proxy.connect()
    try first.negotiate()
    let scarcity = Scarcity()
    // One for our end of the connection, and none for the proxy's.
    scarcity.free(1)
    let second = clinux_connect_unix(proxy.path)
    XCTAssertGreaterThanOrEqual(second, 0)
    for _ in 0..<50 {
      try first.send(#"{"execute":"query-name"}"#)
      XCTAssertEqual(try first.line(), #"{"return": {}}"#, "the others are served")
    }
    scarcity.free(8)
    let client = RawClient(adopting: second)
    try client.negotiate()
    proxy.stop()
    let text = String(decoding: try readFile(folder.path + "/log"), as: UTF8.self)
    let failures = text.split(separator: "\n").filter { $0.contains(" accept ") }.count
    XCTAssert(1...3 ~= failures, text)
    XCTAssertLessThan(proxy.waits, 400)
  }

  /// Their close may wait, and is not for the reading code to do.
  func testDescriptorsThatArriveBesideLostOnesAreTheCallers() {
    var ends: [Int32] = [-1, -1]
    XCTAssertEqual(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends), 0)
    let null = open("/dev/null", O_RDONLY)
    XCTAssertEqual(clinux_send(ends[0], "x", 1, [null, null, null, null], 4), 1)
    let scarcity = Scarcity()
    scarcity.free(2)
    var (byte, count, at) = (UInt8(0), 0, 0)
    var received = [Int32](repeating: -1, count: Int(CLINUX_DESCRIPTORS_MAX))
    XCTAssertEqual(clinux_receive_segment(ends[1], &byte, 1, &received, &count, &at), -Int(EMFILE))
    XCTAssertEqual(count, 2)
    for descriptor in received[..<count] + ends + [null] { XCTAssertEqual(close(descriptor), 0) }
    withExtendedLifetime(scarcity) {}
  }

  func testTheReserveServesWhatNeedsDescriptors() {
    let reserve = DescriptorReserve()
    let scarcity = Scarcity()
    XCTAssertLessThan(open("/dev/null", O_RDONLY), 0)
    for _ in 0..<2 {
      let opened = reserve.lend { (0..<8).map { _ in OwnedDescriptor(open("/dev/null", O_RDONLY)) } }
      XCTAssertFalse(opened.contains { $0.number < 0 })
    }
    // Within another's borrowing, all are the outer one's.
    reserve.lend {
      reserve.lend {}
      let opened = (0..<8).map { _ in OwnedDescriptor(open("/dev/null", O_RDONLY)) }
      XCTAssertFalse(opened.contains { $0.number < 0 })
    }
    // The connections that were open are closed now, and the reserve is filled again.
    reserve.lend {}
    XCTAssertLessThan(open("/dev/null", O_RDONLY), 0)
    withExtendedLifetime(scarcity) {}
  }
}
