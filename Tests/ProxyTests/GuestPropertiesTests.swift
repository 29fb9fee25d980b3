import QMP
import Support
import Syntax
import XCTest

@testable import Common
@testable import Proxy

/// QEMU is asked once about a device that stays, and again about one that may be another.
final class GuestPropertiesTests: XCTestCase {
  private let known = GuestProperties()

  private func text(_ json: String) throws -> Result<JSON, CommandError> { .success(try JSON.parse(json)) }

  /// The properties that QEMU is asked for, and the guest, with root ports of these ids and types.
  private func query(_ devices: [(id: String, type: String)]) throws -> (asked: [String], guest: QOMSnapshot) {
    let children = devices.map { #"{"name":"\#($0.id)","type":"child<\#($0.type)>"}"# }.joined(separator: ",")
    let none = Result<JSON, CommandError>.failure(CommandError(errorClass: "GenericError", text: "no"))
    var query = GuestQuery(known)
    guard case .ask = query.proceed([]) else { throw SystemFailure("no first round", errno: 0) }
    let second = query.proceed([
      none, try text("[]"), try text("{}"), try text("[\(children)]"), try text("[]"), try text("[]"),
      try text(#""pc-q35-11.1-machine""#), try text("{}"), none,
    ])
    switch second {
    case .done(let guest): return ([], guest)
    case .ask(let commands):
      let paths = try commands.map { command in
        let arguments = try XCTUnwrap(JSON.parse(command.bytes(id: CommandID(text: "1")))["arguments"])
        return "\(arguments.wire("path") ?? "") \(arguments.wire("property") ?? "")"
      }
      // No bus has a selector.
      let answers = try paths.map { $0.hasSuffix("bsel") ? none : try text("\"\($0)\"") }
      guard case .done(let guest) = query.proceed(answers) else { throw SystemFailure("a third round", errno: 0) }
      return (paths, guest)
    }
  }

  func testADeviceThatStaysIsAskedAboutOnce() throws {
    let first = try query([("rp1", "pcie-root-port")])
    XCTAssert(first.asked.contains("/machine/peripheral/rp1 addr"), "\(first.asked)")
    XCTAssert(first.asked.contains("/machine/peripheral/rp1/rp1 acpi-pcihp-bsel"), "\(first.asked)")
    let second = try query([("rp1", "pcie-root-port")])
    XCTAssertEqual(second.asked, [], "also of what there is not")
    XCTAssertEqual(second.guest.properties, first.guest.properties)
    let third = try query([("rp1", "pcie-root-port"), ("n", "e1000e")])
    XCTAssertEqual(Set(third.asked.map { $0.split(separator: " ")[0] }), ["/machine/peripheral/n"])
    XCTAssertEqual(third.guest.properties["/machine/peripheral/rp1"], first.guest.properties["/machine/peripheral/rp1"])
  }

  func testAnotherDeviceOfTheSameNameIsAskedAbout() throws {
    let port = "/machine/peripheral/rp1"
    _ = try query([("rp1", "pcie-root-port")])
    XCTAssert(try query([("rp1", "ioh3420")]).asked.contains("\(port) addr"), "of another type")
    _ = try query([])
    XCTAssert(try query([("rp1", "ioh3420")]).asked.contains("\(port) addr"), "after a time without it")
    known.forget()
    XCTAssert(try query([("rp1", "ioh3420")]).asked.contains("\(port) addr"), "after the end of a device")
  }

  func testTheEndOfADeviceReachesTheFilter() throws {
    let directory = try TemporaryDirectory()
    let qemu = try RealQEMU.start(in: directory)
    defer { qemu.end() }
    let filter = QMPCommandFilter(.init(), log: ProxyLog())
    nonisolated(unsafe) let shared = filter
    let proxy = try ProxyHarness(qemu: try RealQEMU.connect(directory), gate: { shared })
    let client = try proxy.connect()
    try client.negotiate()
    let detail = GuestDetail(path: "/machine/peripheral/n", property: "addr", type: "e1000e")
    func answer(_ command: String) throws -> String {
      try client.send(command)
      return try client.text { $0.contains(#""return""#) || $0.contains(#""error""#) }
    }
    // A device on a bus without a hot-plug controller of the guest goes at once: failed plugs and ends are both seen.
    XCTAssert(try answer(#"{"execute":"device_add","arguments":{"driver":"e1000e","bus":"rp1","id":"n"}}"#).contains("return"))
    filter.guestProperties.keep(.success(1), to: detail)
    XCTAssertTrue(filter.guestProperties.value(detail) != nil)
    // The guest is stopped and never releases it; a reset of the machine does.
    XCTAssert(try answer(#"{"execute":"device_del","arguments":{"id":"n"}}"#).contains("return"))
    let reset = try answer(#"{"execute":"system_reset"}"#)
    XCTAssert(reset.contains("return"))
    try client.send(#"{"execute":"cont"}"#)
    // QEMU may report the end before it answers.
    if !reset.contains("DEVICE_DELETED") { _ = try client.text { $0.contains("DEVICE_DELETED") } }
    proxy.stop()
    XCTAssertTrue(filter.guestProperties.value(detail) == nil)
  }
}
