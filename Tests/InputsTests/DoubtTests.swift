import Facts
import Syntax
import XCTest

@testable import Inputs

/// Texts in which a device may come from where no reader looks: undetermined, and never an error.
final class DoubtTests: XCTestCase {
  private func parse(_ text: String) -> ParsedInput { ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8))) }

  private func assertOpen(_ texts: [String], line: UInt = #line) {
    for text in texts {
      let parsed = parse(text)
      XCTAssertEqual(parsed.problems.map(\.message), [], text, line: line)
      XCTAssertFalse(parsed.machine.unreadParts.isEmpty && parsed.unrecognised == nil, text, line: line)
    }
  }

  private func assertRead(_ texts: [String], line: UInt = #line) {
    for text in texts {
      let parsed = parse(text)
      XCTAssertEqual(parsed.problems.map(\.message), [], text, line: line)
      XCTAssertEqual(parsed.machine.unreadParts.map(\.what), [], text, line: line)
      XCTAssertNil(parsed.unrecognised, text, line: line)
    }
  }

  private static let qemu = "qemu-system-x86_64 -M q35 -m 4G"

  func testTheProgramMayHoldOptions() {
    assertOpen([
      "QEMU=\"qemu-system-x86_64 $EXTRA\"\n$QEMU -m 4G\n", "QEMU=$(build)\n$QEMU -m 4G\n",
      "QEMU=qemu-system-x86_64\nQEMU+=\" $X\"\n$QEMU -m 4G\n",
      "QEMU=qemu-system-x86_64\n[ -n \"$GPU\" ] && QEMU=\"$QEMU -device $D\"\nsudo $QEMU -m 4G\n", "QEMU=`build`\nexec \"$QEMU\" -m 4G\n",
      "if x; then QEMU='qemu-kvm -S'; else QEMU=qemu-kvm; fi\n${QEMU} -m 4G\n", "QEMU=./wrapper\nQEMU=./other\n$QEMU -m 4G\n"
    ])
    assertRead([
      "QEMU=${QEMU:-qemu-system-x86_64}\n$QEMU -m 4G\n", "QEMU=$(command -v qemu-system-x86_64)\n$QEMU -m 4G\n", "$QEMU -m 4G\n",
      "QEMU=\"$DIR/qemu-system-x86_64\"\n$QEMU -m 4G\n", "if x; then QEMU=kvm; else QEMU=/usr/bin/qemu-kvm; fi\n\"$QEMU\" -m 4G\n",
      "QEMU='qemu-system-x86_64 -enable-kvm'\n$QEMU -m 4G\n", "# QEMU=x y\nQEMU=qemu-kvm\nQEMU=kvm\n$QEMU -m 4G\n",
      "QEMU_IMG=\"qemu-img x\"\n$QEMU -m 4G\n"
    ])
  }

  func testAScriptThatEndsInsideOfAStructureIsCut() {
    for start in ["if x; then\n", "while x\ndo\n", "for x in 1; do ", "vm() {\n", "{ ", "( ", "case $x in\na)\n", "function vm {\n"] {
      assertOpen(["#!/bin/sh\n\(start)\(Self.qemu)\n"])
    }
    assertRead([
      "if x; then\n\(Self.qemu)\nfi\n", "for x in 1; do \(Self.qemu); done\n", "vm() {\n\(Self.qemu)\n}\nvm\n", "( \(Self.qemu) )\n",
      "case $x in\na) echo ;;\n(b) \(Self.qemu) ;;\nesac\n", "echo '(' if\n\(Self.qemu)\n"
    ])
  }

  func testAFunctionMayHaveTheEmulatorsName() {
    assertOpen([
      "qemu-system-x86_64() { command qemu-system-x86_64 \"$@\" -S; }\n\(Self.qemu)\n",
      "function kvm {\n /usr/bin/kvm \"$@\" $X\n}\nkvm -m 4G\n",
      "sudo() { command sudo \"$@\" -device \"$D\"; }\nsudo \(Self.qemu)\n", "alias sudo=plug\nsudo \(Self.qemu)\n",
      "nice () {\n x\n}\nsudo nice -n 5 \(Self.qemu)\n", "hash -p /x/vm qemu-system-x86_64\n\(Self.qemu)\n"
    ])
    assertRead(["log() {\n echo sudo\n}\nsudo \(Self.qemu)\n", "sudo() { x; }\n\(Self.qemu)\n"])
  }

  func testStorageThatVFIOAttachesIsOpen() {
    assertOpen([
      "\(Self.qemu) -cdrom 'json:{\"file.driver\":\"nvme\",\"file.device\":\"0000:0a:00.0\",\"file.namespace\":1}'\n",
      "qemu-storage-daemon --blockdev driver=nvme,node-name=n,device=0000:0a:00.0,namespace=1 &\n\(Self.qemu)\n",
      "echo '{\"execute\":\"blockdev-add\",\"arguments\":{\"driver\":\"nvme\",\"device\":\"0000:0a:00.0\"}}' | socat - m\n\(Self.qemu)\n"
    ])
    assertRead(["\(Self.qemu) -drive id=d,if=none,file=x -device nvme,drive=d,serial=1\n"])
  }

  func testADashOfAWordProcessorIsAnError() {
    for mark in ["\u{a0}", "\u{202e}", "\u{2066}", "\u{ad}", "\u{3000}", "\u{feff}"] {
      XCTAssertEqual(parse("\(Self.qemu) \(mark)-device virtio-net-pci\n").problems.count, 1, mark)
    }
    XCTAssertEqual(parse("\(Self.qemu) \u{2013}device virtio-net-pci\n").problems.count, 1)
  }

  func testAListWithOtherItemsThanStringsIsAnError() {
    XCTAssertEqual(parse("[\"qemu-system-x86_64\",\"-M\",\"q35\",null,\"-device\",5]\n").problems.count, 1)
  }

  /// Without a line that names a shell, lines without a backslash are one command, unless others have one.
  func testAForgottenBackslashIsAnError() {
    XCTAssertEqual(parse("qemu-system-x86_64 -m 4G\n-nographic\n").problems, [])
    XCTAssertEqual(parse("qemu-system-x86_64 -m 4G \\\n  -S\n  -nographic\n").problems.count, 1)
  }

  func testAProgramBeforeQEMUMayAddOptions() {
    assertOpen(["[Service]\nExecStart=@/usr/local/bin/vm \(Self.qemu)\n", "[\"vm\", \"qemu-system-x86_64\", \"-m\", \"4G\"]\n"])
    let list = "[\"sudo\", \"qemu-system-x86_64\", \"-m\", \"4G\"]\n"
    let loader = "/lib64/ld-linux-x86-64.so.2 --library-path /opt/lib /opt/\(Self.qemu)\n"
    assertRead(["[Service]\nExecStart=/usr/bin/nice -n 5 /usr/bin/\(Self.qemu)\n", list, loader])
  }

  func testAWordOfAnotherProgramIsOpen() {
    let line = "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"%s\"}}\n"
    assertOpen(["{{ cmd }}", "$CMD", "%s"].map { "{\"execute\":\"\($0)\"}\n" } + [line, "(qemu) info status\n(qemu) {{ plug }}\n"])
    assertOpen(["$DEV", "${DRV},host=0a:00.0", "%s"].map { "info status\ndevice_add \($0)\n" })
    let names = [("drive-mirror", "target"), ("blockdev-change-medium", "filename"), ("change-backing-file", "backing-file")]
    for (name, argument) in names {
      let parsed = parse("{\"execute\":\"\(name)\",\"arguments\":{\"\(argument)\":\"nvme://0000:01:00.0/1\"}}\n")
      XCTAssertEqual(parsed.machine.unreadParts.map(\.what), ["host function of the disk `0000:01:00.0`"], name)
    }
    let plug = "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"vfio-pci\",\"host\":\"01:00.0\"}}"
    let virsh = "# virsh qemu-monitor-command vm '\(plug)'\n{\"return\":{}}\n"
    XCTAssertEqual(parse(virsh).plugs.count, 1)
    XCTAssertEqual(parse(virsh).problems, [])
  }

  /// A value that a template, a program or a here-document's shell fills in, in each form that a device can have.
  func testAValueOfAnotherProgramIsUnknown() {
    func host(_ text: String) -> PropertyValue? {
      let parsed = parse(text)
      XCTAssertEqual(parsed.problems.map(\.message), [], text)
      return (parsed.machine.devices + parsed.plugs).first?.value("host")
    }
    func forms(_ value: String) -> [(stream: Bool, text: String)] {
      let json = "{\"driver\":\"vfio-pci\",\"id\":\"v\",\"host\":\"\(value)\"}", keyval = "vfio-pci,id=v,host=\(value)"
      let human = "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"device_add \(keyval)\"}}"
      return [
        (false, "\(Self.qemu) -device '\(keyval)'\n"), (false, "\(Self.qemu) -device '\(json)'\n"),
        (true, "device_add \(keyval)\n"), (true, human), (true, "{\"execute\":\"device_add\",\"arguments\":\(json)}")
      ]
    }
    for value in ["{{gpu}}", "0000:{{bus}}:00.0", "@GPU@", "%s", "<%=gpu%>"] {
      for form in forms(value) { XCTAssertEqual(host(form.text), .unknown(value), form.text) }
    }
    // Single quotes of a shell keep them.
    for value in ["$GPU", "0000:${BUS}:00.0", "`gpu`"] {
      for form in forms(value) { XCTAssertEqual(host(form.text), form.stream ? .unknown(value) : .string(value), form.text) }
    }
    for value in ["01:00.0", "%d", "{a}", "a{{b"] {
      for form in forms(value) { XCTAssertEqual(host(form.text), .string(value), form.text) }
    }
    let json = #"{\"driver\":\"vfio-pci\",\"host\":\"$GPU\",\"id\":\"v\"}"#
    XCTAssertEqual(host("\(Self.qemu) -device \"\(json)\"\n"), .unknown("$GPU"))
    XCTAssertEqual(host("\(Self.qemu) -device \"\(json.replacing("$GPU", with: "0a:00.0"))\" -name $X\n"), .string("0a:00.0"))
    assertOpen(["info status\ndevice_add vfio-pci,host={{ gpu }},id=v\n"])
    assertOpen(["{\"execute\":\"object-add\",\"arguments\":{\"qom-type\":\"iommufd\",\"id\":\"$IO\"}}\n", "object_add iommufd,id=$IO\n"])
  }

  func testAVariableOfAUnitMayBeSeveralWords() {
    assertOpen(["[Service]\nExecStart=/usr/bin/\(Self.qemu) -kernel $ARGS\n"])
    assertRead(["[Service]\nExecStart=/usr/bin/\(Self.qemu) -name ${NAME}\n", "\(Self.qemu) -name $NAME\n"])
    for word in ["&&", "2>/dev/null", "#"] {
      let problems = parse("[Service]\nExecStart=/usr/bin/\(Self.qemu) \(word)\n").problems
      let text = "`\(word)` is an argument here: QEMU opens it as a disk image, and stops where there is none"
      XCTAssertEqual(problems.map(\.message), [text])
    }
    XCTAssertEqual(parse("\(Self.qemu) -\n").problems.map(\.message), ["QEMU stops at `-` with `-: invalid option`"])
  }

  func testADeviceInJSONInAListIsRead() {
    let list = "[\"qemu-system-x86_64\",\"-device\",\"{\\\"driver\\\":\\\"vfio-pci\\\",\\\"host\\\":\\\"01:00.0\\\"}\"]\n"
    assertRead([list])
    XCTAssertEqual(parse(list).machine.devices.map { $0.string("host") }, ["01:00.0"])
  }

  /// Proxmox's QEMU, as `qm showcmd` prints its command, reads a type without Proxmox's revision.
  func testProxmoxsRevisionIsNoPartOfAMachineType() {
    func type(_ emulator: String) -> PropertyValue? { parse("\(emulator) -machine 'type=q35+pve0' -m 4G\n").machine.machineType?.value }
    XCTAssertEqual(type("/usr/bin/kvm"), .string("q35"))
    XCTAssertEqual(type("qemu-system-x86_64"), .string("q35+pve0"))
  }

  func testWordsThatStandForOthers() {
    for word in ["...", "\u{2026}", "[...]", "[options]", "@args", "%*", "!EXTRA!"] {
      assertOpen(["\(Self.qemu) \(word)\n", "[\"qemu-system-x86_64\", \"-m\", \"4G\", \"\(word)\"]\n"])
    }
    for dash in ["\u{2014}", "\u{2212}", "\u{200b}-"] {
      let problems = parse("\(Self.qemu) \(dash)device vfio\u{2011}pci,host=0a:00.0\n").problems
      XCTAssertEqual(problems.map(\.fix), ["write `-device`"])
    }
  }

  func testATextThatEndsInTheCommandIsCut() {
    let log = "2026-05-01 10:00:00.000+0000: starting up libvirt version: 10.0.0\n/usr/bin/qemu-system-x86_64 \\\n-m 4G \\\n"
    assertOpen([log, "#!/bin/sh\n\(Self.qemu) \\\n  -S \\\n", "[Service]\nExecStart=/usr/bin/\(Self.qemu) \\\n  -S \\\n"])
    assertOpen(["script = ''\n  \(Self.qemu) \\\n    -S \\\n  '' + devices;\n", "os.execute([[\n \(Self.qemu) \\\n ]] .. x)\n"])
    assertOpen(["script = ''\n  \(Self.qemu) \\\n    -S\n  '' + devices;\n", "os.execute([[\n  \(Self.qemu) -S\n]] .. devices)\n"])
  }

  func testInputsThatReachAMonitor() {
    let qemu = "\(Self.qemu) -monitor stdio"
    assertOpen([
      "exec < plug.hmp\n\(qemu)\n", "{ \(qemu); } < plug.hmp\n", "if x; then\n\(qemu)\nfi < plug.hmp\n", "exec 3<x\n\(qemu) <&3\n",
      "[Service]\nStandardInput=file:/etc/plug.hmp\nExecStart=/usr/bin/\(qemu)\n",
      "p = subprocess.Popen([\"qemu-system-x86_64\", \"-qmp\", \"stdio\"], stdin=subprocess.PIPE)\n",
      "\(Self.qemu) &\necho \"change cd0 nvme://0000:0a:00.0/1\" | socat - unix:/m\n"
    ])
    assertRead(["[Service]\nStandardInput=null\nExecStart=/usr/bin/\(qemu)\n", "exec < /dev/null\n\(qemu)\n"])
  }

  func testALineThatSystemdIgnoresIsAnError() {
    for line in ["  $GPU", "  -device vfio-pci,host=01:00.0"] {
      let unit = parse("[Service]\nExecStart=/usr/bin/\(Self.qemu) \\\n  -S\n\(line)\nRestart=no\n")
      XCTAssertEqual(unit.problems.map(\.message), ["systemd ignores the line: the one before does not continue here"])
    }
  }

  func testThousandsOfPlaceholdersAreReadInLinearTime() {
    let parsed = parse("\(Self.qemu) " + String(repeating: "{{ x ", count: 4000) + "\n")
    XCTAssertEqual(parsed.machine.unreadParts.count, 1000)
  }

  func testAnotherListOfAProgramIsOpen() {
    let list = "[\"qemu-system-x86_64\", \"-m\", \"4G\"]"
    assertOpen(["subprocess.run(\(list))\nsubprocess.run([\"qemu-system-x86_64\", \"-device\", device])\n"])
  }

  func testAListMayHoldMoreThanTheArgument() {
    assertOpen(["-kernel \"$@\"", "-cdrom $*", "-hda \"${imgs[@]}\"", "-drive file=\"$@\"",
    "-name vm-\"$@\""].map { "\(Self.qemu) \($0)\n" })
    assertRead(["\(Self.qemu) -smp \"$N\" -name \"vm-${#names[@]}\"\n"])
  }

  func testAnArrayMayBeChangedByOtherText() {
    for command in [
      "if [ -f x ]; then . x; fi", "for f in a; do . \"$f\"; done", "f() { source x; }; f", "while x; do eval \"$l\"; done", "! . x",
      "time . x",
      "builtin source x", "LC_ALL=C . ./vm.conf", "2>/dev/null . x", "load=source\n$load x", "trap '. x' USR1",
      "declare -n ref=\"arg$s\"",
      "printf -v \"${k}s[2]\" x", "command . x"
    ] {
      assertOpen(["#!/bin/bash\nargs=(-M q35)\n\(command)\nqemu-system-x86_64 \"${args[@]}\"\n"])
    }
    for command in ["X=1 Y=\"a b\" cmd", "A=$((1 + 2))", "echo source x", "printf '%s' x", "declare -a other=(1)",
    "trap 'rm -f x' EXIT"] {
      assertRead(["#!/bin/bash\nargs=(-M q35)\n\(command)\nqemu-system-x86_64 \"${args[@]}\"\n"])
    }
  }

  func testALineBehindTheCommandMayBelongToIt() {
    assertOpen([
      "#!/bin/sh\n\(Self.qemu) \\\n  -nographic # none \\\n  $EXTRA\n", "#!/bin/sh\n\(Self.qemu)\n  \"$@\"\n",
      "- shell: >\n    \(Self.qemu)\n    {{ extra }}\n",
      "\(Self.qemu)\n<%= more %>\n", "run: >\n  \(Self.qemu)\n  ${{ matrix.devices }}\n", "command=\(Self.qemu)\n  %(ENV_DEVICES)s\n",
      "function f\n  \(Self.qemu) (gpu_args) -S\nend\n"
    ])
    assertRead(["#!/bin/sh\n\(Self.qemu)\n$CLEANUP\n", "#!/bin/sh\nif x; then\n  \(Self.qemu)\nfi\n\"$@\"\n"])
  }

  func testAPlaceholderIsNoArgument() {
    for placeholder in ["{{ args }}", "{{args}}", "<%= args %>", "@ARGS@", "__ARGS__", "%ARGS%", "{% if x %}", "#{args}"] {
      assertOpen([
        "\(Self.qemu) \(placeholder)\n", "[Service]\nExecStart=/usr/bin/\(Self.qemu) \(placeholder)\n",
        "\(Self.qemu) -device \(placeholder)\n",
        "[\"qemu-system-x86_64\", \"-m\", \"4G\", \"\(placeholder)\"]\n", "[\"qemu-system-x86_64\", \"-device\", \"\(placeholder)\"]\n"
      ])
      let domain = "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>a</name><devices>"
      let escaped = placeholder.replacing("<", with: "&lt;")
      assertOpen([
        domain + "\n  \(escaped)\n</devices></domain>", "<domain type='kvm'><name>a</name>\(escaped)<devices/></domain>",
        domain + "</devices><qemu:commandline><qemu:arg value='-device'/><qemu:arg value='\(escaped)'/></qemu:commandline></domain>"
      ])
    }
    XCTAssertEqual(parse("\(Self.qemu) -device vfio-pci,host=@GPU@\n").machine.devices[0].property("host")?.value, .unknown("@GPU@"))
    XCTAssertEqual(parse("\(Self.qemu) {{ a  b }}\n").machine.unreadParts.map(\.what), ["value of `{{ a  b }}`"])
    assertRead(["docker inspect -f '{{.State}}' x\n\(Self.qemu) -S\n", "\(Self.qemu) -S #{{{ fold\n", "#{{{\n\(Self.qemu)\n",
    "\(Self.qemu) -name a@b\n"])
  }

  func testAnOptionWhoseNameIsNotKnown() {
    assertOpen([
      "\(Self.qemu) -\"$OPT\" \"$VAL\"\n", "\(Self.qemu) -${MODE:-nographic}\n", "\(Self.qemu) -set $S\n",
      "\(Self.qemu) -device '{\"driver\":\"'\"$DRV\"'\",\"host\":\"0a:00.0\"}'\n",
      "\(Self.qemu) -device \"{\\\"driver\\\":\\\"e1000\\\",\\\"mq\\\":$MQ}\"\n"
    ])
    let parsed = parse("\(Self.qemu) -${MODE} -device vfio-pci,host=01:00.0\n")
    XCTAssertEqual(parsed.machine.devices.count, 1, "the option behind is not an argument")
  }

  func testTheMonitorMayReadCommands() {
    for option in ["-monitor stdio", "-qmp stdio", "-serial mon:stdio", "-nographic", "-chardev stdio,id=c"] {
      assertOpen(["\(Self.qemu) \(option) < plug.hmp\n", "\(Self.qemu) \(option) <<< \"$X\"\n", "cat x | \(Self.qemu) \(option)\n"])
      assertRead(["\(Self.qemu) \(option) < /dev/null\n", "\(Self.qemu) \(option) <&-\n", "x || \(Self.qemu) \(option)\n",
      "\(Self.qemu) \(option) -name 'a < b'\n"])
    }
    assertRead(["\(Self.qemu) -display none < x\n",
    "cat x | \(Self.qemu) -serial stdio -monitor none | tee log\n".replacing("stdio", with: "null")])
  }

  func testAHashInQuotesHidesNoDevice() {
    assertOpen(["if x; then\n  \(Self.qemu)\nelse\n  run-vm --name \"Windows #1\" -device vfio-pci,host=0a:00.0\nfi\n"])
    assertRead(["\(Self.qemu)\n# don't use -device vfio-pci,host=0a:00.0\n", "(# it's the guest\n\(Self.qemu)\n)\n"])
  }

  /// systemd's own separator of commands.
  func testASemicolonOfAUnitSeparatesCommands() {
    let unit = "[Service]\nExecStart=/usr/sbin/modprobe vfio-pci ; /usr/bin/\(Self.qemu) -device vfio-pci,host=01:00.0 ; /bin/true\n"
    assertRead([unit, "[Service]\nExecStart=/usr/bin/\(Self.qemu) -name 'a ; b' \\\n; a comment\n  -S\n"])
    XCTAssertEqual(parse(unit).machine.devices.count, 1)
    XCTAssertFalse(parse("[Service]\nExecStart=/usr/bin/\(Self.qemu) ; /usr/bin/\(Self.qemu)\n").machine.unreadParts.isEmpty)
  }

  /// Earlier starts, and messages that quote a device, are not the last start's.
  func testALogsMessagesAreNoDevices() {
    let device = "-device '{\"driver\":\"vfio-pci\",\"host\":\"0000:01:00.0\"}'"
    let start = "2026-05-01 10:00:00.000+0000: starting up libvirt version: 10.0.0\n/usr/bin/qemu-system-x86_64 \\\n-m 4G \\\n"
    let message = "qemu-system-x86_64: -device vfio-pci,host=01:00.0: vfio 0000:01:00.0: group 23 is not viable\n"
    let log = start + device + " \\\n-S\n" + message + "2026-05-01T10:00:05.0Z " + message
    assertRead([log, log + start + "-S\n", log + log])
    XCTAssertEqual(parse(log + log).machine.devices.count, 1)
    assertOpen([log + start + "-S\n" + device + "\n"])
  }

  func testAnOptionAndItsArgumentInOneArgument() {
    let problems = parse("[\"qemu-system-x86_64\", \"-device vfio-pci,host=01:00.0\"]\n").problems
    XCTAssertEqual(problems.map(\.message), [
      "QEMU gets `-device vfio-pci,host=01:00.0` as one argument and stops: `-device vfio-pci,host=01:00.0: invalid option`"
    ])
    XCTAssertEqual(problems.first?.fix, "give `-device` and `vfio-pci,host=01:00.0` as two arguments")
  }

  /// QEMU's names of options are letters, digits, dashes and underscores: no release and no build accepts another character (observed
  /// on 7.2.22 and 11.1.3).
  func testACharacterThatNoOptionHasIsRefused() {
    for (option, fix) in [
      ("-device=vfio-pci,host=01:00.0", "give `-device` and `vfio-pci,host=01:00.0` as two arguments"),
      ("--device=vfio-pci,host=01:00.0", "give `-device` and `vfio-pci,host=01:00.0` as two arguments"),
      ("-device:vfio-pci", "give `-device` and `vfio-pci` as two arguments"),
      ("-nographic=on", "write `-nographic`, which has no argument"),
      ("-frobnicate=on", "write the name of an option, and its argument behind a blank"),
    ] {
      let problems = parse("\(Self.qemu) \(option)\n").problems
      XCTAssertEqual(problems.map(\.message), ["QEMU gets `\(option)` as one argument and stops: `\(option): invalid option`"])
      XCTAssertEqual(problems.map(\.fix), [fix])
    }
    // Another program may have such options.
    for program in ["./start-guest.sh", "launcher"] {
      let text = "\(program) --name=x -device vfio-pci,host=01:00.0\n"
      let parsed = ParsedInput.parse(SourceText(name: "vm", bytes: Array(text.utf8)), as: .shell)
      XCTAssertEqual(parsed.problems.map(\.message), [], program)
      XCTAssertFalse(parsed.machine.unreadParts.isEmpty, program)
    }
  }

  /// Incus gives -nodefaults on the command line; of another file the default devices are not known.
  func testALoneConfigurationSaysNothingOfDefaultDevices() {
    func file(_ id: String) -> ParsedInput {
      parse("[machine]\n  type = \"q35\"\n[device \"\(id)\"]\n  driver = \"pcie-root-port\"\n  addr = \"1.0\"\n")
    }
    XCTAssertTrue(file("qemu_pcie0").machine.hasOption("nodefaults"))
    XCTAssertFalse(file("qemu_pcie0").machine.hasUnknownDefaults)
    XCTAssertTrue(file("rp0").machine.hasUnknownDefaults)
  }
}
