import Facts
import Syntax
import XCTest

@testable import Inputs

/// A variable's name where it is only text, and where a command assigns by it.
final class ShellNamingTests: XCTestCase {
  private func hosts(_ text: String) -> [String] {
    let source = SourceText(name: "t", bytes: Array(("#!/bin/bash\n" + text + "\n").utf8))
    return ParsedInput.parse(source).machine.devices.filter { $0.driver == "vfio-pci" }.compactMap { $0.string("host") }
  }

  private let set = "GPU=01:00.0\n"
  private let use = "\nqemu-system-x86_64 -M q35 -device vfio-pci,host=$GPU"

  func testANameInATextIsNoAssignment() {
    for text in [
      "echo \"Passing through GPU $GPU\"", "echo GPU", "die \"GPU not found\"", "[ \"$1\" = GPU ] && exit", "./bind.sh GPU --GPU",
      "export GPU", "readonly GPU", "while IFS= read -r line; do echo \"GPU: $line\"; done < list", "printf 'GPU %s\\n' \"$GPU\"",
      "f() {\n  log GPU\n}", "case $1 in\n  GPU) echo x ;;\nesac", "other=GPU", "start --GPU=x", "echo \"read this: GPU\"",
      "echo \"GPU = $GPU\"", "echo \"GPU=$GPU AUDIO=$AUDIO\"", "notify-send GPU=started",
      "[[ $# -eq 0 ]] && echo GPU", "[[ \"$1\" == GPU ]]", "echo ${GPU:-x} ${a[0]} GPU"
    ] {
      XCTAssertEqual(hosts(set + text + use), ["01:00.0"], text)
    }
    XCTAssertEqual(hosts(set + "qemu-system-x86_64 -name 'GPU VM' -device vfio-pci,host=$GPU"), ["01:00.0"])
    XCTAssertEqual(hosts("device=01:00.0\nqemu-system-x86_64 -device vfio-pci,host=$device"), ["01:00.0"])
  }

  func testACommandThatAssignsByNameMakesAValueUnknown() {
    for text in [
      "read GPU", "read -r a GPU < x", "read -raGPU < x", "printf -vGPU %s x", "printf -v GPU x",
      "for GPU in a; do :; done",
      "for ((GPU=0; GPU<2; GPU++)); do :; done", "for (( ; ; GPU++ )); do :; done", "select GPU in a; do break; done",
      "declare -i GPU", "local GPU",
      "unset GPU",
      "getopts ab GPU", "mapfile -t GPU < x", "let GPU=2", "x=$((GPU=2))", "wait -p GPU", "coproc GPU { x; }", "GPU[1]=x", "GPU+=x",
      "exec {GPU}>x", ": ${GPU:=x}", "{ read GPU; } < x", "while read GPU; do :; done < x", "if true; then read GPU; fi",
      "f() { read GPU; }", "case $1 in a) read GPU ;; esac", "command read GPU", "r\"ea\"d GPU", "X=read\n$X GPU",
      "IFS=: read GPU < x", "trap 'read GPU' USR1", "alias r='read GPU'", "set -A GPU x", "unset IFS",
      "x=abc; echo ${x:GPU++}", "[[ -v b[GPU++] ]]", "[[ GPU++ -eq 0 ]]", "echo ${b[GPU = 2]}", "test -v 'b[GPU++]'", "b[ GPU = 2 ]=x",
      "< list read -r GPU", "2> /dev/null read GPU", "builtin -- read GPU", "command -p read GPU", "time -p read GPU",
      "declare -i n; n=GPU++", "GPU=x echo a", "echo a; GPU=x", "echo ${GPU:=x}", "echo $((GPU=2))", "b=1 GPU=2\necho"
    ] {
      XCTAssertEqual(hosts(set + text + use).filter { $0 == "01:00.0" }, [], text)
    }
  }

  func testAnArrayWithWhatIsAppendedInEveryRunIsFollowed() {
    let base = "args=(-M q35)\n", card = "args+=(\n  # the card\n  -device vfio-pci,host=01:00.0\n)\n"
    let run = "qemu-system-x86_64 \"${args[@]}\"\n"
    for text in [
      base + card + run, base + "args+=(-S)\n" + card + "echo \"args: ${args[*]}\"\n" + run,
      set + base + "args+=(-device vfio-pci,host=$GPU)\n" + run,
      "cmd=(qemu-system-x86_64)\ncmd+=(-device vfio-pci,host=01:00.0)\nexec \"${cmd[@]}\"\n",
      base + card + "f() {\n  " + run + "}\nf\n"
    ] {
      XCTAssertEqual(hosts(text), ["01:00.0"], text)
    }
    for text in [
      base + "if x; then\n" + card + "fi\n" + run, base + "x && " + card + run, base + "f() {\n" + card + "}\nf\n" + run,
      base + run + card, base + "for i in 1 2; do\n" + card + "done\n" + run, "if x; then\n" + base + "fi\n" + card + run,
      card + run, card + base + run, base + card + "args+=\" x\"\n" + run, base + card + "read -a args\n" + run,
      base + card + "printf -vargs x\n" + run, base + card + "(cd /\nargs+=(-S)\n)\n" + run
    ] {
      XCTAssertEqual(hosts(text), [], text)
    }
  }
}
