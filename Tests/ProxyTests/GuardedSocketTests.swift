import Glibc
import Support
import Syntax
import XCTest
@testable import Proxy

/// The sockets that no client may make QEMU listen at or connect to.
final class GuardedSocketTests: XCTestCase {
  func testSocketsThatTheProxyGuardsAreFoundInAnySpelling() throws {
    let folder = try TemporaryDirectory()
    let probe = FilterProbe { $0.sockets = [folder.path + "/p"] }
    func chardev(_ path: String) -> String {
      FilterProbe.command(
        "chardev-add",
        #"{"id":"c","backend":{"type":"socket","data":{"addr":{"type":"unix","data":{"path":"\#(path)"}}}}}"#)
    }
    let escaped = folder.path.replacing("/", with: #"\\/"#)
    let encoded = folder.path.split(separator: "/").map { "%2f\($0)" }.joined()
    for text in [
      chardev(folder.path + "/p"), chardev(folder.path + "/../" + (folder.path.split(separator: "/").last ?? "") + "//p"),
      FilterProbe.command("migrate", #"{"uri":"unix:\#(folder.path)/p"}"#), FilterProbe.human("migrate unix:\(folder.path)/p"),
      FilterProbe.human("chardev-add socket,id=c,path=\(folder.path)/p,server=on"),
      FilterProbe.human("hostfwd_add unix:\(folder.path)/p-:22"), FilterProbe.human("hostfwd_add n unix:\(folder.path)/p-10.0.2.15:22"),
      FilterProbe.command("netdev_add", #"{"type":"user","id":"n","hostfwd":[{"str":"unix:\#(folder.path)/p-:22"}]}"#),
      FilterProbe.command(
        "netdev_add", #"{"type":"user","id":"n","guestfwd":[{"str":"tcp:10.0.2.100:80-unix:\#(folder.path)/p,server=on,wait=off"}]}"#),
      FilterProbe.human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:80-unix:\(folder.path)/p"),
      FilterProbe.command(
        "blockdev-change-medium", #"{"id":"d","filename":"json:{\"server\":{\"type\":\"unix\",\"path\":\"\#(folder.path)/p\"}}"}"#),
      FilterProbe.command("blockdev-change-medium", #"{"id":"d","filename":"json:{'path':'\#(folder.path)/p'}"}"#),
      FilterProbe.command("blockdev-change-medium", #"{"id":"d","filename":"json:{\"path\":\"\#(escaped)\\/p\"}"}"#),
      FilterProbe.command("device_add", #"{"driver":"vfio-user-pci","id":"u","socket":{"type":"unix","path":"\#(folder.path)/p"}}"#),
      FilterProbe.human("device_add vfio-user-pci,id=u,socket.type=unix,socket.path=\(folder.path)/p"),
      FilterProbe.command("blockdev-change-medium", #"{"id":"d","filename":"nbd:unix:\#(folder.path)/p:exportname=x"}"#),
      FilterProbe.command("blockdev-change-medium", #"{"id":"d","filename":"nbd+unix:///x?socket=\#(folder.path)/p&y=z"}"#),
      FilterProbe.command("blockdev-change-medium", #"{"id":"d","filename":"nbd+unix:///x?socket=\#(encoded)%2Fp"}"#),
      FilterProbe.command(
        "netdev_add", #"{"type":"user","id":"n","guestfwd":[{"str":"tcp:10.0.2.4 unix:1234-unix:\#(folder.path)/p"}]}"#),
      FilterProbe.human("change cd0 nbd:unix:\(folder.path)/p"),
      FilterProbe.human("drive_mirror n0 nbd:unix:\(folder.path)/p:exportname=x"),
      FilterProbe.human("drive_add 0 if=none,file=nbd:unix:\(folder.path)/p:exportname=x"),
      // So many places that they are not all compared.
      FilterProbe.command("ringbuf-write", #"{"device":"d","data":"\#(String(repeating: "p ", count: 70))"}"#),
    ] {
      XCTAssertEqual(try probe.answer(text), .refuse("replaces-a-socket"), text)
    }
    for text in [
      chardev(folder.path + "/q"), chardev("/p"), chardev(folder.path + "/p-:22"),
      FilterProbe.command("migrate-incoming", #"{"uri":"unix:/p"}"#),
      FilterProbe.command("migrate-incoming", #"{"uri":"unix:\#(folder.path)/p-2"}"#), FilterProbe.human("hostfwd_add tcp::22-:22"),
      FilterProbe.human("hostfwd_add unix:\(folder.path)/q-:22"), FilterProbe.human("change cd0 \(folder.path)/p.bak"),
      FilterProbe.command("ringbuf-write", #"{"device":"d","data":"\#(String(repeating: "apple+p2/", count: 700))"}"#),
      FilterProbe.command("blockdev-change-medium", #"{"id":"d","filename":"nbd:unix:\#(folder.path)/p2:exportname=x"}"#),
      FilterProbe.command("blockdev-change-medium", #"{"id":"d","filename":"nbd:unix:\#(folder.path)/q/p:exportname=x"}"#),
    ] {
      XCTAssertEqual(try probe.answer(text), .pass, text)
    }
  }

  /// Its folders are not there, or it is longer than any path.
  func testAPathThatQEMUCannotOpenIsNotLookedUp() throws {
    let folder = try TemporaryDirectory()
    let probe = FilterProbe { $0.sockets = [folder.path + "/p"] }
    func query(_ path: String) -> String { FilterProbe.command("query-status", #"{"x":"\#(path)"}"#) }
    let time = ProcessorTime()
    for path in ["/a", "/..", "a/../", "../", "/proc/self/root", "./"] {
      XCTAssertEqual(try probe.answer(query(String(repeating: path, count: (1 << 18 - 64) / path.utf8.count) + "/p")), .pass, path)
      let short = String(repeating: path, count: 4000 / path.utf8.count) + folder.path + "/p"
      XCTAssertNotEqual(try probe.answer(query(short)), .inquire, path)
    }
    let many = (0..<250).map { _ in "\"" + String(repeating: "/..", count: 1300) + folder.path + "/p2/p\"" }.joined(separator: ",")
    XCTAssertEqual(
      try probe.answer(FilterProbe.command("query-status", "{\"x\":[\(many)]}")), .refuse("replaces-a-socket"), "too many to be compared")
    // Quadratic work takes hours.
    XCTAssertLessThan(time.seconds, 60)
  }

  /// The links of /proc are QEMU's own: here those of a process whose working directory is the folder.
  func testSocketsAreFoundBehindLinks() throws {
    let folder = try TemporaryDirectory()
    let process = try Child("/bin/sh", ["-c", "cd \(folder.path) && exec sleep 600"])
    try Wait.until("the working directory", isTrue: {
      var text = [CChar](repeating: 0, count: 4096)
      let count = readlink("/proc/\(process.processID)/cwd", &text, text.count)
      return String(decoding: text.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self).hasSuffix(folder.path)
    })
    let probe = FilterProbe {
      $0.sockets = [folder.path + "/p"]
      $0.process = process.processID
      $0.rehearses = false
    }
    XCTAssertEqual(symlink(folder.path + "/p", folder.path + "/other"), 0)
    XCTAssertEqual(symlink(folder.path, folder.path + "/here"), 0)
    let link = folder.path + "/other"
    for text in [
      FilterProbe.command("migrate", #"{"uri":"unix:\#(link)"}"#), FilterProbe.command("migrate", #"{"uri":"unix:other"}"#),
      FilterProbe.command("blockdev-change-medium", #"{"id":"d","filename":"nbd:unix:\#(link):exportname=x"}"#),
      FilterProbe.command("blockdev-change-medium", #"{"id":"d","filename":"nbd+unix:///x?socket=\#(link)&y=z"}"#),
      FilterProbe.human("hostfwd_add unix:\(link)-:22"), FilterProbe.human("drive_add 0 if=none,id=z,file=nbd:unix:\(link):exportname=x"),
      FilterProbe.human("change cd0 nbd:unix:\(link):exportname=x"),
      FilterProbe.human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:80-unix:server=off,,path=\(link)"),
    ] {
      XCTAssertEqual(try probe.answer(text), .refuse("replaces-a-socket"), text)
    }
    let rules = (1...40).map { #"{"str":"unix:/run/forward-\#($0)-10.0.2.15:22"}"# }.joined(separator: ",")
    let network = FilterProbe.command("netdev_add", #"{"type":"user","id":"n","hostfwd":[\#(rules)]}"#)
    XCTAssertEqual(try probe.answer(network), .pass)
    func chardev(_ path: String) -> String {
      FilterProbe.command(
        "chardev-add", #"{"id":"c","backend":{"type":"socket","data":{"addr":{"type":"unix","data":{"path":"\#(path)"}}}}}"#)
    }
    for path in [
      "/proc/self/cwd/p", "/proc/./self/cwd/p", "/proc//self/cwd/p", "/proc/self/../self/cwd/p", "/proc/net/../cwd/p", "/dev/fd/../cwd/p",
      "/proc/thread-self/cwd/p", "/proc/self/cwd/here/p", "/proc/self/root\(folder.path)/p", "/proc/\(process.processID)/cwd/p",
      folder.path + "/here/p", folder.path + "/other", "p", "./p", "here/p", "other", "here/other", "./other"
    ] {
      XCTAssertEqual(try probe.answer(chardev(path)), .refuse("replaces-a-socket"), path)
    }
    for path in ["/proc/self/cwd/q", "/proc/self/p", "/proc/1/cwd/p", folder.path + "/here/q", "q", "/p", folder.path + "/here/../p",
      "missing/../p"
    ] {
      XCTAssertNotEqual(try probe.answer(chardev(path)), .refuse("replaces-a-socket"), path)
    }
    process.end()
  }
}
