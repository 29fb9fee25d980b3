import Facts
import Inputs
import Support
import Syntax
import XCTest

/// Ways in which people write scripts that start QEMU: none may hide a device, and none without a fault is an error.
final class ScriptStyleTests: XCTestCase {
  private static let device = "-device vfio-pci,host=0000:01:00.0"

  /// Scripts of which QEMU is asked for the device, whatever reads them: found, or something is unread.
  private static let scripts: [String] = {
    let command = "qemu-system-x86_64 -M q35 -m 4G \(device)"
    let shebangs = [
      "", "#!/bin/sh\n", "#!/bin/bash\n", "#!/bin/bash -e\n", "#! /bin/bash\n", "#!/usr/bin/env bash\n",
      "#!/usr/bin/env -S bash -eu\n", "#!/bin/dash\r\n", "#!/bin/zsh -f\n", "\u{feff}#!/bin/bash\n", "\n\n#!/bin/sh\n"
    ]
    let runners = [
      "", "exec ", "sudo ", "sudo -u qemu ", "sudo -Hu qemu -- ", "env -i PATH=/bin ", "nice -n -5 ", "ionice -c1 ",
      "chrt -f 5 ", "taskset -c 2-5 ", "taskset 0xff ", "numactl --cpunodebind=0 --membind=0 ", "timeout -k 5 1h ",
      "nohup ", "setsid ", "systemd-run --scope -p AllowedCPUs=2-5 ", "ip netns exec blue ", "QEMU_AUDIO_DRV=pa ",
      "sudo ip netns exec blue chrt -r 1 ", "doas -u qemu ", "strace -f -o /tmp/log ", "gdb --args ", "time ", "! ",
      "X=$'it\\'s' ", "unshare -m ", "chroot /vm ", "stdbuf -oL ", "prlimit --memlock=unlimited ", "time -p ", "flock -n /run/vm.lock ",
      "cpulimit -l 50 -- ", "choom -n -1000 -- ", "firejail --noprofile ", "valgrind --leak-check=full ", "catchsegv "
    ]
    let frames = [
      "%", "%\n", "  %", "\t%  ", "% &", "% &\nPID=$!\ntaskset -cp 0-7 $PID\nwait\n", "% || exit 1", "true && %", "cd /vm; %",
      "( % )", "{ %; }", "if true; then\n  %\nfi", "if ! lsmod | grep -q vfio; then modprobe vfio-pci; fi\n%", "while :; do %; done",
      "start() {\n  %\n}\nstart", "case $1 in\n  start) % ;;\n  *) exit ;;\nesac", "% > /tmp/log 2>&1", "% </dev/null | tee log",
      "echo starting\n%\necho done", "# a comment\n%  # another", "trap 'kill $PID' EXIT\n%", "sudo rm -f $QEMU_SOCKET\n%",
      "pkill -f qemu-system-x86_64\n%", "modprobe kvm\n%", "qemu-img create -f qcow2 a 1G\n%", "command -v qemu-system-x86_64 || exit\n%",
      "cat <<END\nhello\nEND\n%", "% > >(tee log) 2>&1", "X=$'it\\'s # '\n%", "echo \"$(printf $'\\'')\"\n%",
      "%\r\n", "set -e\r\n%\r\n", "for i in 1 2; do\n%\ndone",
      "echo 0000:01:00.0 > /sys/bus/pci/drivers/vfio-pci/bind\n%"
    ]
    var all: [String] = []
    all += shebangs.map { $0 + command + "\n" }
    all += runners.map { "#!/bin/bash\n" + $0 + command + "\n" }
    all += runners.map { $0 + command + "\n" }
    all += frames.map { "#!/bin/bash\n" + $0.replacing("%", with: command) }
    let split = command.replacing(" -", with: " \\\n  -")
    all += frames.map { "#!/bin/sh\n" + $0.replacing("%", with: split) }
    all += frames.map { ("#!/bin/bash\n" + $0.replacing("%", with: split)).replacing("\r\n", with: "\n").replacing("\n", with: "\r\n") }
    all += frames.prefix(24).map { $0.replacing("%", with: command) }
    return all
  }()

  /// Scripts whose device only a shell would find.
  private static let hidden: [String] = [
    "#!/bin/bash\nGPU=01:00.0\nqemu-system-x86_64 -m 4G -device vfio-pci,host=$GPU\n",
    "#!/bin/bash\nARGS=\"\(device)\"\nqemu-system-x86_64 $ARGS\n",
    "#!/bin/bash\nARGS=()\nARGS+=(\(device))\nqemu-system-x86_64 \"${ARGS[@]}\"\n",
    "#!/bin/bash\nDEV=vfio-pci,host=01:00.0\nqemu-system-x86_64 -device $DEV\n",
    "#!/bin/bash\nqemu-system-x86_64 -M q35 -device $GPU_DEVICE\n",
    "#!/bin/bash\nCMD=\"qemu-system-x86_64 \(device)\"\n$CMD\n", "#!/bin/bash\nCMD=\"qemu-system-x86_64 \(device)\"\neval $CMD\n",
    "#!/bin/bash\nsudo bash -c \"qemu-system-x86_64 \(device)\"\n", "#!/bin/sh\nsu -c 'qemu-system-x86_64 \(device)' qemu\n",
    "#!/bin/bash\nsource ./gpu.sh\nqemu-system-x86_64 $GPU_OPTS\n", "#!/bin/bash\nqemu-system-x86_64 $(cat gpu.args)\n",
    "#!/bin/bash\ncat > run.sh <<END\nqemu-system-x86_64 \(device)\nEND\nsh run.sh\n",
    "#!/bin/bash\nscreen -dmS vm qemu-system-x86_64 \(device)\n", "#!/bin/bash\ntmux new-session -d 'qemu-system-x86_64 \(device)'\n",
    "#!/bin/bash\nssh host qemu-system-x86_64 \(device)\n", "#!/bin/bash\nxargs qemu-system-x86_64 <<< '\(device)'\n",
    "#!/bin/bash\nrun_vm \(device)\n", "#!/bin/bash\nqemu-system-x86_64 -readconfig vm.cfg\n",
    "all:\n\tqemu-system-x86_64 \(device)\n", "vm:\n\t@sudo qemu-system-x86_64 \\\n\t  \(device)\n",
    "import subprocess\nsubprocess.run([\"qemu-system-x86_64\", \"-device\", \"vfio-pci,host=01:00.0\"])\n",
    "args = ['qemu-system-x86_64', '-device', 'vfio-pci,host=01:00.0']\n",
    "{ pkgs, ... }: {\n  systemd.services.vm.script = ''\n    ${pkgs.qemu}/bin/qemu-system-x86_64 \(device)\n  '';\n}\n",
    "guest_os=\"windows\"\nextra_args=\"\(device)\"\n", "services:\n  vm:\n    command: qemu-system-x86_64 \(device)\n",
    "#!/usr/bin/python3\nos.system('qemu-system-x86_64 \(device)')\n", "#!/usr/bin/perl\nsystem(\"qemu-system-x86_64 \(device)\");\n",
    "FROM debian\nCMD [\"qemu-system-x86_64\", \"-device\", \"vfio-pci,host=01:00.0\"]\n",
    "#!/bin/bash\nqemu-system-x86_64 -device {vfio-pci,host=01:00.0}\n",
    "#!/bin/bash\nqemu-system-x86_64 {-device,vfio-pci}\n",
    "#!/bin/bash\nqemu-system-x86_64 -device vfio-pci,host=01:00.{0,1}\n",
    "#!/bin/bash\nqemu-system-x86_64 -device vfio-pci,host=0{1..3}:00.0\n",
    "#!/bin/bash\nqemu-system-x86_64 -readconfig <(gen)\n",
    "exec.Command(\"qemu-system-x86_64\", \"-device\", \"vfio-pci,host=01:00.0\")\n",
    "execve(\"/usr/bin/qemu-system-x86_64\", [\"qemu-system-x86_64\", \"-device\", \"vfio-pci,host=01:00.0\"], 0x1) = 0\n",
    "#!/bin/bash\nqemu-system-x86_64 \(device) -monitor stdio <<EOF\ninfo pci\nEOF\n",
    "#!/bin/bash\nqemu-system-x86_64 -S -monitor stdio <<-'EOF'\ndevice_add vfio-pci,host=01:00.0\nEOF\n",
    "#!/bin/bash\n\"$QEMU_DIR\"/qemu-system-x86_64 \(device)\n", "$(dirname $0)/qemu-system-x86_64 \(device)\n",
    "hello world\n", "# only a comment\n", "To start it:\n\n    qemu-system-x86_64 \(device)\n"
  ]

  /// Scripts and files of other kinds, by name.
  private static func others() throws -> [(name: String, text: String)] {
    let parts = try Fixture.text("inputs/styles/hidden.txt").split(separator: "=== ").dropFirst()
    return parts.map { part in
      let name = part.prefix { $0 != "\n" && $0 != "\r\n" }
      return (String(name), String(part.dropFirst(name.count + 1)))
    }
  }

  private func parse(_ text: String) -> ParsedInput { .parse(SourceText(name: "t", bytes: Array(text.utf8))) }

  func testPlainScriptsAreReadWithoutAFault() {
    XCTAssertGreaterThan(ScriptStyleTests.scripts.count, 150)
    for text in ScriptStyleTests.scripts {
      let parsed = parse(text)
      XCTAssertEqual(parsed.problems.map(\.message), [], text.debugDescription)
      XCTAssertNil(parsed.unrecognised, text.debugDescription)
      let found = parsed.machine.devices.filter { $0.string("host") == "0000:01:00.0" }.count
      XCTAssert(found == 1, "\(found) devices in \(text.debugDescription)")
      XCTAssertEqual(parsed.machine.unreadParts.map(\.what), [], text.debugDescription)
    }
  }

  func testAHiddenDeviceIsNeverMissedAndNeverAnError() throws {
    let others = try ScriptStyleTests.others()
    XCTAssertGreaterThan(others.count, 150)
    for text in ScriptStyleTests.hidden + others.map(\.text) {
      let source = SourceText(name: "t", bytes: Array(text.utf8))
      var all = ParsedInputs(source)
      guard let parsed = all.next() else {
        XCTFail("nothing is read of \(text.debugDescription)")
        continue
      }
      XCTAssertEqual(parsed.problems.map(\.message), [], text.debugDescription)
      let isOpen = parsed.unrecognised != nil || !parsed.machine.unreadParts.isEmpty
        || parsed.machine.devices.contains { $0.driver == "vfio-pci" } || !parsed.machine.isComplete
      XCTAssert(isOpen, "nothing is open in \(text.debugDescription)")
    }
  }
}
