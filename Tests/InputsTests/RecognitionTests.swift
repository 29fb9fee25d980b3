import Inputs
import Syntax
import XCTest

/// Recognition of a directory's files.
final class RecognitionTests: XCTestCase {
  private func recognise(_ text: String) -> InputFormat? { .recognise(Array(text.utf8)) }

  func testDefinitionsAreRecognised() {
    let list = #"["qemu-system-x86_64", "-device", "vfio-pci,host=01:00.0"]"#
    XCTAssertEqual(recognise("vm:\n  exec: \(list)\n"), .yaml)
    XCTAssertEqual(recognise("[vm]\nargs = \(list)\n"), .toml)
    XCTAssertNil(recognise("[vm]\nargs = [\"qemu-system-x86_64\", \"-S\"]\n"))
    XCTAssertEqual(recognise("qemu-system-x86_64 -M q35\n"), .shell)
    XCTAssertEqual(recognise("# my guest\nexec sudo -u qemu /usr/libexec/qemu-kvm \\\n -M q35\n"), .shell)
    XCTAssertEqual(recognise("QEMU_AUDIO_DRV=none nice -n 5 qemu-system-aarch64 -M virt\n"), .shell)
    XCTAssertEqual(recognise("#!/bin/sh\nset -e\nmodprobe vfio-pci\nqemu-system-x86_64 -M q35\n"), .shell)
    XCTAssertEqual(recognise("A='b c' qemu-system-x86_64 -M q35\n"), .shell)
    XCTAssertEqual(
      recognise("#!/bin/sh\nPROGRAM= qemu-system-x86_64\nrun_it -device vfio-pci,host=01:00.0\n"), .shell,
      "what starts it is not seen, and it may be a guest")
    XCTAssertEqual(recognise("run:\n\tqemu-system-x86_64 -M q35\n"), .shell)
    XCTAssertEqual(recognise("run:\n\t./start qemu-system-x86_64 -device vfio-pci,host=01:00.0\n"), .shell)
    XCTAssertNil(recognise("qemu.o: qemu.c\n\t$(CC) -c -o $@ qemu.c\n"))
    XCTAssertEqual(recognise("/usr/bin/qemu-system-x86_64\n-M\nq35\n"), .lines)
    XCTAssertEqual(recognise("-device\nvfio-pci,host=01:00.0\n"), .lines)
    XCTAssertEqual(recognise("/usr/bin/qemu-system-x86_64\0-M\0q35\0"), .nul)
    XCTAssertEqual(recognise("<!-- plug -->\n<interface type='hostdev'><mac address='1'/></interface>"), .xml)
    XCTAssertEqual(recognise(#"{"execute":"qmp_capabilities"}"#), .qmp)
    XCTAssertEqual(recognise(#"{"driver":"vfio-pci","host":"0000:01:00.0"}"#), .qmp)
    XCTAssertEqual(recognise(#"{"execute":"device_add","arguments":{"#), .qmp, "cut short, and still meant to be one")
    XCTAssertEqual(recognise("#!/bin/bash -e\nqemu-system-x86_64 -M q35\n"), .shell)
    XCTAssertEqual(recognise("#! /usr/bin/env -S bash -e\r\nqemu-system-x86_64 -M q35\r\n"), .shell)
    XCTAssertEqual(recognise("cd /vm\nmodprobe vfio-pci\nqemu-system-x86_64 -M q35\n"), .shell, "without a shebang")
    XCTAssertEqual(recognise("[Unit]\n\n[Service]\nExecStart=/usr/bin/qemu-system-x86_64 -M q35\n"), .systemd)
    XCTAssertEqual(recognise("# Machine\n[machine]\ntype = \"q35\"\n[device \"v\"]\n  driver = \"vfio-pci\"\n"), .readconfig)
    XCTAssertEqual(recognise("boot: order=scsi0\nhostpci0: 0000:01:00,pcie=1\nmachine: q35\n"), .proxmox)
    XCTAssertEqual(recognise("(qemu) object_add iommufd,id=i\ndevice_add vfio-pci,host=01:00.0\n"), .hmp)
    XCTAssertEqual(recognise(#"["qemu-system-x86_64", "-device", "vfio-pci,host=01:00.0"]"#), .list)
    XCTAssertEqual(recognise(#"["sudo", "-E", "qemu-system-x86_64", "-M", "q35"]"#), .list)
    XCTAssertEqual(recognise(#"["-M", "q35"]"#), .list)
    XCTAssertEqual(recognise(#"[{"execute":"device_add","arguments":{"driver":"vfio-pci"}}]"#), .qmp)
    XCTAssertEqual(recognise("{'execute':'device_add','arguments':{'driver':'vfio-pci'}}"), .qmp)
    XCTAssertEqual(recognise("agent: 1\nboot:\nhostpci0: 0000:00:02\nmachine: pc\n"), .proxmox, "a key may have lost its value")
    XCTAssertEqual(recognise("ostype: l26\nof-another-release: 1\nhostpci0: 01:00\n"), .proxmox)
    let proxmox = "machine: q35\nmemory: 4096\nhostpci0: 01:00\n"
    for text in [" " + proxmox, "\u{feff}" + proxmox, proxmox + "cores 4\n", String(proxmox.map { $0 == "\n" ? "\r" : $0 })] {
      XCTAssertEqual(recognise(text), .proxmox, "Proxmox ignores a line of it")
      let parsed = ParsedInput.parse(SourceText(name: "100.conf", bytes: Array(text.utf8)))
      XCTAssert(parsed.problems.contains { $0.message.hasSuffix(": Proxmox ignores it") }, text)
    }
    for text in [
      "vm:\n  \(proxmox)", "hosts: a\nname: b\n hostpci0: 01:00\n", "memory: 4096\nhostpci:\n  hostpci0: 01:00\n", "a\nhostpci0: 01:00\n"
    ] {
      XCTAssertNil(recognise(text), text)
    }
    XCTAssertEqual(recognise("Domain XML:\n<domain><devices/></domain>\n"), .xml)
    XCTAssertNil(recognise("a\nb\nc\n<domain><devices/></domain>\n"), "a text about it")
    XCTAssertNil(recognise("Domain XML:\n<domain><devices/></domain>\nand more\n"))
    XCTAssertEqual(recognise("<- {\"return\": {}}\n-> {\"execute\":\"device_add\",\"arguments\":{\"driver\":\"vfio-pci\"}}\n"), .qmp)
    let log = "2026-01-01 10:00:00.000+0000: starting up libvirt version: 11.3.0, qemu version: 10.0.0\n"
    XCTAssertEqual(recognise(log + "LC_ALL=C \\\n/usr/bin/qemu-system-x86_64 \\\n-M q35\n"), .libvirtLog)
  }

  func testATextThatMentionsADeviceIsNamed() {
    for (text, line) in [
      ("#!/usr/bin/fish\nqemu-system-x86_64 -device vfio-pci,host=01:00.0\n", 2), ("vm:\n  hostpci0: 01:00\n", 2),
      ("```\n-device vfio-pci,host=01:00.0\n```\ntext\n", nil), ("modprobe vfio-pci\n", nil)
    ] as [(String, Int?)] {
      XCTAssertNil(recognise(text), text)
      XCTAssertEqual(InputFormat.mention(Array(text.utf8)), line, text)
      // Editors of other systems save it so.
      XCTAssertEqual(InputFormat.mention("\u{feff}\(text)".utf16.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }), line, text)
    }
  }

  func testADomainInUTF16IsRecognisedAlsoWhenCutShort() {
    let text = "\u{feff}<?xml version='1.0'?>\n<domain type='kvm'><name>é😀"
    let bytes = text.utf16.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
    for end in (bytes.count - 4)...bytes.count {
      XCTAssertEqual(InputFormat.recognise(Array(bytes[..<end])), .xml, "\(end)")
    }
  }

  /// Descriptions of files that people keep such devices in.
  func testTheWayInNamesTheKindOfFile() {
    for (text, what) in [
      ("config:\n  raw.qemu: -device vfio-pci,host=41:00.0\nname: vm\n", "a profile of LXD"),
      ("services:\n  win:\n    environment:\n      ARGUMENTS: \"-device vfio-pci,host=01:00.0\"\n", "a Compose file"),
      ("source \"qemu\" \"win\" {\n  qemuargs = [[\"-device\", \"vfio-pci,host=01:00.0\"]]\n}\n", "a Packer template"),
      ("{\n  microvm.devices = [ { bus = \"pci\"; path = \"0000:06:00.1\"; } ];\n}\n", "a NixOS configuration"),
      ("arch: amd64\nmemory: 512\nrootfs: local-lvm:vm-101-disk-0\n", "a container of Proxmox"),
      ("memory: 8192\ncores: 4\npci: 0000:01:00.0\n", "text without a QEMU command"),
      ("#!/bin/sh\nvirsh attach-device vm gpu.xml\n", "a script of virsh"),
      ("#!/bin/sh\ncloud-hypervisor --device path=/sys/bus/pci/devices/0000:01:00.0\n", "a command of cloud-hypervisor"),
      ("#!/bin/sh\ncrosvm run --vfio /sys/bus/pci/devices/0000:01:00.0\n", "a command of crosvm"),
      ("#!/bin/sh\nqemu-system-x86_64 -M q35 \\\n{% for d in gpus %}\n -device {{ d }} \\\n{% endfor %}\n", "a template"),
      ("{\"args\": [\"/usr/bin/qemu-system-x86_64\", \"-S\"]}", "JSON without a QMP command")
    ] {
      let parsed = ParsedInput.parse(SourceText(name: "file", bytes: Array(text.utf8)))
      XCTAssert(parsed.unrecognised?.hasPrefix(what) == true, "\(text): \(parsed.unrecognised ?? "read")")
    }
  }

  /// An example in Markdown is not a guest of the repository; named by itself, such a file is read as far as it can be.
  func testFencedBlocksAreExamples() {
    let command = "qemu-system-x86_64 -M q35 \\\n  -device vfio-pci,host=01:00.0\n"
    for text in [
      "# VMs\n\n```sh\n\(command)```\n\nUse `-device vfio-pci,host=…`.\n", "# VMs\n```\n\(command)",
      "Plug:\n```json\n{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"vfio-pci\"}}\n```\n"
    ] {
      XCTAssertNil(recognise(text), text)
    }
    XCTAssertEqual(InputFormat.detect(Array("# VMs\n```\n\(command)```\n".utf8)), .shell)
    for text in [
      "```sh\n\(command)```\n", "\(command)cat << END\n```\nexample\n```\nEND\n",
      "#!/bin/sh\ncat << END\n```\n\(command)```\nEND\n\(command)", "A=```echo 1```\n\(command)"
    ] {
      XCTAssertEqual(recognise(text), .shell, text)
    }
  }

  func testEverythingElseIsNot() {
    for text in [
      "", "\n\n", "# Notes\n\nRun qemu-system-x86_64 with care.\n", "- one\n- two\n", "#!/bin/sh\necho hello\n",
      "#!/usr/bin/python3\nprint('qemu-system-x86_64')\n", #"{"name":"package","version":"1.0.0"}"#, "[1,2]",
      #"["bash", "run.sh"]"#, #"["virsh", "start", "vm"]"#, #"["a", "b"]"#,
      "\u{7f}ELF\0\0\0qemu-system-x86_64", "[section]\nkey = value\n", "vfiogate-host-recording 1\n",
      "PATH=/bin ls\n", "#!/bin/bash\nusermod -aG kvm $USER\n", "#!/bin/sh\napt-get install qemu-system-x86\n",
      "#!/sbin/openrc-run\ndescription=\"Virtualization qemu daemon\"\ndepend() {\n  use qemu\n}\n",
      "<html/>", "<interface type='bond' name='bond0'><start mode='none'/></interface>",
    ] {
      XCTAssertNil(recognise(text), text)
    }
  }
}
