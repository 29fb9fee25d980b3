import Inputs
import Syntax
import XCTest

@testable import Inputs

/// The program that a command of a script starts, through any runner.
final class ShellRunnerTests: XCTestCase {
  private func target(_ line: String) -> ShellRunner.Target {
    ShellRunner.target(of: ShellWords(Array(line.utf8)).words, isEmulator: ShellScript.isEmulator)
  }

  func testRunnersAreFollowedToTheirProgram() {
    for line in [
      "CMD", "coproc CMD", "sudo CMD", "sudo -u qemu CMD", "sudo -Hu qemu -- CMD", "sudo --user=qemu CMD", "sudo DISPLAY=:0 CMD",
      "LANG=C CMD", "env -u X A=1 CMD", "exec -a vm CMD", "exec CMD", "nice CMD", "nice -n 5 CMD", "nice -n5 CMD",
      "ionice -c 2 -n 0 CMD", "chrt -f 10 CMD", "chrt --rr 1 CMD", "taskset 0xf CMD", "taskset -c 2-5 CMD",
      "numactl -m 0 -N 0 CMD", "numactl --membind=0 --cpunodebind=0 -- CMD", "timeout 10s CMD", "timeout -k 5 -s INT 1h CMD",
      "setsid -f CMD", "nohup CMD", "systemd-run --scope -p MemoryMax=8G CMD", "systemd-run --unit vm --uid 64055 CMD",
      "ip netns exec blue CMD", "sudo ip netns exec blue nice CMD", "chroot /vm CMD", "stdbuf -oL CMD", "prlimit --memlock=unlimited CMD",
      "strace -f -o log CMD", "gdb --args CMD", "setpriv --reuid 64055 --clear-groups CMD", "command CMD", "cgexec -g cpu:vm CMD",
      "run0 -u vm CMD", "chpst -u vm:kvm CMD", "softlimit -m 1 setuidgid vm CMD", "s6-setuidgid vm CMD", "gosu vm CMD", "su-exec vm CMD",
      "tini -- CMD", "dumb-init CMD", "aa-exec -p unconfined -- CMD", "schedtool -R -p 20 -e CMD", "screen -dmS vm CMD", "mangohud CMD",
      "perf stat -e cycles -- CMD", "perf record -g -o log CMD", "dtach -n sock -Ez CMD", "faketime 2020-01-01 CMD", "eatmydata CMD",
      "systemd-cat -t vm CMD", "s6-softlimit -l 9 s6-envdir env CMD", "hwloc-bind core:0 -- CMD", "ip vrf exec red CMD"
    ] {
      for emulator in ["qemu-system-x86_64", "/usr/libexec/qemu-kvm", "kvm", "$QEMU", "\"${QEMU_BIN}\""] {
        let text = line.replacing("CMD", with: emulator) + " -M q35"
        let words = ShellWords(Array(text.utf8)).words
        guard case .emulator(let index) = target(text) else {
          XCTFail(text)
          continue
        }
        XCTAssertEqual(words[index + 1].text, "-M", text)
      }
    }
  }

  func testWhatOnlySpeaksOfQEMUStartsNone() {
    for line in [
      "sudo rm $QEMU_SOCKET", "pkill -f qemu-system-x86_64", "modprobe kvm", "sudo modprobe kvm", "taskset -cp 0-7 $QEMU_PID",
      "taskset -p $QEMU_PID", "qemu-img create -f qcow2 a 1G", "chrt -f -p 1 $QEMU_PID", "command -v qemu-system-x86_64",
      "which qemu-system-x86_64", "usermod -aG kvm $USER", "ionice -p $QEMU_PID", "sudo -l kvm", "kill $QEMU_PID",
      "prlimit --pid $QEMU_PID --memlock=unlimited", "$QEMU_IMG create x", "numactl --show", "echo qemu-system-x86_64 -M q35",
      "screen -r kvm", "perf stat -p $QEMU_PID", "dtach -a kvm", "hwloc-bind --pid $QEMU_PID core:0"
    ] {
      XCTAssertEqual(target(line), .other, line)
    }
  }

  func testACommandInsideAStringIsFound() {
    XCTAssertEqual(target("sudo -Hu qemu bash -c \"taskset -c 2-5 qemu-system-x86_64 $ARGS\""), .text(5))
    XCTAssertEqual(target("su -c 'kvm -S' qemu"), .text(2))
    XCTAssertEqual(target("sh script.sh"), .other)
  }
}
