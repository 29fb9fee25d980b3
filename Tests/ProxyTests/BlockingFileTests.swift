import Foundation
import Glibc
import Support
import Syntax
import XCTest
@testable import Proxy

/// Files at which QEMU would wait. That it does was observed on 7.2.22 and 11.1.3 for each command that is refused here.
final class BlockingFileTests: XCTestCase {
  /// A FIFO without a reader or a writer, and the folder's other entries.
  private func folder() throws -> TemporaryDirectory {
    let folder = try TemporaryDirectory()
    for name in ["f", "tls/keys.psk", "a b", "a:b"] {
      if name.contains("/") { XCTAssertEqual(mkdir(folder.path + "/tls", 0o700), 0) }
      XCTAssertEqual(mkfifo(folder.path + "/" + name, 0o600), 0)
    }
    try writeFile(folder.path + "/file", "")
    XCTAssertEqual(symlink("f", folder.path + "/link"), 0)
    return folder
  }

  private func commands(_ path: String) -> [String] {
    let pairs: [(String, String)] = [
      ("memsave", #"{"val":0,"size":1,"filename":"\#(path)"}"#), ("pmemsave", #"{"val":0,"size":1,"filename":"\#(path)"}"#),
      ("screendump", #"{"filename":"\#(path)"}"#), ("dump-guest-memory", #"{"paging":false,"protocol":"file:\#(path)"}"#),
      ("chardev-add", #"{"id":"c","backend":{"type":"file","data":{"out":"\#(path)"}}}"#),
      ("chardev-add", #"{"id":"c","backend":{"type":"file","data":{"out":"/dev/null","in":"\#(path)"}}}"#),
      ("chardev-add", #"{"id":"c","backend":{"type":"null","data":{"logfile":"\#(path)"}}}"#),
      ("chardev-change", #"{"id":"c","backend":{"type":"file","data":{"out":"\#(path)"}}}"#),
      ("migrate", #"{"uri":"file:\#(path)"}"#), ("migrate", #"{"uri":"file:\#(path),offset=0x1000"}"#),
      ("migrate", #"{"channels":[{"channel-type":"main","addr":{"transport":"file","filename":"\#(path)","offset":0}}]}"#),
      ("migrate-incoming", #"{"uri":"file:\#(path)"}"#),
      ("blockdev-add", #"{"driver":"file","node-name":"x","filename":"\#(path)","read-only":true}"#),
      ("blockdev-add", #"{"driver":"raw","node-name":"x","read-only":true,"file":{"driver":"host_device","filename":"\#(path)"}}"#),
      ("blockdev-add", #"{"driver":"raw","node-name":"x","file.driver":"file","file.filename":"\#(path)"}"#),
      ("blockdev-add", #"{"driver":"blkdebug","node-name":"x","config":"\#(path)","image":"n"}"#),
      ("blockdev-change-medium", #"{"id":"d","filename":"\#(path)"}"#),
      ("blockdev-change-medium", #"{"id":"d","filename":"blkdebug:\#(path):/dev/null"}"#),
      ("blockdev-change-medium", #"{"id":"d","filename":"json:{'driver':'file','filename':'\#(path)'}"}"#),
      ("blockdev-change-medium", #"{"id":"d","filename":"\#(String(repeating: "blkdebug::", count: 9))\#(path)"}"#),
      ("blockdev-change-medium", #"{"id":"d","filename":"blkdebug::json:{'driver':'file','filename':'\#(path)'}"}"#),
      ("blockdev-change-medium", #"{"id":"d","filename":"blkverify:/dev/null:blkdebug::\#(path)"}"#),
      ("blockdev-change-medium", #"{"id":"d","filename":"\#(String(repeating: "blkdebug::", count: 9))\#(path)"}"#),
      ("blockdev-change-medium", #"{"id":"d","filename":"blkdebug::json:{'driver':'file','filename':'\#(path)'}"}"#),
      ("blockdev-change-medium", #"{"id":"d","filename":"blkverify:/dev/null:blkdebug::\#(path)"}"#),
      ("object-add", #"{"qom-type":"secret","id":"s","file":"\#(path)"}"#),
      ("object-add", #"{"qom-type":"filter-dump","id":"s","netdev":"n","file":"\#(path)"}"#),
      ("object-add", #"{"qom-type":"memory-backend-file","id":"s","size":4096,"mem-path":"\#(path)","readonly":true}"#),
      ("device_add", #"{"driver":"virtio-rng-pci","id":"d","romfile":"\#(path)"}"#),
      ("netdev_add", #"{"type":"user","id":"n","guestfwd":[{"str":"tcp:10.0.2.100:80-file:\#(path)"}]}"#),
      ("netdev_add", #"{"type":"user","id":"n","guestfwd":[{"str":"tcp:10.0.2.100:80-file,path=\#(path),append=on"}]}"#),
      ("a-command-of-2030", #"{"filename":"\#(path)"}"#),
    ]
    let human = [
      "pmemsave 0 10 \\\"\(path)\\\"", "pmemsave 0 10\\\"\(path)\\\"", "screendump \(path)", "logfile \(path)", "wavcapture \(path) a",
      "dump-guest-memory -p \(path)", "chardev-add file,id=c,path=\(path)", "chardev-add file,id=c,path=/dev/null,input-path=\(path)",
      "migrate -d file:\(path)", "change cd0 \(path) raw read-only", "drive_add 0 if=none,id=y,readonly=on,file=file:\(path)",
      "qemu-io n \\\"write -s \(path) 0 512\\\"", "object_add secret,id=s,file=\(path)",
      "netdev_add user,id=n,guestfwd=tcp:10.0.2.100:80-file:\(path)", "device_add virtio-rng-pci,romfile=\(path)",
    ]
    return pairs.map { FilterProbe.command($0.0, $0.1) }
      + human.map { FilterProbe.command("human-monitor-command", #"{"command-line":"\#($0)"}"#) }
  }

  func testAFIFOIsRefusedWhereverItIsNamed() throws {
    let folder = try folder()
    let probe = FilterProbe()
    // A file of that name is no character device of type `pipe`, which would not wait (observed on 7.2.22 and 11.1.3).
    XCTAssertEqual(symlink("\(folder.path)/f", "\(folder.path)/a-pipe"), 0)
    let forwarding = FilterProbe.human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:80-file:\(folder.path)/a-pipe")
    XCTAssertEqual(try probe.answer(forwarding), .refuse("blocking-file"))
    // A writer that comes and goes would leave its reader an end.
    let reader = open(folder.path + "/f", O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    for text in commands(folder.path + "/f") + commands(folder.path + "/../f/../link").filter({ !$0.contains("/../f/") }) {
      XCTAssertEqual(try probe.answer(text), .refuse("blocking-file"), text)
    }
    for text in commands(folder.path + "/link") { XCTAssertEqual(try probe.answer(text), .refuse("blocking-file"), text) }
    for text in commands(folder.path + "/file") + commands(folder.path + "/none/f") {
      XCTAssertNotEqual(try probe.answer(text), .refuse("blocking-file"), text)
    }
    for name in ["a b", "a:b"] {
      let text = FilterProbe.command("screendump", #"{"filename":"\#(folder.path)/\#(name)"}"#)
      XCTAssertEqual(try probe.answer(text), .refuse("blocking-file"), text)
    }
    let credentials = FilterProbe.command("object-add", #"{"qom-type":"tls-creds-psk","id":"s","dir":"\#(folder.path)/tls"}"#)
    XCTAssertEqual(try probe.answer(credentials), .refuse("blocking-file"))
    var status = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
    XCTAssertEqual(poll(&status, 1, 0), 0, "the proxy has opened the FIFO")
  }

  func testWhatDoesNotWaitPasses() throws {
    let folder = try folder()
    let probe = FilterProbe()
    for text in [
      FilterProbe.command("chardev-add", #"{"id":"c","backend":{"type":"pipe","data":{"device":"\#(folder.path)/f"}}}"#),
      FilterProbe.command("chardev-add", #"{"id":"c","backend":{"type":"serial","data":{"device":"\#(folder.path)/f"}}}"#),
      FilterProbe.human("chardev-add pipe,id=c,path=\(folder.path)/f"),
      FilterProbe.command("object-add", #"{"qom-type":"rng-random","id":"r","filename":"\#(folder.path)/f"}"#),
      FilterProbe.command("qom-get", #"{"path":"\#(folder.path)/f","property":"x"}"#),
      FilterProbe.command("nbd-server-start", #"{"addr":{"type":"unix","data":{"path":"\#(folder.path)/f"}}}"#),
      FilterProbe.human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:80-pipe:\(folder.path)/f"),
      FilterProbe.command("netdev_add", #"{"type":"user","id":"n","bootfile":"\#(folder.path)/f"}"#),
      FilterProbe.command("ringbuf-write", #"{"device":"d","data":"\#(folder.path)/f"}"#),
      FilterProbe.human("sendkey \(folder.path)/f"), FilterProbe.human("screendump /dev/fdset/1"),
    ] {
      XCTAssertNotEqual(try probe.answer(text), .refuse("blocking-file"), text)
    }
    let untrusted = FilterProbe { $0.profile = .untrusted }
    let plug = FilterProbe.command("device_add", #"{"driver":"vfio-pci","id":"v","bus":"\#(folder.path)/f"}"#)
    XCTAssertNotEqual(try untrusted.answer(plug), .refuse("blocking-file"), "nothing that it passes names a file")
  }

  /// The paths are those of a process with the folder as its working directory, whose standard output is a pipe.
  func testPathsAreQEMUsOwn() throws {
    let folder = try folder()
    let process = try Child("/bin/sh", ["-c", "cd \(folder.path) && exec sleep 600"])
    defer { process.end() }
    try Wait.until("the working directory", isTrue: {
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process.processID)/cwd"))?.hasSuffix(folder.path) == true
    })
    let probe = FilterProbe {
      $0.process = process.processID
      $0.rehearses = false
    }
    for path in ["f", "./f", "link", "tls/../f", "/proc/self/cwd/f", "/proc/self/root\(folder.path)/f"] {
      XCTAssertEqual(try probe.answer(FilterProbe.command("screendump", #"{"filename":"\#(path)"}"#)), .refuse("blocking-file"), path)
    }
    for path in ["file", "/f", "none", ""] {
      XCTAssertEqual(try probe.answer(FilterProbe.command("screendump", #"{"filename":"\#(path)"}"#)), .pass, path)
    }
    // Its id is the name of a FIFO.
    XCTAssertEqual(try probe.answer(FilterProbe.command("chardev-add", #"{"id":"f","backend":{"type":"null","data":{}}}"#)), .pass)
  }

  /// A link is all that can name such an entry: a message is UTF-8.
  func testNamesBehindLinksAreBytes() throws {
    let folder = try folder()
    let bytes: [CChar] = folder.path.utf8.map { CChar(bitPattern: $0) } + [0x2f, CChar(bitPattern: 0xff), 0]
    XCTAssertEqual(mkdir(bytes, 0o700), 0)
    XCTAssertEqual(mkfifo(bytes.dropLast() + [0x2f, CChar(bitPattern: 0xfe), 0], 0o600), 0)
    XCTAssertEqual(symlink([CChar(bitPattern: 0xff), 0], folder.path + "/folder"), 0)
    XCTAssertEqual(symlink([CChar(bitPattern: 0xff), 0x2f, CChar(bitPattern: 0xfe), 0], folder.path + "/entry"), 0)
    XCTAssertEqual(symlink(bytes.dropLast() + [0x2f, CChar(bitPattern: 0xfe), 0], folder.path + "/absolute"), 0)
    let inner: [CChar] = [CChar(bitPattern: 0xfe), 0]
    XCTAssertEqual(symlink(inner, bytes.dropLast() + [0x2f, 0x6c, 0]), 0)
    for name in ["entry", "absolute", "folder/l"] {
      let text = FilterProbe.command("screendump", #"{"filename":"\#(folder.path)/\#(name)"}"#)
      XCTAssertEqual(try FilterProbe().answer(text), .refuse("blocking-file"), name)
    }
  }

  func testALogIsNamedByTheProcess() throws {
    let folder = try folder()
    let process = try Child("/bin/sleep", ["600"])
    defer { process.end() }
    XCTAssertEqual(mkfifo(folder.path + "/log\(process.processID).txt", 0o600), 0)
    let probe = FilterProbe {
      $0.process = process.processID
      $0.rehearses = false
    }
    XCTAssertEqual(try probe.answer(FilterProbe.human("logfile \(folder.path)/log%d.txt")), .refuse("blocking-file"))
    for line in ["logfile \(folder.path)/log%d", "screendump \(folder.path)/log%d.txt"] {
      XCTAssertEqual(try probe.answer(FilterProbe.human(line)), .pass, line)
    }
  }

  /// Starts a program in namespaces of its own, and waits until it is there.
  private func child(_ arguments: [String], _ isThere: (pid_t) -> Bool) throws -> Child {
    let process = try Child("/usr/bin/unshare", arguments)
    do { try Wait.until("the namespaces", within: .seconds(5), isTrue: { isThere(process.processID) }) } catch {
      process.end()
      throw XCTSkip("cannot mount")
    }
    return process
  }

  private func answer(_ path: String, _ process: pid_t) throws -> FilterProbe.Answer {
    let probe = FilterProbe {
      $0.process = process
      $0.rehearses = false
    }
    return try probe.answer(FilterProbe.command("screendump", #"{"filename":"\#(path)"}"#))
  }

  /// The FIFO is beside a root that is all that the process has.
  func testNothingIsAboveARoot() throws {
    let folder = try folder()
    let script = "cd \(folder.path) && mkdir -p r && mount --rbind / r && exec chroot r sleep 600"
    let process = try child(["--mount", "/bin/sh", "-c", script]) {
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\($0)/root"))?.hasSuffix("/r") == true
    }
    defer { process.end() }
    for path in ["../f", "../../f", "/../f", "/proc/self/cwd/../f"] {
      XCTAssertEqual(try answer(path, process.processID), .pass, path)
    }
    XCTAssertEqual(try answer("..\(folder.path)/f", process.processID), .refuse("blocking-file"))
  }

  /// Its number in its own /proc is another than here.
  func testAProcessThatHasItsOwnNumbers() throws {
    let folder = try folder()
    func inner(_ process: pid_t) -> pid_t? {
      (try? String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8))?
        .split(separator: " ").first.flatMap { pid_t($0) }
    }
    let script = "cd \(folder.path) && exec sleep 600"
    let process = try child(["--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-c", script]) {
      let place = inner($0).flatMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\($0)/cwd") }
      return place?.hasSuffix(folder.path) == true
    }
    defer { process.end() }
    let number = try XCTUnwrap(inner(process.processID))
    for path in ["/proc/self/cwd/f", "/proc/thread-self/cwd/f", "/proc/self/../self/cwd/link", "/proc/1/cwd/f"] {
      XCTAssertEqual(try answer(path, number), .refuse("blocking-file"), path)
    }
    XCTAssertEqual(try answer("/proc/self/cwd/file", number), .pass)
  }

  func testAFileWithoutAnEndIsNotReadToIt() throws {
    let probe = FilterProbe()
    func secret(_ path: String) -> String { FilterProbe.command("object-add", #"{"qom-type":"secret","id":"s","file":"\#(path)"}"#) }
    for path in ["/dev/zero", "/dev/random", "/dev/full", "/proc/version"] {
      XCTAssertEqual(try probe.answer(secret(path)), .refuse("blocking-file"), path)
      XCTAssertEqual(try probe.answer(FilterProbe.command("screendump", #"{"filename":"\#(path)"}"#)), .pass, path)
    }
    XCTAssertNotEqual(try probe.answer(secret("/dev/null")), .refuse("blocking-file"))
    // Observed on 7.2.22 and 11.1.3 with /dev/ptmx.
    func rules(_ path: String) -> [String] {
      [
        FilterProbe.command("blockdev-add", #"{"driver":"blkdebug","node-name":"x","config":"\#(path)","image":"n"}"#),
        FilterProbe.command("blockdev-add", #"{"driver":"raw","node-name":"x","file.driver":"blkdebug","file.config":"\#(path)"}"#),
        FilterProbe.command("blockdev-change-medium", #"{"id":"d","filename":"blkdebug:\#(path):/dev/zero"}"#),
        FilterProbe.human("drive_add 0 if=none,id=y,file=blkdebug:\(path):null-co://"),
      ]
    }
    for text in rules("/dev/ptmx") { XCTAssertEqual(try probe.answer(text), .refuse("blocking-file"), text) }
    for text in rules("/dev/null") { XCTAssertNotEqual(try probe.answer(text), .refuse("blocking-file"), text) }
    XCTAssertNotEqual(
      try probe.answer(FilterProbe.command("object-add", #"{"qom-type":"rng-random","id":"r","filename":"/dev/random"}"#)),
      .refuse("blocking-file"))
  }

  func testTheTimeGrowsNoFasterThanTheCommand() throws {
    let probe = FilterProbe()
    let time = ProcessorTime()
    for path in ["a", "/", "a:", "../", "/proc/self/cwd/"] {
      let long = String(repeating: path, count: (1 << 19) / path.utf8.count)
      XCTAssertEqual(try probe.answer(FilterProbe.command("screendump", #"{"filename":"\#(long)"}"#)), .pass, path)
    }
    let deep = String(repeating: "blkdebug::", count: 50_000)
    XCTAssertEqual(try probe.answer(FilterProbe.command("screendump", #"{"filename":"\#(deep)"}"#)), .refuse("malformed-input"))
    let folders = repeatElement("\"" + String(repeating: "/tmp/..", count: 500) + "\"", count: 256).joined(separator: ",")
    XCTAssertEqual(try probe.answer(FilterProbe.command("blockdev-add", "{\"x\":[\(folders)]}")), .refuse("malformed-input"))
    let many = repeatElement(#""/tmp/none""#, count: 80_000).joined(separator: ",")
    XCTAssertEqual(try probe.answer(FilterProbe.command("blockdev-add", "{\"x\":[\(many)]}")), .refuse("malformed-input"))
    XCTAssertLessThan(time.seconds, 60)
  }
}
