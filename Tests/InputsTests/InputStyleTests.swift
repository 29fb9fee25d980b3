import Facts
import Syntax
import XCTest

@testable import Inputs

/// Definitions in the styles in which people write them, beside those of scripts.
final class InputStyleTests: XCTestCase {
  private func parse(_ text: String, as format: InputFormat? = nil) -> ParsedInput {
    .parse(SourceText(name: "t", bytes: Array(text.utf8)), as: format)
  }

  private func hosts(_ text: String) -> [String] {
    let parsed = parse(text)
    XCTAssertEqual(parsed.problems.map(\.message), [], text)
    return (parsed.machine.devices + parsed.plugs).filter { $0.driver == "vfio-pci" }.compactMap { $0.string("host") }
  }

  // MARK: - QMP and the human monitor

  func testQMPInAnArrayAndInSingleQuotesIsRead() {
    let plug = "{\"execute\": \"device_add\", \"arguments\": {\"driver\": \"vfio-pci\", \"host\": \"01:00.0\"}}"
    for text in [
      plug, "[\(plug)]", "[{\"execute\": \"qmp_capabilities\"},\n \(plug)]", "[{\"driver\": \"vfio-pci\", \"host\": \"01:00.0\"}]",
      plug.replacing("\"", with: "'"), "[\(plug.replacing("\"", with: "'"))]", "[]\n" + plug
    ] {
      XCTAssertEqual(hosts(text), ["01:00.0"], text)
    }
    let text = "[{\"execute\": \"cont\"}, \(plug)]"
    let range = parse(text).plugs.first?.location(of: "host").range
    XCTAssertEqual(range.map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) }, "\"01:00.0\"")
    XCTAssertEqual(parse("[\(plug),").problems.count, 1)
  }

  func testOfAMonitorsSessionOnlyThePromptsLinesAreCommands() {
    let greeting = "QEMU 11.1.3 monitor - type 'help' for more information\n"
    let plug = "(qemu) device_add vfio-pci,host=01:00.0\n"
    XCTAssertEqual(hosts(greeting + plug), ["01:00.0"])
    XCTAssertEqual(hosts("(qemu) info pci\n  Bus  0, device   0, function 0:\n    Host bridge\n" + plug + "(qemu) \n"), ["01:00.0"])
    XCTAssertEqual(hosts("device_add vfio-pci,host=01:00.0\n"), ["01:00.0"])
    let output = parse("(qemu) info pci\ndevice_add vfio-pci,host=01:00.0\n" + plug)
    XCTAssertEqual(output.plugs.count, 1)
    XCTAssertEqual(output.machine.unreadParts.count, 1, "it may have been a command after all")
  }

  // MARK: - systemd

  /// To systemd only quotes, backslashes, `%`, `$` and a `;` between blanks are special (systemd.service(5), Command Lines).
  func testCharactersOfAShellAreTextInAUnit() {
    let device = "-device vfio-pci,host=01:00.0"
    for text in ["#", "a#b", "a|b", "a&b", "(a)", "<a>", "`a", "a;b", "{a,b}"] {
      let unit = parse("[Service]\nExecStart=/usr/bin/qemu-system-x86_64 -M q35 -name \(text) \(device)\n")
      XCTAssertEqual(unit.problems.map(\.message), [], text)
      XCTAssertEqual(unit.machine.devices.map { $0.string("host") }, ["01:00.0"], text)
    }
    let name = parse("[Service]\nExecStart=/usr/bin/qemu-system-x86_64 -name a#(b)|c \(device)\n").machine.guestName
    XCTAssertEqual(name, "a#(b)|c")
    let next = parse("[Service]\nExecStart=/usr/bin/qemu-system-x86_64 -M q35 ; /bin/echo \(device)\n")
    XCTAssertEqual(next.machine.devices.count, 0)
    XCTAssertEqual(next.machine.unreadParts.count, 1)
    let comment = parse("[Service]\nExecStart=/usr/bin/qemu-system-x86_64 -M q35 \\\n# it's one\n; 'another'\n \(device)\n")
    XCTAssertEqual(comment.machine.devices.count, 1)
  }

  func testASecondCommandOfAUnitIsUnreadAndAnEmptyOneResets() {
    let command = "ExecStart=/usr/bin/qemu-system-x86_64 -device vfio-pci,host=01:00.0\n"
    let second = parse("[Service]\n\(command)ExecStart=/usr/bin/qemu-system-x86_64 -S\n")
    XCTAssertEqual(second.problems, [])
    XCTAssertEqual(second.machine.unreadParts.map(\.what), ["a second QEMU command"])
    let reset = parse("[Service]\nExecStart=/usr/bin/qemu-system-x86_64 -S\nExecStart=\n\(command)")
    XCTAssertEqual(reset.machine.unreadParts, [])
    XCTAssertEqual(reset.machine.devices.count, 1)
    XCTAssertFalse(reset.machine.hasOption("S"))
  }

  func testContinuedCommandsOfAUnitAreReadWhole() {
    let device = "-device vfio-pci,host=01:00.0"
    for command in [
      "/usr/bin/qemu-system-x86_64 \\\n  -M q35 \\\n  \(device)",
      "/usr/bin/qemu-system-x86_64 -M q35 \\\n# a comment\n; another\n  \(device)",
      "-/usr/bin/nice -n -5 /usr/bin/qemu-system-x86_64 \(device)",
      "\"/usr/bin/qemu-system-x86_64\" \"-device\" \"vfio-pci,host=01:00.0\"",
      "/usr/bin/qemu-system-x86_64 \\\r\n  \(device)\r"
    ] {
      let text = "[Unit]\nDescription=a\n[Service]\nExecStartPre=/sbin/modprobe vfio-pci\nExecStart=\(command)\nRestart=no\n"
      XCTAssertEqual(hosts(text), ["01:00.0"], text)
      XCTAssertEqual(parse(text).machine.unreadParts, [], text)
    }
  }

  func testEscapesOfAUnitAreUnknownValues() {
    for argument in ["\\x76fio-pci,host=01:00.0", "vfio-pci\\x2chost=01:00.0", "vfio-pci,host=\\0601:00.0"] {
      let parsed = parse("[Service]\nExecStart=/usr/bin/qemu-system-x86_64 -device \(argument)\n")
      XCTAssertEqual(parsed.problems, [], argument)
      let isOpen = !parsed.machine.unreadParts.isEmpty || parsed.machine.devices.contains { device in
        device.properties.contains { if case .unknown = $0.value { true } else { false } }
      }
      XCTAssertTrue(isOpen, argument)
    }
  }

  func testAUnitsSingleQuotesEscapeAndExpandAsDoubleOnesDo() throws {
    let start = "[Service]\nExecStart=/usr/bin/qemu-system-x86_64 -device "
    for argument in [
      #"'{"driver":"vfio-pci","host":"01:00.0"}'"#, #"'{\"driver\":\"vfio-pci\",\"host\":\"01:00.0\"}'"#,
      #""{\"driver\":\"vfio-pci\",\"host\":\"01:00.0\"}""#, "'vfio-pci,host=01:00.0'", "\"vfio-pci,host=01:00.0\" -name \"it's\""
    ] {
      let unit = parse(start + argument + "\n")
      XCTAssertEqual(unit.problems.map(\.message), [], argument)
      XCTAssertEqual(unit.machine.devices.map { $0.string("host") }, ["01:00.0"], argument)
    }
    let device = try XCTUnwrap(parse(start + "'vfio-pci,host=${GPU},id=g'\n").machine.devices.first)
    guard case .unknown = device.property("host")?.value else { return XCTFail("\(device.properties)") }
  }

  func testSpecifiersOfAUnitAreUnknownValues() throws {
    let unit = "[Service]\nExecStart=/usr/bin/qemu-system-x86_64 -name 100%% -device vfio-pci,host=%I,id=g\n"
    let parsed = parse(unit)
    XCTAssertEqual(parsed.problems, [])
    let device = try XCTUnwrap(parsed.machine.devices.first)
    guard case .unknown = device.property("host")?.value else { return XCTFail("\(device.properties)") }
    XCTAssertEqual(device.string("id"), "g")
    XCTAssertEqual(parse(unit.replacing("vfio-pci,host=%I,id=g", with: "%i")).machine.unreadParts.count, 1)
  }

  // MARK: - Proxmox

  func testAHostPCIThatProxmoxDoesNotKnowIsReported() {
    for key in ["hostpci16", "hostpci", "HOSTPCI0", "hostpci00", "hostpci-1"] {
      let parsed = parse("memory: 1024\n\(key): 01:00.0\n")
      XCTAssertEqual(parsed.problems.map(\.message), ["Proxmox does not know `\(key)`, and ignores it"])
    }
    for key in ["hostpci0", "hostpci9", "hostpci15"] {
      XCTAssertEqual(parse("memory: 1024\n\(key): 0000:01:00.0\n").problems.map(\.message), [], key)
    }
  }

  // MARK: - libvirt

  func testAHostdevOfAnUnknownTypeIsReported() {
    func problems(_ hostdev: String) -> [String] {
      parse("<domain type='kvm'><devices>\(hostdev)</devices></domain>").problems.map(\.message)
    }
    let unknown = "`<hostdev>` has the type `PCI`, which libvirt does not know: libvirt refuses the domain"
    XCTAssertEqual(problems("<hostdev mode='subsystem' type='PCI'><source/></hostdev>"), [unknown])
    XCTAssertEqual(problems("<hostdev/>"), ["`<hostdev>` has no type: libvirt refuses the domain"])
    for type in ["usb", "scsi", "scsi_host"] {
      XCTAssertEqual(problems("<hostdev mode='subsystem' type='\(type)'><source/></hostdev>"), [], type)
    }
    XCTAssertEqual(
      problems("<hostdev mode='capabilities' type='misc'/>"),
      ["`<hostdev>` has the mode `capabilities`: libvirt refuses it with `hostdev mode 'capabilities' is not supported in qemu`"])
  }

  // MARK: - -readconfig

  func testAConfigurationFileWithoutQuotesIsRecognisedByItsDevice() {
    XCTAssertEqual(InputFormat.detect(Array("[device \"g\"]\n  driver = vfio-pci\n".utf8)), .readconfig)
    XCTAssertNil(InputFormat.detect(Array("[device]\n  driver = vfio-pci\n".utf8)))
    XCTAssertNil(InputFormat.detect(Array("[section]\nkey = \"value\"\n".utf8)))
  }

  /// QEMU reads lines with sscanf (observed on 11.1.3).
  func testLinesOfAConfigurationAreReadAsByQEMU() {
    let device = "[device \"g\"]\n  driver = \"vfio-pci\"\n  host = \"01:00.0\"\n"
    for text in [
      "[machine] # x\n  type = \"q35\"\n" + device, device.replacing("\n", with: "\r\n"), "\n# x\n" + device,
      device.replacing(" = ", with: " =")
    ] {
      XCTAssertEqual(parse(text).problems.map(\.message), [], text)
      XCTAssertEqual(parse(text).machine.devices.map { $0.string("host") }, ["01:00.0"], text)
    }
    for text in [device + " \n", device + "  # x\n", device + "  bus=\"rp0\"\n", device + "  bus= \"rp0\"\n", device + "\r\n"] {
      XCTAssertFalse(parse(text).problems.isEmpty && parse(text).machine.unquotedValues.isEmpty, text)
    }
  }

  func testAGroupThatQEMUDoesNotHaveIsUnread() {
    let parsed = parse("[device \"g\"]\n  driver = \"vfio-pci\"\n  host = \"01:00.0\"\n[set]\n  x = \"y\"\n")
    XCTAssertEqual(parsed.machine.devices.count, 1)
    XCTAssertEqual(parsed.machine.unreadParts.map(\.what), ["option group `set`"])
  }

  // MARK: - Programs

  func testAListOfAProgramIsRead() {
    let list = "[\"qemu-system-x86_64\", '-M', \"q35\",  # the machine\n  \"-device\", \"vfio-pci,host=01:00.0\",\n]"
    for head in ["", "#!/usr/bin/env python3\n", "import subprocess\nx = [1, 2]\n"] {
      for call in ["subprocess.run(%)", "subprocess.Popen( % , env=x)", "from subprocess import check_call\ncheck_call(\n%\n)"] {
        let text = head + call.replacing("%", with: list) + "\n"
        XCTAssertEqual(hosts(text), ["01:00.0"], text)
        XCTAssertEqual(parse(text).machine.unreadParts, [], text)
        XCTAssertEqual(parse(text).machine.machineType?.value, .string("q35"), text)
      }
      for other in [
        "cmd = %", "cmd.extend(%)", "subprocess.run(% + more)", "os.execvp(a, %)", "subprocess.run(%, shell=True)",
        "subprocess.run(%)\nsubprocess.run(%)",
        "run(%)", "vm.run(%)", "from subprocess import run\nvm.run(%)", "from subprocess import run\ndef run(x): pass\nrun(%)"
      ] {
        let text = head + other.replacing("%", with: list) + "\n"
        XCTAssertEqual(hosts(text), ["01:00.0"], text)
        XCTAssertFalse(parse(text).machine.unreadParts.isEmpty, text)
      }
    }
  }

  /// A list in a comment, in a string or of a question to QEMU starts no guest.
  func testAListThatIsNotRunIsNoCommand() {
    let list = "[\"qemu-system-x86_64\", \"-m\", \"4G\"]"
    let quotes = ["'", "\""].map { String(repeating: $0, count: 3) }
    for text in [
      "# subprocess.run(\(list))\nstart()\n", "\(quotes[0])run(\(list))\(quotes[0])\nstart()\n",
      "\(quotes[1])\n\(list)\n\(quotes[1])\nstart()\n", "subprocess.check_output([\"qemu-system-x86_64\", \"--version\"])\n"
    ] {
      XCTAssertNotNil(parse(text).unrecognised, text)
    }
    let parts = "subprocess.run([\"qemu-system-x86_64\", \"-device\", \"vfio-pci,\"\n  'host=01:00.0', \"-S\"])\n"
    XCTAssertEqual(hosts(parts), ["01:00.0"])
    XCTAssertTrue(parse(parts).machine.hasOption("S"))
    let run = "x = \"#\"; y = '\\'#'\nsubprocess.run([\"qemu-system-x86_64\", \"-device\", \"vfio-pci,host=01:00.0\"])\n"
    XCTAssertEqual(hosts(run), ["01:00.0"])
  }

  func testOfADirectorysProgramsOnlyThoseWithADeviceAreDefinitions() {
    let program = "subprocess.run([\"qemu-system-x86_64\", \"-device\", \"%\"])\n"
    XCTAssertEqual(InputFormat.recognise(Array(program.replacing("%", with: "vfio-pci,host=01:00.0").utf8)), .python)
    XCTAssertNil(InputFormat.recognise(Array(program.replacing("%", with: "e1000").utf8)))
    XCTAssertEqual(InputFormat.detect(Array(program.replacing("%", with: "e1000").utf8)), .python)
  }

  func testAListThatIsNotOnlyPlainStringsIsNotRead() {
    for item in [
      "gpu", "f\"vfio-pci,host={gpu}\"", "\"vfio-pci,host=\" + gpu", "\"vfio-pci,\" f\"host={gpu}\"",
      "\"vfio-pci,host=%s\" % gpu", "*more"
    ] {
      let parsed = parse("subprocess.run([\"qemu-system-x86_64\", \"-device\", \(item)])\n")
      XCTAssertEqual(parsed.machine.devices, [], item)
      XCTAssert(parsed.unrecognised != nil || !parsed.machine.unreadParts.isEmpty, item)
    }
    XCTAssertEqual(parse("x = 1\n", as: .python).problems.count, 1)
  }

  // MARK: - Texts of other systems

  func testAByteOrderMarkIsIgnored() {
    for text in ["qemu-system-x86_64 -device vfio-pci,host=01:00.0\n", "qemu-system-x86_64\n-device\nvfio-pci,host=01:00.0\n",
      "device_add vfio-pci,host=01:00.0\n", "{\"driver\": \"vfio-pci\", \"host\": \"01:00.0\"}"] {
      XCTAssertEqual(hosts("\u{feff}" + text), ["01:00.0"], text)
    }
  }

  func testWhatIsNotADefinitionIsNamed() {
    for (text, part) in [
      ("virt-install --name a --hostdev 01:00.0\n", "--print-xml"), ("#!/bin/sh\nvirt-install --hostdev 01:00.0\n", "--print-xml"),
      ("#!/bin/sh\nqm set 100 --hostpci0 01:00.0\n", "VMID.conf"), ("[Socket]\nListenStream=1\n", "configuration file of another"),
      ("   </clock>\n-  <on_crash>a</on_crash>\n", "a patch"), ("<?php exec('kvm -S');\n", "a program"),
      ("--- a\n+++ b\n@@ -1 +1 @@\n <domain type='kvm'>\n-  <hostdev type='pci'/>\n </domain>\n", "a patch"),
      ("<network><name>n</name></network>", "`<network>`"), ("<!DOCTYPE html><html><p>kvm -S<br></html>", "HTML"),
      ("<plist><dict><key>qemu-system-x86_64</key></dict></plist>", "`<plist>`"),
      ("<device><name>pci_0000_01_00_0</name><capability type='pci'/></device>", "a node device of libvirt, `<device>`: `vfiogate ready"),
      ("<domainCapabilities><path>/usr/bin/qemu-system-x86_64</path></domainCapabilities>", "capabilities of domains"),
      ("<pool type='dir'/>", "a storage pool"), ("<interface type='ethernet' name='eth0'/>", "an interface of the host"),
      ("<domain type='kvm'>\n{% for gpu in gpus %}\n<hostdev type='pci'/>\n{% endfor %}\n</domain>\n", "a template"),
      ("usage: attach-gpu <domain> <address>\n  attaches it to <domain>\n", "without a QEMU command"),
      ("--state\n--balloon\n--vcpu\n--block\n", "without a QEMU command"), ("--domain\n", "without a QEMU command"),
      ("podman run -e ARGS=\"-device vfio-pci,host=01:00.0\" --device=/dev/vfio/1 img\n", "a container's command"),
      ("Vagrant.configure('2') do |c|\n l.qemuargs :value => 'vfio-pci,host=01:00.0'\nend\n", "a Vagrantfile"),
      ("#!/usr/bin/env fish\nqemu-system-x86_64 -device $gpu\n", "another language"),
      (".encoding = \"UTF-8\"\npciPassthru0.present = \"TRUE\"\n", "VMware"), ("cpu=2\npassthru0=\"1/0/0\"\n", "bhyve"),
      ("name = \"vm\"\nmemory = 4096\npci = ['01:00.0']\n", "Xen"),
      ("{\"mdev_type\": \"i915-GVTg_V5_8\", \"start\": \"manual\"}\n", "mdevctl")
    ] {
      var all = ParsedInputs(SourceText(name: "t", bytes: Array(text.utf8)))
      let what = all.next()?.unrecognised
      XCTAssert(what?.contains(part) == true, "\(text): \(what ?? "-")")
      XCTAssertNil(InputFormat.recognise(Array(text.utf8)), text)
    }
    let utf16 = ParsedInput.parse(SourceText(name: "t", bytes: [0xff, 0xfe] + Array("k\0v\0m\0 \0-\0S\0".utf8)))
    XCTAssert(utf16.unrecognised?.contains("UTF-16") == true)
  }
}
