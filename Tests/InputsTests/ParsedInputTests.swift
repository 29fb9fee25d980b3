import Facts
import Inputs
import Support
import Syntax
import XCTest

final class ParsedDefinitionTests: XCTestCase {
  private func parse(_ text: String, as format: InputFormat? = nil) -> ParsedInput {
    .parse(SourceText(name: "t", bytes: Array(text.utf8)), as: format)
  }

  private let words = ["qemu-system-x86_64", "-machine", "q35", "-device", "vfio-pci,host=01:00.0,id=g", "-nodefaults"]

  func testTheSameCommandInEveryFormIsTheSameMachine() {
    let shell = parse(words.joined(separator: " "))
    let lines = parse(words.joined(separator: "\n") + "\n")
    let crlf = parse(words.joined(separator: "\r\n"))
    let nul = parse(words.joined(separator: "\0") + "\0")
    let continued = parse("exec /usr/bin/qemu-system-x86_64 \\\n  -machine q35 \\\n -device vfio-pci,host=01:00.0,id=g -nodefaults")
    for (form, parsed) in [("shell", shell), ("lines", lines), ("crlf", crlf), ("nul", nul), ("continued", continued)] {
      XCTAssertEqual(parsed.machine.emulator, "qemu-system-x86_64", form)
      XCTAssertEqual(parsed.machine.machineType?.value, .string("q35"), form)
      XCTAssertEqual(parsed.machine.devices.map(\.id), ["g"], form)
      XCTAssertTrue(parsed.machine.hasOption("nodefaults"), form)
      XCTAssertEqual(parsed.problems, [], form)
    }
  }

  func testFormatsAreDetectedByContent() {
    XCTAssertEqual(InputFormat.detect(Array("kvm\0-S\0".utf8)), .nul)
    XCTAssertNil(InputFormat.detect(Array("bash\0-c\0".utf8)))
    XCTAssertEqual(InputFormat.detect(Array(" {\"execute\":1}".utf8)), .qmp)
    XCTAssertEqual(InputFormat.detect(Array("qemu -M q35".utf8)), .shell)
    XCTAssertEqual(InputFormat.detect(Array("qemu\n-append\nroot=/dev/sda ro\n".utf8)), .lines)
    XCTAssertEqual(InputFormat.detect(Array("-device a\n-device b\n".utf8)), .shell)
  }

  func testPropertiesAreFoundWhereTheyStand() {
    let text = "qemu-system-x86_64 -device 'vfio-pci,host=01:00.0,ats=on'"
    let device = parse(text).machine.devices[0]
    XCTAssertEqual(slice(text, device.location(of: "ats")), "ats=on")
    XCTAssertEqual(device.location(of: "ats").path, "-device[0].ats")
    XCTAssertEqual(slice(text, device.location(of: "host")), "host=01:00.0")
  }

  func testJSONDevicesKeepTheirTypesAndPlaces() {
    let text = #"-device '{"driver":"vfio-pci","host":"01:00.0","multifunction":true,"bootindex":1,"ats":null}'"#
    let device = parse(text).machine.devices[0]
    XCTAssertEqual(device.form, .json)
    XCTAssertEqual(device.property("multifunction")?.value, .bool(true))
    XCTAssertEqual(device.property("bootindex")?.value, .integer(1))
    XCTAssertEqual(device.property("ats")?.value, .null)
    XCTAssertEqual(slice(text, device.location(of: "host")), "\"01:00.0\"")
  }

  func testMalformedJSONIsAProblemAtItsPlace() {
    let text = #"qemu-system-x86_64 -device '{"driver":"vfio-pci",}'"#
    let problems = parse(text).problems
    XCTAssertEqual(problems.count, 1)
    XCTAssertEqual(problems[0].location.path, "-device[0]")
    XCTAssertEqual(problems[0].location.range.map { (45...50).contains($0.lowerBound) }, true, "\(problems)")
  }

  func testQMPCommandsOneOrMany() {
    let text = """
      {"execute":"qmp_capabilities"}
      {"execute":"object-add","arguments":{"qom-type":"iommufd","id":"io0"}}
      {"execute":"device_add","arguments":{"driver":"vfio-pci","id":"g","ats":"on"},"id":7}
      """
    let parsed = parse(text)
    XCTAssertEqual(parsed.machine.objects.map(\.id), ["io0"])
    XCTAssertEqual(parsed.plugs.map(\.id), ["g"])
    XCTAssertEqual(parsed.plugs[0].plug, .hot)
    XCTAssertEqual(slice(text, parsed.plugs[0].location(of: "ats")), "\"on\"")
    XCTAssertFalse(parsed.machine.isComplete)
  }

  func testPlugsThroughTheHumanMonitorAreKeyValueText() {
    let text = #"""
      {"execute":"human-monitor-command","arguments":{"command-line":"object_add iommufd,id=io0"}}
      -> {"execute":"human-monitor-command","arguments":{"command-line":" device_add  vfio-pci,id=g,ats=on extra"}}
      <- {"return": "Error: vfio\r\n"}
      {"execute":"human-monitor-command","arguments":{"command-line":"device_add \"vfio-pci,id=h,iommufd=io0\""}}
      {"execute":"human-monitor-command","arguments":{"command-line":"info qtree"}}
      {"execute":"human-monitor-command","arguments":{"command-line":"device_addx vfio-pci"}}
      {"execute":"human-monitor-command","arguments":{"command-line":"object_add {\"qom-type\":\"iommufd\",\"id\":\"io1\"}"}}
      """#
    let parsed = parse(text)
    XCTAssertEqual(parsed.problems.count, 1, "QEMU refuses the text behind the first device")
    XCTAssertEqual(parsed.machine.objects.map(\.id), ["io0", "io1"])
    XCTAssertEqual(parsed.plugs.map(\.id), ["g", "h"])
    XCTAssertEqual(parsed.plugs.map(\.form), [.keyval, .keyval])
    XCTAssertEqual(parsed.plugs.map(\.plug), [.hot, .hot])
    XCTAssertEqual(slice(text, parsed.plugs[0].location(of: "ats")), "ats=on")
    XCTAssertEqual(parsed.plugs[0].location(of: "ats").path, "[1].arguments.command-line.ats")
    XCTAssertEqual(slice(text, parsed.plugs[1].location(of: "id")), "\"")
  }

  func testAnUnreadablePlugThroughTheHumanMonitorIsAProblem() {
    let long = String(repeating: "x", count: 1024)
    for line in [#"device_add \"vfio-pci,id=g"#, #"device_add \"vfio-pci,\\q\""#, "device_add " + long] {
      let parsed = parse(#"{"execute":"human-monitor-command","arguments":{"command-line":"\#(line)"}}"#)
      XCTAssertEqual(parsed.plugs, [], line)
      XCTAssertEqual(parsed.problems.map(\.location.path), ["[0].arguments.command-line"], line)
    }
  }

  func testBareArgumentsOfDeviceAdd() {
    XCTAssertEqual(parse(#"{"driver":"vfio-pci","host":"01:00.0"}"#).plugs.map(\.driver), ["vfio-pci"])
  }

  func testWhatIsNoRequestIsAProblem() {
    for text in ["", " \n", "[]", "{}", #"{"a":1}"#, #"{"execute":"device_add""#, "qemu -device", "qemu 'x", "qemu | qemu"] {
      let parsed = parse(text)
      XCTAssert(!parsed.problems.isEmpty || parsed.unrecognised != nil, text)
    }
  }

  func testGlobalsInBothSpellings() {
    let parsed = parse("qemu -global vfio-pci.ats=off -global driver=vfio-pci,property=ats,value=on -global nope")
    XCTAssertEqual(parsed.machine.globals.map { "\($0.driver).\($0.property)=\($0.value)" }, ["vfio-pci.ats=off", "vfio-pci.ats=on"])
    XCTAssertEqual(parsed.problems.count, 1)
  }

  func testSetChangesAKeyvalDeviceBeforeItAndNothingElse() {
    let parsed = parse("qemu -device vfio-pci,id=v,ats=on -set device.v.ats=off")
    XCTAssertEqual(parsed.machine.devices[0].string("ats"), "off")
    XCTAssertEqual(parsed.machine.sets, [])
    for text in [
      "qemu -set device.v.ats=off -device vfio-pci,id=v",
      #"qemu -device '{"driver":"vfio-pci","id":"v"}' -set device.v.ats=off"#,
    ] {
      XCTAssertEqual(parse(text).machine.sets.map(\.id), ["v"], text)
      XCTAssertNil(parse(text).machine.devices[0].string("ats"), text)
    }
  }

  func testAReadconfigThatWasNotReadLeavesTheMachineIncomplete() {
    XCTAssertEqual(parse("qemu -M q35 -readconfig vm.cfg").machine.isComplete, false)
  }

  func testAnUnknownOptionIsNeverIgnored() {
    for (text, meant) in [
      ("qemu -devcie vfio-pci,host=01:00.0", "-device"), ("qemu -devic a", "-device"), ("qemu -nodefault", "-nodefaults"),
      ("qemu -machin q35", "-machine"), ("qemu --opbject x", "-object")
    ] {
      XCTAssertEqual(parse(text).problems.map(\.fix), ["write `\(meant)`"], text)
    }
    let other = parse("qemu -frobnicate 3 -device vfio-pci,host=01:00.0")
    XCTAssertEqual(other.machine.unreadParts.map(\.what), ["option `-frobnicate`"])
    XCTAssertEqual(other.machine.devices.count, 1)
    XCTAssertEqual(parse("qemu -S -s -fw_cfg name=a -hdb x -run-with user=a -nic none").problems, [])
  }

  func testShellVariablesAreUnknownValues() {
    let device = parse("qemu -device vfio-pci,host=$GPU,ats=on").machine.devices[0]
    XCTAssertEqual(device.property("host")?.value, .unknown("$GPU"))
    XCTAssertEqual(device.property("ats")?.value, .string("on"))
  }

  func testTheSizeCapSaysThatItWasHit() {
    let large = SourceText(name: "t", bytes: [UInt8](repeating: 0x61, count: ParsedInput.maximumSize + 1))
    XCTAssertEqual(ParsedInput.parse(large).problems.first?.message.contains("larger than"), true)
    // A libvirt domain may be larger than a command line.
    let blank = String(repeating: " ", count: 4 << 20)
    func messages(_ text: String, _ format: InputFormat?) -> [String] {
      let source = SourceText(name: "t", bytes: Array(text.utf8))
      return (format.map { ParsedInput.parse(source, as: $0) } ?? ParsedInput.parse(source)).problems.map(\.message)
    }
    for format in [nil, InputFormat.xml] { XCTAssertEqual(messages("<domain type='kvm'>\(blank)</domain>", format), []) }
    for format in [nil, InputFormat.shell] {
      XCTAssertEqual(messages("qemu-system-x86_64\(blank)-S", format).first?.contains("larger than"), true)
    }
  }

  func testNothingTrapsOnAnyBytesAndEveryRangeLiesInTheText() {
    var chance = SeededGenerator(seed: 3)
    let pieces = [
      "-device", "vfio-pci", "{", "}", "\"driver\":", "\"vfio-pci\"", ",", "=", "host=01:00.0", "\n", " ", "'", "\"", "\\",
      "\0", "$X", "-set", "device.v.ats=on", "-global", "-object", "iommufd,id=i", "{\"execute\":\"device_add\",\"arguments\":{",
      "}}", "qemu-system-x86_64", "é", "-", "--", "id=v", "[", "]",
    ]
    for _ in 0..<10_000 {
      let text = (0..<Int.random(in: 0..<12, using: &chance)).map { _ in
        pieces[Int.random(in: 0..<pieces.count, using: &chance)]
      }.joined(separator: Bool.random(using: &chance) ? " " : "")
      for format in [nil, .shell, .lines, .nul, .qmp] as [InputFormat?] {
        let parsed = parse(text, as: format)
        let requests = parsed.machine.devices + parsed.plugs
        let locations = parsed.problems.map(\.location) + requests.flatMap { [$0.location] + $0.properties.map(\.location) }
        for range in locations.compactMap(\.range) {
          XCTAssertTrue(range.lowerBound >= 0 && range.upperBound <= text.utf8.count, text)
        }
      }
    }
  }

  private func slice(_ text: String, _ location: Location) -> String? {
    location.range.map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) }
  }
}
