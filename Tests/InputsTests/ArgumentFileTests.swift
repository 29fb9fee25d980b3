import Facts
import Syntax
import XCTest

@testable import Inputs

/// Lists of QEMU's arguments in files of other programs.
final class ArgumentFileTests: XCTestCase {
  private static let flow = "[qemu-system-x86_64, \"-M\", q35, -device, 'vfio-pci,host=01:00.0']"

  private func parse(_ text: String) -> ParsedInput { .parse(SourceText(name: "t", bytes: Array(text.utf8))) }

  private func assertRead(_ text: String, line: UInt = #line) {
    let parsed = parse(text)
    XCTAssertEqual(parsed.problems.map(\.message), [], text, line: line)
    XCTAssertEqual(parsed.machine.unreadParts.map(\.what), [], text, line: line)
    XCTAssertEqual(parsed.machine.missingPart, nil, text, line: line)
    XCTAssertEqual(parsed.machine.devices.map { $0.string("host") }, ["01:00.0"], text, line: line)
    let range = parsed.machine.devices.first?.location.range
    XCTAssertEqual(range.map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) }, "vfio-pci,host=01:00.0", text, line: line)
  }

  /// - Parameter what: the first part that is not read.
  private func assertUnread(_ text: String, _ what: String? = nil, line: UInt = #line) {
    let parsed = parse(text)
    XCTAssertEqual(parsed.problems.map(\.message), [], text, line: line)
    XCTAssertFalse(parsed.machine.unreadParts.isEmpty && parsed.unrecognised == nil, text, line: line)
    if let what { XCTAssertEqual(parsed.machine.unreadParts.first?.what, what, text, line: line) }
  }

  func testListsOfYAMLAreRead() {
    let block = ["qemu-system-x86_64", "-M", "\"q35\"  # a machine", "-m", "4096", "-device", "'vfio-pci,host=01:00.0'"]
    func list(_ indentation: String) -> String { block.map { indentation + "- \($0)\n" }.joined() }
    for text in [
      "- hosts: all\n  tasks:\n    - name: \"a: b\"\n      ansible.builtin.command:\n        argv:\n\(list("          "))      when: a\n",
      "- command:\n    argv:  # as it is\n\n\(list("    "))\n",
      "- command:\n    argv: \(Self.flow)\n  register: result\n",
      "services:\n  vm:\n    image: vm\n    entrypoint: \(Self.flow)\n    devices:\n      - /dev/kvm:/dev/kvm\n",
      "services:\n  vm:\n    image: vm\n    entrypoint: [qemu-system-x86_64, -M, q35]\n    command:\n"
        + "      - -device\n      - vfio-pci,host=01:00.0\n    devices:\n      - /dev/kvm:/dev/kvm\n",
      "services:\n  vm:\n    image: vm\n    command: [-M, q35, -device, \"vfio-pci,host=01:00.0\"]\n"
        + "    entrypoint: /usr/bin/qemu-system-x86_64\n",
      "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: vm\n    image: vm\n    command:\n\(list("    "))",
      "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - args: [\"-M\", q35, \n        -device, \"vfio-pci,host=01:00.0\",\n      ]\n"
        + "      command: [\"qemu-system-x86_64\"]\n",
      "---\nprograms:\n  vm:\n    command: qemu-system-x86_64\n    args: [-device, 'vfio-pci,host=01:00.0']\n",
      "- argv: \(Self.flow)\n- argv: [qemu-system-x86_64, --version]\n", "a: [sh, -c, 'echo vfio-pci > x']\ncmd: \(Self.flow)\n",
      "cmd: \(Self.flow)\r\nnext: 'it''s'\r\n", "packages: [qemu-kvm, ovmf]\nnote: |\n  -S\ncmd: \(Self.flow)\n",
      "cmd:\n  -\n    qemu-system-x86_64\n  -\n\n    # a machine\n    -M\n  - q35\n  -\n    -device\n  -\n    vfio-pci,host=01:00.0\n",
      "cmd:\n  \(Self.flow)\na:\n  \"b: \"\nc:\n - d\n -\n   e: f\ng: h\n i\n", "a: |\n   b\n    c: d\n\n # e\ncmd: \(Self.flow)\n",
      "\u{feff}a: b\ncmd: \(Self.flow)\n", "a:\n  # b\n  c\n  d#e\ncmd: \(Self.flow)\n",
      "a: {b: [c, \"d]\"],\n  e: {}}\n---\ncmd: \(Self.flow)\n"
    ] {
      assertRead(text)
    }
  }

  func testListsOfTOMLAreRead() {
    let list = "[\n  \"-M\", 'q35', # a machine\n  \"-device\", \"vfio-pci,host=01:00.0\",\n]"
    for text in [
      "# a\n[vm]\ncmd = [\"sudo\", \"qemu-system-x86_64\", \"-device\", 'vfio-pci,host=01:00.0']\n",
      "title = \"a\" # b\n[programs.vm]\ncommand = \"qemu-system-x86_64\"\nargs = \(list)\nrestart = true\n[[other]]\nargs = [1, [2]]\n",
      "task \"vm\" {\n  driver = \"raw_exec\"\n  config {\n    command = \"/usr/bin/qemu-system-x86_64\"\n    args = \(list)\n  }\n"
        + "  env = {\n    A = \"b\"\n  }\n}\n",
      "task \"vm\" { // a\n  command = \"qemu-system-x86_64\" // b\n  args = \(list) // c\n}\n"
    ] {
      assertRead(text)
    }
  }

  func testAListWithoutItsProgramIsAPart() {
    let options = "[\"-device\", \"vfio-pci,host=01:00.0,iommufd=iommufd0,bus=rp1\"]"
    assertUnread("[vm]\nqemu_args = \(options)\n", "the rest of the command")
    assertUnread("vm:\n  args: \(options)\n", "the rest of the command")
    assertUnread("base: \(Self.flow)\n", "the rest of the command")
    XCTAssertNotNil(parse("vm:\n  args: \(options)\n").machine.missingPart)
    assertUnread("[a]\nrunner = [\"qemu-system-x86_64\", \"-device\", \"vfio-pci,host=01:00.0\", \"-kernel\"]\n", "the rest of the command")
    // A program may split them.
    XCTAssertNotNil(parse("qemu: [\"-device vfio-pci,host=01:00.0\", -S]\n").unrecognised)
    XCTAssertNotNil(parse("qemu: [-S, \"-device vfio-pci,host=01:00.0\"]\n").unrecognised)
  }

  func testArgumentsOfAContainerGoToAProgramOfItsImage() {
    assertUnread("services:\n  vm:\n    image: vm\n    command: \(Self.flow)\n", "the program of the image")
    assertUnread("apiVersion: v1\nspec:\n  containers:\n    - image: vm\n      args: \(Self.flow)\n", "the program of the image")
    assertUnread("services:\n  vm:\n    entrypoint: \(Self.flow)\n    command: -device $GPU\n", "`command`")
    assertUnread("services:\n  vm:\n    entrypoint: \(Self.flow)\n    extends: {file: b.yml}\n", "`extends`")
    // A key that stands twice is not two parts of one command.
    assertUnread("vm:\n  command: \(Self.flow)\n  command: [-S]\n", "`command`")
  }

  func testPartsThatAreNotFollowedAreUnread() {
    assertUnread("a: &a [-S]\ncmd: \(Self.flow)\n", "the file's anchors, tags, or blocks of arguments")
    assertUnread("a: &a\n  args: [-S]\nb:\n  <<: *a\n  cmd: \(Self.flow)\n")
    assertUnread("cmd: \(Self.flow)\nother: [qemu-system-x86_64, -M, q35, *gpu]\n")
    assertUnread("cmd: \(Self.flow)\nother: [qemu-system-x86_64, -M, q35, $GPU]\n", "a second QEMU command")
    assertUnread("cmd: \(Self.flow)\nother: [qemu-system-x86_64, -M, on]\n", "other arguments")
    assertUnread("cmd: \(Self.flow)\nother:\n- qemu-system-x86_64\n- -M\n- 0x10\n", "other arguments")
    assertUnread("cmd: \(Self.flow)\n# a\rother: [qemu-system-x86_64, -M, $GPU]\n")
    assertUnread("cmd: \(Self.flow)\nrun: qemu-system-x86_64 -M q35 $GPU\n")
    assertUnread("cmd: \(Self.flow)\nrun: |\n  qemu-system-x86_64 -M q35 $GPU\n")
    assertUnread("cmd:\n  - qemu-system-x86_64\n  - -device\n  - vfio-pci,host=$(GPU)\n  - $MORE\n")
    assertUnread("run: |\n  qemu-system-x86_64 -M q35\nx:\n  command: qemu-system-x86_64\n  args: [$GPU]\n")
    assertUnread("cmd:\n  - qemu-system-x86_64\n  - -device\n    - vfio-pci,host=01:00.0\n")
    assertUnread("cmd:\n  - qemu-system-x86_64\n  - -device\n  - vfio-pci,\n    host=01:00.0\n")
    assertUnread("[vm]\ncmd = [\"qemu-system-x86_64\", \"-device\", \"vfio-pci,host=${var.gpu}\", \"$GPU\"]\n")
    assertUnread("[vm]\ncmd = [\"sh\", \"-c\", \"qemu-system-x86_64 $GPU\"]\n")
    // A tab does not indent.
    assertUnread("argv:\n\t- qemu-system-x86_64\n\t- -device\n\t- 'vfio-pci,host=01:00.0'\n")
  }

  func testAnAliasOfAnItemIsUnread() {
    assertUnread("a: [&a -S]\nb: *a\ncmd: \(Self.flow)\n", "the file's anchors, tags, or blocks of arguments")
  }

  func testSignsInOtherTextsEndNothing() {
    assertRead("cmd: \(Self.flow)\ntext: {a: it's}\n")
    assertRead("cmd: [qemu-system-x86_64, -name, a#b, -device, 'vfio-pci,host=01:00.0']\n")
    let command = "command = \"qemu-system-x86_64\"\nargs = [\"-device\", \"vfio-pci,host=01:00.0\"]\n"
    assertRead("a \"b\" {\n\(command)}\nc {\nargs = true\n}\n")
    assertRead("# 1 << 2\na \"b\" {\n\(command)}\n")
    assertUnread("a \"b\" {\n\(command)text = <<EOF\na = 1\nEOF\n}\n")
  }

  /// No parser of YAML accepts these, so that nothing is started as the file says.
  func testWhatIsNotYAMLIsNotRead() {
    let list = "cmd: \(Self.flow)\n"
    for text in [
      "a: b: c\n", "a: \"b\" c\n", "a: %b\n", "a: @b\n", "a: b\n  c: d\n", "a:\n  - b\n  c: d\n", "a:\n  - b\n- c\n", "a:\n  b: c\n d: e\n",
      "a: |\n    b\n   c\n", "a: \"b\"\n  c\n", "a: [b]\n  c\n", "a:\n b\n- c\n", "a: |\n  b\n- c\n", "a:\n - b: c\n   - d\n",
      "a: {b: c} d\n", "a: [b] [c]\n", "cmd: \(Self.flow) more\n",
      "a:\n  b: c\n ]\n", "a:\n- b\n- c: d\n -\n", "a: | b\n", "a: - b\n", "a:\n - b: c\n    - d: e\n",
      "a: b # c\n  d\n", "a: b\n # c\n  d\n", "a: b\n  c # d\n  e\n", "a:\n - b # c\n   d\n"
    ] {
      for file in [text + list, list + text] {
        let parsed = parse(file)
        XCTAssert(parsed.unrecognised != nil || !parsed.machine.unreadParts.isEmpty, file)
      }
    }
  }

  /// libyaml reads the list of all that a word is in.
  func testWhatNestsDeeplyIsNotRead() {
    func nested(_ depth: Int) -> String {
      "a: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "\ncmd: \(Self.flow)\n"
    }
    assertRead(nested(60))
    XCTAssertEqual(parse(nested(64)).unrecognised, "YAML that nests deeper than 64 levels: give the command line alone")
    XCTAssertNotNil(parse("a: " + String(repeating: "[", count: 100_000) + "\ncmd: \(Self.flow)\n").unrecognised)
  }

  func testOtherListsAndTextsOfTheFileAreUnread() {
    assertUnread("cmd: \(Self.flow)\nx: {cmd: [qemu-system-x86_64, -M, q35, $GPU]}\n", "a second QEMU command")
    assertRead("- command: {argv: \(Self.flow)}\n")
    assertUnread("cmd: \(Self.flow)\nmore: [-device, $GPU]\n", "other arguments")
    assertUnread("cmd: \(Self.flow)\nmore: [$GPU]\n", "other arguments")
    let config = "config {\n command = \"qemu-system-x86_64\"\n args = "
    assertUnread("\(config)[for x in y : x]\n}\n\(config)[\"-S\"]\n}\n", "other arguments")
    let monitors = "[qemu-system-x86_64, -device, 'vfio-pci,host=01:00.0', -monitor"
    assertRead("argv: \(monitors), 'unix:/run/mon']\nlist: [-c, -S]\n")
    assertUnread("argv: \(monitors), 'unix:/run/mon']\nshell: socat - UNIX:/run/mon < $COMMANDS\n")
    assertUnread("argv: \(monitors), stdio]\nstdin: \"{{ commands }}\"\n")
  }

  /// Further commands in strings, expressions, mappings and variables.
  func testOtherCommandsOfTheFileAreUnread() {
    for (text, line) in [
      ("run: >-\n      qemu-system-x86_64\n      -m 1\n      $GPU\n", 4), ("run:\n      qemu-system-x86_64\n      -m 1\n", 4),
      ("run: qemu-system-x86_64\n      $GPU\n", 3), ("\"command\": \"qemu-system-x86_64 -m 1 $GPU\"\n", 3),
      ("run: qemu-system-x86_64 {{ gpu }}\n", 3)
    ] {
      assertUnread("cmd: \(Self.flow)\nx:\n - \(text)", "the QEMU command in line \(line)")
    }
    for text in [
      "run: $QEMU -m 1 $GPU\n", "run: |\n  exec \"$QEMU\" $GPU\n", "vm: {cmd: \"${QEMU} $GPU\"}\n",
      "exec: [/opt/qemu.real, -m, 1, -device, $GPU]\n", "qemu-system-x86_64:\n  -device: $GPU\n",
      "program: qemu-system-x86_64\narguments: -m 1 $GPU\n", "path: /usr/bin/qemu-system-x86_64\nkernel_params: $MORE\n",
      "argv: \"{{ cmd + gpu }}\"\n", "args: $GPU\n", "run: [./start, qemu-system-x86_64, -readconfig, vm.cfg]\n"
    ] {
      assertUnread("vm:\n  cmd: \(Self.flow)\n\(text)", "other arguments")
    }
    assertUnread("cmd: \(Self.flow)\nwrapper: [./start]\n", "`wrapper`")
    assertUnread("cmd: \(Self.flow)\nqemu_opts: $GPU\n", "`qemu_opts`")
    assertUnread("cmd: \(Self.flow)\n!include more: b.yml\n", "the file's anchors, tags, or blocks of arguments")
    let command = "command = \"qemu-system-x86_64\"\nargs = [\"-device\", \"vfio-pci,host=01:00.0\"]\n"
    for text in ["command = \"qemu-system-x86_64\"\nargs = var.args\n", "command = local.cmd\n", "args = \"-m 1 -device $GPU\"\n"] {
      assertUnread("a \"b\" {\n\(command)}\nc {\n\(text)}\n", "other arguments")
    }
    assertUnread("a \"b\" {\n\(command)}\nc {\ncommand = \"qemu-system-x86_64 -m 1 $GPU\"\n}\n", "the QEMU command in line 6")
    assertUnread("[vm]\n\(command)[vm.args]\nextra = [\"$X\"]\n", "the file's anchors, tags, or blocks of arguments")
    assertUnread("a \"b\" {\n\(command)dynamic \"c\" {\nargs = [\"$GPU\"]\n}\n}\n", "the file's anchors, tags, or blocks of arguments")
    let stdio = "[qemu-system-x86_64, -device, 'vfio-pci,host=01:00.0', -qmp, stdio]"
    assertUnread("argv: \(stdio)\nstdin_data: $COMMANDS\n", "the text that a command sends to QEMU's monitor")
  }

  func testOtherTextsOfTheFileAreNoPart() {
    for text in [
      "accel: kvm\nemulator: /usr/bin/qemu-system-x86_64\n", "environment: [\"A=$B\", C]\n", "volumes: [$HOME/a:/b]\n",
      "devices:\n- path: /dev/kvm\n  args: rw\n", "other: [docker, run, --device, /dev/kvm]\n", "# - -device\n",
      "text: |\n  qemu-system-x86_64\n  -- a b\n", "text: $QEMU_DIR -a\n"
    ] {
      assertRead("cmd: \(Self.flow)\n\(text)")
    }
  }

  /// cloud-init's `runcmd:`.
  func testListsInAListAreCommands() {
    assertRead("#cloud-config\nruncmd:\n  - [modprobe, vfio-pci]\n  - \(Self.flow)\n  - [ls, $HOME]\n")
    assertUnread("#cloud-config\nruncmd:\n  - \(Self.flow)\n  - [qemu-system-x86_64, -m, 1, $GPU]\n", "a second QEMU command")
    assertUnread("#cloud-config\nruncmd:\n  - \(Self.flow)\n  - qemu-system-x86_64 -m 1 $GPU\n", "the QEMU command in line 4")
    assertUnread("argv:\n  - qemu-system-x86_64\n  - -device\n  - 'vfio-pci,host=01:00.0'\n  - [-S]\n")
  }

  func testAListWithADeviceThatIsNotReadableIsUndetermined() {
    for text in [
      "cmd:\n- qemu-system-x86_64\n- -M\n- on\n- -device\n- vfio-pci,host=01:00.0\n",
      "[a]\ncmd = [\"qemu-system-x86_64\", \"-device\", \"vfio-pci,host=01:00.0\", x]\n",
      "cmd: [qemu-system-x86_64, -device, 'vfio-pci,host=01:00.0', \"a\\tb\"]\n",
      "argv: [-S]\n- qemu-system-x86_64\n- -device\n- 'vfio-pci,host=01:00.0'\n"
    ] {
      assertUnread(text)
      XCTAssertNil(parse(text).unrecognised, text)
    }
  }

  /// In brackets of YAML a comma ends an item that has no quotes.
  func testAnItemWithoutQuotesEndsAtAComma() {
    XCTAssertEqual(parse("cmd: [qemu-system-x86_64, -device, vfio-pci,host=01:00.0]\n").machine.devices.map { $0.string("host") }, [nil])
  }

  func testAFileOfADirectoryHasTheSameFormat() {
    let block = "argv:\n- qemu-system-x86_64\n- -device\n- 'vfio-pci,host=01:00.0'\n"
    for (text, format) in [
      ("cmd: \(Self.flow)\n", InputFormat.yaml), (block, .yaml),
      ("[a]\ncmd = [\"qemu-kvm\", \"-device\", \"vfio-pci,host=01:00.0\"]\n", .toml)
    ] {
      XCTAssertEqual(InputFormat.recognise(Array(text.utf8)), format, text)
    }
    XCTAssertNil(InputFormat.recognise(Array("cmd: [qemu-system-x86_64, -M, q35]\n".utf8)))
  }

  func testListsOfOtherProgramsAreNotRead() {
    for text in [
      "packages: [qemu-kvm, ovmf]\n", "packages:\n  - qemu-system-x86_64\n  - qemu-utils\n", "cmd: [qemu-system-x86_64, --version]\n",
      "args: [-c, -S]\n", "import a\ncmd = [\"-S\"]\n"
    ] {
      XCTAssertNotNil(parse(text).unrecognised, text)
    }
  }
}
