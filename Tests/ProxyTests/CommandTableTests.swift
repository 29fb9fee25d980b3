import Glibc
import QMP
import Support
import Syntax
import XCTest

@testable import Common
@testable import Proxy

/// The command filter without QEMU: a message in; pass, refusal or inquiry out. One row for each line of THREATS.md, each
/// known attack, and each command of QEMU 11.1.
final class CommandTableTests: XCTestCase {
  private typealias Answer = FilterProbe.Answer

  private func check(_ rows: [(String, Answer)], file: StaticString = #filePath, line: UInt = #line) throws {
    for (text, expected) in rows {
      XCTAssertEqual(try FilterProbe().answer(text), expected, text, file: file, line: line)
    }
  }

  private func command(_ name: String, _ arguments: String) -> String { FilterProbe.command(name, arguments) }

  private func human(_ line: String) -> String { FilterProbe.human(line) }

  func testPlugs() throws {
    let good = #""driver":"vfio-pci","id":"v","host":"0000:01:00.0""#
    try check([
      (command("device_add", "{\(good)}"), .inquire),
      (command("device_add", #"{"driver":"vfio-pci-nohotplug","id":"v"}"#), .inquire),
      (command("device_add", #"{"driver":"e1000e","id":"v"}"#), .pass),
      (command("device_add", #"{"driver":"e1000e","realized":true}"#), .refuse("realized-argument")),
      (command("device_add", #"{"driver":"e1000e","realized":"on"}"#), .refuse("realized-argument")),
      (command("device_add", #"{"driver":"e1000e","realized":1}"#), .refuse("realized-argument")),
      (command("device_add", #"{"driver":"e1000e","realized":false}"#), .pass),
      (command("device_add", #"{"driver":"vfio-pci","fd":"5"}"#), .refuse("fd-without-id")),
      (command("device_add", #"{"driver":"vfio-pci","fd":"x","id":null}"#), .refuse("fd-without-id")),
      (command("device_add", #"{"driver":"vfio-pci","fd":"x","id":"v"}"#), .inquire),
      (command("device_add", #"{"driver":"vfio-pci","host":"01:00.0","id":7}"#), .refuse("malformed-input")),
      (command("device_add", #"{"driver":"vfio-pci","host":"01:00.0","bus":7}"#), .refuse("malformed-input")),
      (command("device_add", "{\(good),\"sriov-pf\":\"\"}"), .refuse("sriov-pf-on-vfio")),
      (command("device_add", "{\(good),\"sriov-pf\":\"pf\"}"), .refuse("sriov-pf-on-vfio")),
      (command("device_add", #"{"driver":"vfio-pci-nohotplug","id":"v","sriov-pf":"pf"}"#), .refuse("sriov-pf-on-vfio")),
      (human("device_add vfio-pci,id=v,host=01:00.0,sriov-pf="), .refuse("sriov-pf-on-vfio")),
      (human("device_add vfio-pci,id=v,host=01:00.0"), .inquire),
      (human("device_add e1000e,realized=on"), .refuse("realized-argument")),
      (human("device_add vfio-pci,fd=3"), .refuse("fd-without-id")),
      (human("device_add \"vfio-pci,id=v"), .refuse("malformed-input")),
      (human("device_add e1000e,id=e"), .pass),
      (command("device_add", #"{"driver":"nvme","serial":"s","sriov-pf":""}"#), .refuse("crashes-qemu")),
      (command("device_add", #"{"driver":"virtio-net-pci","sriov-pf":"p"}"#), .pass),
      (command("device_add", #"{"driver":"usb-ehci","maxframes":0}"#), .refuse("crashes-qemu")),
      (command("device_add", #"{"driver":"usb-ehci","maxframes":7}"#), .refuse("crashes-qemu")),
      (command("device_add", #"{"driver":"usb-ehci","maxframes":8}"#), .pass),
      (command("device_add", #"{"driver":"nvme","serial":"s","cmb_size_mb":3}"#), .refuse("crashes-qemu")),
      (command("device_add", #"{"driver":"nvme","serial":"s","cmb_size_mb":4}"#), .pass),
      (command("device_add", #"{"driver":"nvme","serial":"s","cmb_size_mb":0}"#), .pass),
      (human("device_add nvme,cmb_size_mb=0x6"), .refuse("crashes-qemu")),
      (command("device_add", #"{"driver":"usb-bot","attached":true}"#), .refuse("crashes-qemu")),
      (command("device_add", #"{"driver":"usb-uas","attached":false}"#), .pass),
      (human("device_add usb-uas,attached=on"), .refuse("crashes-qemu")),
      (command("device_add", #"{"driver":"vhost-user-scsi-pci","chardev":"c","virtqueue_size":1025}"#), .refuse("crashes-qemu")),
      (command("device_add", #"{"driver":"vhost-user-scsi-pci","chardev":"c","virtqueue_size":1024}"#), .pass),
      (command("device_add", #"{"driver":"virtio-scsi-pci","virtqueue_size":4294967295}"#), .refuse("crashes-qemu")),
      (command("device_add", #"{"driver":"pci-testdev","membar":3}"#), .refuse("crashes-qemu")),
      (command("device_add", #"{"driver":"pci-testdev","membar":16}"#), .pass),
      (human("device_add pci-testdev,membar=17"), .refuse("crashes-qemu")),
      (command("device_add", #"{"driver":"usb-ehci","maxframes":512}"#), .pass),
      (command("device_add", #"{"driver":"usb-ehci","maxframes":513}"#), .refuse("crashes-qemu")),
      (command("device_add", #"{"driver":"usb-ehci","maxframes":0.0}"#), .refuse("crashes-qemu")),
      (human("device_add usb-ehci,maxframes=0x0"), .refuse("crashes-qemu")), (human("device_add usb-ehci,maxframes=128"), .pass),
      (human("device_add usb-ehci,maxframes=128,maxframes=0"), .refuse("crashes-qemu")),
      (command("device_add", #"{"driver":"vfio-user-pci","id":"u"}"#), .inquire), (human("device_add vfio-user-pci,id=u"), .inquire),
      (command("device_add", #"{"driver":"vhost-vsock-pci","guest-cid":3,"vhostfd":"5"}"#), .inquire),
      // Observed on 11.1.3: QEMU closes them when they are not what it expects, also its own.
      (command("device_add", #"{"driver":"virtio-net-pci","netdev":"n","rss":true,"ebpf-rss-fds":["5","6","7","8"]}"#), .inquire),
    ])
  }

  func testMonitorsAndBackDoors() throws {
    try check([
      (command("object-add", #"{"qom-type":"monitor-qmp","id":"m"}"#), .refuse("second-monitor")),
      (command("object-add", #"{"qom-type":"monitor-hmp","id":"m"}"#), .refuse("second-monitor")),
      (command("object-add", #"{"qom-type":"qtest","id":"q"}"#), .refuse("guest-back-door")),
      (command("object-add", #"{"qom-type":"secret","id":"s"}"#), .pass),
      (human("object_add monitor-hmp,id=m,chardev=c"), .refuse("second-monitor")),
      (human("object_add qom-type=secret ,qom-type=monitor-hmp,id=m,chardev=c"), .refuse("second-monitor")),
      (human("object_add secret,qom-type=qtest,id=m,chardev=c"), .refuse("guest-back-door")),
      (human(#"object_add {"qom-type": "monitor-qmp", "id": "m"}"#), .refuse("second-monitor")),
      (human(#"object_add {"qom-type": "#), .refuse("malformed-input")),
      (human("object_add secret,id=s,data=x"), .pass),
      (command("object-del", #"{"id":"compat_monitor1"}"#), .refuse("deletes-a-monitor")),
      (command("object-del", #"{"id":"m0"}"#), .inquire),
      (human("object_del compat_monitor0"), .refuse("deletes-a-monitor")),
      (human(#"object_del "compat_monitor0""#), .refuse("deletes-a-monitor")),
      (human("object_del m0"), .inquire),
      (command("add_client", #"{"protocol":"c2","fdname":"s"}"#), .refuse("second-monitor")),
      (command("add_client", #"{"protocol":"vnc\u0301","fdname":"s"}"#), .refuse("second-monitor")),
      (command("add_client", #"{"protocol":"vnc","fdname":"s"}"#), .inquire),
      (command("add_client", #"{"protocol":"@dbus-display","fdname":"s"}"#), .inquire),
      (human("gdbserver"), .refuse("second-monitor")),
      (command("chardev-add", #"{"id":"c","backend":{"type":"null","data":{}}}"#), .pass),
      (command("chardev-change", #"{"id":"c","backend":{"type":"null","data":{}}}"#), .inquire),
    ])
  }

  func testPrograms() throws {
    let program = Answer.refuse("runs-a-program")
    let monitor = Answer.refuse("second-monitor")
    let realized = Answer.refuse("realized-argument")
    func expansion(_ properties: String) -> String {
      command("query-cpu-model-expansion", #"{"type":"full","model":{"name":"max","props":{\#(properties)}}}"#)
    }
    let channel = #"{"channels":[{"channel-type":"main","addr":{"transport":"exec","args":["/bin/true"]}}]}"#
    for name in ["migrate", "migrate-incoming", "migrate-recover"] {
      try check([
        (command(name, #"{"uri":"exec:true"}"#), program), (command(name, channel), program),
        (command(name, #"{"uri":"exec:\u0301;touch x"}"#), program), (command(name, #"{"uri":"exec:\u200d;touch x"}"#), program),
        (command(name, #"{"uri":"unix:/run/exec:true"}"#), name == "migrate" ? .inquire : .pass),
        (command(name, #"{"uri":"tcp:h:1"}"#), name == "migrate" ? .inquire : .pass),
      ])
    }
    try check([
      (#"{"exec-oob":"migrate-recover","arguments":{"uri":"exec:true"}}"#, program),
      (human("migrate -d exec:true"), program), (human("migrate exec:\u{301};true"), program),
      (human("migrate_incoming \"exec:true\""), program), (human("migrate_recover exec:true"), program),
      (human("migrate -d tcp:h:1"), .inquire),
      (command("migrate-set-parameters", #"{"cpr-exec-command":["/bin/sh"]}"#), program),
      (command("migrate-set-parameters", #"{"mode":"cpr-exec"}"#), program),
      (command("migrate-set-parameters", #"{"mode":"cpr-transfer","max-bandwidth":1}"#), .pass),
      (human("migrate_set_parameter cpr-exec-command /bin/sh"), program),
      (human("migrate_set_parameter \"mode\" \"cpr-exec\""), program),
      (human("migrate_set_parameter max-bandwidth 1"), .pass),
      (command("netdev_add", #"{"type":"tap","id":"n","helper":"/bin/true"}"#), program),
      (command("netdev_add", #"{"type":"tap","id":"n","helper":"/usr/lib/qemu/qemu-bridge-helper\u0301"}"#), program),
      (command("netdev_add", #"{"type":"bridge","id":"n","helper":"/usr/lib/qemu/qemu-bridge-helper"}"#), .pass),
      (command("netdev_add", #"{"type":"bridge","id":"n","br":"br0"}"#), .pass),
      (command("netdev_add", #"{"type":"tap","id":"n","script":"/bin/true"}"#), program),
      (command("netdev_add", #"{"type":"tap","id":"n","downscript":"/bin/true"}"#), program),
      (command("netdev_add", #"{"type":"tap","id":"n","script":"no","downscript":"no"}"#), .pass),
      (command("netdev_add", #"{"type":"tap","id":"n","script":"","downscript":""}"#), .pass),
      (command("netdev_add", #"{"id":"n","path":"/bin/true"}"#), program),
      (command("netdev_add", #"{"type":"vhost-user","id":"n","path":"/bin/true"}"#), .pass),
      // QEMU would run its own scripts.
      (command("netdev_add", #"{"type":"tap","id":"n"}"#), program),
      (command("netdev_add", #"{"type":"tap","id":"n","script":"no"}"#), program),
      (command("netdev_add", #"{"type":"tap","id":"n","downscript":"no"}"#), program),
      (command("netdev_add", #"{"type":"tap","id":"n","br":"b","helper":"/usr/lib/qemu/qemu-bridge-helper"}"#), .pass),
      (human("netdev_add tap,id=n,ifname=t"), program), (human("netdev_add tap,id=n,fds=a:b"), .inquire),
      (command("netdev_add", #"{"type":"tap","id":"n","fd":"n0","vhost":true}"#), .inquire),
      (command("netdev_add", #"{"type":"passt","id":"n","path":"/bin/true"}"#), program),
      (command("netdev_add", #"{"type":"passt","id":"n"}"#), .pass),
      (command("netdev_add", #"{"type":"user","id":"n","guestfwd":[{"str":"tcp:10.0.2.100:1-cmd:true"}]}"#), program),
      (command("netdev_add", #"{"type":"user","id":"n","guestfwd":[{"str":"tcp:10.0.2.100:1-chardev:c"}]}"#), .refuse("deletes-a-monitor")),
      (command("netdev_add", #"{"type":"user","id":"n","guestfwd":[{"str":"tcp:10.0.2.100:1-tcp:mux.example:80"}]}"#), .pass),
      (command("netdev_add", #"{"type":"user","id":"n","guestfwd":[{"str":"tcp:10.0.2.100:1-mon:unix:/x,server=on"}]}"#), monitor),
      (command("netdev_add", #"{"type":"user","id":"n","guestfwd":[{"str":"tcp:10.0.2.100:1-unix:/x,server=on,mux=on"}]}"#), monitor),
      // Observed on 7.2.22 and 11.1.3: the first option may be any, also where the path is implied.
      (command("netdev_add", #"{"type":"user","id":"n","guestfwd":[{"str":"tcp:10.0.2.100:1-unix:mux=on,path=/x,server=on"}]}"#), monitor),
      (command("netdev_add", #"{"type":"user","id":"n","guestfwd":[{"str":"tcp:10.0.2.100:1-unix:/x,mux=off"}]}"#), .pass),
      // A comma in the path of a file.
      (command("netdev_add", #"{"type":"user","id":"n","guestfwd":[{"str":"tcp:10.0.2.100:1-file:/x,mux=on"}]}"#), .pass),
      (command("netdev_add", #"{"type":"user","id":"n","guestfwd":[{"str":"tcp:10.0.2.100:1-file:/x,server=on"}]}"#), .pass),
      (command("netdev_add", #"{"type":"user","id":"n","guestfwd":[{"str":"tcp:10.0.2.100:1-file:/x-cmd:y"}]}"#), .pass),
      (human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:1-unix:mux=on,,path=/x"), monitor),
      (human("netdev_add user,id=n,guestfwd=tcp:10.0.2.100:1-mon:stdio"), monitor),
      (human("netdev_add user,id=n,guestfwd.0.str=tcp:10.0.2.100:1-unix:/x,,mux"), monitor),
      (human("netdev_add user,id=n,guestfwd.0.str=tcp:10.0.2.100:1-cmd:true"), program),
      (expansion(#""realized":true"#), realized),
      (expansion(#""lbr-fmt":"""#), .refuse("crashes-qemu")), (expansion(#""lbr_fmt":true"#), .refuse("crashes-qemu")),
      (expansion(#""avx":false"#), .pass),
      (command("query-cpu-model-comparison", #"{"modela":{"name":"a"},"modelb":{"name":"b","props":{"realized":1}}}"#), realized),
      (command("blockdev-change-medium", #"{"id":"d","filename":"json:{'driver':'null-co'}"}"#), .pass),
      (command("blockdev-change-medium", #"{"id":"d","filename":"json:{'driver':'a\\'b'}"}"#), .refuse("malformed-input")),
      (command("blockdev-add", #"{"driver":"raw","file":{"filename":"json:{"}}"#), .refuse("malformed-input")),
      (command("blockdev-add", #"{"driver":"quorum","children":["n0",{"filename":"json:{"}]}"#), .refuse("malformed-input")),
      (command("blockdev-add", #"{"driver":"quorum","children":["n0",{"filename":"json:{}"}]}"#), .pass),
      (
        command("transaction", #"{"actions":[{"type":"drive-backup","data":{"device":"d","sync":"full","target":"json:{"}}]}"#),
        .refuse("malformed-input")
      ),
      (human("change ide0 json:{'driver':'null-co'}"), .refuse("malformed-input")),
      (command("netdev_add", #"{"type":"user","id":"n","smb":"/srv"}"#), program),
      (command("netdev_add", #"{"type":"stream","id":"n","addr":{"type":"unix","path":"/run/s"}}"#), .pass),
      (human("netdev_add tap,id=n,helper=/bin/true"), program), (human("netdev_add tap,id=n,script=no,script=/bin/true"), program),
      (human("netdev_add type=user,id=n,guestfwd=tcp:10.0.2.100:1-cmd:true"), program),
      (human("netdev_add \"tap,id=n"), .refuse("malformed-input")), (human("netdev_add user,id=n"), .pass),
    ])
  }

  func testProperties() throws {
    func set(_ path: String, _ property: String) -> String {
      command("qom-set", #"{"path":"\#(path)","property":"\#(property)","value":1}"#)
    }
    let unlisted = Answer.refuse("unlisted-qom-property")
    try check([
      (set("/machine/peripheral/v", "realized"), .refuse("realized-argument")),
      (set("v", "re\\u0061lized"), .refuse("realized-argument")),
      (set("/machine/peripheral/v", "fd"), unlisted), (set("/objects/iommufd0", "fd"), unlisted),
      (set("/machine", "default-bus-bypass-iommu"), unlisted), (set("/objects/compat_monitor0", "close-action"), unlisted),
      (set("/machine/peripheral/rp1/rp1", "hotplug-handler"), unlisted), (set("b", "poll-max-ns\\u0301"), unlisted),
      (set("/machine/peripheral/balloon0", "guest-stats-polling-interval"), .pass), (set("/objects/iothread1", "poll-max-ns"), .pass),
      (set("/machine/peripheral/vm0", "requested-size"), .inquire), (set("/objects/throttle", "limits"), .pass),
      (human("qom-set /machine/peripheral/v realized false"), .refuse("realized-argument")),
      (human("qom-set -j /machine/peripheral/v realized false"), .refuse("realized-argument")),
      (human("qom-set -j/machine/peripheral/v realized false"), .refuse("realized-argument")),
      (human("qom-set \"/machine/peripheral/v\" \"realized\" false"), .refuse("realized-argument")),
      (human("qom-set \"/machine/peripheral/v\"\"realized\"false"), .refuse("realized-argument")),
      (human("qom-set \"/machine/peripheral/v realized false"), .refuse("malformed-input")),
      (human("qom-set /objects/compat_monitor0 close-action delete"), unlisted),
      (human("qom-set /objects/iothread1 poll-max-ns \"1\""), .pass),
    ])
  }

  func testDescriptors() throws {
    let missing = Answer.refuse("No file descriptor supplied via SCM_RIGHTS")
    let getfd = command("getfd", #"{"fdname":"x"}"#)
    try check([
      (getfd, missing), (#"{"execute":"add-fd"}"#, missing), (command("closefd", #"{"fdname":"x"}"#), .inquire),
      (command("remove-fd", #"{"fdset-id":1}"#), .inquire),
      (command("object-add", #"{"qom-type":"iommufd","id":"i","fd":"x"}"#), .inquire),
      (command("object-add", #"{"qom-type":"iommufd","id":"i"}"#), .pass),
    ])
    let probe = FilterProbe()
    let filter = probe.filter
    XCTAssertEqual(try probe.answer(getfd, descriptors: 1), .inquire)
    filter.ledger.keep("x", DescriptorLedger.Entry(open("/dev/null", O_RDONLY)))
    XCTAssertEqual(
      try probe.answer(command("object-add", #"{"qom-type":"iommufd","id":"i","fd":"x"}"#)), .refuse("iommufd-wrong-descriptor"))
    // Two spellings of one letter are two names for QEMU.
    filter.owners["e\u{301}"] = 2
    XCTAssertEqual(try probe.answer(command("closefd", #"{"fdname":"e\u0301"}"#)), .refuse("fd-of-another-client"))
    XCTAssertEqual(try probe.answer(command("closefd", #"{"fdname":"\u00e9"}"#)), .inquire)
    filter.owners["n"] = 2
    for (name, arguments) in [
      ("getfd", #"{"fdname":"n"}"#), ("device_add", #"{"driver":"vfio-pci","id":"v","fd":"n"}"#),
      ("object-add", #"{"qom-type":"iommufd","id":"i","fd":"n"}"#),
    ] {
      XCTAssertEqual(try probe.answer(command(name, arguments), descriptors: 1), .refuse("fd-of-another-client"))
    }
    // Wherever an address can be, also in the name of an image.
    let address = #"{"type":"fd","data":{"str":"n"}}"#
    let image = #"json:{\"driver\":\"nbd\",\"server\":{\"type\":\"fd\",\"str\":\"n\"}}"#
    for (name, arguments) in [
      ("chardev-add", #"{"id":"c","backend":{"type":"socket","data":{"addr":\#(address),"server":false}}}"#),
      ("nbd-server-start", #"{"addr":\#(address)}"#), ("blockdev-change-medium", #"{"id":"d","filename":"\#(image)"}"#),
      ("drive-mirror", #"{"device":"d","sync":"full","target":"\#(image)"}"#),
      ("netdev_add", #"{"type":"af-xdp","id":"x","ifname":"e","sock-fds":"m:n"}"#),
    ] {
      XCTAssertEqual(try probe.answer(command(name, arguments)), .refuse("fd-of-another-client"), arguments)
    }
    for line in [
      "drive_add 0 if=none,file.driver=nbd,file.server.type=fd,file.server.str=n",
      #"drive_add 0 if=none,file=json:{"driver":"nbd",,"server.type":"fd",,"server.str":"n"}"#,
    ] {
      XCTAssertEqual(try probe.answer(human(line)), .refuse("fd-of-another-client"), line)
    }
    XCTAssertEqual(try probe.answer(human("drive_add 0 if=none,file=/d.img,id=d")), .pass)
    filter.ledger.numbersInUse = [23: "/machine/peripheral/v"]
    for (arguments, isRefused) in [
      (#"{"type":"tap","id":"n","fd":"23"}"#, true), (#"{"type":"tap","id":"n","fd":"0000000000000023"}"#, true),
      (#"{"type":"tap","id":"n","fds":"5:23"}"#, true), (#"{"type":"tap","id":"n","fd":"n0","vhostfd":"23"}"#, true),
      (#"{"type":"stream","id":"n","addr":{"type":"fd","str":"23"}}"#, true), (#"{"type":"tap","id":"n","fd":"24"}"#, false),
      (#"{"type":"tap","id":"n","fd":"99"}"#, true),
    ] {
      filter.ledger.keep("24", DescriptorLedger.Entry(open("/dev/null", O_RDONLY)))
      let lists: [JSON] = [[["name": "v", "type": "child<vfio-pci>"]], []]
      XCTAssertEqual(try probe.settle(command("netdev_add", arguments), lists) == .refuse("fd-in-use"), isRefused, arguments)
    }
    // The device is gone, and with it the descriptor.
    let tap = command("netdev_add", #"{"type":"tap","id":"n","fd":"23"}"#)
    filter.ledger.keep("23", DescriptorLedger.Entry(open("/dev/null", O_RDONLY)))
    XCTAssertEqual(try probe.settle(tap, [[], []]), .refuse("fd-in-use"))
    XCTAssertEqual(filter.ledger.numbersInUse, [:])
    // It is sent again.
    filter.ledger.numbersInUse = [23: "/machine/peripheral/v"]
    filter.ledger.opened(23, DescriptorLedger.Entry(open("/dev/null", O_RDONLY)))
    XCTAssertEqual(try probe.settle(tap, [[], []]), .pass)
  }

  /// Every command of QEMU 11.1, without arguments.
  func testCommandsWithoutArgumentsPass() throws {
    let reply = try JSON.parse(try Fixture.bytes("qmp/replies/query-commands.11.1.3.json"))
    let names = (reply["return"]?.array ?? []).compactMap { $0["name"]?.string }
    XCTAssertGreaterThan(names.count, 240)
    let others: [String: Answer] = [
      "closefd": .inquire, "remove-fd": .inquire, "system_reset": .inquire, "migrate": .inquire, "cont": .inquire,
      "dump-guest-memory": .inquire, "snapshot-save": .inquire, "snapshot-load": .inquire, "block_resize": .inquire,
      "getfd": .refuse("No file descriptor supplied via SCM_RIGHTS"),
      "add-fd": .refuse("No file descriptor supplied via SCM_RIGHTS"),
    ]
    try check(names.map { (#"{"execute":"\#($0)"}"#, others[$0] ?? .pass) })
  }

  func testAnObjectIsAMonitorByItsType() throws {
    let types = [("m0", "monitor-hmp"), ("q0", "monitor-qmp"), ("s", "secret")]
    let objects = JSON.array(types.map { ["name": .string($0), "type": .string("child<\($1)>")] })
    let failure = Result<JSON, CommandError>.failure(CommandError(errorClass: "GenericError", text: "no"))
    for (id, reply, onUnknown, isRefused) in [
      ("m0", .success(objects), nil, true), ("q0", .success(objects), nil, true), ("s", .success(objects), nil, false),
      ("gone", .success(objects), nil, false), ("s", failure, nil, true), ("s", failure, OnUnknown.warn, false),
    ] as [(String, Result<JSON, CommandError>, OnUnknown?, Bool)] {
      let filter = FilterProbe { $0.onUnknown = onUnknown }.filter
      let text = command("object-del", #"{"id":"\#(id)"}"#)
      let message = ClientMessage(bytes: Array(text.utf8), json: try JSON.parse(text))
      guard case .inquire(let inquiry) = filter.inspect(message, from: ProxyPeer(number: 1, process: nil, user: nil)),
        case .ask(let questions) = inquiry.proceed([])
      else { return XCTFail(id) }
      XCTAssertEqual(questions.map(\.name), ["qom-list"])
      if case .refuse = inquiry.proceed([reply]) { XCTAssert(isRefused, id) } else { XCTAssertFalse(isRefused, id) }
    }
  }

  func testInObserveModeEverythingPasses() throws {
    let probe = FilterProbe { $0.mode = .observe }
    for text in [human("gdbserver"), command("qom-set", #"{"path":"p","property":"fd","value":1}"#)] {
      XCTAssertEqual(try probe.answer(text), .pass)
    }
  }
}
