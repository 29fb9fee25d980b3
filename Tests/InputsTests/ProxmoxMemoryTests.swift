import Facts
import Inputs
import Syntax
import XCTest

/// Memory, NUMA nodes and network cards of Proxmox (qemu-server PVE/QemuServer/Memory.pm, PVE/QemuServer.pm).
final class ProxmoxMemoryTests: XCTestCase {
  private func parse(_ text: String) -> ParsedInput {
    ParsedInput.parse(SourceText(name: "100.conf", bytes: Array(("machine: q35\nhostpci0: 01:00.0\n" + text + "\n").utf8)))
  }

  private func refusals(_ text: String) -> [String] {
    parse(text).problems.map { $0.message.replacing("Proxmox refuses to start the machine: ", with: "") }
  }

  func testMemoryThatDoesNotGoTogetherIsRefused() {
    for (text, refusal) in [
      ("memory: 8192\nhugepages: 2", "numa needs to be enabled to use hugepages"),
      ("hotplug: disk,memory\nmemory: 2048", "NUMA needs to be enabled for memory hotplug"),
      ("hotplug: memory\nnuma: 1\nmemory: 512", "minimum memory must be 1024MB"),
      ("hotplug: memory\nnuma: 1\nhugepages: 1024\nsockets: 2\nmemory: 1024", "minimum memory must be 2048MB"),
      ("hotplug: memory\nnuma: 1\nmemory: 4096\nvirtiofs0: x", "Memory hotplug does not work in combination with virtio-fs."),
      ("cores: 4\nnuma: 1\nnuma0: cpus=0-3,memory=4096\nmemory: 8192", "total memory for NUMA nodes must be equal to vm static memory"),
      ("numa: 1\nnuma0: memory=8192\nmemory: 8192", "missing NUMA node0 cpus"),
      ("numa: 1\nnuma0: cpus=0-3\nmemory: 8192", "missing NUMA node0 memory value"),
      (
        "numa: 1\nhugepages: 2\nnuma0: cpus=0,memory=8192\nmemory: 8192", "numa hostnodes need to be defined to use hugepages"
      ),
      ("cores: 4\nnuma: 1\nnuma0: cpus=0-3,memory=8192,hostnodes=0\nmemory: 8192", "you need to define a policy for hostnode 0")
    ] {
      XCTAssertEqual(refusals(text), [refusal], text)
    }
    XCTAssertEqual(
      refusals("hotplug: memory\nnuma: 1\nnuma0: cpus=0,memory=1024\nmemory: 1024"),
      ["cannot enable memory hotplugging with custom NUMA topology"])
  }

  /// Proxmox leaves out a line that it cannot parse; `8G` is not a number of MiB.
  func testMemoryThatIsNotANumberIsLeftOut() {
    for text in ["memory: 8G", "memory: lots", "memory: current=8G", "memory: 8 GiB"] {
      XCTAssertEqual(parse(text).problems.map(\.fix), ["write the number of MiB, such as `memory: 8192`"], text)
      XCTAssertEqual(parse(text).machine.options.first { $0.name == "m" }?.value, .string("512"), text)
    }
    for text in ["memory: 8192", "memory: current=8192", ""] { XCTAssertEqual(parse(text).problems, [], text) }
    XCTAssertEqual(ParsedInput.parse(SourceText(name: "100.conf", bytes: Array("machine: q35\nmemory: 8G\n".utf8))).problems, [])
  }

  func testMemoryBelowTheLeastIsLeftOut() {
    XCTAssertEqual(
      parse("memory: 0").problems.map(\.message),
      ["Proxmox starts the machine with 512 MiB: it warns `unable to parse value of 'memory'`: value must have a minimum value of 16"])
    XCTAssertEqual(parse("memory: 0").machine.options.first { $0.name == "m" }?.value, .string("512"))
    XCTAssertEqual(parse("memory: 16").problems, [])
  }

  /// Proxmox leaves out a line whose value has another type than its key.
  func testValuesOfAnotherTypeAreLeftOut() {
    for (line, type) in [
      ("cores: x", "integer"), ("cores: ", "integer"), ("sockets: -1", "integer"), ("vcpus: 2x", "integer"), ("balloon: 1G", "integer"),
      ("numa: 2", "boolean"), ("kvm: never", "boolean"), ("acpi: 00", "boolean"), ("template: maybe", "boolean")
    ] {
      let (key, value) = (line.prefix { $0 != ":" }, line.drop { $0 != " " }.dropFirst())
      XCTAssertEqual(
        parse(line).problems.map(\.message),
        [
          "Proxmox starts the machine without the line: it warns `unable to parse value of '\(key)'`: type check ('\(type)') failed - got "
            + "'\(value)'"
        ])
      XCTAssertEqual(parse(line).machine.unreadParts, [], line)
    }
    XCTAssertEqual(parse("cores: 4\ncores: x").machine.options.first { $0.name == "smp" }?.value, .string("4,sockets=1,cores=4,maxcpus=4"))
    for line in ["cores: {{ cores }}", "onboot: later", "numa: YES", "balloon: 0"] { XCTAssertEqual(refusals(line), [], line) }
    XCTAssertEqual(ParsedInput.parse(SourceText(name: "100.conf", bytes: Array("machine: q35\ncores: x\n".utf8))).problems, [])
  }

  func testEachSpellingOfABooleanCounts() {
    for no in ["0", "off", "No", "FALSE"] {
      let machine = parse("kvm: \(no)\nacpi: \(no)").machine
      XCTAssertEqual(machine.machine.first { $0.name == "accel" }?.value, .string("tcg"), no)
      XCTAssertEqual(machine.machine.first { $0.name == "acpi" }?.value, .string("off"), no)
      XCTAssertEqual(parse("template: \(no)").machine.devices.filter(\.isVFIO).count, 1, no)
    }
    for yes in ["1", "on", "Yes", "TRUE"] { XCTAssertEqual(parse("template: \(yes)").machine.devices.filter(\.isVFIO).count, 0, yes) }
    XCTAssertFalse(parse("balloon: 00").machine.devices.contains { $0.driver == "virtio-balloon-pci" })
  }

  func testMemoryThatGoesTogetherIsNot() {
    for text in [
      "memory: 8192\nnuma: 1\nhugepages: 2", "memory: 8192\nhotplug: 1", "hotplug: network,disk,usb\nmemory: 512",
      "cores: 8\nnuma: 1\nnuma0: cpus=0-3,memory=4096,hostnodes=0,policy=bind\nnuma1: cpus=4-7,memory=4096\nmemory: 8192",
      "numa: 1\nnuma0: cpus=0,memory=8192\nnuma8: cpus=0-7\nmemory: 8192", "cores: 4\nvcpus: 2\nmemory: 8192",
      "smp: 4\nvcpus: 2\nmemory: 8192",
      "hotplug: memory\nnuma: on\nmemory: current=4096", "numa: 0\nnuma0: memory=1\nmemory: 8192", "numa: 1\nmemory: 8192"
    ] {
      XCTAssertEqual(refusals(text), [], text)
      XCTAssertEqual(parse(text).machine.unreadParts, [], text)
    }
    for text in [
      "numa: 1\nhugepages: 1024\nmemory: 8191", "numa: 1\nhugepages: any\nmemory: 8193", "numa: 1\nsockets: 3\nmemory: 8192",
      "numa: 1\ncores: 4\nnuma0: cpus=0-7,memory=8192\nmemory: 8192", "numa: 1\ncores: 4\nnuma1: cpus=0-3,memory=8192\nmemory: 8192",
      "numa: 1\nhotplug: memory\nmemory: 8193", "cores: 4\nvcpus: 8\nmemory: 8192",
      "numa: 1\nhugepages: 4\nmemory: 8192"
    ] {
      XCTAssertEqual(parse(text).machine.unreadParts.count, 1, text)
      XCTAssertEqual(refusals(text), [], text)
    }
  }

  func testAMachineWithoutHostDevicesIsLeftToProxmox() {
    let text = "machine: q35\nmemory: 8192\nhugepages: 2\nvcpus: 8\nscsihw: virtio-scsi-pci\n"
    let parsed = ParsedInput.parse(SourceText(name: "100.conf", bytes: Array(text.utf8)))
    XCTAssertEqual(parsed.problems, [])
    XCTAssertEqual(parsed.machine.unreadParts, [])
  }

  func testTheModelOfANetworkCardIsReadInEachSpelling() {
    for (text, driver) in [
      ("virtio,bridge=vmbr0", "virtio-net-pci"), ("virtio=BC:24:11:00:00:01,bridge=vmbr0", "virtio-net-pci"), ("e1000", "e1000"),
      ("bridge=vmbr0,e1000e=BC:24:11:00:00:01", "e1000e"), ("model=rtl8139,macaddr=BC:24:11:00:00:01", "rtl8139")
    ] {
      XCTAssertEqual(parse("net0: \(text)").machine.devices.first { $0.id == "net0" }?.driver, driver, text)
    }
  }
}
