import Glibc
import Support
import Syntax
import XCTest

@testable import Proxy

/// Sockets at which QEMU would wait, and descriptors of vhost without which it crashes.
final class WaitingSocketTests: XCTestCase {
  /// Observed on 7.2.22 and 11.1.3.
  func testASocketThatWaitsForAClient() throws {
    let probe = FilterProbe()
    func socket(_ more: String) -> String {
      FilterProbe.command(
        "chardev-add", #"{"id":"c","backend":{"type":"socket","data":{"addr":{"type":"unix","data":{"path":"/run/c"}}\#(more)}}}"#)
    }
    for text in [
      socket(#","server":true,"wait":true"#), socket(#","wait":true"#), FilterProbe.human("chardev-add socket,id=c,path=/run/c,server=on"),
      FilterProbe.human("chardev-add socket,id=c,host=127.0.0.1,port=0,server,wait=on"),
      FilterProbe.human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:80-unix:/run/c,,server=on"),
      FilterProbe.human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:80-unix:server=on,,path=/run/c"),
    ] {
      XCTAssertEqual(try probe.answer(text), .refuse("blocking-file"), text)
    }
    for text in [
      socket(""), socket(#","server":true"#), socket(#","server":true,"wait":false"#), socket(#","server":false"#),
      FilterProbe.human("chardev-add socket,id=c,path=/run/c"), FilterProbe.human("chardev-add socket,id=c,path=/run/c,server=on,wait=off"),
      FilterProbe.human("chardev-add socket,id=c,path=/run/c,server,nowait"), FilterProbe.human("chardev-add null,id=c,server=on"),
      FilterProbe.human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:80-unix:/run/c,,server=on,,wait=off"),
      FilterProbe.human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:80-unix:server=on,,wait=off,,path=/run/c"),
    ] {
      XCTAssertNotEqual(try probe.answer(text), .refuse("blocking-file"), text)
    }
  }

  /// In the root of a process without devices, as in a container.
  func testATapNetworkWithVhostNeedsTheHostsDevice() throws {
    func answers(_ process: pid_t?) throws -> [FilterProbe.Answer] {
      let probe = FilterProbe {
        $0.process = process
        $0.rehearses = false
      }
      return try [
        FilterProbe.command("netdev_add", #"{"type":"tap","id":"n","ifname":"t","script":"no","downscript":"no","vhost":true}"#),
        FilterProbe.human("netdev_add tap,id=n,ifname=t,script=no,downscript=no,vhost=on"),
        FilterProbe.human("netdev_add tap,id=n,ifname=t,script=no,downscript=no,vhost=off"),
      ].map { try probe.answer($0) }
    }
    XCTAssertEqual(try answers(nil), [.pass, .pass, .pass], "QEMU's files cannot be seen")
    let process = try Child("/usr/bin/unshare", ["--mount", "/bin/sh", "-c", "mount -t tmpfs none /dev && > /dev/ready && exec sleep 600"])
    defer { process.end() }
    let devices = "/proc/\(process.processID)/root/dev/"
    do {
      try Wait.until("its devices", within: .seconds(5), isTrue: { access(devices + "ready", F_OK) == 0 })
    } catch {
      throw XCTSkip("cannot mount")
    }
    XCTAssertEqual(try answers(process.processID), [.refuse("crashes-qemu"), .refuse("crashes-qemu"), .pass])
    try writeFile(devices + "vhost-net", "")
    XCTAssertEqual(try answers(process.processID), [.pass, .pass, .pass])
  }

  /// Observed on 7.2.22, with a descriptor that a client had sent; 11.1.3 refuses it.
  func testTheDescriptorOfVhostIsTheHostsDevice() throws {
    let probe = FilterProbe()
    let other = DescriptorLedger.Entry(open("/dev/null", O_RDONLY | O_CLOEXEC))
    probe.filter.ledger.keep("t", other)
    for text in [
      FilterProbe.command("netdev_add", #"{"type":"tap","id":"n","fd":"t","vhost":true,"vhostfd":"v"}"#),
      FilterProbe.command("netdev_add", #"{"type":"tap","id":"n","fds":"t:t","vhost":true,"vhostfds":"w:v"}"#),
      FilterProbe.human("netdev_add tap,id=n,fd=t,vhost=on,vhostfd=v"), FilterProbe.human("netdev_add tap,id=n,fd=t,vhostfd=v"),
    ] {
      for (isVhostNet, answer) in [(true, FilterProbe.Answer.inquire), (nil, .inquire)] {
        for name: WireText in ["v", "w"] {
          probe.filter.ledger.keep(name, .init(function: .known(nil), isIOMMUFD: false, isVhostNet: isVhostNet))
        }
        XCTAssertEqual(try probe.answer(text), answer, text)
      }
      probe.filter.ledger.keep("v", other)
      XCTAssertEqual(try probe.answer(text), .refuse("crashes-qemu"), text)
    }
  }

  func testTheHostsDeviceOfVhostIsKnownByItsNumber() throws {
    let folder = try TemporaryDirectory()
    for (minor, isVhostNet) in [(238, true), (200, false)] as [(dev_t, Bool)] {
      let path = folder.path + "/\(minor)"
      guard mknod(path, S_IFCHR | 0o600, 10 << 8 | minor) == 0 else { throw XCTSkip("cannot make a device") }
      // Without a driver it opens as a path only.
      XCTAssertEqual(DescriptorLedger.Entry(open(path, CInt(0o10000000) | O_CLOEXEC)).isVhostNet, isVhostNet)
    }
    XCTAssertNil(DescriptorLedger.Entry(-1).isVhostNet)
  }
}
