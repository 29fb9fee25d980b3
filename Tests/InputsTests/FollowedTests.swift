import Facts
import Inputs
import Syntax
import XCTest

/// Files that a definition refers to, scripts, and sessions.
final class FollowedTests: XCTestCase {
  private func parse(_ text: String, _ files: [String: String] = [:]) -> ParsedInput {
    .parse(SourceText(name: "t", bytes: Array(text.utf8))) { path in
      files[path].map { .found(SourceText(name: path, bytes: Array($0.utf8))) } ?? .failed("No such file or directory")
    }
  }

  /// Groups of which QEMU takes sections, and the slot of a card in one.
  func testEachOptionGroupIsRead() {
    for group in ["nic", "tpmdev", "option-rom", "action", "run-with", "net"] {
      let read = parse("qemu-system-x86_64 -readconfig c\n", ["c": "[\(group)]\n  type = \"nic\"\n"])
      XCTAssertEqual(read.problems, [], group)
      XCTAssertEqual(read.machine.unreadParts, [], group)
      XCTAssertEqual(read.machine.options.last?.name, group)
    }
    let other = parse("qemu-system-x86_64 -readconfig c\n", ["c": "[ net ]\n  type = \"nic\"\n"])
    XCTAssertEqual(other.machine.unreadParts.map(\.what), ["option group ` net `"])
  }

  /// QEMU reads it before its options.
  func testTheConfigurationFileOfTheHostIsRead() {
    let files = [
      "/etc/qemu/qemu.conf":
        "[chardev \"c\"]\n  backend = \"null\"\n[device \"gpu\"]\n  driver = \"vfio-pci\"\n[machine]\n  type = \"pc\"\n",
    ]
    let read = parse("qemu-system-x86_64 -M q35 -device e1000e,id=n\n", files)
    XCTAssertEqual(read.machine.devices.map(\.id), ["gpu", "n"])
    XCTAssertEqual(read.machine.machineType?.value.string, "q35")
    XCTAssertEqual(read.machine.options.map(\.location.source), ["/etc/qemu/qemu.conf"])
    XCTAssertEqual(read.sources.map(\.name), ["/etc/qemu/qemu.conf"])
    XCTAssertEqual(parse("qemu-system-x86_64 -no-user-config -M q35 -device e1000e,id=n\n", files).machine.devices.map(\.id), ["n"])
    XCTAssertEqual(parse("qemu-system-x86_64 -device e1000e,id=n\n").machine.unreadParts, [])
    for (program, isRead) in [("/usr/bin/qemu-kvm", true), ("/usr/local/bin/qemu-kvm", false), ("/opt/qemu-kvm", false)] {
      XCTAssertEqual(parse("\(program) -device e1000e,id=n\n", files).machine.devices.count, isRead ? 2 : 1, program)
    }
    let local = ["/usr/local/etc/qemu/qemu.conf": "[device \"gpu\"]\n  driver = \"vfio-pci\"\n"]
    XCTAssertEqual(parse("/usr/local/bin/qemu-system-x86_64 -M q35\n", local).machine.devices.map(\.id), ["gpu"])
  }

  private let config = """
    # a guest
    [device "gpu"]
      driver = "vfio-pci"
      host = "0000:01:00.0"
    [object "iommufd0"]
      qom-type = "iommufd"
    [machine]
      type = "q35"
    [memory]
      size = "64G"
    [global]
      driver = "vfio-pci"
      property = "ats"
      value = "off"
    """

  func testAConfigurationFileIsReadWithItsOwnPlaces() {
    let parsed = parse("qemu-system-x86_64 -readconfig vm.cfg -set device.gpu.ats=on", ["vm.cfg": config])
    XCTAssertEqual(parsed.problems, [])
    XCTAssertTrue(parsed.machine.isComplete)
    let device = parsed.machine.devices[0]
    XCTAssertEqual(device.id, "gpu")
    XCTAssertEqual(device.form, .keyval)
    XCTAssertEqual(device.string("ats"), "on")
    XCTAssertEqual(device.location(of: "host").source, "vm.cfg")
    XCTAssertEqual(
      device.location(of: "host").range.map { String(decoding: Array(config.utf8)[$0], as: UTF8.self) },
      "host = \"0000:01:00.0\"")
    XCTAssertEqual(parsed.machine.objects.map(\.type), ["iommufd"])
    XCTAssertEqual(parsed.machine.machineType?.value, .string("q35"))
    XCTAssertEqual(parsed.machine.options.last { $0.name == "m" }?.value, .string("size=64G"))
    XCTAssertEqual(parsed.machine.globals.map { "\($0.driver).\($0.property)=\($0.value)" }, ["vfio-pci.ats=off"])
    XCTAssertEqual(parsed.sources.map(\.name), ["vm.cfg"])
  }

  func testAMissingOrEndlessConfigurationIsAFinding() {
    let missing = parse("qemu-system-x86_64 -readconfig vm.cfg")
    XCTAssertEqual(missing.machine.unreadParts.map(\.location.path), ["-readconfig[0]"])
    XCTAssertFalse(missing.machine.isComplete)
    let many = parse("qemu-system-x86_64" + String(repeating: " -readconfig vm.cfg", count: 40), ["vm.cfg": ""])
    XCTAssertEqual(many.problems.count, 8)
    let loop = parse("qemu-system-x86_64 -readconfig vm.cfg", ["vm.cfg": "[readconfig]\n file = \"vm.cfg\"\n"])
    XCTAssertEqual(loop.problems.first?.message.hasPrefix("there is no option group `readconfig`"), true)
  }

  /// A command line inside another definition: an option that is not known, or a file that is not opened, may ask for a
  /// device there too.
  func testUnreadOptionsInsideADefinitionStayUnread() {
    func libvirt(_ arguments: [String]) -> String {
      "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>a</name><qemu:commandline>"
        + arguments.map { "<qemu:arg value='\($0)'/>" }.joined() + "</qemu:commandline></domain>"
    }
    func proxmox(_ arguments: [String]) -> String {
      "name: a\nmemory: 1024\ncores: 1\nargs: " + arguments.joined(separator: " ") + "\n"
    }
    for write in [libvirt, proxmox] {
      for arguments in [["-readconfig", "/etc/passwd"], ["-frobnicate", "x"]] {
        let parsed = parse(write(arguments), ["/etc/passwd": "[device]\n"])
        XCTAssertEqual(parsed.machine.unreadParts.count, 1, write(arguments))
        XCTAssertEqual(parsed.sources.count, 0, write(arguments))
      }
      XCTAssertEqual(parse(write(["-snapshot"])).machine.unreadParts, [])
    }
  }

  func testAnUnquotedValueIsEmptyAndSaid() {
    let parsed = parse("qemu-system-x86_64 -readconfig c", ["c": "[device \"v\"]\n  driver = vfio-pci\nnonsense\n"])
    XCTAssertEqual(parsed.machine.devices[0].driver, "")
    XCTAssertEqual(parsed.problems, [], "QEMU starts where an option accepts an empty value")
    XCTAssertEqual(parsed.machine.unquotedValues.map(\.name), ["driver", "nonsense"])
    XCTAssertEqual(Set(parsed.machine.unquotedValues.map(\.location.source)), ["c"])
  }

  func testWhatOnlyTheShellKnowsIsUnknownAndNeverNothing() {
    for text in ["qemu-system-x86_64 -M q35 $DEVICES", "qemu-system-x86_64 \"${args[@]}\"", "qemu-system-x86_64 -device $GPU",
      "qemu-system-x86_64 -global vfio-pci.ats=$ATS", "qemu-system-x86_64 -readconfig $CFG", "qemu-system-x86_64 `devices`"] {
      XCTAssertEqual(parse(text).machine.unreadParts.count, 1, text)
    }
    XCTAssertEqual(parse("qemu-system-x86_64 -m $RAM disk.img").machine.unreadParts, [])
  }

  func testAnArrayThatIsWrittenOutOnceIsRead() {
    let script = """
      #!/bin/bash
      card=(
        # vfiogate: allow=ats-on-no-cap the card gets it
        -device "vfio-pci,host=01:00.0,id=gpu,ats=$ATS"  # the card
        # vfiogate: allow=dup-id never mind
        -device pcie-root-port,id=rp0
      )
      args=(-M q35 -name 'a (b)' "${card[@]}")
      echo "${#args[@]} arguments"
      exec qemu-system-x86_64 "${args[@]}" -nodefaults
      """
    let parsed = parse(script)
    XCTAssertEqual(parsed.problems, [])
    XCTAssertEqual(parsed.machine.unreadParts, [])
    XCTAssertEqual(parsed.machine.machineType?.value, .string("q35"))
    XCTAssertEqual(parsed.machine.devices.map(\.id), ["gpu", "rp0"])
    XCTAssertEqual(parsed.machine.devices.first?.property("ats")?.value, .unknown("$ATS"))
    XCTAssertTrue(parsed.machine.hasOption("nodefaults"))
    let bytes = Array(script.utf8)
    func text(_ range: Range<Int>?) -> String? { range.map { String(decoding: bytes[$0], as: UTF8.self) } }
    XCTAssertEqual(text(parsed.machine.devices.first?.location(of: "host").range), "host=01:00.0")
    XCTAssertEqual(parsed.allowances.map { text($0.scope)?.hasPrefix("-device \"vfio-pci") }, [true, false])
    XCTAssertEqual(parsed.allowances.map { text($0.scope)?.hasPrefix("-device pcie") }, [false, true])
  }

  func testACommandThatIsAnArrayIsRead() {
    let parsed = parse("#!/bin/bash\nvm=(qemu-system-x86_64\n -M q35\n -device vfio-pci,host=01:00.0,id=g)\n\"${vm[@]}\" -S\n")
    XCTAssertEqual(parsed.problems, [])
    XCTAssertEqual(parsed.machine.emulator, "qemu-system-x86_64")
    XCTAssertEqual(parsed.machine.devices.map(\.id), ["g"])
    XCTAssertEqual(parsed.machine.unreadParts, [])
  }

  func testAnArrayThatMayBeAnotherIsUnknownAndNoFinding() {
    let array = "args=(-M q35\n  -device vfio-pci,host=01:00.0\n)\n"
    let command = "qemu-system-x86_64 \"${args[@]}\"\n"
    for script in [
      array + command + "args+=(-S)\n", array + "args[1]=pc\n" + command, array + array + command,
      array + "unset args\n" + command, array + "mapfile -t args < more\n" + command, array + ". ./more\n" + command,
      array + "source more\n" + command, array + "eval \"$MORE\"\n" + command, "args=([1]=-S\n)\n" + command, command,
      array + "qemu-system-x86_64 ${args[@]}\n", array + "qemu-system-x86_64 \"${args[*]}\"\n",
      array + "qemu-system-x86_64 '-S' \"x${args[@]}\" \"${args[@]:1}\"\n",
    ] {
      let parsed = parse("#!/bin/bash\n" + script)
      XCTAssertEqual(parsed.problems, [], script)
      XCTAssertEqual(parsed.machine.devices, [], script)
      XCTAssertFalse(parsed.machine.unreadParts.isEmpty, script)
    }
    let emulator = parse("#!/bin/bash\nQEMU+=(-device x)\n\"${QEMU[@]}\" -S\n")
    XCTAssertEqual(emulator.machine.unreadParts.count, 1)
  }

  func testACommandIsFoundAmongOthersOfItsLine() {
    for line in [
      "cd /vm && CMD", "modprobe vfio-pci; sudo CMD", "start() { CMD; }", "if true; then CMD; fi", "[ -e x ] || exit 1; CMD &",
      "( cd /vm; exec CMD 2>&1 | tee log )", "case $1 in a|b) CMD ;; esac", "CMD >out 2>&1 &>>log && echo bye",
      "x=$(ls; (qemu-system-x86_64 -M pc)) CMD", "echo \"$(echo \"a;b\" | kvm -S)\"; CMD", "CMD <&3 >|out",
      "CMD | grep -v 'qemu-system-x86_64 -S'", "qemu-system-x86_64 --version | head; CMD", "if ! kvm -device help; then x; fi; CMD",
    ] {
      let script = "#!/bin/bash\n" + line.replacing("CMD", with: "qemu-system-x86_64 -M q35 -device vfio-pci,host=01:00.0,id=g")
      let parsed = parse(script + "\n")
      XCTAssertEqual(parsed.problems, [], line)
      XCTAssertEqual(parsed.machine.machineType?.value, .string("q35"), line)
      XCTAssertEqual(parsed.machine.devices.map(\.id), ["g"], line)
      let place = parsed.machine.devices.first?.location(of: "id").range
      XCTAssertEqual(place.map { String(decoding: Array(script.utf8)[$0], as: UTF8.self) }, "id=g", line)
    }
  }

  func testASecondCommandIsNeverMissed() {
    for line in ["cd x && qemu-system-x86_64 -S", "f() { kvm -S; }", "true; nice /usr/bin/qemu-system-x86_64 -S & wait"] {
      for script in ["\(line)\nqemu-system-x86_64 -M q35\n", "qemu-system-x86_64 -M q35\n\(line)\n"] {
        let unread = parse("#!/bin/sh\n" + script).machine.unreadParts.map(\.what)
        XCTAssertEqual(unread, ["a second QEMU command"], script)
      }
    }
  }

  func testASubstitutionThatIsNeverClosedIsAFinding() {
    let problems = parse("#!/bin/sh\nqemu-system-x86_64 -M q35 \"$( \"$( \"$(\n").problems
    XCTAssertEqual(problems.first { $0.message == "a substitution is never closed" }?.location.range, 37..<38)
  }

  func testPatternsOfACaseAndTestsAreNoOptions() {
    let script = """
      #!/bin/bash
      case $1 in
        -h | --help) usage ;;
        -*) exit 1 ;;
      esac
      [[ -n $A && -e /dev/vfio ]] && x=1
      qemu-system-x86_64 -M q35 & # vfiogate: allow=dup-id why
      """
    let parsed = parse(script)
    XCTAssertEqual(parsed.problems, [])
    XCTAssertEqual(parsed.allowances.map(\.rule), ["dup-id"])
    XCTAssertEqual(parse("#!/bin/sh\nqemu-system-x86_64 -M q35 \\\n  # no\n  -device x (\n").problems.count, 1)
  }

  func testWhatAHereDocumentHoldsIsNoCommand() {
    let script = """
      #!/bin/bash
      cat > vm.conf <<-'END' ; cat <<MORE
      -device no
      exec qemu-system-x86_64 "
      \tEND
      args+=(x
      MORE
      args=(-m $((1 << 2))G
        -device vfio-pci,host=$(lspci -D | awk -F, '{print $1}'),id=g)
      qemu-system-x86_64 -smp $(nproc) "${args[@]}" `# the card`
      """
    let parsed = parse(script)
    XCTAssertEqual(parsed.problems, [])
    XCTAssertEqual(parsed.machine.unreadParts, [])
    XCTAssertEqual(parsed.machine.devices.map(\.id), ["g"])
    XCTAssertEqual(parsed.machine.devices.first?.property("host")?.value, .unknown("$(...)"))
    XCTAssertEqual(parsed.machine.devices.first?.properties.count, 3)
    let shift = parse("#!/bin/bash\nx=$((1<<2))\nqemu-system-x86_64 -M q35\n")
    XCTAssertEqual(shift.machine.machineType?.value, .string("q35"))
  }

  func testAScriptIsReadForItsOneQEMU() {
    let script = """
      #!/bin/bash
      set -e
      modprobe vfio-pci ids=10de:2204  # qemu-system-x86_64 -device no
      echo "qemu-system-x86_64 -device no"
      if [ -e /dev/kvm ]; then
        exec sudo -u qemu taskset -c 2 /usr/bin/qemu-system-x86_64 \\
          -M q35 -device 'vfio-pci,host=01:00.0,
      id=gpu'
      fi
      """
    let parsed = parse(script)
    XCTAssertEqual(parsed.problems, [])
    XCTAssertEqual(parsed.machine.emulator, "qemu-system-x86_64")
    XCTAssertEqual(parsed.machine.devices.map { $0.string("host") }, ["01:00.0"])
    let variable = parse("#!/bin/sh\nQEMU=/opt/qemu\n\"$QEMU\" -device vfio-pci,host=01:00.0\n")
    XCTAssertEqual(variable.machine.devices.count, 1)
  }

  func testWhatAScriptCutsOffIsAFinding() {
    let parsed = parse("#!/bin/sh\nqemu-system-x86_64 -M q35 \\\n # the GPU\n  -device vfio-pci,host=01:00.0\n")
    XCTAssertEqual(parsed.problems.count, 1)
    XCTAssertEqual(parsed.problems.first?.message.hasPrefix("an option that begins a command of its own"), true)
  }

  func testTwoQEMUsOrNoneAreNeverSafe() {
    let two = parse("#!/bin/sh\nqemu-system-x86_64 -M q35\nqemu-system-x86_64 -M pc\n")
    XCTAssertEqual(two.machine.unreadParts.map(\.what), ["a second QEMU command"])
    XCTAssertEqual(two.machine.machineType?.value, .string("q35"))
    XCTAssertNotNil(parse("#!/bin/sh\necho hi\n").unrecognised)
  }

  func testASessionIsReadForItsCommands() {
    let text = """
      # plugging
      -> {"execute":"qmp_capabilities"}
      <- {"return":{}}
      2026-01-01 10:00:00,123 <- {"timestamp":{"seconds":1,"microseconds":2},"event":"STOP"}
      -> {"execute":"device_add",
          "arguments":{"driver":"vfio-pci","id":"g"}}
      <- {"error":{"class":"GenericError","desc":"no"}}
      """
    let parsed = parse(text)
    XCTAssertEqual(parsed.problems, [])
    XCTAssertEqual(parsed.plugs.map(\.id), ["g"])
    let raw = parse("{\"QMP\":{\"version\":{}}}\n{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"vfio-pci\"}}{\"return\":{}}\n")
    XCTAssertEqual(raw.plugs.count, 1)
    XCTAssertEqual(raw.problems, [])
  }
}
