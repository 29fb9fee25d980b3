import Facts
@testable import Common
import Glibc
import QMP
import Support
import Syntax
import XCTest

final class QEMUQuestionTests: XCTestCase {
  private let release = Known.known(QEMURelease(11, 1))

  private func profile(_ name: String) throws -> QEMUProfile {
    switch try ServerMessage.parse(Fixture.bytes("qmp/replies/\(name).json")) {
    case .success(_, let value): return QEMUQuestion.profile(name: name, release: release, listing: .success(value))
    case .failure(_, let error): return QEMUQuestion.profile(name: name, release: release, listing: .failure(error))
    default: throw SystemFailure("read \(name)", errno: EINVAL)
    }
  }

  func test11_1HasATSAndIommufdAndFd() throws {
    let profile = try profile("device-list-properties-vfio-pci.11.1.3")
    XCTAssertEqual(profile.behaviour, .known(.shipped))
    XCTAssertEqual(try profile.properties.value.count, 55)
    XCTAssertTrue(try profile.properties.value.isSuperset(of: ["ats", "iommufd", "fd", "host"]))
  }

  func test7_2HasNoneOfThem() throws {
    let profile = try profile("device-list-properties-vfio-pci.7.2.22")
    XCTAssertEqual(profile.behaviour, .known(.none))
    XCTAssertTrue(try profile.properties.value.isDisjoint(with: ["ats", "iommufd", "fd"]))
    XCTAssertTrue(try profile.properties.value.contains("host"))
  }

  func testAQEMUWithoutVfioPciIsUnknownWithQEMUsWords() throws {
    let profile = try profile("device-list-properties-nope.7.2.22")
    XCTAssertThrowsError(try profile.behaviour.value) {
      XCTAssertEqual(($0 as? Unknown)?.reason, "QEMU reports: DeviceNotFound: Device 'nope' not found")
    }
    XCTAssertFalse(profile.properties.isKnown)
  }

  func testAnATSOfAnotherTypeIsUnknown() throws {
    let listing: JSON = [["name": "ats", "type": "bool"]]
    let profile = QEMUQuestion.profile(name: "X", release: release, listing: .success(listing))
    XCTAssertThrowsError(try profile.behaviour.value) {
      XCTAssertEqual(($0 as? Unknown)?.reason, "its type is `bool`, not `OnOffAuto`")
    }
    XCTAssertEqual(profile.properties, .known(["ats"]))
  }

  func testAListingThatIsNoneIsUnknownAndNotWithoutATS() {
    for listing in [[:], [["name": "host"]], "x", .null] as [JSON] {
      let profile = QEMUQuestion.profile(name: "X", release: release, listing: .success(listing))
      XCTAssertFalse(profile.behaviour.isKnown, "\(listing)")
      XCTAssertFalse(profile.properties.isKnown, "\(listing)")
    }
  }
}

/// Programs that are not QEMU, or not well.
final class QEMUProcessTests: XCTestCase {
  private func failure(
    _ path: String, timeout: Duration = .seconds(60), file: StaticString = #filePath, line: UInt = #line
  ) -> String {
    do {
      XCTFail("answered: \(try QEMUQuestion.ask(binary: path, timeout: timeout))", file: file, line: line)
      return ""
    } catch { return "\(error)" }
  }

  private func script(_ text: String, in directory: TemporaryDirectory) throws -> String {
    let path = directory.path + "/qemu"
    try writeFile(path, "#!/bin/sh\n\(text)\n", mode: 0o755)
    return path
  }

  func testAProgramThatIsNotThere() {
    XCTAssertEqual(failure("/nowhere/qemu"), "/nowhere/qemu: cannot run: No such file or directory")
  }

  func testAProgramThatMayNotBeRun() throws {
    XCTAssertEqual(failure("/tmp"), "/tmp: cannot run: Permission denied")
    let directory = try TemporaryDirectory()
    let path = directory.path + "/text"
    try writeFile(path, "text", mode: 0o755)
    XCTAssertEqual(failure(path), "\(path): cannot run: Exec format error")
  }

  func testAProgramThatEndsSaysHowAndWhy() throws {
    let directory = try TemporaryDirectory()
    let path = try script("echo 'qemu: bad option' >&2; echo second >&2; exit 3", in: directory)
    XCTAssertEqual(
      failure(path),
      "\(path): the connection was closed by the other side"
        + " (it exited with status 3; standard error: qemu: bad option | second)")
  }

  /// A definition may ask for more memory than there is.
  func testAConfinedProgramHasALimitOfMemory() throws {
    let directory = try TemporaryDirectory()
    let path = try script("ulimit -d >&2; ulimit -c >&2", in: directory)
    let confinement = QEMUProcess.Confinement(data: 1 << 30, spares: 0)
    XCTAssertEqual(try QEMUProcess(path: path, arguments: [], confinement: confinement).finish().error, "1048576\n0\n")
  }

  func testAProgramThatIsKilledSaysTheSignal() throws {
    let directory = try TemporaryDirectory()
    let path = try script("kill -SEGV $$", in: directory)
    XCTAssertTrue(failure(path).contains("(it was killed by signal 11)"))
  }

  func testAProgramThatSaysNothingIsKilledAndReaped() throws {
    let directory = try TemporaryDirectory()
    let path = try script("echo $$ > \(directory.path)/pid; echo waiting >&2; exec sleep 1000", in: directory)
    XCTAssertEqual(
      failure(path, timeout: .seconds(3)),
      "\(path): no QMP greeting within 3 s (standard error: waiting)")
    let text = String(decoding: try readFile(directory.path + "/pid"), as: UTF8.self)
    let processID = try XCTUnwrap(pid_t(text.filter(\.isNumber)))
    XCTAssertEqual(kill(processID, 0), -1, "still there, running or unreaped")
    XCTAssertEqual(errno, ESRCH)
  }

  /// A wrapper that does not exec, and one that ends before its QEMU.
  func testTheChildrenOfAWrapperEndWithIt() throws {
    let directory = try TemporaryDirectory()
    for end in ["wait", "exit 3"] {
      let path = try script("sleep 1000 & echo $! > \(directory.path)/pid; \(end)", in: directory)
      XCTAssertFalse(failure(path, timeout: .seconds(3)).isEmpty)
      let text = String(decoding: try readFile(directory.path + "/pid"), as: UTF8.self)
      let processID = try XCTUnwrap(pid_t(text.filter(\.isNumber)))
      // Its parent is gone, so who reaps it, and when, is the machine's.
      try Wait.until("the end of a child of a wrapper that ends in `\(end)`", isTrue: { Self.hasEnded(processID) })
    }
  }

  /// Whether a process is gone, or a zombie (proc_pid_stat(5)).
  private static func hasEnded(_ processID: pid_t) -> Bool {
    guard let stat = try? readFile("/proc/\(processID)/stat") else { return true }
    return stat.split(separator: UInt8(ascii: ")")).last?.dropFirst().first == UInt8(ascii: "Z")
  }

  func testStandardErrorIsCutAndSaidToBe() throws {
    let directory = try TemporaryDirectory()
    let path = try script("exec yes nonsense >&2", in: directory)
    let message = failure(path, timeout: .seconds(3))
    XCTAssertTrue(message.hasSuffix("(standard error: nonsense … (cut at 512 bytes))"), String(message.suffix(100)))
  }

  func testAProgramThatEchoesIsNoQEMU() throws {
    let directory = try TemporaryDirectory()
    let path = try script("echo hello; exec sleep 1000", in: directory)
    XCTAssertTrue(failure(path).hasPrefix("\(path): not JSON ("))
  }

  func testNoDescriptorIsLeftOpen() throws {
    let before = try openDescriptors()
    for _ in 0..<5 { _ = failure("/bin/false") }
    _ = failure("/nowhere/qemu")
    // A proxy of an earlier test may still be closing its own.
    XCTAssertLessThanOrEqual(try openDescriptors(), before)
  }

  private func openDescriptors() throws -> Int {
    (0..<1024).filter { fcntl($0, F_GETFD) >= 0 }.count
  }
}
