import Facts
import Inputs
import Syntax
import XCTest

/// Proxmox VE configurations, lowered as qemu-server lowers them (PVE/QemuServer/PCI.pm).
final class ProxmoxTests: XCTestCase {
  /// The functions of a slot on the host that the tests speak of.
  private static func functions(_ slot: PCIAddress) -> Known<[PCIAddress]> {
    let counts = ["0000:01:00.0": 2, "0000:f0:43.0": 2, "0000:0a:00.0": 1, "0000:05:00.0": 0]
    return .known((0..<UInt8(counts["\(slot)"] ?? 8)).compactMap {
      PCIAddress(domain: slot.domain, bus: slot.bus, slot: slot.slot, function: $0)
    })
  }

  private func parse(_ text: String, mapping: String? = nil) -> ParsedInput {
    let follow: FileFollower = { path in
      guard path == "/etc/pve/mapping/pci.cfg", let mapping else { return .failed("No such file or directory") }
      return .found(SourceText(name: path, bytes: Array(mapping.utf8)))
    }
    return ParsedInput.parse(SourceText(name: "100.conf", bytes: Array(text.utf8)), follow: follow)
  }

  private func lowered(_ text: String, mapping: String? = nil, isArm: Bool? = nil) throws -> ParsedInput {
    try XCTUnwrap(parse(text, mapping: mapping).proxmox).lowered(isArm: isArm, ProxmoxTests.functions)
  }

  /// As Proxmox would write it after `-device`.
  private func written(_ parsed: ParsedInput) -> [String] {
    parsed.machine.devices.filter { $0.id?.hasPrefix("hostpci") == true || $0.id?.hasPrefix("ich9-pcie-port-") == true }
      .filter { $0.string("addr")?.hasPrefix("1c") != true }.map { device in
        device.properties.map { $0.name == "driver" ? $0.value.string ?? "" : "\($0.name)=\($0.value.string ?? "?")" }
          .joined(separator: ",")
      }
  }

  private func messages(_ parsed: ParsedInput) -> [String] { parsed.problems.map(\.message) }

  func testEveryFunctionOfASlotIsOneDevice() throws {
    let parsed = try lowered("hostpci0: 01:00,pcie=1,x-vga=1\nmachine: q35\nmemory: 16384\n")
    XCTAssertEqual(written(parsed), [
      "vfio-pci,host=0000:01:00.0,id=hostpci0.0,bus=ich9-pcie-port-1,addr=0x0.0,x-vga=on,multifunction=on",
      "vfio-pci,host=0000:01:00.1,id=hostpci0.1,bus=ich9-pcie-port-1,addr=0x0.1"
    ])
    XCTAssertEqual(messages(parsed), [])
    XCTAssertFalse(parsed.machine.devices.contains { $0.id == "vga" }, "x-vga switches the emulated card off")
    XCTAssertEqual(parsed.machine.options.last { $0.name == "m" }?.value, .string("16384"))
  }

  func testWithoutAHostTheFunctionsAreUnknown() {
    let parsed = parse("hostpci0: 01:00\nmachine: q35\n")
    let device = parsed.machine.devices.first { $0.id == "hostpci0" }
    XCTAssertNotNil(device)
    XCTAssertNil(device?.string("host"))
    XCTAssertEqual(parsed.proxmox?.slots, [PCIAddress("0000:01:00.0")].reduce(into: []) { if let one = $1 { $0.insert(one) } })
  }

  func testSlotsAreProxmoxs() throws {
    let parsed = try lowered("""
      bios: ovmf
      hostpci0: 00:02.0
      hostpci1: d0:13.0,pcie=1
      hostpci2: 00:14.0
      hostpci3: d0:15.1,pcie=1,x-vga=on
      hostpci4: d0:17.0,pcie=1,rombar=0
      hostpci5: 02:00.0
      hostpci7: d0:16.1,pcie=1,romfile=vbios.bin
      machine: pc-q35-10.0+pve1
      ostype: l26
      """)
    XCTAssertEqual(written(parsed), [
      "vfio-pci,host=0000:00:02.0,id=hostpci0,bus=pci.0,addr=0x10",
      "vfio-pci,host=0000:d0:13.0,id=hostpci1,bus=ich9-pcie-port-2,addr=0x0",
      "vfio-pci,host=0000:00:14.0,id=hostpci2,bus=pci.0,addr=0x1b",
      "vfio-pci,host=0000:d0:15.1,id=hostpci3,bus=ich9-pcie-port-4,addr=0x0",
      "pcie-root-port,id=ich9-pcie-port-5,addr=10.0,x-speed=16,x-width=32,multifunction=on,bus=pcie.0,port=5,chassis=5",
      "vfio-pci,host=0000:d0:17.0,id=hostpci4,bus=ich9-pcie-port-5,addr=0x0,rombar=0",
      "vfio-pci,host=0000:02:00.0,id=hostpci5,bus=pci.2,addr=0xe",
      "pcie-root-port,id=ich9-pcie-port-8,addr=10.3,x-speed=16,x-width=32,multifunction=on,bus=pcie.0,port=8,chassis=8",
      "vfio-pci,host=0000:d0:16.1,id=hostpci7,bus=ich9-pcie-port-8,addr=0x0,romfile=/usr/share/kvm/vbios.bin"
    ])
    XCTAssertEqual(parsed.machine.machineType?.value, .string("pc-q35-10.0"))
    XCTAssertEqual(messages(parsed), [])
  }

  func testIdsBootOrderAndSeveralHosts() throws {
    let parsed = try lowered("""
      boot: order=scsi0;hostpci1
      hostpci0: 1234:f0:43.0;1234:f0:43.1,vendor-id=0x1234,sub-device-id=0x0000
      hostpci1: host=0a:00
      machine: q35
      [snapshot]
      hostpci2: 03:00.0
      """)
    XCTAssertEqual(written(parsed), [
      "vfio-pci,host=1234:f0:43.0,id=hostpci0.0,bus=pci.0,addr=0x10.0,multifunction=on,x-pci-vendor-id=0x1234,"
        + "x-pci-sub-device-id=0x0000",
      "vfio-pci,host=1234:f0:43.1,id=hostpci0.1,bus=pci.0,addr=0x10.1",
      "vfio-pci,host=0000:0a:00.0,id=hostpci1,bus=pci.0,addr=0x11,bootindex=101"
    ])
  }

  /// Proxmox applies pending changes before it starts the machine, and first those that delete.
  func testPendingChangesAreApplied() throws {
    let head = "machine: q35\nmemory: 8192\nhostpci0: 01:00.0\nargs: -device vfio-pci,host=03:00.0\n"
    func hosts(_ pending: String) throws -> [String] {
      let parsed = try lowered(head + pending)
      XCTAssertEqual(messages(parsed), [], pending)
      XCTAssertEqual(parsed.machine.unreadParts.map(\.what), [], pending)
      return parsed.machine.devices.filter(\.isVFIO).compactMap { $0.string("host") }
    }
    XCTAssertEqual(try hosts(""), ["0000:01:00.0", "03:00.0"])
    XCTAssertEqual(try hosts("\n[PENDING]\nhostpci0: 02:00.0\n"), ["0000:02:00.0", "03:00.0"])
    XCTAssertEqual(try hosts("\n[pending]\nhostpci1: 02:00.0\n"), ["0000:01:00.0", "0000:02:00.0", "03:00.0"])
    XCTAssertEqual(try hosts("\n[PENDING]\ndelete: hostpci0,!args\n"), [])
    XCTAssertEqual(try hosts("\n[PENDING]\ndelete: hostpci0;args\nhostpci0: 04:00.0\n"), ["0000:04:00.0"])
    XCTAssertEqual(try hosts("\n[PENDING]\nargs: -device vfio-pci,host=06:00.0\ndelete: args\n"), ["0000:01:00.0", "06:00.0"])
    XCTAssertEqual(try hosts("\n[before]\nhostpci1: 05:00.0\ndelete: hostpci0\n"), ["0000:01:00.0", "03:00.0"])
    let memory = try lowered(head + "[PENDING]\nmemory: 4096\n[before]\nmemory: 1024\n").machine.options
    XCTAssertEqual(memory.filter { $0.name == "m" }.map(\.value), [.string("4096")])
  }

  /// A suspended machine is resumed with the devices that it had, so its pending changes are not known to apply.
  func testPendingChangesOfASuspendedMachineAreUndetermined() throws {
    func unread(_ text: String) throws -> [String] { try lowered(text).machine.unreadParts.map(\.what) }
    let what = "the pending changes of a suspended machine"
    let head = "machine: q35\nmemory: 8192\n", gpu = "hostpci0: 01:00.0\n", suspended = "lock: suspended\n"
    XCTAssertEqual(try unread(head + gpu + suspended + "[PENDING]\ndelete: hostpci0\n"), [what])
    XCTAssertEqual(try unread(head + gpu + suspended + "[PENDING]\nmemory: 4096\n"), [what])
    XCTAssertEqual(try unread(head + suspended + "[PENDING]\n" + gpu), [what])
    XCTAssertEqual(try unread(head + suspended + "[PENDING]\nargs: -device vfio-pci,host=03:00.0\n"), [what])
    XCTAssertEqual(try unread(head + gpu + suspended), [])
    XCTAssertEqual(try unread(head + gpu + suspended + "[before]\ndelete: hostpci0\n"), [])
    XCTAssertEqual(try unread(head + gpu + "lock: backup\n[PENDING]\nmemory: 4096\n"), ["`lock: backup`"])
    XCTAssertEqual(try unread(head + "lock: backup\n"), [])
    XCTAssertEqual(try unread(head + suspended + "[PENDING]\nmemory: 4096\n"), [])
  }

  func testMappings() throws {
    let mapping = """
      gpu
      \tmap node=pve1,path=0000:01:00,id=10de:2941,iommugroup=1
      nic
      \tmap node=pve1,path=0000:07:10.0,id=8086:10ed
      \tmap node=pve1,path=0000:07:10.4,id=8086:10ed
      \tlive-migration-capable 1
      one
      \tlive-migration-capable 1
      \tmap node=pve1,path=0000:0a:00.0
      """
    let parsed = try lowered("hostpci0: mapping=gpu\nhostpci1: mapping=nic\nhostpci2: mapping=one\nmachine: q35\n", mapping: mapping)
    XCTAssertEqual(written(parsed), [
      "vfio-pci,host=0000:01:00.0,id=hostpci0.0,bus=pci.0,addr=0x10.0,multifunction=on",
      "vfio-pci,host=0000:01:00.1,id=hostpci0.1,bus=pci.0,addr=0x10.1",
      "vfio-pci,host=?,id=hostpci1,bus=pci.0,addr=0x11,enable-migration=on",
      "vfio-pci,host=0000:0a:00.0,id=hostpci2,bus=pci.0,addr=0x1b,enable-migration=on"
    ])
    XCTAssertEqual(messages(try lowered("hostpci0: mapping=no\nmachine: q35\n", mapping: mapping)).count, 1)
    let unread = try lowered("hostpci0: mapping=gpu\nmachine: q35\n")
    XCTAssertEqual(written(unread), ["vfio-pci,host=?,id=hostpci0,bus=pci.0,addr=0x10"])
    XCTAssertEqual(messages(unread), [], "a file that was not read is not a refusal")
  }

  /// qemu-server warns of an entry that its schema does not accept, and starts the machine without the device.
  func testAnEntryThatProxmoxLeavesOutIsReported() throws {
    for (entry, reason) in [
      ("0x1:00.0", "'0x1:00.0' is not a PCI address"), ("01:00.0;", "'' is not a PCI address"),
      ("01:0A.0", "'01:0A.0' is not a PCI address"),
      ("01:00.0,bogus=1", "invalid key in comma-separated list property: bogus"),
      ("01:00.0,pcie=1,pcie=0", "duplicate key in comma-separated list property: pcie"),
      ("01:00.0,host=01:00.1", "duplicate key in comma-separated list property: host"),
      ("01:00.0,rombar=maybe", "type check ('boolean') failed - got 'maybe'"),
      ("01:00.0,vendor-id=10de", "`vendor-id` is '10de'"), ("01:00.0,sub-device-id=0x123", "`sub-device-id` is '0x123'"),
      ("01:00.0,driver=nvidia", "`driver` is 'nvidia'")
    ] {
      let found = messages(try lowered("hostpci0: \(entry)\nmachine: q35\n"))
      XCTAssertEqual(
        found, ["Proxmox starts the machine without the device: it warns `unable to parse value of 'hostpci0'`: \(reason)"], entry)
      XCTAssertFalse(try lowered("hostpci0: \(entry)\nmachine: q35\n").machine.devices.contains(where: \.isVFIO), entry)
    }
    let good = ["host=01:00.0,pcie=on,x-vga=OFF,rombar=yes,driver=keep", "01:00.0,vendor-id=0x10de,mdev=i915-GVTg_V5_4", "mapping=gpu"]
    for entry in good {
      XCTAssertEqual(messages(try lowered("hostpci0: \(entry)\nmachine: q35\n")), [], entry)
    }
  }

  func testALineThatBeginsWithABlankIsIgnored() throws {
    let parsed = ParsedInput.parse(SourceText(name: "100.conf", bytes: Array("machine: q35\n hostpci0: 01:00.0\n".utf8)), as: .proxmox)
    XCTAssertEqual(messages(parsed), ["the line begins with a blank: Proxmox ignores it"])
    XCTAssertFalse(parsed.machine.devices.contains(where: \.isVFIO))
  }

  func testLinesThatEndWithACarriageReturnAloneAreNotSafe() {
    for text in ["machine: q35\rmemory: 4096\rhostpci0: 01:00.0,pcie=1\r", "machine: q35\rargs: -device vfio-pci,host=01:00.0\r"] {
      let parsed = ParsedInput.parse(SourceText(name: "100.conf", bytes: Array(text.utf8)))
      XCTAssert(
        parsed.unrecognised != nil || !parsed.machine.unreadParts.isEmpty || !parsed.problems.isEmpty, text.debugDescription)
    }
    XCTAssertEqual(parse("machine: q35\r\nhostpci0: 0000:01:00.0\r\n").machine.devices.last { $0.isVFIO }?.string("host"), "0000:01:00.0")
  }

  func testWordsOfArgsThatBelongToNoOptionAreDisks() throws {
    let parsed = try lowered("machine: q35\nargs: disk.img -device vfio-pci,host=01:00.0\n")
    XCTAssertEqual(parsed.machine.devices.last?.string("host"), "01:00.0")
    XCTAssertEqual(parsed.machine.unreadParts, [])
  }

  func testAMisspeltKeyOfAHostDeviceIsReported() throws {
    for (key, meant) in [
      ("hostpc1", "`hostpci1:`"), ("hospci0", "`hostpci0:`"), ("host-pci2", "`hostpci2:`"), ("HostPCI3", "`hostpci3:`"),
      ("hostpci16", "`hostpci0:` to `hostpci15:`"), ("hostpci", "`hostpci0:` to `hostpci15:`"),
    ] {
      for text in ["machine: q35\n\(key): 0e:00.0\n", "\(key): 0e:00.0\n"] {
        let parsed = parse(text)
        XCTAssertEqual(messages(parsed), ["Proxmox does not know `\(key)`, and ignores it"], text)
        XCTAssertEqual(parsed.problems.first?.fix, "write \(meant)")
      }
    }
    XCTAssertEqual(messages(parse("machine: q35\nhotplug: disk\nhookscript: a\nhostpci0: 0e:00.0\n")), [])
  }

  /// The group of a device that keeps its host driver is not bound, and neither is one of `args:`.
  func testProxmoxBindsTheGroupsOfItsOwnEntries() throws {
    let parsed = try lowered("""
      args: -device vfio-pci,host=0000:03:00.0
      hostpci0: 01:00
      hostpci1: 02:00.0,driver=keep
      hostpci2: 04:00.0,mdev=nvidia-63
      machine: q35
      """)
    XCTAssertEqual(parsed.machine.proxmox?.boundWithGroups.map(\.description), ["0000:01:00.0", "0000:01:00.1"])
    XCTAssertEqual(parsed.machine.service?.user, .known("root"))
  }

  func testProxmoxsOwnRefusals() throws {
    for (text, refusal) in [
      ("hostpci0: 01:00.0,pcie=1\nmachine: pc\n", "q35 machine model is not enabled"),
      ("hostpci0: 01:00.0,pcie=1\nmemory: 512\n", "q35 machine model is not enabled"),
      ("hostpci0: 01:00.0\nhostpci1: 01:00\nmachine: q35\n", "device '0000:01:00.0' assigned more than once"),
      ("hostpci0: 05:00\nmachine: q35\n", "no PCI device found for '0000:05:00'"),
      ("hostpci0: 05:00.0\nmachine: q35\n", "no pci device info for device '0000:05:00.0'"),
      ("hostpci0: 01:00.2\nmachine: q35\n", "no pci device info for device '0000:01:00.2'"),
      ("hostpci0: 01:00.8\nmachine: q35\n", "no pci device info for device '0000:01:00.8'"),
      ("hostpci0: pcie=1\nmachine: q35\n", "Either 'host' or 'mapping' must be set."),
      ("hostpci0: 01:00.0,mapping=a\nmachine: q35\n", "Cannot set both 'host' and 'mapping'."),
      ("hostpci0: 01:00,mdev=nvidia-1\nmachine: q35\n", "cannot use mediated device with multifunction device"),
      ("hostpci0: 00:02.0,legacy-igd=1\nvga: std\nmachine: pc\n", "legacy IGD assignment requires VGA mode to be 'none'"),
      ("hostpci0: 00:02.0,legacy-igd=1\nvga: none\nmachine: q35\n", "legacy IGD assignment is not compatible with q35"),
      (
        "hostpci0: 00:03.0,legacy-igd=1\nvga: none\nmachine: pc\n",
        "legacy IGD assignment only works for devices on host bus 00:02.0"
      ),
      ("hostpci0: 01:00.0\nmachine: pc,viommu=intel\n", "to use Intel vIOMMU please set the machine type to q35")
    ] {
      let found = messages(try lowered(text))
      XCTAssert(found.contains("Proxmox refuses to start the machine: " + refusal), "\(text): \(found)")
    }
  }

  func testTheMachineAndItsIOMMU() throws {
    let parsed = try lowered(
      "hostpci0: 01:00.0,pcie=1\nmachine: q35,viommu=intel\nballoon: 0\nvga: none\nargs: -device 'vfio-pci,host=02:00.0,id=x'\n")
    XCTAssertEqual(parsed.machine.devices.first?.driver, "intel-iommu", "before every other device")
    XCTAssertEqual(parsed.machine.devices.first?.string("caching-mode"), "on")
    XCTAssertEqual(parsed.machine.machine.last { $0.name == "kernel-irqchip" }?.value, .string("split"))
    XCTAssertEqual(parsed.machine.devices.last?.id, "x", "args come last")
    XCTAssertFalse(parsed.machine.devices.contains { $0.id == "balloon0" || $0.id == "vga" })
    XCTAssertEqual(parsed.machine.devices.filter { $0.driver == "pcie-root-port" }.count, 4)
    XCTAssertTrue(parsed.machine.hasOption("nodefaults"))
    let legacy = try lowered("hostpci0: 00:02.0,legacy-igd=1\nvga: none\nmemory: 512\n")
    XCTAssertEqual(written(legacy), ["vfio-pci,host=0000:00:02.0,id=hostpci0,bus=pci.0,addr=0x2"])
    XCTAssertEqual(messages(legacy), [])
    let seven = try lowered("hostpci5: 0a:00.0,pcie=1\nostype: win7\nmachine: q35\n")
    XCTAssertEqual(written(seven), ["vfio-pci,host=0000:0a:00.0,id=hostpci5,bus=pcie.0,addr=0xa"])
  }

  /// qemu-server appends `args:` behind its own devices, so `-set` changes these.
  func testSetInArgsChangesTheDevicesBeforeIt() throws {
    let parsed = try lowered(
      "hostpci0: 00:02.0\nmachine: pc\nargs: -set device.hostpci0.addr=02.0 -set device.hostpci0.x-igd-opregion=on -set device.x.y=z\n")
    let device = parsed.machine.devices.first { $0.id == "hostpci0" }
    XCTAssertEqual(device?.string("addr"), "02.0")
    XCTAssertEqual(device?.string("x-igd-opregion"), "on")
    XCTAssertEqual(parsed.machine.sets.map(\.id), ["x"], "there is none of that id")
  }

  func testAVirtioIOMMUComesBehindTheOtherDevices() throws {
    let parsed = try lowered("hostpci0: 01:00.0\nmachine: pc,viommu=virtio,aw-bits=48\nargs: -device edu,id=x\n")
    XCTAssertEqual(parsed.machine.devices.suffix(2).map(\.driver), ["virtio-iommu-pci", "edu"])
    XCTAssertEqual(parsed.machine.devices.first { $0.driver == "virtio-iommu-pci" }?.string("aw-bits"), "48")
  }

  func testWidthsOfIOMMUsThatProxmoxRefuses() throws {
    for (machine, message) in [
      ("q35,aw-bits=39", "cannot set aw-bits if no vIOMMU is configured"),
      ("q35,viommu=intel,aw-bits=52", "Intel vIOMMU supports only 39 or 48 bits as address width"),
      ("pc,viommu=intel", "to use Intel vIOMMU please set the machine type to q35")
    ] {
      XCTAssertEqual(messages(try lowered("machine: \(machine)\n")), ["Proxmox refuses to start the machine: \(message)"])
    }
    XCTAssertEqual(messages(try lowered("machine: q35,viommu=intel,aw-bits=39\n")), [])
  }

  func testATemplateHasNoHostDevices() throws {
    let parsed = try lowered("hostpci0: 01:00,pcie=1\nhostpci1: nonsense\nmachine: q35\ntemplate: 1\n")
    XCTAssertEqual(written(parsed), [])
    XCTAssertEqual(messages(parsed), [])
    XCTAssertEqual(parsed.machine.machineType?.value, .string("pc"))
    XCTAssertEqual(parse("hostpci0: 01:00,pcie=1\nmachine: q35\ntemplate: 1\n").machine.unreadParts, [])
  }

  func testTheSecondBridgeLeavesTheSlotOfLegacyGraphics() throws {
    func bridge(_ hostpci: String) throws -> [String?] {
      let device = try lowered("hostpci0: \(hostpci)\nvga: none\nmachine: pc\n").machine.devices.first { $0.id == "pci.2" }
      return [device?.string("bus"), device?.string("addr")]
    }
    XCTAssertEqual(try bridge("00:02.0,legacy-igd=1"), ["pci.1", "0x1e"])
    XCTAssertEqual(try bridge("00:02.0"), ["pci.0", "0x1f"])
  }

  func testOtherPartsOfTheMachine() throws {
    let parsed = try lowered("hostpci0: 01:00.0\namd-sev: snp\nacpi: 0\nmachine: q35\n")
    XCTAssertEqual(parsed.machine.objects.map(\.type), ["sev-snp-guest"])
    XCTAssertEqual(parsed.machine.setting("confidential-guest-support"), "sev0")
    XCTAssertEqual(parsed.machine.setting("acpi"), "off")
    XCTAssertEqual(try lowered("arch: aarch64\nhostpci0: 01:00.0\n").machine.unreadParts.count, 1)
    XCTAssertEqual(try lowered("arch: aarch64\nmemory: 512\n").machine.unreadParts, [])
    // Without `arch:` Proxmox takes the host's.
    for (text, unread) in [("hostpci0: 01:00.0\n", 1), ("arch: x86_64\nhostpci0: 01:00.0\n", 0), ("memory: 512\n", 0)] {
      XCTAssertEqual(try lowered(text, isArm: true).machine.unreadParts.count, unread, text)
      XCTAssertEqual(try lowered(text, isArm: false).machine.unreadParts.count, 0, text)
    }
  }

  /// qemu-server PVE/QemuServer/CPUConfig.pm: builtin_models; a model of the cluster's own is in a file that is not read.
  func testModelsOfProcessorsThatQEMUDoesNotHave() throws {
    for (text, value) in [
      ("x86-64-v2-AES", PropertyValue.string("qemu64")), ("cputype=x86-64-v4,phys-bits=48", .string("qemu64,phys-bits=48")),
      ("Icelake-Client-noTSX", .string("Icelake-Server-noTSX")), ("host,phys-bits=host", .string("host,host-phys-bits=on")),
      ("custom-mine,phys-bits=40", .unknown("custom-mine")), ("EPYC-Rome", .string("EPYC-Rome")),
    ] {
      let options = try lowered("hostpci0: 01:00.0\nmachine: q35\ncpu: \(text)\n").machine.options
      XCTAssertEqual(options.filter { $0.name == "cpu" }.map(\.value), [value], text)
    }
  }

  func testPlacesPointIntoTheFile() throws {
    let text = "# vfiogate: allow=no-reset  spare card\nhostpci0: 0a:00.0,x-vga=1\nmachine: q35\n"
    let parsed = try lowered(text)
    let device = try XCTUnwrap(parsed.machine.devices.first { $0.id == "hostpci0" })
    func slice(_ property: String) -> String? {
      device.location(of: property).range.map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) }
    }
    XCTAssertEqual(slice("host"), "0a:00.0")
    XCTAssertEqual(slice("x-vga"), "x-vga=1")
    XCTAssertEqual(slice("bus"), "hostpci0: 0a:00.0,x-vga=1")
    XCTAssertEqual(parsed.allowances.map(\.rule), ["no-reset"])
    XCTAssertEqual(parsed.machine.unreadParts, [])
  }
}
