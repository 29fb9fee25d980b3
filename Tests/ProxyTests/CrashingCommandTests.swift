import Common
import Glibc
import Facts
import Inputs
import QMP
import Support
import Syntax
import XCTest

@testable import Proxy

/// Commands other than plugs that end QEMU, without QEMU. `ProxyBypassTests` sends those that need no state to real ones.
final class CrashingCommandTests: XCTestCase {
  private let crash = FilterProbe.Answer.refuse("crashes-qemu")

  private func command(_ name: String, _ arguments: String) -> String { FilterProbe.command(name, arguments) }

  private func check(_ rows: [(String, FilterProbe.Answer)]) throws {
    for (text, expected) in rows { XCTAssertEqual(try FilterProbe().answer(text), expected, text) }
  }

  func testTypesWhoseObjectsCrash() throws {
    let types = [
      "x-remote-object", "colo-compare", "microvm-machine", "qio-net-listener", "virtio-gpu-gl-pci", "virtio-vga-gl", "tdx-guest",
      "memory-region-portio-list"
    ]
    for type in types {
      for name in ["qom-list-properties", "device-list-properties"] {
        try check([(command(name, #"{"typename":"\#(type)"}"#), crash), (command(name, #"{"typename":"\#(type)\u0301"}"#), .pass)])
      }
      try check([
        (FilterProbe.human("device_add \(type),help"), crash), (FilterProbe.human("device_add driver=\(type),?"), crash),
        (FilterProbe.human("device_add \(type),help=on"), crash),
      ])
    }
    try check([
      (command("device-list-properties", #"{"typename":"virtio-gpu-pci"}"#), .pass), (FilterProbe.human("device_add e1000e,help"), .pass),
      (command("object-add", #"{"qom-type":"x-remote-object","id":"x","fd":"n","devid":"d"}"#), crash),
      (command("object-add", #"{"qom-type":"acpi-generic-initiator","id":"x","pci-dev":"d","node":9}"#), crash),
      (command("object-add", #"{"qom-type":"acpi-generic-port","id":"x","pci-bus":"b","node":9}"#), crash),
      (command("object-add", #"{"qom-type":"colo-compare","id":"x"}"#), crash),
      (FilterProbe.human("object_add secret,qom-type=x-remote-object,id=x"), crash),
      (command("object-add", #"{"qom-type":"cryptodev-backend","id":"x"}"#), crash),
      (command("object-add", #"{"qom-type":"cryptodev-vhost-user","id":"x","chardev":"c"}"#), crash),
      (FilterProbe.human("object_add cryptodev-vhost-user,id=x,chardev=c"), crash),
      (command("object-add", #"{"qom-type":"cryptodev-backend-builtin","id":"x"}"#), .pass),
      (command("qom-list-properties", #"{"typename":"cryptodev-vhost-user"}"#), .pass),
    ])
  }

  func testSizesAndNumbersOfObjects() throws {
    func memory(_ size: String, _ type: String = "memory-backend-ram") -> String {
      command("object-add", #"{"qom-type":"\#(type)","id":"m","size":\#(size)}"#)
    }
    func queues(_ count: String, _ type: String = "cryptodev-backend-builtin") -> String {
      command("object-add", #"{"qom-type":"\#(type)","id":"c","queues":\#(count)}"#)
    }
    try check([
      (memory("-1"), crash), (memory("18446744073709551615"), crash), (memory("9223372036854775808"), crash),
      (memory(#""16E""#), crash), (memory(#""1G""#), .pass), (memory(#""much""#), .pass),
      (memory("9223372036854775807"), .pass), (memory("1073741824"), .pass), (memory("-1", "memory-backend-memfd"), crash),
      (FilterProbe.human("object_add memory-backend-ram,id=m,size=0xffffffffffffffff"), crash),
      (FilterProbe.human("object_add memory-backend-ram,id=m,size=15.9999E"), crash),
      (FilterProbe.human("object_add memory-backend-ram,id=m,size=1.5G"), .pass),
      (FilterProbe.human("object_add memory-backend-ram,id=m,size=1G,size=18446744073709551615"), crash),
      (queues("65"), crash), (queues("-1"), crash), (queues("64"), .pass), (queues("65535", "cryptodev-backend-lkcf"), crash),
      (FilterProbe.human("object_add cryptodev-backend-builtin,id=c,queues=65535"), crash),
      (command("object-add", #"{"qom-type":"rng-builtin","id":"r","queues":65535}"#), .pass),
    ])
  }

  func testCommandsAndTheirArguments() throws {
    func channel(_ type: String) -> String {
      #"{"channel-type":"\#(type)","addr":{"transport":"socket","type":"unix","path":"/run/m"}}"#
    }
    func console(_ name: String, _ value: Int) -> String {
      command("chardev-add", #"{"id":"v","backend":{"type":"vc","data":{"\#(name)":\#(value)}}}"#)
    }
    try check([
      (command("x-query-virtio-status", #"{"path":"/machine/peripheral/d/virtio-backend"}"#), crash),
      (FilterProbe.human("info virtio-status /machine/peripheral/d/virtio-backend"), crash), (FilterProbe.human("info virtio"), .pass),
      (FilterProbe.human("info \tvirtio-status x"), crash), (FilterProbe.human("info virtio-status"), .pass),
      (FilterProbe.human("info virtio-status/machine/peripheral/d/virtio-backend"), crash),
      (FilterProbe.human("info virtio-queue-status /machine/peripheral/d/virtio-backend 0"), .pass),
      (command("pmemsave", #"{"val":0,"size":-1,"filename":"f"}"#), crash),
      (command("memsave", #"{"val":0,"size":-1,"filename":"f"}"#), crash),
      (command("pmemsave", #"{"val":0,"size":4096,"filename":"f"}"#), .pass),
      (command("pmemsave", #"{"val":0,"size":4294967296,"filename":"f"}"#), .pass),
      (command("pmemsave", #"{"val":0,"size":4294967297,"filename":"f"}"#), .inquire),
      (command("memsave", #"{"val":0,"size":4294967297,"filename":"f"}"#), .inquire),
      (command("blockdev-reopen", #"{"options":[]}"#), crash),
      (command("block-dirty-bitmap-merge", #"{"node":"n","target":"b","bitmaps":[]}"#), crash),
      (command("block-dirty-bitmap-merge", #"{"node":"n","target":"b","bitmaps":["b"]}"#), .pass),
      (command("transaction", #"{"actions":[{"type":"block-dirty-bitmap-merge","data":{"node":"n","target":"b","bitmaps":[]}}]}"#), crash),
      (command("transaction", #"{"actions":[{"type":"block-dirty-bitmap-merge","data":{"node":"n","target":"b","bitmaps":[0]}}]}"#), .pass),
      (command("blockdev-reopen", #"{"options":[{"driver":"qcow2","node-name":"n","file":"f"}]}"#), .pass),
      (command("netdev_add", #"{"type":"hubport","id":"h","hubid":5,"netdev":"u0"}"#), crash),
      (FilterProbe.human("netdev_add hubport,id=h,hubid=5,netdev=u0"), crash),
      (command("netdev_add", #"{"type":"hubport","id":"h","hubid":5}"#), .pass),
      (command("x-blockdev-set-iothread", #"{"node-name":"q","iothread":null}"#), crash),
      (command("xen-save-devices-state", #"{"filename":"f"}"#), crash), (command("xen-load-devices-state", #"{"filename":"f"}"#), crash),
      (command("migrate", #"{"channels":[\#(channel("cpr"))]}"#), crash), (command("migrate", #"{"channels":[]}"#), .inquire),
      (command("migrate-incoming", #"{"channels":[\#(channel("cpr"))]}"#), crash),
      (command("migrate", #"{"channels":[\#(channel("cpr")),\#(channel("main"))]}"#), .inquire),
      (console("width", 16385), crash), (console("height", 16385), crash), (console("cols", 2049), crash), (console("rows", 1025), crash),
      (console("height", 15), crash), (console("height", 16), .pass), (console("height", 0), .pass), (console("width", 7), .pass),
      (console("rows", -1), crash), (console("width", 16384), .pass), (console("rows", 25), .pass),
      (command("chardev-add", #"{"id":"r","backend":{"type":"ringbuf","data":{"size":1099511627776}}}"#), crash),
      (command("chardev-add", #"{"id":"r","backend":{"type":"ringbuf","data":{"size":65536}}}"#), .pass),
      (FilterProbe.human("chardev-add ringbuf,id=r,size=1T"), crash), (FilterProbe.human("chardev-add ringbuf,id=r,size=64K"), .pass),
      (FilterProbe.human("chardev-add ringbuf,id=r"), .pass), (FilterProbe.human("chardev-add memory,id=r,size=-1"), crash),
      (FilterProbe.human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:80-vc:99999Cx24C"), crash),
      (FilterProbe.human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:80-vc:800x99999"), crash),
      (FilterProbe.human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:80-vc:2049Cx24C"), crash),
      (FilterProbe.human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:80-vc:80Cx5C"), .pass),
      (FilterProbe.human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:80-vc:1024x768"), .pass),
      (FilterProbe.human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:80-vc:100x15"), crash),
      (FilterProbe.human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:80-null,,mux=on"), .pass),
      (FilterProbe.human("chardev-add vc,id=v,width=99999,height=1"), crash), (FilterProbe.human("chardev-add vc,id=v"), .pass),
      (FilterProbe.human("qemu-io disk \"abort\""), crash), (FilterProbe.human("qemu-io -d disk \" sigraise  9\""), crash),
      (FilterProbe.human("qemu-io disk sleep"), crash), (FilterProbe.human("qemu-io disk \"wait_break A\""), crash),
      (FilterProbe.human("qemu-io disk \"read 0 512\""), .inquire),
      (FilterProbe.human("print -9223372036854775808/-1"), crash), (FilterProbe.human("p/x 1 %  ~0"), crash),
      (FilterProbe.human("xp /1048577xb 0"), crash), (FilterProbe.human("xp /99999999999999999999xb 0"), crash),
      (FilterProbe.human("x/00099999999999i $pc"), crash),
      (FilterProbe.human("sum 0 0xffffffff"), crash), (FilterProbe.human("sum 0 0x10+1"), crash),
      (FilterProbe.human("sum 0 0x7fffffff + 0"), crash), (FilterProbe.human("sum (0)0x7fffffff"), crash),
      (FilterProbe.human("sum (0)0x7fffffff+ 0"), crash), (FilterProbe.human("sum 0~0x80000000"), crash),
      (FilterProbe.human("xp /4xw (1<<63)/-1"), crash), (FilterProbe.human("x 1/$rip"), crash), (FilterProbe.human("cpu 1/(0-1)"), crash),
      (FilterProbe.human("print 1/18446744073709551615"), crash), (FilterProbe.human("memsave 0 4096 /tmp/x"), crash),
      (FilterProbe.human("ringbuf_read c 1/-1"), crash), (FilterProbe.human("screendump /tmp/x.ppm d 1/-1"), crash),
      (FilterProbe.human("pcie_aer_inject_error -c -a X 1/-1"), crash), (FilterProbe.human("pcie_aer_inject_error -a -c d X 1/-1"), crash),
      (FilterProbe.human("pcie_aer_inject_error -a -c d X 1"), .pass),
      (FilterProbe.human("mce -b 0 1/-1 0 0 0 0"), crash), (FilterProbe.human("balloon 1%-1"), crash),
      (FilterProbe.human("info sync-profile -n 1/-1"), crash), (FilterProbe.human("info lapic 1 / -1"), crash),
      (FilterProbe.human("info virtio-queue-status /machine/peripheral/x 1%-1"), crash),
      (FilterProbe.human("info virtio-queue-status /machine/peripheral/x 0"), .pass), (FilterProbe.human("info qtree"), .pass),
      (FilterProbe.human("qemu-io -d icd \"reopen -w\""), crash), (FilterProbe.human("qemu-io icd info"), crash),
      (FilterProbe.human("print 4096/0x10"), .pass), (FilterProbe.human("xp /4xw 0x1000"), .pass),
      (FilterProbe.human("xp /01048576xb 0"), .pass), (FilterProbe.human("xp 0x99999999"), .pass),
      (FilterProbe.human("sum 0 0x1000"), .pass), (FilterProbe.human("sum (1<<12)+$esp 4096"), .pass), (FilterProbe.human("sum"), .pass),
      (FilterProbe.human("xp 4294967296"), .pass), (FilterProbe.human("x 123456789012"), .pass),
      (FilterProbe.human("print 7 % 2 + 1"), .pass),
      (FilterProbe.human("memsave 0 4096 \"/tmp/x\""), .pass), (FilterProbe.human("screendump /tmp/x.ppm"), .pass),
      (FilterProbe.human("screendump /tmp/x.ppm d 1"), .inquire), (FilterProbe.human("x/8i $pc"), .pass),
      (command("netdev_add", #"{"type":"tap","id":"n","script":"no","downscript":"no","queues":0}"#), crash),
      (command("netdev_add", #"{"type":"tap","id":"n","script":"no","downscript":"no","queues":2}"#), .pass),
    ])
  }

  func testAVhostDescriptorThatNobodySent() throws {
    let probe = FilterProbe()
    func tap(_ more: String) -> String { command("netdev_add", #"{"type":"tap","id":"n","fd":"t",\#(more)}"#) }
    for more in [#""vhostfd":"v""#, #""vhostfds":"v:w""#, #""vhostfds":"w:v""#] { XCTAssertEqual(try probe.answer(tap(more)), crash, more) }
    for name in ["t", "v", "w"] {
      XCTAssertEqual(try probe.settle(command("getfd", #"{"fdname":"\#(name)"}"#), descriptors: 1, accepted: [:]), .pass)
    }
    // These were sent, and are not /dev/vhost-net.
    for more in [#""vhostfd":"v""#, #""vhostfds":"v:w""#] { XCTAssertEqual(try probe.answer(tap(more)), crash, more) }
  }

  func testATransactionIsUndoneOnlyWithItsBitmaps() throws {
    let nodes: JSON = [["node-name": "n", "dirty-bitmaps": [["name": "b"]]], ["node-name": "bare"]]
    let disks: JSON = [["device": "d", "inserted": ["dirty-bitmaps": [["name": "c"]]]], ["device": "empty"]]
    func settle(_ actions: String, onUnknown: OnUnknown? = nil, _ answers: [JSON]? = nil) throws -> FilterProbe.Answer {
      try FilterProbe { $0.onUnknown = onUnknown }.settle(command("transaction", #"{"actions":[\#(actions)]}"#), answers ?? [nodes, disks])
    }
    func action(_ type: String, _ node: String, _ name: String) -> String {
      #"{"type":"block-dirty-bitmap-\#(type)","data":{"node":"\#(node)","name":"\#(name)"}}"#
    }
    for type in ["enable", "disable"] {
      XCTAssertEqual(try settle(action(type, "n", "b")), .pass)
      XCTAssertEqual(try settle(action(type, "d", "c")), .pass)
      for (node, name) in [("n", "c"), ("d", "b"), ("bare", "b"), ("gone", "b"), ("empty", "b")] {
        XCTAssertEqual(try settle(action(type, node, name)), crash, "\(node) \(name)")
      }
      XCTAssertEqual(try settle(action("add", "n", "new") + "," + action(type, "n", "new")), .pass)
      XCTAssertEqual(try settle(action(type, "n", "new") + "," + action("add", "n", "new")), crash)
      XCTAssertEqual(try settle(action(type, "n", "b"), []), crash, "QEMU does not say")
      XCTAssertEqual(try settle(action(type, "n", "b"), onUnknown: .warn, []), .pass)
    }
    for type in ["add", "remove", "clear", "merge"] { XCTAssertEqual(try settle(action(type, "gone", "b")), .pass) }
  }

  func testAnnouncementsWithoutAPause() throws {
    for (longest, expected) in [("550", .pass), ("4398046511104", .pass), ("-1", .pass), ("4398046511105", crash), ("9223372036854", crash)]
      as [(String, FilterProbe.Answer)]
    {
      let times = #"{"initial":\#(longest),"max":\#(longest),"rounds":5,"step":100}"#
      try check([(command("announce-self", times), expected)])
    }
    for (longest, rounds, expected) in [
      ("-100000", "2147483647", crash), ("-2147483648", "4294967295", crash), ("-100000", "0", .pass), ("-100000", "-1", crash),
      ("-100000", "1001", crash), ("-100000", "1000", .pass), ("0", "0", .pass), ("550", "2147483647", .pass),
    ] as [(String, String, FilterProbe.Answer)] {
      let times = #"{"initial":50,"max":\#(longest),"rounds":\#(rounds),"step":1}"#
      try check([(command("announce-self", times), expected)])
    }
  }

  func testMemoryIsSavedAsFarAsThereIsSome() throws {
    for name in ["memsave", "pmemsave"] {
      for (size, expected) in [(6, .pass), (8, .pass), (9, crash), (1 << 20, crash)] as [(Int, FilterProbe.Answer)] {
        let text = command(name, #"{"val":0,"size":\#(size << 30),"filename":"f"}"#)
        let summary: JSON = ["base-memory": .integer(3 << 30), "plugged-memory": .integer(1 << 30)]
        XCTAssertEqual(try FilterProbe().settle(text, [summary]), expected, text)
      }
    }
  }

  func testTheConsoleOfADeviceBesideConsolesOfText() throws {
    let graphics: JSON = [["name": "console[0]", "type": "child<qemu-graphic-console>"]]
    let text: JSON = [
      ["name": "console[0]", "type": "child<qemu-graphic-console>"], ["name": "console[1]", "type": "child<qemu-fixed-text-console>"]
    ]
    let first: JSON = "/machine/peripheral/vga"
    let input = #"{"device":"vga","events":[]}"#
    for shot in [
      command("screendump", #"{"filename":"f","device":"vga"}"#), FilterProbe.human("screendump f vga"), command("input-send-event", input)
    ] {
      XCTAssertEqual(try FilterProbe().settle(shot, [text, first]), .pass, shot)
      XCTAssertEqual(try FilterProbe().settle(shot, [graphics, "/machine/peripheral/other"]), .pass, shot)
      XCTAssertEqual(try FilterProbe().settle(shot, [text, "/machine/peripheral/other"]), crash, shot)
    }
    XCTAssertEqual(try FilterProbe().settle(command("screendump", #"{"filename":"f","device":"vga","head":1}"#), [text, first]), crash)
    XCTAssertEqual(try FilterProbe().settle(command("screendump", #"{"filename":"f","device":"vga","head":0}"#), [text, first]), .pass)
    XCTAssertEqual(try FilterProbe().answer(command("screendump", #"{"filename":"f"}"#)), .pass)
    XCTAssertEqual(try FilterProbe().answer(FilterProbe.human("screendump f")), .pass)
    XCTAssertEqual(try FilterProbe().answer(command("input-send-event", #"{"events":[]}"#)), .pass)
  }

  func testThreadsThatAreStartedAtOnce() throws {
    for (count, expected) in [("1024", .pass), ("1025", crash), ("-1", crash)] as [(String, FilterProbe.Answer)] {
      for type in ["iothread", "main-loop"] {
        try check([(command("object-add", #"{"qom-type":"\#(type)","id":"i","thread-pool-min":\#(count)}"#), expected)])
      }
      try check([(command("qom-set", #"{"path":"/objects/i","property":"thread-pool-min","value":\#(count)}"#), expected)])
      try check([(FilterProbe.human("object_add iothread,id=i,thread-pool-min=\(count)"), expected)])
    }
  }

  func testPagesAreRecordedByKVM() throws {
    for (text, kvm, expected) in [
      (command("calc-dirty-rate", #"{"calc-time":1,"mode":"dirty-ring"}"#), true, .pass),
      (command("calc-dirty-rate", #"{"calc-time":1,"mode":"dirty-ring"}"#), false, crash),
      (command("calc-dirty-rate", #"{"calc-time":1,"mode":"dirty-bitmap"}"#), true, .pass),
      (command("calc-dirty-rate", #"{"calc-time":1,"mode":"dirty-bitmap"}"#), false, crash),
      (FilterProbe.human("calc_dirty_rate -b 1"), false, crash), (FilterProbe.human("calc_dirty_rate -b 1"), true, .pass),
      (command("calc-dirty-rate", #"{"calc-time":1,"mode":"page-sampling"}"#), false, .pass),
      (command("calc-dirty-rate", #"{"calc-time":1}"#), false, .pass), (FilterProbe.human("calc_dirty_rate 1"), false, .pass),
      (FilterProbe.human("calc_dirty_rate -r 1"), false, crash), (FilterProbe.human("calc_dirty_rate -r 1"), true, .pass),
    ] as [(String, Bool, FilterProbe.Answer)] {
      let answer: JSON = ["enabled": .bool(kvm), "present": true]
      func settle(_ status: String, _ start: Int64, _ major: Int64) throws -> FilterProbe.Answer {
        let rate: JSON = ["status": .string(status), "start-time": .integer(start), "calc-time": 0]
        return try FilterProbe().settle(text, [rate, answer, ["qemu": ["major": .integer(major)]]])
      }
      XCTAssertEqual(try settle("unstarted", 0, 7), expected, text)
      for status in ["measuring", "measured"] { XCTAssertEqual(try settle(status, 5, 11), .pass, text) }
      XCTAssertEqual(try settle("unstarted", 5, 11), crash, "another is about to begin: \(text)")
    }
  }

  func testTheAgentsDeviceStays() throws {
    let devices: JSON = [["name": "v", "type": "child<chardev-qemu-vdagent>"], ["name": "n", "type": "child<chardev-null>"]]
    func settle(_ text: String, _ major: Int64) throws -> FilterProbe.Answer {
      try FilterProbe().settle(text, [devices, ["qemu": ["major": .integer(major)]]])
    }
    func ends(_ id: String) -> [String] {
      let change = #"{"id":"\#(id)","backend":{"type":"null","data":{}}}"#
      return [
        command("chardev-remove", #"{"id":"\#(id)"}"#), command("chardev-change", change), FilterProbe.human("chardev-remove \(id)"),
        FilterProbe.human("chardev-change \(id) null"), FilterProbe.human("chardev-change \(id) null,id=n"),
      ]
    }
    for text in ends("v") {
      XCTAssertEqual(try settle(text, 11), crash, text)
      XCTAssertEqual(try settle(text, 7), .pass, text)
    }
    for text in ends("n") + ends("none") { XCTAssertEqual(try settle(text, 11), .pass, text) }
  }

  func testAMonitorsConnectionIsNotEnded() throws {
    func yank(_ id: String, _ type: String = "chardev") -> String { #"{"instances":[{"type":"\#(type)","id":"\#(id)"}]}"# }
    let refused = FilterProbe.Answer.refuse("deletes-a-monitor")
    let line = "qemu-system-x86_64 -chardev socket,id=charmonitor,path=/s -mon chardev=charmonitor,mode=control -mon short "
      + "-qmp chardev:second "
      + "-object monitor-hmp,id=m,chardev=third -serial chardev:fourth -parallel mon:unix:/p"
    let machine = ParsedInput.parse(SourceText(name: "line", bytes: Array(line.utf8)), as: .shell).machine
    let devices = MonitorDevices(machine)
    // With a multiplexer the connection is that of the device behind it.
    for id in ["charmonitor", "short", "second", "third", "short-base", "parallel0", "parallel12-base"] as [WireText] {
      XCTAssert(devices.contains(id), "\(id)")
    }
    for id in ["fourth", "serial0", "serial0-base", "parallelx", "short-bas", "base", "-base"] as [WireText] {
      XCTAssertFalse(devices.contains(id), "\(id)")
    }
    let known = FilterProbe { $0.machine = machine }
    // Observed on 7.2.22 and 11.1.3.
    func forward(_ device: String) -> String {
      command("netdev_add", #"{"type":"user","id":"n","guestfwd":[{"str":"tcp:10.0.2.100:80-\#(device)"}]}"#)
    }
    for (text, expected, unknown) in [
      (command("yank", yank("compat_monitor0")), refused, refused),
      (#"{"exec-oob":"yank","arguments":\#(yank("compat_monitor3"))}"#, refused, refused),
      (command("yank", yank("charmonitor")), refused, refused), (command("yank", yank("serial0")), .pass, refused),
      (forward("chardev:compat_monitor0"), refused, refused), (forward("chardev:charmonitor"), refused, refused),
      (FilterProbe.human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:80-chardev:short"), refused, refused),
      (forward("chardev:serial0"), .pass, refused), (forward("tcp:chardev:1"), .pass, .pass),
      (command("yank", #"{"instances":[{"type":"migration"}]}"#), .pass, .pass),
      (command("yank", #"{"instances":[{"type":"block-node","node-name":"compat_monitor0"}]}"#), .pass, .pass),
    ] as [(String, FilterProbe.Answer, FilterProbe.Answer)] {
      XCTAssertEqual(try known.answer(text), expected, text)
      XCTAssertEqual(try FilterProbe().answer(text), unknown, "\(text) to a QEMU whose command line cannot be read")
    }
    XCTAssertEqual(try FilterProbe { $0.onUnknown = .warn }.answer(command("yank", yank("serial0"))), .pass)
    let allowed = FilterProbe {
      $0.profile = .untrusted
      $0.allowed = ["yank"]
    }
    XCTAssertEqual(try allowed.answer(command("yank", yank("compat_monitor0"))), refused)
  }

  func testUntrustedClientsListVFIOOnly() throws {
    for name in ["device-list-properties", "qom-list-properties"] {
      for (type, expected) in [
        ("vfio-pci", .pass), ("vfio-pci-nohotplug", .pass), ("e1000e", .refuse("outside-profile")),
        ("x-remote-object", .refuse("outside-profile")),
      ] as [(String, FilterProbe.Answer)] {
        let text = command(name, #"{"typename":"\#(type)"}"#)
        XCTAssertEqual(try FilterProbe { $0.profile = .untrusted }.answer(text), expected, text)
      }
    }
  }
}
