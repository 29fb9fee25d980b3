import Facts
import Syntax
import XCTest

@testable import Inputs

/// QEMU commands beside the one that is read: the devices of one that is not followed may be in a variable.
final class CommandMentionsTests: XCTestCase {
  private func unread(_ text: String) -> [String] {
    let parsed = ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8)))
    XCTAssertEqual(parsed.problems.map(\.message), [], text)
    XCTAssertNil(parsed.unrecognised, text)
    return parsed.machine.unreadParts.map(\.what)
  }

  private let qemu = "qemu-system-x86_64 -M q35 -m 4G"

  func testACommandThatIsNotFollowedIsUnread() {
    for text in [
      "screen -dmS vm \(qemu) $GPU", "tmux new-session -d -s vm \"\(qemu) $GPU\"",
      "start-stop-daemon --start --exec /usr/bin/qemu-system-x86_64 -- -M q35 $ARGS", "chpst -u kvm:kvm qemu-system-x86_64 \"$@\"",
      "ssh host 'cd /vm; \(qemu) '$GPU", "cset shield --exec -- qemu-system-x86_64 \\\n  -M q35 $GPU", "run_with_gpu \(qemu)",
      "cat > run.sh <<END\n\(qemu) $GPU\nEND",
      "cat <<END | sh\n# usage: none\n\(qemu) $GPU\nEND",
      "cat <<END\n\(qemu) $GPU\nEND", "CMD=\"\(qemu) $GPU\"\nrun", "screen -dm kvm -M q35 $GPU",
      "xterm -e /usr/libexec/qemu-kvm --machine q35 $GPU", "echo '\(qemu) $GPU' | sudo -u me bash", "echo '\(qemu)' $GPU | at now",
      "source <(echo '\(qemu) $GPU')", "bash <(echo '\(qemu)' $GPU)"
    ] {
      XCTAssertEqual(unread("#!/bin/bash\nif rescue; then\n\(qemu)\nelse\n\(text)\nfi\n").count, 1, text)
      XCTAssertEqual(unread("#!/bin/bash\n\(text)\n").count, 1, text)
    }
    XCTAssertEqual(unread("steps:\n  - run: |\n      \(qemu)\n  - run: \(qemu) $GPU\n"), ["a second QEMU command"])
    let list = "subprocess.run([\"qemu-system-x86_64\", \"-M\", \"q35\"])\n"
    for text in [
      "os.system(\"\(qemu) \" + gpu)", "c = [\"sudo\", \"qemu-system-x86_64\", \"-M\", \"q35\"]", "run([sudo, 'qemu-kvm', *args])"
    ] {
      XCTAssertEqual(unread(list + text + "\n"), ["the QEMU command in line 2"], text)
    }
    let unit = "[Service]\nExecStart=/usr/bin/\(qemu)\nExecStart=/usr/bin/xterm -e \(qemu) $GPU\n"
    XCTAssertEqual(unread(unit), ["the QEMU command in line 3"])
  }

  func testTextThatStartsNoGuestIsNone() {
    for text in [
      "echo \"starting \(qemu) $GPU\"", "pgrep -f '\(qemu)' && exit", "ps aux | grep \"\(qemu)\"", "sudo pkill -f \"\(qemu)\"",
      "qemu-system-x86_64 -machine help | grep q35", "V=$(qemu-system-x86_64 --version)", "[ -x /usr/bin/qemu-system-x86_64 ] || exit 1",
      "command -v qemu-system-x86_64 > /dev/null", "# \(qemu) $GPU", "setcap cap_net_admin+ep /usr/bin/qemu-system-x86_64",
      "log \"\(qemu)\"", "QEMU=qemu-system-x86_64", "ACCEL='-accel kvm -cpu host'", "usermod -aG kvm -a me",
      "apt-get install qemu-system-x86 -y",
      "echo '\(qemu)' | tee -a log", "echo '\(qemu)' >> log", "echo '\(qemu)' | grep x || sh -c true",
      "if [ $(pidof qemu-system-x86_64) ]; then exit; fi", "cat <<EOF\nUsage: $0\nStarts \(qemu) with the GPU\nEOF"
    ] {
      XCTAssertEqual(unread("#!/bin/bash\n\(text)\n\(qemu)\n"), [], text)
    }
    XCTAssertEqual(unread("#!/bin/bash\nC=(sudo \(qemu))\nC+=(-S)\n\"${C[@]}\"\n"), [])
    XCTAssertEqual(unread("#!/bin/bash\nC='\(qemu)'\n$C -S\n"), [])
    XCTAssertEqual(unread("print(\"\(qemu)\")\nsubprocess.run([\"qemu-system-x86_64\", \"-M\", \"q35\"])\n"), [])
    XCTAssertEqual(unread("[Service]\nExecStart=/usr/bin/\(qemu)\nExecStop=/usr/bin/pkill -f \"\(qemu)\"\n"), [])
  }

  /// The program or the emulator in a variable.
  func testACommandInVariablesIsUnread() {
    let script = "#!/bin/bash\nO=\"-M q35 -m 4G\"\nQEMU=${QEMU:-/usr/bin/qemu-system-x86_64}\n"
    for text in [
      "$VM $O $GPU", "else $VM $O $GPU",
      "sudo screen -dm $QEMU -M q35 $GPU", "screen -dm \"$QEMU\" \"${GPU[@]}\"",
      "start_vm $QEMU_OPTS $GPU",
      "\"$VM\" $GPU $O"
    ] {
      XCTAssertEqual(unread(script + "[ \"$1\" = rescue ] && { qemu-system-x86_64 $O; exit; }\n\(text)\n").count, 1, text)
    }
    for text in [
      "$SUDO modprobe vfio-pci", "$SUDO qemu-img resize $DISK 4G", "[ -x \"$QEMU\" ] || exit 1", "echo $QEMU $O", "cp $QEMU $BACKUP",
      "$QEMU --version", "kill -9 $QEMU_PID", "$SUDO chown $USER $DISK", "$LOG \"started $QEMU\""
    ] {
      XCTAssertEqual(unread(script + "\(text)\nqemu-system-x86_64 $O -hda $DISK\n"), [], text)
    }
  }

  func testAKeywordBeforeAVariableIsNoProgram() {
    XCTAssertEqual(unread("#!/bin/bash\nif x; then $QEMU -M q35 -m 4G; fi\n"), [])
  }

  func testAProgramThatIsNamedLikeQEMUMayAddOptions() {
    for name in ["./qemu-system-x86_64-gpu.sh", "/opt/qemu-system-x86_64.wrapper"] {
      XCTAssertEqual(unread("\(name) -M q35 -m 4G\n"), ["the emulator `\(name)`"])
    }
    XCTAssertEqual(unread("/opt/qemu-system-x86_64-gpu -M q35 -m 4G\n"), [])
  }

  /// Lists and here documents of other languages than a shell's, to which more may be appended.
  func testTextOfOtherLanguages() {
    XCTAssertEqual(unread("my @a = qw(\(qemu));\npush @a, @gpu;\n"), ["the list in parentheses"])
    XCTAssertEqual(unread("set cmd {\n  \(qemu)\n}\nlappend cmd -device $gpu\n"), ["the text in braces"])
    for opening in ["vm() {", "function vm {", "coproc VM {", "if true; then {", "test -e a && {", "{", "do {", "time {", "repeat 2 {",
      "{ true\n} always {", "# a brace {", "true # {"
    ] {
      XCTAssertEqual(unread("\(opening)\n  \(qemu)\n}\n").filter { $0.contains("braces") }, [], opening)
    }
    XCTAssertEqual(unread("cmd = <<~CMD\n  \(qemu) -S\nCMD\nsystem(cmd + gpu)\n"), ["the here document `~CMD`"])
    XCTAssertEqual(unread("cmd = <<-CMD\n  \(qemu) -S\n  CMD\nsystem(cmd + gpu)\n"), ["the here document `CMD`"])
    for text in ["((a = b << c))", "x=$((1 << n))", "cat <<< \"$x\"", "let \"a=1<<2\"", "cat <<END\na\nEND"] {
      XCTAssertEqual(unread("#!/bin/bash\n\(text)\n\(qemu)\n"), [], text)
    }
  }

  /// An argument that QEMU opens as a disk image because of a blank.
  func testAStrayBlankIsAnError() {
    let comma = "join it to the argument before it with a comma,", join = "join it to the argument before it,"
    for (text, word, fix) in [
      ("\(qemu) -device vfio-pci,host=0a:00.0, multifunction=on\n", "multifunction=on", join),
      ("\(qemu) -device vfio-pci host=0a:00.0\n", "host=0a:00.0", comma),
      ("\(qemu) -device vfio-pci ,host=0a:00.0\n", ",host=0a:00.0", join),
      ("\(qemu) -device vfio-pci,host=0a:00.0 -S host=0a:00.0\n", "host=0a:00.0", "give it to an option"),
      ("argv:\n- qemu-system-x86_64\n- -device\n- vfio-pci\n- host=0a:00.0\n", "host=0a:00.0", comma),
      ("\(qemu) \\ \n-device vfio-pci,host=0a:00.0\n", " ", "remove the blank behind the backslash")
    ] {
      let problem = ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8))).problems.first
      XCTAssertEqual(
        problem?.message, "`\(word)` is an argument of its own: QEMU opens it as a disk image, and stops where there is none", text)
      XCTAssert(problem?.fix.hasPrefix(fix) == true, "\(text): \(problem?.fix ?? "")")
    }
    for text in ["\(qemu) disk.img\n", "\(qemu) nbd://host/x?a=b\n", "\(qemu) ./a=b.img\n", "\(qemu) json:{\"a\":\"b=c\"}\n"] {
      XCTAssertEqual(unread(text), [], text)
    }
  }

  /// A pin that no reader reads never leaves a verdict safe.
  func testAPinThatHasNoEffectIsUnread() {
    let pin = "# vfiogate: expect=10de:2941\n", command = "\(qemu) -device vfio-pci,host=0a:00.0\n"
    let list = "subprocess.run([\"qemu-system-x86_64\", \"-M\", \"q35\"])\n"
    for text in ["[Service]\n\(pin)ExecStart=/usr/bin/\(command)", pin + list, "#!/bin/sh\n\(command)\(pin)"] {
      XCTAssertEqual(unread(text).count, 1, text)
    }
    for text in ["#!/bin/sh\n\(pin)\(command)", "#!/bin/sh\n\(qemu) -device vfio-pci,host=0a:00.0 \(pin)"] {
      XCTAssertEqual(unread(text), [], text)
    }
  }
}
