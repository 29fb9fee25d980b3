import Common
import Glibc
import Proxy
import Support
import Syntax
import XCTest

/// Messages that would plug, kill or open a way past the proxy, against real QEMU: none has an effect.
final class ProxyBypassTests: XCTestCase {
  /// The deadly plugs, in QMP's words: a descriptor without an id, and `realized`.
  private static let plugs: [String] = [
    #"{"driver":"vfio-pci","bus":"rp1","fd":"2"}"#, #"{"driver":"vfio-pci","bus":"rp1","fd":"2","id":5}"#,
    #"{"driver":"vfio-pci","bus":"rp1","fd":"0","id":null}"#, #"{"driver":"vfio-pci","bus":"rp1","fd":"2","id":true}"#,
    #"{"driver":"vfio-pci","bus":"rp1","fd":"2","iommufd":"none"}"#, #"{"driver":"vfio-pci-nohotplug","bus":"rp1","fd":"2"}"#,
    #"{"driver":"e1000e","bus":"rp1","realized":true}"#, #"{"driver":"e1000e","bus":"rp1","id":"x1","realized":true}"#,
    #"{"driver":"vfio-pci","bus":"rp1","realized":true,"host":"ff:1f.7"}"#, #"{"driver":"e1000e","bus":"rp1","realized":"on"}"#,
    #"{"driver":"e1000e","bus":"rp1","realized":1}"#, #"{"realized":true,"driver":"virtio-rng-pci","bus":"rp1"}"#,
    #"{"driver":"e1000e","bus":"rp1","re\u0061lized":true}"#, #"{"dr\u0069ver":"vfio-pci","bus":"rp1","f\u0064":"2"}"#,
    #"{"driver":"vfio\u002dpci","bus":"rp1","fd":"\u0032"}"#,
    #"{"driver":"vfio-pci","bus":"rp1","host":"ff:1f.7","id":"g0"}"#, #"{"driver":"vfio-pci","bus":5,"host":"ff:1f.7"}"#,
  ]

  private static var commands: [String] {
    plugs.map { #"{"execute":"device_add","arguments":\#($0)}"# } + [
      #"{"exec\u0075te":"device\u005fadd","arguments":{"driver":"e1000e","bus":"rp1","realized":true}}"#,
      #"{"arguments":{"driver":"e1000e","bus":"rp1","realized":true},"execute":"device_add"}"#,
      #"{"exec-oob":"device_add","arguments":{"driver":"e1000e","bus":"rp1","realized":true}}"#,
      #"{"id":{"execute":"query-name"},"execute":"device_add","arguments":{"driver":"e1000e","bus":"rp1","realized":true}}"#,
      #"{"execute":"query-name","execute":"device_add","arguments":{"driver":"e1000e","bus":"rp1","id":"d","realized":true}}"#,
      #"{"execute":"device_add","execute":"query-name","arguments":{"driver":"e1000e","bus":"rp1","id":"d"}}"#,
      #"{"execute":"device_add","arguments":{"driver":"e1000e","driver":"vfio-pci","bus":"rp1","fd":"2"}}"#,
      #"{"execute":"device_add","arguments":{"driver":"e1000e","bus":"rp1","id":"d","id":"e"}}"#,
      #"{"execute":"device_add","arguments":{"driver":"e1000e","bus":"rp1","id":"d"},"extra":1}"#,
      #"{'execute':'device_add','arguments':{'driver':'e1000e','bus':'rp1','id':'sq'}}"#,
      #"{"execute":'device_add',"arguments":{"driver":"e1000e","bus":"rp1","id":"sq"}}"#,
      #"{"execute":"device_add","arguments":{"driver":"e1000e","bus":"rp1","realized":true,"id":"sq'"}}'"#,
      #"["{\"execute\":",{"execute":"device_add","arguments":{"driver":"e1000e","bus":"rp1","realized":true}}]"#,
      #"{"execute":"device_add" "arguments":{"driver":"e1000e","bus":"rp1","id":"ns"}}"#,
      #"{"execute":"device_add","arguments":{"driver":"e1000e","bus":"rp1","id":"tc",}}"#,
      #"{"execute":"device_add","arguments":{"driver":"e1000e","bus":"rp1","id":"in","bootindex":1e999}}"#,
      #"{"execute":"device_add","arguments":{"driver":"e1000e","bus":"rp1","id":"nan","bootindex":NaN}}"#,
      "\u{c}[ {\"execute\":\"device_add\",\"arguments\":{\"driver\":\"e1000e\",\"bus\":\"rp1\",\"id\":\"ff\"}}",
      #"{"execute":"object-add","arguments":{"qom-type":"monitor-qmp","id":"m0","chardev":"c1"}}"#,
      #"{"execute":"object-add","arguments":{"qom-type":"monitor-hmp","id":"m1","chardev":"c1"}}"#,
      #"{"execute":"object-add","arguments":{"qom\u002dtype":"monitor-qmp","id":"m2","chardev":"c1"}}"#,
      #"{"execute":"object-add","arguments":{"qom-type":"qtest","id":"q0","chardev":"c1"}}"#,
      #"{"execute":"qom-set","arguments":{"path":"/machine/peripheral/rp1","property":"realized","value":false}}"#,
      #"{"execute":"qom-set","arguments":{"path":"rp2","property":"re\u0061lized","value":false}}"#,
      #"{"execute":"add_client","arguments":{"protocol":"c1","fdname":"s"}}"#,
      #"{"execute":"migrate","arguments":{"uri":"exec:touch /tmp/vfiogate-bypassed"}}"#,
      #"{"execute":"migrate","arguments":{"channels":[{"channel-type":"main","addr":"#
        + #"{"transport":"exec","args":["/bin/sh","-c","touch /tmp/vfiogate-bypassed"]}}]}}"#,
      #"{"execute":"migrate-incoming","arguments":{"uri":"exec:touch /tmp/vfiogate-bypassed"}}"#,
      #"{"execute":"migrate-recover","arguments":{"uri":"exec:touch /tmp/vfiogate-bypassed"}}"#,
      #"{"exec-oob":"migrate-recover","arguments":{"uri":"exec:touch /tmp/vfiogate-bypassed"}}"#,
    ] + human.map { #"{"execute":"human-monitor-command","arguments":{"command-line":"\#($0)"}}"# } + known
  }

  /// Attacks that succeeded once.
  private static let known = [
    #"{"execute":"migrate","arguments":{"uri":"exec:\u0301;touch /tmp/vfiogate-bypassed"}}"#,
    #"{"execute":"migrate-set-parameters","arguments":{"cpr-exec-command":["/bin/touch","/tmp/vfiogate-bypassed"]}}"#,
    #"{"execute":"netdev_add","arguments":{"type":"tap","id":"n0","script":"/bin/true","ifname":"vfiogate0"}}"#,
    #"{"execute":"netdev_add","arguments":{"type":"bridge","id":"n1","helper":"/bin/touch /tmp/vfiogate-bypassed"}}"#,
    #"{"execute":"qom-set","arguments":{"path":"/machine","property":"default-bus-bypass-iommu","value":true}}"#,
    #"{"execute":"object-del","arguments":{"id":"compat_monitor1"}}"#,
    #"{"execute":"device_add","arguments":{"driver":"vfio-pci","bus":"rp1","host":"ff:1f.7","id":"s","sriov-pf":""}}"#,
    #"{"execute":"device_add","arguments":{"driver":"nvme","bus":"rp1","serial":"s","sriov-pf":""}}"#,
    #"{"execute":"device_add","arguments":{"driver":"usb-ehci","bus":"rp1","maxframes":0}}"#,
    #"{"execute":"device_add","arguments":{"driver":"usb-ehci","bus":"rp1","maxframes":513}}"#,
    #"{"execute":"device_add","arguments":{"driver":"vhost-vsock-pci","bus":"rp1","guest-cid":3,"vhostfd":"4"}}"#,
    #"{"execute":"netdev_add","arguments":{"type":"tap","id":"n3","fd":"4"}}"#,
    #"{"execute":"netdev_add","arguments":{"type":"tap","id":"n4","fds":"0004:x"}}"#,
    #"{"execute":"netdev_add","arguments":{"type":"stream","id":"n5","addr":{"type":"fd","str":"4"}}}"#,
    #"{"execute":"migrate-incoming","arguments":{"uri":"fd:4"}}"#,
    #"{"execute":"chardev-add","arguments":{"id":"c9","backend":{"type":"socket","data":{"addr":{"type":"fd","data":{"str":"4"}}}}}}"#,
    #"{"execute":"qom-list-properties","arguments":{"typename":"x-remote-object"}}"#,
    #"{"execute":"qom-list-properties","arguments":{"typename":"colo-compare"}}"#,
    #"{"execute":"device-list-properties","arguments":{"typename":"virtio-vga-gl"}}"#,
    #"{"execute":"object-add","arguments":{"qom-type":"x-remote-object","id":"o1","fd":"x","devid":"rp1"}}"#,
    #"{"execute":"object-add","arguments":{"qom-type":"memory-backend-ram","id":"o2","size":-1}}"#,
    #"{"execute":"object-add","arguments":{"qom-type":"memory-backend-ram","id":"o3","size":18446744073709547520}}"#,
    #"{"execute":"object-add","arguments":{"qom-type":"cryptodev-backend-builtin","id":"o4","queues":65535}}"#,
    #"{"execute":"transaction","arguments":{"actions":[{"type":"block-dirty-bitmap-enable","data":{"node":"n","name":"b"}}]}}"#,
    #"{"execute":"blockdev-reopen","arguments":{"options":[]}}"#,
    #"{"execute":"xen-save-devices-state","arguments":{"filename":"/dev/null"}}"#,
    #"{"execute":"xen-load-devices-state","arguments":{"filename":"/nonexistent"}}"#,
    #"{"execute":"pmemsave","arguments":{"val":0,"size":-1,"filename":"/dev/null"}}"#,
    #"{"execute":"calc-dirty-rate","arguments":{"calc-time":1,"mode":"dirty-ring"}}"#,
    #"{"execute":"object-add","arguments":{"qom-type":"cryptodev-backend","id":"o8"}}"#,
    #"{"execute":"query-cpu-model-expansion","arguments":{"type":"full","model":{"name":"qemu64","props":{"lbr_fmt":"x"}}}}"#,
    #"{"execute":"x-query-virtio-status","arguments":{"path":"/machine/peripheral/none/virtio-backend"}}"#,
    #"{"execute":"yank","arguments":{"instances":[{"type":"chardev","id":"compat_monitor0"}]}}"#,
    #"{"execute":"netdev_add","arguments":{"type":"tap","id":"n7","script":"no","downscript":"no","queues":0}}"#,
    #"{"execute":"chardev-add","arguments":{"id":"v9","backend":{"type":"vc","data":{"width":2147483647,"height":256}}}}"#,
    // QEMU's lexer stops at the second number, and would read the inner object as a command.
    #"{"execute":"query-name","id":[18446744073709551615,018446744073709551615],"arguments":"#
      + #"{"execute":"device_add","arguments":{"driver":"e1000e","bus":"rp1","id":"smuggled"}}}"#,
  ]

  private static let human = [
    "device_add e1000e,bus=rp1,realized=on", "device_add e1000e,bus=rp1,id=h1,realized", "  device_add  e1000e,realized=yes,bus=rp1",
    "\\tdevice_add\\te1000e,bus=rp1,realized=true", "device_add \\\"e1000e,bus=rp1,realized=on\\\"",
    "device_add driver=e1000e,bus=rp1,realized=y", "device_add/x e1000e,bus=rp1,realized=on",
    "device_add bus=rp1,driver=e1000e,realized=off,realized=on", "device_add vfio-pci,bus=rp1,fd=2",
    "device_add vfio-pci,bus=rp1,fd=2,iommufd=x", "device_add vfio-pci,bus=rp1,host=ff:1f.7,id=h2",
    "device_add \\\"e1000e,bus=rp1,id=h3", "device_add \\\"e1000e\\\\q,bus=rp1,id=h3\\\"",
    "device_add e1000e,bus=rp1,id=" + String(repeating: "x", count: 1100),
    "device_add\\ne1000e,bus=rp1,realized=on", "device\\u005fadd e1000e,bus=rp1,realized=on",
    "device_add virtio-gpu-gl-pci,help", "object_add cryptodev-vhost-user,id=o6,chardev=c1",
    "object_add cryptodev-backend-builtin,id=o5,queues=65535",
    "gdbserver unix:/tmp/vfiogate-bypassed", "gdbserver", "object_add monitor-qmp,id=m3,chardev=c1",
    "object_add qom-type=monitor-hmp,id=m4,chardev=c1", "object_add id=m5,qom-type=qtest,chardev=c1",
    "object_add {\\\"qom-type\\\":\\\"qtest\\\",\\\"id\\\":\\\"m6\\\",\\\"chardev\\\":\\\"c1\\\"}",
    "qom-set /machine/peripheral/rp1 realized false", "qom-set -j /machine/peripheral/rp2 realized false",
    "migrate \\\"exec:touch /tmp/vfiogate-bypassed\\\"", "migrate -d exec:true", "migrate_incoming exec:true",
    "object_add qom-type=secret ,qom-type=monitor-hmp,id=m7,chardev=c1", "object_del compat_monitor1",
    "qom-set \\\"/machine/peripheral/rp1\\\"\\\"realized\\\"false", "frobnicate", "device_add usb-ehci,bus=rp1,maxframes=0x0",
    "netdev_add tap,id=n6,fd=4", "migrate_incoming fd:4", "object_add {'qom-type':'qtest','id':'m8','chardev':'c1'}",
    "migrate_set_parameter mode \\\"cpr-exec\\\"", "qom-set -j/machine/peripheral/rp1 realized false",
    "migrate_set_parameter cpr-exec-command touch", "netdev_add bridge,id=n2,helper=/bin/touch",
  ]

  private func attack(_ program: String, _ arguments: [String] = []) throws {
    let directory = try TemporaryDirectory()
    let qemu = try RealQEMU.start(in: directory, program: program, more: arguments)
    defer { qemu.end() }
    let direct = RawClient(adopting: try RealQEMU.connect(directory, second: true))
    _ = fcntl(direct.descriptor, F_SETFL, 0)
    try direct.negotiate()
    let proxy = try ProxyHarness(qemu: try RealQEMU.connect(directory), gate: { QMPCommandFilter(.init(), log: ProxyLog()) })
    let before = try state(direct)
    XCTAssertGreaterThanOrEqual(Self.commands.count, 60)
    for (index, command) in Self.commands.enumerated() {
      let client = try proxy.connect()
      try client.negotiate(outOfBand: index % 2 == 1)
      let whole = Array(command.utf8)
      // In one write, in many, and with other commands in the same write.
      switch index % 3 {
      case 0: try client.send(whole)
      case 1: for byte in whole { try client.send([byte]) }
      default: try client.send(Array(#"{"execute":"query-name"}"#.utf8) + [0xff] + whole + Array(#"{"execute":"query-name"}"#.utf8))
      }
      // After 0xff, at which a command that is not complete ends (QEMU qobject/json-lexer.c), one more: its answer comes last.
      try client.send([0xff] + Array(#"{"execute":"query-name","id":"last"}"#.utf8))
      _ = try client.text { $0.contains(#""last""#) }
      XCTAssertEqual(try state(direct), before, command)
    }
    XCTAssertNotEqual(access("/tmp/vfiogate-bypassed", F_OK), 0)
    proxy.stop()
  }

  /// The state that a bypass would change.
  private func state(_ direct: RawClient) throws -> String {
    var found = ""
    for path in ["/machine/peripheral", "/machine/peripheral-anon", "/objects"] {
      try direct.send(#"{"execute":"qom-list","arguments":{"path":"\#(path)"}}"#)
      found += try direct.line() ?? "QEMU is gone"
    }
    return found
  }

  func testNoneOfThemHasAnEffectOnTheDistributionsQEMU() throws { try attack(try RealQEMU.program()) }

  func testNoneOfThemHasAnEffectOnTheLabsQEMU() throws {
    let (program, arguments) = try RealQEMU.lab()
    try attack(program, arguments)
  }

  /// Without the proxy QEMU dies of it; so the refusals are worth something.
  func testTheDeadlyPlugsKillQEMUWithoutTheProxy() throws {
    var trials = [(try RealQEMU.program(), [String](), #"{"driver":"e1000e","bus":"rp1","realized":true}"#)]
    if let (program, arguments) = try? RealQEMU.lab() {
      trials.append((program, arguments, #"{"driver":"vfio-pci","bus":"rp1","fd":"2"}"#))
    }
    for (program, arguments, plug) in trials {
      let directory = try TemporaryDirectory()
      let qemu = try RealQEMU.start(in: directory, program: program, more: arguments)
      let direct = RawClient(adopting: try RealQEMU.connect(directory))
      _ = fcntl(direct.descriptor, F_SETFL, 0)
      try direct.negotiate()
      try direct.send(#"{"execute":"device_add","arguments":\#(plug)}"#)
      XCTAssertNil(try direct.line())
      XCTAssertEqual(qemu.wait(), 128 + SIGSEGV, plug)
    }
  }
}
