import Facts
import Syntax
import XCTest

@testable import Inputs

/// Variables of a script that have one value whatever the script does are followed, and no others.
final class ShellVariableTests: XCTestCase {
  private func parse(_ text: String) -> ParsedInput {
    .parse(SourceText(name: "t", bytes: Array(("#!/bin/bash\n" + text + "\n").utf8)))
  }

  private func hosts(_ text: String) -> [String] {
    let parsed = parse(text)
    XCTAssertEqual(parsed.problems.map(\.message), [], text)
    return parsed.machine.devices.filter { $0.driver == "vfio-pci" }.compactMap { $0.string("host") }
  }

  private let use = "qemu-system-x86_64 -M q35 -device vfio-pci,host=$GPU"

  func testAValueThatIsAssignedOnceIsFollowed() {
    for text in [
      "GPU=01:00.0\n" + use, "GPU='01:00.0'; " + use, "export GPU=01:00.0\n" + use, "declare -r GPU=\"01:00.0\" # card\n" + use,
      "A=1 GPU=01:00.0\n" + use, "GPU=01:00.0 && " + use, "GPU=01:00.0\necho \"$GPU\"\nif true; then\n" + use + "\nfi",
      "GPU=01:00.0\nstart() {\n  " + use + "\n}\nstart", "BUS=01\nGPU=\"$BUS:00.0\"\n" + use,
      "GPU=01:00.0\nqemu-system-x86_64 -device \"vfio-pci,host=${GPU}\"", "DEV=vfio-pci,host=01:00.0\nqemu-system-x86_64 -device $DEV",
      "ARGS='-M q35 -device vfio-pci,host=01:00.0'\nqemu-system-x86_64 $ARGS -S", "D=-device\nqemu-system-x86_64 $D vfio-pci,host=01:00.0",
      "CMD='qemu-system-x86_64 -device vfio-pci,host=01:00.0'\nexec $CMD",
      "GPU=01:00.0\nargs=(-device vfio-pci,host=$GPU)\nkvm \"${args[@]}\"",
      "QEMU=/opt/qemu/bin/qemu\nGPU=01:00.0\n$QEMU -M q35 -device vfio-pci,host=$GPU", "RUN='sudo -E'\nGPU=01:00.0\n$RUN " + use,
      "case $1 in a) X=1 ;; (b) X=2;; esac\nGPU=01:00.0\n" + use, "(cd /; X=1)\nGPU=01:00.0\n" + use,
      "for ((i=0; i<2; i++)); do X=$i; done < /dev/null\nGPU=01:00.0\n" + use,
      "function f {\n  X=1\n}\nGPU=01:00.0\n" + use, "host=01:00.0\nqemu-system-x86_64 -device vfio-pci,host=$host"
    ] {
      XCTAssertEqual(hosts(text), ["01:00.0"], text)
      XCTAssertEqual(parse(text).machine.unreadParts, [], text)
    }
  }

  func testAValueThatIsComposedStepByStepIsFollowed() {
    let steps = "-M q35 -device vfio-pci,host=01:00.0"
    for text in [
      "O=''\nO=\"$O -M q35\"\nO=\"$O -device vfio-pci,host=01:00.0\"\nkvm $O", "O='-M q35'\nO+=' -device vfio-pci,host=01:00.0'\nkvm $O",
      "export O='-M q35'\nO=\"${O} -device vfio-pci,host=01:00.0\"\nif true; then\n  kvm $O\nfi", "GPU=$1\nGPU=01:00.0\n" + use,
      "GPU=02:00.0\nGPU=01:00.0\n" + use, "O='\(steps)'\nO=\"$O -S\"\nrun() {\n  kvm $O\n}\nrun"
    ] {
      XCTAssertEqual(hosts(text), ["01:00.0"], text)
      XCTAssertEqual(parse(text).machine.unreadParts, [], text)
    }
    for text in [
      // A function is called later than it is written.
      "GPU=01:00.0\nf() {\n" + use + "\n}\nGPU=$1\nf", "GPU=01:00.0\nf() {\n" + use + "\n}\nGPU=02:00.0\nf",
      "O='\(steps)'\nO=\"$O $X\"\nkvm $O", "O=\"$O \(steps)\"\nkvm $O", "O+=' \(steps)'\nkvm $O",
      "O='\(steps)'\nif x; then O=\"$O -S\"; fi\nkvm $O", "readonly GPU=01:00.0\nGPU=02:00.0\n" + use,
      "O='\(steps)'\nwhile x; do\n  O+=' -S'\ndone\nkvm $O"
    ] {
      XCTAssertEqual(hosts(text), [], text)
      XCTAssertFalse(parse(text).machine.unreadParts.isEmpty && parse(text).machine.devices.isEmpty, text)
    }
    // Only some shells have `+=`.
    let plain = ParsedInput.parse(SourceText(name: "t", bytes: Array("#!/bin/sh\nO=-S\nO+=' \(steps)'\nqemu-kvm $O\n".utf8)))
    XCTAssertFalse(plain.machine.unreadParts.isEmpty)
  }

  /// Items of a declared array are not options of `declare`, nor names.
  func testADeclaredArrayIsFollowed() {
    for text in [
      "declare -a A=(-machine q35 -nodefaults)\nA+=(-device vfio-pci,host=01:00.0)\nkvm \"${A[@]}\"",
      "declare -a A\nA+=(-machine q35 -nodefaults)\nA+=(-device vfio-pci,host=01:00.0)\nkvm \"${A[@]}\"",
      "readonly L=\"$(basename \"$0\")\"\nA=(-machine q35 -nodefaults -device vfio-pci,host=01:00.0)\nkvm \"${A[@]}\"",
      "f() {\n  local A=(-m \"$2\" -device vfio-pci,host=01:00.0)\n  kvm \"${A[@]}\"\n}\nf"
    ] {
      XCTAssertEqual(hosts(text), ["01:00.0"], text)
    }
    let other = "GPU=01:00.0\ndeclare A=(x) \"$n=5\"\n" + use
    XCTAssertEqual(hosts(other), [])
  }

  func testAValueThatMayBeAnotherIsUnknown() {
    let set = "GPU=01:00.0\n"
    let glob = "GPU=0?:00.0\nqemu-system-x86_64 -device $GPU"
    for text in [
      glob, use, use + "\n" + set, 
      "if a; then GPU=01:00.0; fi\n" + use, "a && GPU=01:00.0\n" + use,
      "a ||\nGPU=01:00.0\n" + use, "a | GPU=01:00.0\n" + use, "GPU=01:00.0 | a\n" + use, "GPU=01:00.0 &\n" + use,
      "(GPU=01:00.0)\n" + use, "f() { GPU=01:00.0; }\nf\n" + use, "f() {\n  GPU=01:00.0\n}\n" + use, "GPU=$1\n" + use,
      "GPU=$(lspci)\n" + use, "GPU=`x`\n" + use, set + "read GPU\n" + use, set + "for GPU in a b; do\n" + use + "\ndone",
      set + "unset GPU\n" + use, set + "printf -v GPU x\n" + use, set + ": ${GPU:=02:00.0} ${GPU=3}\n" + use, set + ". ./more\n" + use,
      set + "source more\n" + use, set + "eval \"$X\"\n" + use, set + "if . ./more; then x; fi\n" + use, set + "export \"$X\"\n" + use,
      set + "while read -r l; do export \"$l\"; done < env\n" + use, set + "declare \"$k=$v\"\n" + use, set + "local GPU\n" + use,
      set + "(( GPU = 2 ))\n" + use, set + "let GPU=2\n" + use, set + "getopts ab GPU\n" + use, set + "mapfile GPU\n" + use,
      set + "declare -n r=GPU\n" + use, "case $1 in\n a) GPU=01:00.0 ;;\nesac\n" + use, "while x; do\n" + set + "done\n" + use,
      "{\n" + set + "}\n" + use, "GPU=01:00.0 " + use,
      set + "trap 'GPU=2' USR1\n" + use, "if x; then\n" + set + use, set + "fi\n" + use,
      "GPU=~/x\n" + use, "cat <<END\n" + set + "END\n" + use, "# " + set + use, "( case x in a) y;; esac\nGPU=01:00.0\n)\n" + use,
      "GPU=(01:00.0)\n" + use, "IFS=:\n" + set + use, set + "printf -v \"$n\" x\n" + use
    ] {
      XCTAssertEqual(hosts(text), [], text)
    }
    XCTAssertEqual(hosts("RANDOM=01:00.0\nqemu-system-x86_64 -device vfio-pci,host=$RANDOM"), [])
    XCTAssertEqual(hosts("qemu-system-x86_64 -device vfio-pci,host='$GPU'"), ["$GPU"])
  }

  /// A program of the user's own may add options.
  func testAProgramThatIsByItsNameNotQEMUIsUnknown() {
    for program in ["./start-guest", "/usr/local/bin/launch.sh", "./kvm-run"] {
      let parsed = parse("QEMU=\(program)\n$QEMU -M q35 -device vfio-pci,host=01:00.0")
      XCTAssertEqual(parsed.machine.unreadParts.map(\.what), ["the program `\(program)`"])
    }
    XCTAssertEqual(parse("$QEMU -M q35 -device vfio-pci,host=01:00.0").machine.unreadParts, [])
    XCTAssertEqual(parse("QEMU=$HOME/qemu-system-x86_64\n$QEMU -M q35 -device vfio-pci,host=01:00.0").machine.unreadParts, [])
  }

  func testZshDoesNotSplitAValue() {
    let text = "#!/bin/zsh\nA='-device vfio-pci,host=01:00.0'\nqemu-system-x86_64 $A\n"
    let parsed = ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8)))
    XCTAssertEqual(parsed.machine.devices, [])
    XCTAssertFalse(parsed.machine.unreadParts.isEmpty)
  }

  /// A member with a variable is not known, and text that is JSON only without one is not refused.
  func testMembersOfAnOptionThatIsJSON() {
    func members(_ option: String) -> [[String]] {
      let parsed = parse("qemu-system-x86_64 -netdev \(option)")
      XCTAssertEqual(parsed.problems.map(\.message), [], option)
      return parsed.machine.jsonMembers.values.map { $0.map { "\($0.name)=\($0.value.isUnknown ? "?" : $0.value.string ?? "")" } }
    }
    XCTAssertEqual(members(#"'{"type":"user","hostfwd":[{"str":"tcp::1-:2"}]}'"#), [["type=user", "hostfwd[0].str=tcp::1-:2"]])
    XCTAssertEqual(members(##""{\"type\":\"user\",\"id\":\"$N\"}""##), [["type=user", "id=?"]])
    XCTAssertEqual(members(##""{\"type\":\"hubport\",\"id\":\"n\",\"hubid\":$N}""##), [])
    let proxmox = SourceText(name: "100.conf", bytes: Array("memory: 512\nargs: -netdev '{\"id\":5}'\n".utf8))
    XCTAssertEqual(ParsedInput.parse(proxmox).machine.jsonMembers.values.flatMap { $0.map(\.value) }, [.integer(5)])
  }

  func testFindingsPointAtTheUse() throws {
    let text = "#!/bin/bash\nDEV='vfio-pci,host=01:00.0'\nqemu-system-x86_64 -device $DEV,id=g\n"
    let device = try XCTUnwrap(parse(String(text.dropFirst(12).dropLast())).machine.devices.first)
    func part(_ name: String) -> String? {
      device.location(of: name).range.map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) }
    }
    XCTAssertEqual(part("host"), "$DEV")
    XCTAssertEqual(part("id"), "id=g")
  }

  func testADeviceInAVariableThatTheCommandDoesNotUseIsNotMissed() {
    for text in [
      "D='-device vfio-pci,host=01:00.0'\nqemu-system-x86_64 -S", "D='-device vfio-pci,host=01:00.0'\necho $D\nqemu-system-x86_64 -S",
      "D=vfio-pci,host=01:00.0\na=(-device $D)\nrun \"${a[@]}\"\nqemu-system-x86_64 -S"
    ] {
      XCTAssertEqual(hosts(text), [], text)
      XCTAssertEqual(parse(text).machine.unreadParts.count, 1, text)
    }
  }

  func testExpansionIsCapped() {
    var text = "A0=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
    for index in 1...40 { text += "A\(index)=\"$A\(index - 1)$A\(index - 1)\"\n" }
    let parsed = parse(text + "qemu-system-x86_64 -name $A40\n")
    XCTAssertEqual(parsed.problems.count, 1)
    XCTAssert(parsed.problems[0].message.contains("1048576"), parsed.problems[0].message)
  }
}
