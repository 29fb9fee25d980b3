import Glibc
import Syntax
import XCTest

/// A QEMU that reads no more, and has not closed its connection.
final class DeafQEMUTests: XCTestCase {
  func testWhatItDoesNotReadKeepsTheProxyFromNothing() throws {
    var ends: [Int32] = [-1, -1]
    XCTAssertEqual(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends), 0)
    let proxy = try ProxyHarness(qemu: ends[1])
    let qemu = RawClient(adopting: ends[0])
    try qemu.send(#"{"QMP":{"version":{"qemu":{"micro":3,"minor":1,"major":11},"package":""},"capabilities":[]}}"# + "\r\n")
    let request = try JSON.parse(Array((try XCTUnwrap(try qemu.line())).utf8.drop { $0 != UInt8(ascii: "{") }))
    try qemu.send(#"{"error":{"class":"GenericError","desc":"JSON parse error"}}"# + "\r\n")
    try qemu.send(JSON.object([.init("return", [:]), .init("id", try XCTUnwrap(request["id"]))]).text() + "\r\n")
    let client = try proxy.connect()
    try client.negotiate()
    XCTAssertEqual(shutdown(ends[0], Int32(SHUT_RD)), 0)
    try client.send(#"{"execute":"query-status"}"#)
    XCTAssertEqual(proxy.stop(), .stopped)
    XCTAssertLessThan(proxy.waits, 100)
  }
}
