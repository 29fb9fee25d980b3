import Facts
import Inputs
import Support
import Syntax
import XCTest

@testable import Rehearsal

/// Types of what a rehearsal replaces, which a build of QEMU may not have.
final class BackendTypeTests: XCTestCase {
  private func outcomeOfQ35(_ line: String, _ program: String) throws -> RehearsalResult.Outcome {
    try outcome("-M q35 -nodefaults \(line)", program)
  }

  func testATypeThatQEMUDoesNotHaveIsRefusedWithItsText() throws {
    let rows: [(line: String, text: String, path: String)] = [
      ("-chardev socket,id=a,path=/x -chardev foo,id=c,path=/x", "'foo' is not a valid char driver name", "-chardev[1]"),
      ("-netdev bar,id=n,ifname=x", "Parameter 'type' does not accept value 'bar'", "-netdev[0]"),
      ("-netdev '{\"type\":\"bar\",\"id\":\"n\"}'", "Parameter 'type' does not accept value 'bar'", "-netdev[0]"),
      ("-object memory-backend-foo,id=o,size=64M", "Parameter 'qom-type' does not accept value 'memory-backend-foo'", "-object[0]"),
      ("-object rng-foo,id=o", "Parameter 'qom-type' does not accept value 'rng-foo'", "-object[0]"),
      ("-blockdev driver=foo,node-name=n,filename=/x", "Parameter 'driver' does not accept value 'foo'", "-blockdev[0]"),
      ("-drive if=none,file=/x,format=foo", "Unknown driver 'foo'", "-drive[0]"),
      ("-audiodev foo,id=a", "Parameter 'driver' does not accept value 'foo'", "-audiodev[0]"),
      ("-tpmdev foo,id=t", "Parameter 'type' expects a TPM backend type", "-tpmdev[0]"),
      ("-fsdev foo,id=f,path=/x", "fsdev: fsdriver foo not found", "-fsdev[0]"),
      ("-display foo,gl=on", "Parameter 'type' does not accept value 'foo'", "-display[0]"),
      ("-device vhost-foo-pci,chardev=c", "'vhost-foo-pci' is not a valid device model name", "-device[0]"),
      // Parameters.
      ("-netdev tap,id=n,ifname=x,script=/x,foo=/y", "Invalid parameter 'foo'", "-netdev[0]"),
      ("-netdev user,id=m,hostfwd=tcp::22-:22 -netdev user,id=n,hostfw=tcp::22-:22", "Invalid parameter 'hostfw'", "-netdev[1]"),
      ("-netdev '{\"type\":\"tap\",\"id\":\"n\",\"foo\":1}'", "Parameter 'foo' is unexpected", "-netdev[0]"),
      ("-chardev socket,id=c,path=/x,sever=on", "Invalid parameter 'sever'", "-chardev[0]"),
      // Devices that do not connect to anything.
      ("-device vhost-user-blk-pci", "chardev is mandatory", "-device[0]"),
      ("-device vhost-user-fs-pci,tag=x", "missing chardev", "-device[0]"),
      ("-device vhost-vsock-pci,guest-cid=2", "guest-cid property must be greater than 2", "-device[0]"),
      ("-device vhost-scsi-pci", "vhost-scsi: missing wwpn", "-device[0]"),
    ]
    try each { program, _ in
      for (line, text, path) in rows {
        assertRefused(try outcomeOfQ35(line, program), text, at: path, "\(program): \(line)")
      }
    }
  }

  func testATypeThatThisBuildDoesNotHaveIsRefused() throws {
    try each { program, isOf11 in
      for line in ["-netdev passt,id=n", "-object memory-backend-shm,id=m,size=64M", "-audiodev pipewire,id=a"] {
        XCTAssertEqual(try outcomeOfQ35(line, program) == .started, isOf11, "\(program): \(line)")
      }
      for (option, isOfOld) in [("reconnect=1", true), ("reconnect-ms=1", false)] {
        XCTAssertEqual(try outcomeOfQ35("-chardev socket,id=c,path=/x,\(option)", program) == .started, isOfOld != isOf11, program)
      }
      // The lab's root has no module of SPICE.
      XCTAssertEqual(try outcomeOfQ35("-chardev spicevmc,id=c,name=vdagent", program) == .started, !isOf11, program)
      XCTAssertEqual(try outcomeOfQ35("-chardev tty,id=c,path=/dev/x", program) == .started, !isOf11, program)
    }
  }

  func testATypeThatNeedsMoreThanItsNameIsNotRefused() throws {
    try each { program, _ in
      for line in [
        "-netdev l2tpv3,id=n,src=a,dst=b,txsession=1", "-netdev user,id=n,ipv6-net=fd00::/64,dns=10.0.2.3,smb=/x",
        "-netdev socket,id=n,listen=:5", "-chardev socket,id=c,path=/x,server=on,wait=off,logfile=/y",
        "-chardev pty,id=c,path=/x", "-chardev vc,id=c,cols=80,rows=25", "-chardev udp,id=c,host=a,port=5,localaddr=b,localport=6",
        "-blockdev driver=ssh,node-name=n,path=/x,server.host=h,server.port=22",
        "-chardev parallel,id=c,path=/x", "-tpmdev emulator,id=t,chardev=c",
        "-audiodev oss,id=a", "-display curses", "-drive if=none,file=/x,format=vmdk", "-device vhost-vsock-pci,guest-cid=3",
        "-object sev-guest,id=s,cbitpos=47,reduced-phys-bits=1",
      ] { XCTAssertEqual(try outcomeOfQ35(line, program), .started, "\(program): \(line)") }
    }
  }
}
