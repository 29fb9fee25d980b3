import Glibc
@testable import Proxy
import Support
import XCTest

/// The process behind the proxy's monitor, without which nothing is tried.
final class MonitorProcessTests: XCTestCase {
  func testAQEMUIsKnownByItsNameOrByThatOfItsProgram() throws {
    for options in [[], ["-name", "guest=g,process=webserver"]] {
      let directory = try TemporaryDirectory()
      let qemu = try RealQEMU.start(in: directory, more: options)
      defer { qemu.end() }
      let monitor = try RealQEMU.connect(directory)
      defer { close(monitor) }
      XCTAssertEqual(MonitorProcess.behind(monitor), qemu.processID, "\(options)")
    }
  }

  /// A program that makes the socket for a QEMU, such as libvirt's daemon.
  func testAnotherProgramIsNoQEMU() throws {
    var ends: [Int32] = [-1, -1]
    XCTAssertEqual(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends), 0)
    defer { ends.forEach { close($0) } }
    XCTAssertNil(MonitorProcess.behind(ends[0]))
  }

  /// The locked memory of a script, and its descriptors, are not QEMU's.
  func testAProgramThatWaitsForItsQEMUIsNotIt() throws {
    let directory = try TemporaryDirectory()
    // The name of its process is its own.
    let script = directory.path + "/qemu-start.sh"
    func name(_ process: pid_t) -> String? {
      (try? readFile("/proc/\(process)/cmdline")).map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
    for (names, isFound) in [
      (["qemu-system-x86_64"], true), (["helper", "qemu-kvm"], true), (["helper"], false), (["qemu-a", "qemu-b"], false),
      (["qemu-storage-daemon", "qemu-kvm", "qemu-nbd"], true), (["qemu-nbd"], false)
    ] {
      // An interpreter's option stands before the script.
      let start = "#!/bin/bash\(names.count == 1 ? "" : " -e")\n"
      try writeFile(script, start + names.map { "(exec -a \($0) sleep 600) & " }.joined() + "wait", mode: 0o755)
      let program = try Child(script, [])
      defer { program.end() }
      func children() -> [pid_t] { MonitorProcess.children(of: program.processID) }
      try Wait.until("\(names)", within: .seconds(20), isTrue: { Set(children().map(name)) == Set(names) })
      let qemu = children().filter { name($0)?.hasPrefix("qemu-kvm") == true || name($0)?.hasPrefix("qemu-system") == true }
      XCTAssertEqual(MonitorProcess.started(by: program.processID), isFound ? qemu.first : nil, "\(names)")
      for child in children() { kill(child, SIGKILL) }
    }
    // It has become QEMU, or one under another name.
    for name in ["qemu-system-x86_64", "guest1"] {
      let program = try Child("/bin/bash", ["-c", "exec -a \(name) sleep 600"])
      defer { program.end() }
      XCTAssertEqual(MonitorProcess.started(by: program.processID), program.processID)
    }
    // One whose argument 0 is another, and which has started a program; its files may have its name.
    let qemu = directory.path + "/qemu-system-x86_64"
    XCTAssertEqual(symlink("/bin/bash", qemu), 0)
    let program = try Child("/bin/bash", ["-c", "exec -a guest1 \(qemu) -c 'sleep 600; :' 0 /run/qemu-system-x86_64.pid"])
    defer { program.end() }
    try Wait.until("started", within: .seconds(20), isTrue: { !MonitorProcess.children(of: program.processID).isEmpty })
    XCTAssertEqual(MonitorProcess.started(by: program.processID), program.processID)
    MonitorProcess.children(of: program.processID).forEach { kill($0, SIGKILL) }
  }
}
