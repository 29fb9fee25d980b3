import Facts
import Glibc
import Inputs
import Support
import Syntax
import XCTest

@testable import Inputs

/// The net under all readers: text that looks like a device is read, or makes the definition unknown.
final class DeviceMentionsTests: XCTestCase {
  private func mentions(_ text: String) -> [String] {
    let bytes = Array(text.utf8)
    return DeviceMentions.all(in: bytes).map { String(decoding: bytes[$0], as: UTF8.self) }
  }

  func testDevicesAreFoundInEverySpelling() {
    for text in [
      "-device vfio-pci,host=01:00.0", "-device 'vfio-pci,host=01:00.0'", "DEV=vfio-pci,host=$1", "\"vfio-pci-nohotplug,ramfb=on\"",
      "{\"driver\":\"vfio-pci\"}", "{\"driver\": \"vfio-pci\", \"id\": 1}", "{'driver': 'vfio-pci'}", "{\\\"driver\\\":\\\"vfio-pci\\\"}",
      "driver = \"vfio-pci\"", "driver=vfio-pci", "-device vfio-pci", "device_add vfio-pci", "sysfsdev=/sys/x",
      "<hostdev mode='x'>", "<hostdev>", "<a> # <hostdev/></a>",
      "hostpci0: 01:00", "hostpci15: 01:00", "-device\", \"vfio-pci", "- -device\n- vfio-pci,host=01:00.0"
    ] {
      XCTAssertEqual(mentions(text).count, 1, text)
    }
  }

  func testHostSetUpAndCommentsAreNone() {
    for text in [
      "modprobe vfio-pci", "echo vfio-pci > driver_override", "options vfio-pci ids=10de:2941", "vfio-pci.ids=10de:2941",
      "MODULES=(vfio vfio-pci)", "MODULES=vfio,vfio-pci,kvm", "# -device vfio-pci,host=01:00.0", "x # vfio-pci,host=1",
      "<!-- <hostdev> -->", "<a><!-- vfio-pci,host --></a>", "/sys/bus/pci/drivers/vfio-pci", "softdep amdgpu pre: vfio-pci",
      "echo 'bound to vfio-pci, starting'", "<hostdevs>", "hostpci: x", "lsmod | grep vfio-pci", "driver_override=vfio-pci"
    ] {
      XCTAssertEqual(mentions(text), [], text)
    }
  }

  private func places(_ parsed: ParsedInput) -> [Location] {
    let devices = (parsed.machine.devices + parsed.plugs).filter { $0.driver?.hasPrefix("vfio") != false }
    let places = devices.map(\.location) + parsed.machine.globals.map(\.location) + parsed.readElements
    return places + (parsed.machine.libvirt?.nonQEMUDevices ?? [])
  }

  /// Texts in which a device is part of another option: through a quote in the wrong position, or a line's end that is missing.
  private static let inOtherOptions: [String] = {
    let device = "-device vfio-pci,host=0000:01:00.0"
    let domain = "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>x</name><memory>4194304</memory>"
      + "<os><type arch='x86_64' machine='q35'>hvm</type></os><devices/><qemu:commandline>%</qemu:commandline></domain>"
    let commands = [
      "-name \"gpu \(device)\"", "-append \"console=ttyS0 \(device) -m 4G\"", "-smp \"4 \(device)\"", "-M \"q35 \(device)\"",
      "-object \"memory-backend-ram,id=m,size=4G \(device)\"", "-global \"ICH9-LPC.disable_s3=1 \(device)\"",
      "-drive if=none,id=x -set \"drive.x.file=3 \(device)\"", "-device \"virtio-net-pci,netdev=n \(device)\"",
      "-device virtio-net-pci,netdev=n,vfio-pci,host=01:00.0", "-device \"vfio-pci,host=02:00.0 \(device)\"",
      "-monitor stdio <<< \"device_add vfio-pci,host=01:00.0\""
    ]
    let pve = "machine: q35\nscsihw: virtio-scsi-pci\nmemory: 4096\n"
    return commands.map { "qemu-system-x86_64 -nodefaults \($0)\n" } + [
      "#!/bin/sh\nO=\"gpu \(device)\"\nqemu-system-x86_64 -name \"$O\"\n",
      "#!/bin/bash\nA=(-M q35 -name \"vm \(device)\")\nqemu-system-x86_64 \"${A[@]}\"\n",
      "[\"qemu-system-x86_64\", \"-append\", \"x \(device)\"]",
      "import os\nsubprocess.run([\"qemu-system-x86_64\", \"-append\", \"x \(device)\"])\n",
      "[Service]\nExecStart=/usr/bin/qemu-system-x86_64 -append \"x \(device)\"\n", "qemu-system-x86_64\n-append\nx \(device)\n",
      "[chardev \"x\"]\n  backend = \"null\" [device \"g\"] driver = \"vfio-pci\"\n", pve + "name: x hostpci0: 01:00\n",
      pve + "args: -name \"x \(device)\"\n", domain.replacing("%", with: "<qemu:arg value='-name'/><qemu:arg value='x \(device)'/>"),
      "{\"execute\":\"object-add\",\"arguments\":{\"qom-type\":\"iothread\",\"id\":\"x\",\"y\":{\"driver\":\"vfio-pci\"}}}",
      "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"virtio-rng-pci\"},\"id\":{\"driver\":\"vfio-pci\"}}",
      "device_add virtio-rng-pci,id=x\nchardev-add null,id=device_add vfio-pci,host=01:00.0\n"
    ]
  }()

  func testADeviceInAnotherOptionIsNotRead() {
    for text in Self.inOtherOptions {
      let parsed = ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8)))
      XCTAssertEqual(parsed.problems.map(\.message), [], text)
      XCTAssert(parsed.machine.unreadParts.contains { $0.reason.hasPrefix("it looks like a device") }, text)
    }
  }

  /// The machine of Proxmox is lowered again when the host is known, and the device stays unread.
  func testADeviceStaysUnreadWhenTheHostIsKnown() throws {
    let text = "machine: q35\nscsihw: virtio-scsi-pci\nmemory: 4096\nname: x hostpci0: 01:00\n[snapshot]\nhostpci1: 02:00\n"
    let parsed = ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8)))
    let again = try XCTUnwrap(parsed.proxmox).lowered(isArm: false) { .known([$0]) }
    XCTAssertEqual(again.machine.unreadParts.map(\.what), ["`hostpci0:` in line 4"])
  }

  /// A program that plugs a device into the QEMU that it starts need not name a driver.
  func testAHotPlugOfAProgramIsNotRead() {
    let command = "qemu-system-x86_64 -M q35 -qmp unix:/run/q,server,nowait"
    let list = "[\"qemu-system-x86_64\", \"-M\", \"q35\"]"
    for text in [
      "#!/bin/sh\n\(command) -daemonize\necho \"device_add $GPU\" | socat - unix:/run/m\n",
      "#!/bin/sh\n\(command) -daemonize\nsocat - unix:/run/m <<END\ndevice_add $GPU\nEND\n",
      "#!/bin/sh\n\(command) -daemonize\nprintf '{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"%s\"}}' $D | socat - /run/q\n",
      "[Service]\nExecStart=/usr/bin/\(command)\nExecStartPost=/usr/bin/plug device_add ${GPU}\n",
      "import subprocess\nsubprocess.Popen(\(list))\nqmp.cmd(\"device_add\", driver=driver)\n"
    ] {
      let parsed = ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8)))
      XCTAssertEqual(parsed.problems.map(\.message), [], text)
      XCTAssertEqual(parsed.machine.unreadParts.count, 1, text)
      let isOfClient = text.contains("<<END") || text.contains("printf")
      XCTAssert(parsed.machine.unreadParts.first?.what.hasPrefix("`device_add` in line") == true || isOfClient, text)
    }
    for text in [
      "#!/bin/sh\n# then device_add by hand\n\(command)\n", "\(command) -name my_device_add\n",
      "device_add virtio-rng-pci,id=r\n", "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"virtio-rng-pci\"}}\n"
    ] {
      let parsed = ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8)))
      XCTAssertEqual(parsed.machine.unreadParts.map(\.what), [], text)
    }
  }

  func testAnAliasOfQEMUIsNotRead() {
    let name = "qemu-system-x86_64"
    for text in ["alias \(name)='\(name) -readconfig gpu.cfg'\n\(name) -M q35\n", "alias vm='sudo \(name) -M q35'\nvm -m 4G\n"] {
      let parsed = ParsedInput.parse(SourceText(name: "t", bytes: Array(("#!/bin/sh\n" + text).utf8)))
      XCTAssertEqual(parsed.machine.unreadParts.map(\.what), ["the QEMU command inside a string"], text)
    }
  }

  func testADeviceThatIsReadLeavesNothingUnread() {
    for text in [
      "qemu-system-x86_64 -device virtio-rng-pci,id=x -set device.x.driver=vfio-pci -set device.x.host=01:00.0\n",
      "qemu-system-x86_64 -global driver=vfio-pci,property=x-no-mmap,value=on -device vfio-pci,sysfsdev=/sys/x\n",
      "#!/bin/sh\nG=\"-device vfio-pci,host=01:00.0 -device vfio-pci,host=01:00.1\"\nqemu-system-x86_64 -M q35 $G\n",
      "#!/bin/sh\nD=vfio-pci,host=01:00.0\nqemu-system-x86_64 -device $D -name vm\n",
      "qemu-system-x86_64 -device vfio-pci,sysfsdev=/sys/x/\"$U\",display=on,ramfb=on,driver=vfio-pci-nohotplug,x-no-mmap=on\n",
      "machine: q35\nscsihw: virtio-scsi-pci\nhostpci0: 01:00.0\nhostpci0: 02:00.0\n",
      "template: 1\nscsihw: virtio-scsi-pci\nargs: -device vfio-pci,host=01:00.0\nhostpci0: 02:00.0\n"
    ] {
      let parsed = ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8)))
      XCTAssertEqual(parsed.machine.unreadParts.map(\.what).filter { $0.contains("in line") }, [], text)
    }
  }

  /// Every fixture that is read, with a byte or a line changed, removed or moved: a mention that no place covers makes
  /// the definition incomplete in the eyes of `malformed-input`, and never crashes. `scripts/test --long` does it longer.
  func testNoDamageHidesADevice() throws {
    var random = SeededGenerator(seed: 14)
    let rounds = getenv("VFIOGATE_LONG") == nil ? 3000 : 100_000
    let texts = try Fixture.names(in: "inputs/kinds").map { try Fixture.bytes("inputs/kinds/\($0)") }
    XCTAssertGreaterThan(texts.count, 5)
    for round in 0..<rounds {
      var bytes = texts[round % texts.count]
      for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[at] = UInt8.random(in: 1...255, using: &random)
        case 1: bytes.remove(at: at)
        case 2: bytes.insert(contentsOf: Array(" \n#\"'`$\\;".utf8).shuffled(using: &random).prefix(1), at: at)
        default: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...40, using: &random)))
        }
      }
      let source = SourceText(name: "damaged", bytes: bytes)
      let all = Array(ParsedInputs(source))
      let isOpen = all.contains { $0.unrecognised != nil || !$0.problems.isEmpty || !$0.machine.unreadParts.isEmpty }
      if isOpen { continue }
      let places = all.flatMap(places)
      // Snapshots of a machine of Proxmox do not start.
      let end = texts[round % texts.count].starts(with: "# the%20".utf8) ? bytes.firstIndex(of: UInt8(ascii: "[")) : nil
      for mention in DeviceMentions.all(in: source.bytes) where mention.lowerBound < end ?? bytes.count {
        let isCovered = places.contains { $0.range?.contains(mention.lowerBound) == true }
        XCTAssert(isCovered, "round \(round): \(mention) in \(String(decoding: bytes, as: UTF8.self).debugDescription)")
      }
    }
  }
}
