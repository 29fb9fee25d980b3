import Facts
import Inputs
import Syntax
import XCTest

/// Commands in the block scalars of playbooks, pipelines and the like.
final class YAMLBlocksTests: XCTestCase {
  private let qemu = "qemu-system-x86_64 -M q35 -m 4G"
  private let device = "-device vfio-pci,host=01:00.0"

  private func parse(_ text: String) -> ParsedInput { .parse(SourceText(name: "t.yml", bytes: Array(text.utf8))) }

  private func assertSafe(_ text: String, line: UInt = #line) {
    let parsed = parse(text)
    XCTAssertEqual(parsed.problems.map(\.message), [], line: line)
    XCTAssertEqual(parsed.machine.unreadParts.map(\.what), [], line: line)
    XCTAssertEqual(parsed.machine.devices.map { $0.string("host") }, ["01:00.0"], line: line)
  }

  private func assertUnread(_ text: String, line: UInt = #line) {
    let parsed = parse(text)
    XCTAssertFalse(parsed.machine.unreadParts.isEmpty && parsed.unrecognised == nil, line: line)
  }

  func testOfAPlaybookTheScriptIsRead() {
    let script = "        modprobe vfio-pci\n        \(qemu) \\\n          \(device) \\\n          -daemonize\n"
    assertSafe("---\n- hosts: all\n  tasks:\n    - shell: |\n\(script)")
    assertSafe("---\r\n- name: a\r\n  run: |-\r\n    \(qemu) \(device)\r\n  when: x | y\r\n")
    assertSafe("jobs:\n  a:\n    steps:\n      - run: |\n          sudo \(qemu) -nographic \(device)\n")
    assertSafe("script:\n  - |\n    \(qemu) \(device)\n  - |\n    echo done\n")
  }

  func testFoldedLinesAreOneCommand() {
    assertSafe("---\n- name: a\n  cmd: >\n    \(qemu)\n    \(device)\n    -nographic\n")
    // An empty line, also one of blanks alone, ends a command.
    for empty in ["", "  "] {
      assertSafe("run: >-\n  modprobe kvm\n\(empty)\n  \(qemu)\n  \(device)\n\(empty)\n  echo done\n")
    }
    // A line that a shell would run as a command of its own is an argument.
    assertUnread("- name: a\n  shell: >\n    \(qemu)\n    $GPU\n")
    XCTAssertEqual(parse("- shell: >\n    \(qemu)\n    $GPU\n").machine.unreadParts.map(\.what), ["value of `$GPU`"])
  }

  func testLinesThatAreIndentedFurtherAreNotFolded() {
    let parsed = parse("a: >\n  \(qemu)\n    \(device)\n")
    XCTAssertEqual(parsed.problems.map(\.message), ["an option that begins a command of its own: the line before does not continue here"])
  }

  func testAPlaceInABlockIsThatOfTheText() {
    let text = "---\na: >\n  \(qemu)\n  \(device)\n"
    let range = parse(text).machine.devices.first?.location.range
    XCTAssertEqual(range.map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) }, "vfio-pci,host=01:00.0")
  }

  func testOfSeveralCommandsOneIsRead() {
    assertUnread("a: |\n  \(qemu) \(device)\nb: |\n  \(qemu) $GPU\n")
    assertUnread("a: |\n  \(qemu) \(device)\nb:\n  - qemu-system-x86_64 $GPU\n")
    assertUnread("a: |\n  \(qemu)\nb: -device vfio-pci,host=01:00.0\n")
    // Each block has a shell of its own.
    assertUnread("a: |\n  GPU=\"\(device)\"\nb: |\n  \(qemu) $GPU\n")
  }

  func testArgumentsOfAContainerGoToAProgramOfItsImage() {
    assertUnread("services:\n  vm:\n    image: vm\n    command: >-\n      \(qemu)\n      \(device)\n")
    assertUnread("services:\n  vm:\n    image: vm\n    entrypoint: >-\n      \(qemu)\n      \(device)\n    command: $GPU\n")
  }

  func testAUnitInABlockIsRead() {
    let unit = "[Unit]\n        Description=VM\n        [Service]\n        ExecStart=/usr/bin/\(qemu) \(device)\n"
    assertSafe("variant: fcos\nsystemd:\n  units:\n    - name: vm.service\n      contents: |\n        \(unit)")
    let other = "    - name: b.service\n      contents: |\n        [Service]\n        ExecStart=/usr/bin/\(qemu) $GPU\n"
    assertUnread("systemd:\n  units:\n    - name: a.service\n      contents: |\n        \(unit)\(other)")
    let file = "storage:\n  files:\n    - contents:\n        inline: |\n          \(qemu) $GPU\n"
    assertUnread("systemd:\n  units:\n    - contents: |\n        \(unit)\(file)")
  }

  func testAnsiblesCommandIsSplitAtLineEnds() {
    for key in ["ansible.builtin.command: |", "ansible.builtin.command:\n      cmd: |"] {
      assertSafe("- name: a\n  \(key)\n        \(qemu)\n        \(device)\n")
      assertUnread("- name: a\n  \(key)\n        \(qemu) \(device)\n        $GPU\n")
    }
    assertSafe("- hosts: all\n  tasks:\n    - command: |\n        \(qemu)\n\n          \(device)\n")
    // Elsewhere it may be a script.
    assertUnread("- command: |\n    \(qemu)\n    \(device)\n")
    assertUnread("- command: |\n    \(qemu) \(device)\n    $GPU\n")
    assertSafe("- command: |\n    \(qemu) \\\n      \(device)\n")
    assertSafe("- image: a\n- run:\n    command: |\n      \(qemu) \(device)\n      echo done\n")
  }

  func testAPlainScalarOfSeveralLinesIsOneCommand() {
    assertSafe("- name: a\n  command:\n    \(qemu)\n      \(device)\n  when: b\n")
    assertUnread("- name: a\n  shell:\n    \(qemu)\n    $GPU\n")
  }

  func testACommandBesideItsKeyOrDashIsRead() {
    for text in [
      "- hosts: a\n  tasks:\n    - shell: \(qemu) \(device)\n", "- name: a\n  ansible.builtin.command: \(qemu) \(device)\n  when: b\n",
      "jobs:\n  a:\n    steps:\n      - run: sudo \(qemu) \(device)\n", "a:\n  script:\n    - modprobe vfio-pci\n    - \(qemu) \(device)\n",
      "cmds:\n  - \"\(qemu) \(device)\"  # the VM\n", "run: '\(qemu) \(device)'\n", "run: \(qemu)\n  -nographic\n  \(device)\n",
      "run: \(qemu)\r\n  \(device)\r\n", "x: {run: \"\(qemu) \(device)\"}\n", "run: \(qemu) -name a#b \(device) # -device c\n",
      "- image: a\n  script:\n    - \(qemu) \(device)\n", "? [a]\n: b\nrun: \(qemu) \(device)\n"
    ] {
      assertSafe(text)
    }
    for text in [
      "services:\n  vm:\n    image: vm\n    command: \(qemu) \(device)\n",
      "a: &a \(qemu) \(device)\nservices:\n  vm:\n    entrypoint: *a\n",
      "run: \(qemu) $GPU\n", "run: \(qemu) {{ gpu }}\n", "run: \"\(qemu) \\x2ddevice vfio-pci,host=01:00.0\"\n",
      "run: \(qemu)\n\n  \(device)\n", "run: \(qemu) \(device)\nb: c: d\n", "- name: \(qemu) \(device)\n  run: echo\n",
      "description: qemu-system-x86_64 with \(device) for tests\n"
    ] {
      assertUnread(text)
    }
  }

  func testACommandWithANeighbourThatMayContinueItIsUnread() {
    for text in [
      "command: \(qemu)\n  args: [$GPU]\n", "command: \(qemu)\n  args: $GPU\n", "run: >\n    \(qemu)\n  extra_args:\n    - $GPU\n",
      "options: $GPU\n  cmd: \(qemu)\n", "<<: *gpu\n  cmd: \"\(qemu)\"\n"
    ] {
      assertUnread("a: &gpu\n  x: y\nvm:\n  \(text)")
    }
    assertSafe("- hosts: a\n  tasks:\n    - shell: \(qemu) \(device)\n      args:\n        chdir: /vm\n")
    assertSafe("a:\n  extends: .b\n  script:\n    - \(qemu) \(device)\n")
    assertSafe("vm:\n  cmd: \(qemu) \(device)\nother:\n  args: [a]\n")
  }

  func testLinesEndInCRLF() {
    let text = "run: |\r\n  \(qemu) \\\r\n  \(device)\r\n"
    assertSafe(text)
    XCTAssertNil(parse(text).machine.carriageReturn)
  }

  func testHeadersHaveAnchorsTagsCommentsAndWidths() {
    for header in ["run: &a >", "run: !!str >", "run: > # as YAML folds it", "\"my run\": >", "--- >", "- - >"] {
      assertSafe("\(header)\n      \(qemu)\n      \(device)\n")
      assertUnread("\(header)\n      \(qemu)\n      $GPU\n")
    }
    assertUnread("run: |2\n    \(qemu) \(device) \\\n  $GPU\n")
    assertSafe("- a: |\n  b: |\n    \(qemu) \(device)\n")
  }

  func testOtherArgumentsOfContainers() {
    let folded = ">\n      \(qemu)\n      \(device)\n"
    for text in [
      "services:\n  vm:\n    build: .\n    entrypoint: \(folded)    command: $GPU\n", "a:\n    \"image\": a\n    command: \(folded)",
      "x: &a \(folded)services:\n  vm:\n    command: *a\n", "- image: a\n  args:\n    - \(folded)    - $(GPU)\n",
    ] {
      assertUnread(text)
    }
    assertSafe("- image: a\n  command: [sh, -c]\n  args:\n    - \(folded)")
    assertSafe("job:\n  image: a\n  script:\n    - \(folded)")
  }

  func testOfSeveralUnitsTheFirstIsRead() {
    let text = "- content: |\n    [Service]\n    ExecStart=/usr/bin/\(qemu) \(device)\n"
    let parsed = parse(text + "- content: |\n    [Service]\n    ExecStart=\n    ExecStart=/usr/bin/\(qemu) $GPU\n")
    XCTAssertEqual(parsed.problems.map(\.message), [])
    XCTAssertEqual(parsed.machine.unreadParts.map(\.what), ["the QEMU command in line 7"])
    assertSafe(text + "- content: |\n    [Service]\n    ExecStart=/bin/true\n")
  }

  /// A template's lines may continue the command.
  func testLinesBehindATemplateAreNotStray() {
    let parsed = parse("data:\n  a: |\n    \(qemu) \\\n    {{- range .GPUs }}\n      -device {{ . }} \\\n    {{- end }}\n    -nographic\n")
    XCTAssertEqual(parsed.problems.map(\.message), [])
    XCTAssertFalse(parsed.machine.unreadParts.isEmpty)
  }
}
