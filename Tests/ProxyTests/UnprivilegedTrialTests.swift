import Foundation
import Glibc
import Support
import XCTest

/// Trials of a proxy without privileges: as that of a guest that libvirt has started.
final class UnprivilegedTrialTests: XCTestCase {
  /// The scratch QEMU is in a user namespace, from which the running one's /proc/PID/exe cannot be opened.
  func testTheRunningProgramIsStarted() throws {
    let emulator = try RealQEMU.program()
    let setpriv = try XCTUnwrap(Child.find("setpriv"), "setpriv is a part of util-linux")
    let user = getuid() == 0 ? ["--reuid=65534", "--regid=65534", "--clear-groups"] : []
    let directory = try TemporaryDirectory()
    let (monitor, door, log) = (directory.path + "/q", directory.path + "/p", directory.path + "/log")
    let program = directory.path + "/vfiogate"
    try FileManager.default.copyItem(atPath: try Child.built("vfiogate"), toPath: program)
    XCTAssertEqual(chmod(directory.path, 0o777), 0)
    let qemu = try Child(setpriv, user + [
      emulator, "-M", "q35", "-accel", "tcg", "-S", "-display", "none", "-nodefaults", "-device", "pcie-root-port,id=rp1",
      "-qmp", "unix:\(monitor),server=on,wait=off",
    ])
    defer { qemu.end() }
    try Wait.listener(at: monitor)
    let proxy = try Child(setpriv, user + [program, "proxy", "--listen", door, "--qmp", monitor, "--log", log])
    defer { proxy.end() }
    try Wait.listener(at: door)
    let client = try RawClient(path: door)
    try client.negotiate()
    client.setPatience(30)
    let plug = #"{"execute":"device_add","arguments":{"driver":"virtio-rng-pci","bus":"rp1","id":"r"}}"#
    try client.send(plug)
    XCTAssertEqual(try client.line(), #"{"return": {}}"#)
    let text = String(decoding: try readFile(log), as: UTF8.self)
    XCTAssertFalse(text.contains("rehearsal"), text)
  }
}
