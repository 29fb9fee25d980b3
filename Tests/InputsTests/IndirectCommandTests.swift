import Facts
import Syntax
import XCTest

@testable import Inputs

/// Commands of QEMU that a script or a program runs by another name, and texts that only look like one.
final class IndirectCommandTests: XCTestCase {
  private func parse(_ text: String) -> ParsedInput { .parse(SourceText(name: "t", bytes: Array(text.utf8))) }

  private func hosts(_ parsed: ParsedInput) -> [String] {
    parsed.machine.devices.filter { $0.driver == "vfio-pci" }.compactMap { $0.string("host") }
  }

  private func assertFollowed(_ text: String, line: UInt = #line) {
    let parsed = parse(text)
    XCTAssertEqual(parsed.problems.map(\.message), [], text, line: line)
    XCTAssertEqual(parsed.machine.unreadParts.map(\.what), [], text, line: line)
    XCTAssertEqual(hosts(parsed), ["01:00.0"], text, line: line)
  }

  private func assertOpen(_ text: String, line: UInt = #line) {
    let parsed = parse(text)
    XCTAssertEqual(parsed.problems.map(\.message), [], text, line: line)
    XCTAssertTrue(!parsed.machine.unreadParts.isEmpty || parsed.unrecognised != nil, text, line: line)
  }

  private static let command = "qemu-system-x86_64 -M q35 -m 4G -device vfio-pci,host=01:00.0"

  func testACommandInAVariableThatIsReadAgain() {
    let value = "#!/bin/bash\nCMD='\(IndirectCommandTests.command)'\n"
    for run in ["eval $CMD", "eval \"$CMD\"", "eval \"${CMD}\"", "bash -c \"$CMD\"", "sudo sh -c \"$CMD\"",
      "if true; then\n  eval $CMD\nfi"] {
      assertFollowed(value + run + "\n")
    }
    assertFollowed("#!/bin/bash\nCMD='TMPDIR=/t \(IndirectCommandTests.command)'\neval \"$CMD\"\n")
    assertFollowed("#!/bin/bash\nCMD='qemu-system-x86_64 -M q35'\nCMD+=' -device vfio-pci,host=01:00.0'\necho \"$CMD\"\neval \"$CMD\"\n")
  }

  func testATextThatAnotherReadingMayChangeIsOpen() {
    let command = IndirectCommandTests.command
    for text in [
      "CMD='\(command) -append \"a b\" -kernel k'\neval \"$CMD\"", "CMD='\(command) $MORE'\neval \"$CMD\"",
      "CMD='\(command)'\neval $CMD -S",
      "CMD='\(command)'\nif x; then CMD+=' -S'; fi\neval $CMD", "CMD='\(command)'\nbash -c $CMD",
      // It may set a variable.
      "D=virtio-rng-pci\nCMD='. ./vm.conf'\neval $CMD\nkvm -device $D", "D=virtio-rng-pci\nCMD='read D'\neval \"$CMD\"\nkvm -device $D",
      "D=virtio-rng-pci\nCMD='D=vfio-pci,host=01:00.0'\neval $CMD\nkvm -device $D",
      "D=virtio-rng-pci\nCMD='export D=vfio-pci,host=01:00.0'\neval $CMD\nkvm -device $D"
    ] {
      assertOpen("#!/bin/bash\n\(text)\n")
    }
  }

  func testArgumentsThatAScriptSetsItself() {
    for text in [
      "set -- -M q35 -device vfio-pci,host=01:00.0\nexec kvm \"$@\"",
      "set -eu\nset -o pipefail\nset -- -M q35\nset -- \"$@\" -m 4G # memory\n"
        + "set -- \"$@\" \\\n  -device vfio-pci,host=01:00.0 \\\n  -S\nkvm \"$@\"",
      "GPU=01:00.0\nset -- -device \"vfio-pci,host=$GPU\"\nif true; then\n  kvm \"$@\" -S\nfi"
    ] {
      assertFollowed("#!/bin/sh\n\(text)\n")
    }
    for text in [
      "set -- \"$@\" -M q35\nkvm \"$@\"", "kvm \"$@\" -S\nset -- -M q35", "set -- -M q35\nshift\nkvm \"$@\"",
      "set -- -M q35\n. ./vm.conf\nkvm \"$@\"",
      "set -- -M q35\n[ -n \"$G\" ] && set -- \"$@\" -device \"$G\"\nkvm \"$@\"", "set -- -M q35\nrun() { kvm \"$@\"; }\nrun $G",
      "set -- -M q35\nif x; then set -- -S; fi\nkvm \"$@\"", "set -- -M q35\nset $G\nkvm \"$@\"",
      "set -- -M q35\nset -e -- $G\nkvm \"$@\"", "if x; then\n  set -- -M q35\nfi\nkvm \"$@\"",
      "set -- -M q35\nset -- \"$@\" $G\nkvm \"$@\"", "set -- -M q35\nkvm $@"
    ] {
      assertOpen("#!/bin/sh\n\(text)\n")
    }
  }

  func testAListThatAProgramOnlyRuns() {
    let list = "import subprocess\ncmd = [\n  'qemu-system-x86_64', '-M', 'q35',\n  '-device', 'vfio-pci,host=01:00.0',\n]\n"
    for text in ["subprocess.run(cmd)", "print(' '.join(cmd))\nsubprocess.check_call(cmd, cwd='/')",
      "# cmd.append\np = subprocess.Popen(cmd)"] {
      assertFollowed(list + text + "\n")
    }
    for text in [
      "cmd.append('-S')\nsubprocess.run(cmd)", "cmd += more\nsubprocess.run(cmd)", "subprocess.run(cmd + more)",
      "add(cmd)\nsubprocess.run(cmd)",
      "other = cmd\nsubprocess.run(cmd)", "cmd[1:1] = more\nsubprocess.run(cmd)", "print(cmd)",
      "subprocess.run(cmd, shell=True)", "run(cmd)",
      "cmd = more\nsubprocess.run(cmd)", "subprocess.run(cmd[0])"
    ] {
      assertOpen(list + text + "\n")
    }
    for text in ["def print(c): c += more\nprint(cmd)", "subprocess = Other()", "import other as subprocess"] {
      assertOpen(list + text + "\nsubprocess.run(cmd)\n")
    }
    // Strings in three quotes are not read.
    let long = String(repeating: "'", count: 3)
    assertOpen(list.replacing("'vfio-pci,host=01:00.0'", with: "\(long)vfio-pci,host=01:00.0\(long)") + "subprocess.run(cmd)\n")
    assertOpen("import subprocess\nsubprocess.run(['qemu-system-x86_64', \(long)-readconfig\(long), \(long)vm.cfg\(long)])\n")
    let other = list.dropLast() + " + more\nsubprocess.run(cmd)\n"
    assertOpen(String(other))
    assertOpen(list.replacing("cmd = [", with: "cmd = base = [") + "base.append(x)\nsubprocess.run(cmd)\n")
  }

  func testAnArgumentBehindATextThatOnlyTheShellKnows() {
    for text in ["kvm -M q35 $OPT vfio-pci,host=01:00.0", "kvm -M q35 $(option) kvm,thread=multi", "kvm -M q35 `option` a=b -S"] {
      assertOpen("#!/bin/bash\n\(text)\n")
    }
    let parsed = parse("#!/bin/bash\nkvm -M q35 -name $N vfio-pci,host=01:00.0\n")
    XCTAssertEqual(parsed.problems.count, 1)
  }

  /// Such a text is one word to a shell, and an emulator of that name has no options.
  func testAListOfAnotherLanguageIsNoCommand() {
    for text in [
      "[\"/usr/bin/qemu-system-x86_64\",\"-m\",\"8G\"", "[\"/usr/bin/qemu-system-x86_64\",\"-device\",\"vfio\\\n-pci,host=01:00.0\"]",
      "/usr/bin/qemu-system-x86_64,-m,8G", "/usr/bin/qemu-system-x86_64;-m;8G", "\"/usr/bin/qemu-system-x86_64\",\"-m\",\"8G\"",
      "QEMU=/usr/bin/qemu-system-x86_64,-m,8G", "(\"/usr/bin/qemu-system-x86_64\",\"-m\",\"8G\")"
    ] {
      XCTAssertFalse(parse(text).unrecognised == nil && parse(text).machine.unreadParts.isEmpty, text)
    }
  }

  func testPowerShellsCallIsOpen() {
    assertOpen("& qemu-system-x86_64 `\n  -M q35 `\n  -device vfio-pci,host=01:00.0\n")
  }

  func testADocumentOfNoCommandIsAComment() {
    let command = IndirectCommandTests.command
    let comment = "  qemu-system-x86_64 -device vfio-pci,host=09:00.0\nEND\n"
    assertFollowed("#!/bin/bash\n<<'END'\n\(comment)\(command)\n")
    assertFollowed("#!/bin/bash\n<< 'END' \n\(comment)\(command)\n")
    for start in ["<<END bash\n", "<<END | bash\n", "<<'END'| bash\n", "<<'END' >> run.sh\n", "<<'END' $SHELL\n"] {
      assertOpen("#!/bin/zsh\n\(start)\(comment)\(command)\n")
    }
  }

  func testAnAssignmentThatAppendsSendsNothing() {
    let start = "#!/bin/bash\nO='-M q35 -device vfio-pci,host=01:00.0'\n"
    assertFollowed(start + "O+=' -monitor unix:/tmp/q.sock,server,nowait'\nqemu-system-x86_64 $O\n")
    assertFollowed(start + "S=/tmp/q.sock\nO+=\" -monitor unix:$S,server,nowait\"\nqemu-system-x86_64 $O\n")
    assertOpen(start + "O+=' -monitor unix:/tmp/q.sock,server,nowait'\nqemu-system-x86_64 $O &\nO+=x socat - UNIX:/tmp/q.sock < plug\n")
  }

  func testALogThatEndsBehindTheMarkOfItsLastStart() {
    let mark = "2026-05-01 10:00:00.000+0000: starting up libvirt version: 11.3.0, qemu version: 10.0.0\n"
    let first = mark + "/usr/bin/qemu-system-x86_64 \\\n-device vfio-pci,host=01:00.0\n"
    for end in ["", "\n", "\nLC_ALL=C \\\n", "LC_ALL=C \\"] { assertOpen(first + mark + end) }
    XCTAssertEqual(parse(mark + first).machine.unreadParts, [])
  }

  /// libvirt ends the command with its line.
  func testALogThatIsCutInItsCommand() {
    let mark = "2026-05-01 10:00:00.000+0000: starting up libvirt version: 11.3.0, qemu version: 10.0.0\n"
    let whole = mark + "LC_ALL=C \\\nHOME=/var/lib/libvirt/qemu/domain-1-a \\\n/usr/bin/qemu-system-x86_64 \\\n-machine pc \\\n-m 1024\n"
    XCTAssertEqual(parse(whole).machine.unreadParts, [])
    for length in mark.utf8.count..<whole.utf8.count { assertOpen(String(decoding: whole.utf8.prefix(length), as: UTF8.self)) }
  }

  func testACommandWithoutAnyOptionIsOpen() {
    assertOpen("qemu-system-x86_64")
    assertOpen("#!/bin/sh\nexec qemu-system-x86_64\n")
    assertOpen("/usr/bin/qemu-system-x86_64\0")
    assertOpen("[\"qemu-system-x86_64\"]")
    XCTAssertEqual(parse("qemu-system-x86_64 -S").machine.unreadParts, [])
  }

  /// The kernel's text of a process ends in NUL.
  func testACommandLineOfAProcessThatIsCut() {
    let whole = "/usr/bin/qemu-system-x86_64\0-machine\0q35\0"
    XCTAssertEqual(parse(whole).machine.unreadParts, [])
    assertOpen(String(whole.dropLast(2)))
  }
}
