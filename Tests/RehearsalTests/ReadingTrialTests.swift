import Facts
import Inputs
import Support
import Syntax
import XCTest

@testable import Rehearsal

/// Options of parts that a rehearsal replaces, which QEMU refuses regardless of the host.
final class ReadingTrialTests: XCTestCase {
  func testOptionsThatNoHostMakesGoodAreRefusedWithQEMUsText() throws {
    let rows: [(line: String, text: String, path: String)] = [
      ("-drive file=/x,format=raw,if=virtio -drive file=/x,format=qcow2,if=virtio,serial=A1",
        "Block format 'qcow2' does not support the option 'serial'", "-drive[1]"),
      ("-drive file=/x,if=virtio,cahce=none", "Block format 'raw' does not support the option 'cahce'", "-drive[0]"),
      ("-drive file=/x,if=virtio,cache=nonw", "invalid cache option", "-drive[0]"),
      ("-drive file=/x,if=virtio,aio=nosuch", "invalid aio option", "-drive[0]"),
      ("-drive file=/x,if=virtio,discard=yes", "Invalid discard option", "-drive[0]"),
      ("-drive file=/x,if=virtio,detect-zeroes=nosuch", "invalid parameter value: nosuch", "-drive[0]"),
      ("-drive file=/x,if=virtio,werror=halt", "'halt' invalid write error action", "-drive[0]"),
      ("-drive file=/x,if=floppy,rerror=stop", "rerror is not supported by this bus type", "-drive[0]"),
      ("-drive file=/x,if=virtio,media=nosuch", "'nosuch' invalid media", "-drive[0]"),
      ("-drive file=/x,if=virtio,readonly=maybe", "Parameter 'read-only' expects 'on' or 'off'", "-drive[0]"),
      ("-drive file=/x,if=virtio,cache.direct=maybe", "Parameter 'cache.direct' expects 'on' or 'off'", "-drive[0]"),
      ("-drive file=/x,if=virtio,iops=9,iops_rd=5",
        "bps/iops/max total values and read/write values cannot be used at the same time", "-drive[0]"),
      ("-drive format=raw,if=virtio", #"A block device must be specified for "file""#, "-drive[0]"),
      ("-drive disk.img,format=qcow2,if=virtio", #"A block device must be specified for "file""#, "-drive[0]"),
      // Options that QEMU checks while it reads its command line.
      ("-blockdev driver=file,node-name=d,filename=/x -blockdev driver=raw,file=d,node-name=e,aio=native",
        "Parameter 'aio' is unexpected", "-blockdev[1]"),
      ("-blockdev driver=qcow2,node-name=d,file.driver=file,file.filename=/x,cache=none",
        "Invalid parameter type for 'cache', expected: object", "-blockdev[0]"),
      ("-blockdev driver=file,node-name=d", "Parameter 'filename' is missing", "-blockdev[0]"),
      (#"-blockdev '{"driver":"file","filename":"/x","node-name":"d","read-only":"on"}'"#,
        "Invalid parameter type for 'read-only', expected: boolean", "-blockdev[0]"),
      ("-audiodev none,id=a,nosuch=x", "Parameter 'nosuch' is unexpected", "-audiodev[0]"),
      ("-display none,nosuch=on", "Parameter 'nosuch' is unexpected", "-display[0]"),
      ("-fsdev local,id=f,path=/x,security_model=none,nosuch=x", "Invalid parameter 'nosuch'", "-fsdev[0]"),
      ("-vnc :5,nosuch=x", "Invalid parameter 'nosuch'", "-vnc[0]"),
      ("-sandbox on,nosuch=x", "Invalid parameter 'nosuch'", "-sandbox[0]"),
      ("-object rng-random,id=r,filname=/dev/urandom", "Invalid parameter 'filname'", "-object[0]"),
      ("-object memory-backend-file,id=m,size=1M,share=on", "Parameter 'mem-path' is missing", "-object[0]"),
    ]
    try each { program, _ in
      for (line, text, path) in rows {
        guard case .refused(text, let place, _) = try outcome("-M q35 \(line)", program) else {
          XCTFail("\(program) \(line): \(try outcome("-M q35 \(line)", program))")
          continue
        }
        XCTAssertEqual(place.path, path, line)
      }
    }
  }

  func testOptionsThatSomeHostMakesGoodAreNotRefused() throws {
    let rows = [
      "-drive if=none,id=d,file=/x,format=qcow2,cache=none,aio=native,discard=unmap,detect-zeroes=unmap,werror=stop,rerror=report",
      "-drive file=/y,if=virtio,l2-cache-size=1M,throttling.iops-total=5,copy-on-read=on,snapshot=on,file.locking=off",
      "-drive driver=raw,file=/x,if=virtio -drive file.filename=/z,format=raw,if=virtio",
      "-drive driver=nbd,host=h,port=1,if=virtio,nosuch=x -drive file=/y,if=virtio,id=e,serial=@SERIAL@,cache=@CACHE@",
      #"-blockdev '{"driver":"qcow2","node-name":"d","file":{"driver":"file","filename":"/x"},"backing":null}'"#,
      "-blockdev driver=file,filename=/x,node-name=n,aio=@AIO@ -display gtk,gl=on -vnc :5 -sandbox on,spawn=deny",
      "-object memory-backend-file,id=m,size=1M,mem-path=/x,prealloc=on,pmem=off -object rng-egd,id=r,chardev=c",
      "-object tls-creds-x509,id=t,dir=/x,endpoint=server -fsdev local,id=f,path=/x,security_model=none",
    ]
    try each { program, _ in
      for line in rows { XCTAssertEqual(try outcome("-M q35 \(line)", program), .started, "\(program) \(line)") }
    }
  }

  /// Others can read a command line. One word is no reason to start another QEMU.
  func testPasswordsAreNotRead() {
    let source = "qemu-system-x86_64 -blockdev driver=https,url=https://a:b@c,node-name=n "
      + "-blockdev driver=https,cookie=k,node-name=m "
      + "-object secret,id=s,data=x -blockdev driver=file,filename=/x,node-name=o -audiodev none,id=a,x=$X "
      + "-display none -object rng-random,id=r,filename=/r"
    let text = SourceText(name: "text", bytes: Array(source.utf8))
    let plan = RehearsalPlan(ParsedInput.parse(text, as: .shell).machine, firstSpare: 100, directory: "/")
    XCTAssertEqual(
      plan.readings.map { $0.arguments.joined(separator: " ") },
      ["-blockdev driver=file,filename=/x,node-name=o", "-object qom-type=rng-random,id=r,filename=/r"])
  }
}
