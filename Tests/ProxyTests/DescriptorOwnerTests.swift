import Glibc
import QMP
import Syntax
import XCTest

@testable import Common
@testable import Proxy

/// Commands of two clients that name one descriptor and wait at the same time: both were inspected before QEMU
/// accepted either.
final class DescriptorOwnerTests: XCTestCase {
  private let gate = QMPCommandFilter(.init(), log: ProxyLog())
  private let peers = (1...2).map { ProxyPeer(number: $0, process: nil, user: nil) }
  private let getfd = getfd("x")

  private static func getfd(_ name: String) -> String { #"{"execute":"getfd","arguments":{"fdname":"\#(name)"}}"# }

  private func inquire(_ text: String, _ peer: ProxyPeer) throws -> any CommandDecision {
    let message = ClientMessage(
      bytes: Array(text.utf8), json: try JSON.parse(text), descriptors: [OwnedDescriptor(open("/dev/null", O_RDONLY))])
    guard case .inquire(let decision) = gate.inspect(message, from: peer) else {
      struct NotAsked: Error {}
      throw NotAsked()
    }
    return decision
  }

  /// As that of /dev/iommu, which is not on every host.
  func testADescriptorIsThatOfADeviceByItsNumber() {
    let paths: [String] = ["/dev/null", "/dev/zero", "/proc/self/exe"]
    let opened = paths.map { open($0, O_RDONLY) }
    defer { opened.forEach { close($0) } }
    XCTAssertEqual(opened.map { DescriptorLedger.isIOMMU($0, at: "/dev/null") }, [true, false, false])
    XCTAssertEqual(opened.map { DescriptorLedger.isIOMMU($0, at: "/proc/self/exe") }, [false, false, false], "no device")
    XCTAssertFalse(DescriptorLedger.isIOMMU(opened[0], at: "/nonexistent"))
    XCTAssertFalse(DescriptorLedger.isIOMMU(-1, at: "/dev/null"))
  }

  private func refusal(_ decision: any CommandDecision) -> String? {
    if case .refuse(let error) = decision.proceed([]) { return error.text }
    return nil
  }

  func testTheFirstThatQEMUAcceptsOwnsTheName() throws {
    let others = [
      getfd, #"{"execute":"closefd","arguments":{"fdname":"x"}}"#,
      #"{"execute":"object-add","arguments":{"qom-type":"iommufd","id":"i","fd":"x"}}"#,
    ]
    let first = try inquire(getfd, peers[0])
    let waiting = try others.map { try inquire($0, peers[1]) }
    let own = try inquire(getfd, peers[0])
    XCTAssertNil(refusal(first))
    first.answered(.success([:]))
    for (text, decision) in zip(others, waiting) {
      XCTAssertEqual(refusal(decision)?.contains("fd-of-another-client"), true, text)
    }
    XCTAssertNil(refusal(own))
  }

  func testAClosedNameBelongsToNoClient() throws {
    let first = try inquire(getfd, peers[0])
    first.answered(.success([:]))
    try inquire(#"{"execute":"closefd","arguments":{"fdname":"x"}}"#, peers[0]).answered(.success([:]))
    XCTAssertNil(refusal(try inquire(getfd, peers[1])))
  }

  /// They are closed, so that the next client may give them.
  func testNamesThatAClientLeavesAreReported() throws {
    for name in ["x", "y"] {
      try inquire(Self.getfd(name), peers[0]).answered(.success([:]))
    }
    try inquire(Self.getfd("z"), peers[1]).answered(.success([:]))
    try inquire(#"{"execute":"closefd","arguments":{"fdname":"y"}}"#, peers[0]).answered(.success([:]))
    XCTAssertNotNil(gate.ledger.entry("x"))
    XCTAssertEqual(gate.clientGone(peers[0]), ["x"])
    XCTAssertNil(gate.ledger.entry("x"), "its descriptor is closed")
    XCTAssertEqual(gate.clientGone(peers[0]), [])
    XCTAssertNil(refusal(try inquire(getfd, peers[1])))
    XCTAssertEqual(Set(gate.owners.keys), ["z"])
  }

  /// The last close of a socket may wait for its peer, also of one in another's queue, and that of a file for its server.
  func testUntrustedClientsPassDescriptorsOfVFIODevicesOnly() throws {
    var options = QMPCommandFilter.Options()
    options.profile = .untrusted
    let gate = QMPCommandFilter(options, log: ProxyLog())
    func refusal(_ descriptors: Int32...) throws -> String? {
      let message = ClientMessage(
        bytes: Array(getfd.utf8), json: try JSON.parse(getfd), descriptors: descriptors.map { OwnedDescriptor($0) })
      if case .refuse(let error) = gate.inspect(message, from: peers[0]) { return error.text }
      return nil
    }
    let stream = Int32(SOCK_STREAM.rawValue)
    for descriptor in [socket(AF_INET, stream, 0), socket(AF_UNIX, stream, 0), open("/dev/null", O_RDONLY), open("/", O_RDONLY)] {
      XCTAssertEqual(try refusal(descriptor)?.contains("outside-profile"), true, "\(descriptor)")
    }
    let (device, other) = (open("/dev/null", O_RDONLY), open("/dev/null", O_RDONLY))
    gate.isVFIODevice = { $0 == device }
    XCTAssertEqual(try refusal(device, other)?.contains("outside-profile"), true)
    gate.isVFIODevice = { _ in true }
    XCTAssertNil(try refusal(open("/dev/null", O_RDONLY)))
  }

  func testANameThatQEMURefusedBelongsToNoClient() throws {
    let (first, second) = (try inquire(getfd, peers[0]), try inquire(getfd, peers[1]))
    XCTAssertNil(refusal(first))
    first.answered(.failure(CommandError(errorClass: "GenericError", text: "No file descriptor supplied via SCM_RIGHTS")))
    XCTAssertNil(refusal(second))
  }

  /// One that did not pass through the proxy is looked up in QEMU's process, by its number only.
  func testADescriptorOfQEMUsProcess() {
    let file = open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    let ledger = DescriptorLedger(), number = WireText(String(file))
    XCTAssertEqual(ledger.function(number, process: getpid()), .some(.known(nil)))
    XCTAssertEqual(ledger.isIOMMUFD(number, process: getpid()), .known(false))
    XCTAssertNil(ledger.function(number, process: nil))
    XCTAssertNil(ledger.function("name", process: getpid()))
    XCTAssertFalse(ledger.isIOMMUFD(number, process: nil).isKnown)
    XCTAssertFalse(ledger.isIOMMUFD("name", process: getpid()).isKnown)
    XCTAssertFalse(ledger.isIOMMUFD("1000000", process: getpid()).isKnown)
  }
}
