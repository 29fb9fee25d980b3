import CLinux
import Glibc
import QMP
import Support
import XCTest

@testable import Proxy

/// Descriptors whose close waits for as long as their sender chose.
final class DescriptorCloserTests: XCTestCase {
  /// A UNIX socket in whose queue a TCP socket with unsent bytes lies, that is open nowhere else.
  private func lingering() throws -> (socket: Int32, peers: [Int32]) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let stream = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let isConnected = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && listen(listener, 1) == 0 && getsockname(listener, $0, &size) == 0 && connect(stream, $0, size) == 0
      }
    }
    guard isConnected else { throw SystemFailure("connect") }
    let bytes = [UInt8](repeating: 0, count: 1 << 16)
    while send(stream, bytes, bytes.count, Int32(MSG_DONTWAIT)) > 0 {}
    var option = linger(l_onoff: 1, l_linger: 600)
    setsockopt(stream, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0, clinux_send(ends[0], "z", 1, [stream], 1) == 1 else {
      throw SystemFailure("send")
    }
    close(stream)
    close(ends[0])
    return (ends[1], [listener])
  }

  func testTheProxyServesOthersWhileACloseWaits() throws {
    let folder = try TemporaryDirectory()
    let qemu = try RealQEMU.start(in: folder)
    defer { qemu.end() }
    let proxy = try ProxyHarness(qemu: try RealQEMU.connect(folder), clients: 3)
    let other = try proxy.connect()
    try other.negotiate()
    other.setPatience(30)
    let (socket, peers) = try lingering()
    var leaving: RawClient? = try proxy.connect()
    try leaving?.negotiate()
    // Half a message; what it brought is closed when its client leaves.
    try leaving?.send(#"{"execute":"getfd""#, descriptors: [socket])
    close(socket)
    leaving = nil
    // A command that is not read before the client leaves: the kernel closes what came with it.
    let (second, more) = try lingering()
    leaving = try proxy.connect()
    try leaving?.send("{", descriptors: [second])
    close(second)
    leaving = nil
    let third = try proxy.connect()
    try third.negotiate()
    for _ in 0..<20 {
      try other.send(#"{"execute":"query-name"}"#)
      XCTAssertEqual(try other.line(), #"{"return": {}}"#)
    }
    XCTAssertEqual(proxy.stop(), .stopped)
    for peer in peers + more { close(peer) }
  }

  func testAConnectionInWhichNothingWaitsIsClosedAtOnce() throws {
    for isDrained in [true, false] {
      let closer = DescriptorCloser()
      var ends: [Int32] = [-1, -1]
      XCTAssertEqual(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends), 0)
      if !isDrained { XCTAssertEqual(write(ends[0], "x", 1), 1) }
      var owned: OwnedDescriptor? = closer.own(connection: ends[1])
      XCTAssertEqual(owned?.number, ends[1])
      owned = nil
      XCTAssertEqual(fcntl(ends[1], F_GETFD) < 0, isDrained)
      closer.finish()
      // The number of one that was closed may be in use again.
      if !isDrained { XCTAssertLessThan(fcntl(ends[1], F_GETFD), 0) }
      close(ends[0])
    }
  }

  func testWhatHasLostItsOwnerIsClosed() throws {
    let closer = DescriptorCloser()
    var ends: [Int32] = [-1, -1]
    XCTAssertEqual(pipe(&ends), 0)
    var owned: OwnedDescriptor? = closer.own(ends[1])
    XCTAssertEqual(owned?.number, ends[1])
    owned = nil
    XCTAssertGreaterThanOrEqual(fcntl(ends[1], F_GETFD), 0, "its number is used by no other meanwhile")
    closer.finish()
    XCTAssertLessThan(fcntl(ends[1], F_GETFD), 0)
    var byte: UInt8 = 0
    XCTAssertEqual(read(ends[0], &byte, 1), 0)
    close(ends[0])
  }
}
