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

  /// Networks and character devices, whose values QEMU's monitor reads, and options that open nothing.
  func testValuesOfBackendsAreRefusedWithQEMUsText() throws {
    let rows: [(line: String, text: String, path: String)] = [
      ("-netdev tap,id=n,nosuch=1", "Invalid parameter 'nosuch'", "-netdev[0]"),
      ("-netdev tap,id=m,script=no -netdev tap,id=n,vhost=maybe", "Parameter 'vhost' expects 'on' or 'off'", "-netdev[1]"),
      ("-netdev tap,id=n,queues=x", "Parameter 'queues' expects a uint64 value", "-netdev[0]"),
      ("-netdev tap,id=n,sndbuf=x", "Parameter 'sndbuf' expects a size value", "-netdev[0]"),
      ("-netdev bridge,id=n,vhost=on", "Invalid parameter 'vhost'", "-netdev[0]"),
      ("-netdev vhost-user,id=n", "Parameter 'chardev' is missing", "-netdev[0]"),
      ("-netdev l2tpv3,id=n,src=a", "Parameter 'dst' is missing", "-netdev[0]"),
      ("-netdev nosuch,id=n", "Parameter 'type' does not accept value 'nosuch'", "-netdev[0]"),
      ("-netdev stream,id=n,addr.type=unix", "Parameter 'addr.path' is missing", "-netdev[0]"),
      (#"-netdev '{"type":"tap","id":"n","nosuch":1}'"#, "Parameter 'nosuch' is unexpected", "-netdev[0]"),
      ("-netdev user,id=n,net=nosuch", "Failed to parse netmask", "-netdev[0]"),
      ("-netdev user,id=n,dhcpstart=1.2.3.4", "DHCP doesn't belong to network", "-netdev[0]"),
      ("-netdev user,id=n,hostfwd=tcp::1-:1,restrict=maybe", "Parameter 'restrict' expects 'on' or 'off'", "-netdev[0]"),
      ("-netdev user,id=n,hostfwd=tcp::1-:1,dns=nosuch", "Failed to parse DNS", "-netdev[0]"),
      ("-chardev socket,id=c,path=/x,server=maybe", "Parameter 'server' expects 'on' or 'off'", "-chardev[0]"),
      ("-chardev socket,id=c,host=a", "chardev: socket: no port given", "-chardev[0]"),
      ("-chardev socket,id=c,host=a,port=1,path=/x", "None or one of 'path', 'fd' or 'host' option required.", "-chardev[0]"),
      ("-chardev file,id=c", "chardev: file: no filename given", "-chardev[0]"),
      (#"-chardev 'vc,id=c,cols="x y'"#, "Parameter 'cols' expects a number", "-chardev[0]"),
      ("-chardev ringbuf,id=c,size=3", "size of ringbuf chardev must be power of two", "-chardev[0]"),
      ("-chardev null,id=c,mux=maybe", "Parameter 'mux' expects 'on' or 'off'", "-chardev[0]"),
      ("-icount shift=99", "icount: Invalid shift value", "-icount[0]"),
      ("-icount nosuch=1", "Invalid parameter 'nosuch'", "-icount[0]"),
      ("-accel tcg,thread=nosuch", "Invalid 'thread' setting nosuch", "-accel[0]"),
      ("-semihosting-config enable=on", "Option not supported for this target", "-semihosting-config[0]"),
    ]
    try each { program, _ in
      for (line, text, path) in rows { assertRefused(try outcome("-M q35 \(line)", program), text, at: path, line) }
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
      "-object memory-backend-file,id=m,size=1M,mem-path -object memory-backend-ram,id=n,size=1M,prealloc",
      "-netdev tap,id=n,vhost,script=no,downscript=no,ifname=t0 -netdev bridge,id=b,br=virbr0 "
        + "-netdev user,id=u,hostfwd=tcp::2222-:22,smb=/s -netdev socket,id=s,listen=:1234 -netdev vhost-user,id=v,chardev=c,queues=2 "
        + "-netdev stream,id=t,addr.type=unix,addr.path=/x "
        + "-chardev 'socket,id=c,path=/x y,server,nowait' -chardev pty,id=d,logfile=/x -chardev stdio,id=e,mux=on,signal=off",
      "-netdev tap,id=n,fd=@FD@,queues=<N> -netdev user,id=u,net=10.1.0.0/24,dhcpstart=10.1.0.20,hostname=g,restrict=on "
        + "-icount shift=auto,align=off -accel tcg,thread=single,tb-size=512 "
        + "-chardev socket,id=c,host=0,port=1,server=on,wait=off,telnet=on "
        + #"-netdev '{"type":"tap","id":"t","vhost":true,"fds":"5:6"}'"#,
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
