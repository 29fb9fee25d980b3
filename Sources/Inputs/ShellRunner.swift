import Syntax

/// A command that runs another one: `sudo`, `taskset`, `timeout`. Followed to the program that it starts, with its
/// own options; `taskset -p PID` starts none.
struct ShellRunner {
  /// The program that the words of a command start.
  enum Target: Equatable {
    /// A QEMU: the emulator's index among the words.
    case emulator(Int)
    /// A command inside one word, which another shell reads: `bash -c "…"`. The word's index.
    case text(Int)
    case other
  }

  /// Options that take the next word as their argument; the long ones with `=` take none.
  private let withArgument: Set<String>
  /// Options with which it starts no program.
  private let without: Set<String>
  /// Words between the options and the program: `timeout 10s`, `taskset 0xf`.
  private let operands: Int
  /// Whether `NAME=value` may go before the program.
  private let assigns: Bool

  private init(_ withArgument: String = "", without: String = "", operands: Int = 0, assigns: Bool = false) {
    self.withArgument = Set(withArgument.split(separator: " ").map(String.init))
    self.without = Set(without.split(separator: " ").map(String.init))
    self.operands = operands
    self.assigns = assigns
  }

  /// Runners by name: sudo(8), doas(1), env(1), nice(1), ionice(1), chrt(1), taskset(1), numactl(8), timeout(1), systemd-run(1),
  /// prlimit(1), strace(1), setpriv(1), runuser(1), flock(1), cpulimit(1), choom(1),
  /// run0(1), chpst(8), softlimit(8), tini(1), aa-exec(1), schedtool(8), screen(1), bash(1), perf-stat(1), perf-record(1), dtach(1),
  /// faketime(1), systemd-cat(1), s6-softlimit, hwloc-bind(1).
  private static let known: [String: ShellRunner] = [
    "sudo": ShellRunner(
      "-u -g -h -p -C -r -t -T -U -D -R --user --group --host --prompt --close-from --role --type --command-timeout "
        + "--other-user --chdir --chroot", without: "-l -v -k -K -V -e --list --validate --version --edit", assigns: true),
    "doas": ShellRunner("-u -C -a", without: "-L"),
    "env": ShellRunner("-u -C --unset --chdir", assigns: true),
    "exec": ShellRunner("-a"), "coproc": ShellRunner(),
    "command": ShellRunner(without: "-v -V"),
    "nice": ShellRunner("-n --adjustment"),
    "ionice": ShellRunner("-c -n --class --classdata", without: "-p -P -u --pid --pgid --uid"),
    "chrt": ShellRunner(
      "-T -P -D --sched-runtime --sched-period --sched-deadline", without: "-p --pid -m --max", operands: 1),
    "taskset": ShellRunner(without: "-p --pid -cp -pc -ap -apc -acp", operands: 1),
    "numactl": ShellRunner(
      "-m -N -C -i -p -P --membind --cpunodebind --physcpubind --interleave --preferred", without: "-s -H --show --hardware"),
    "setsid": ShellRunner(), "nohup": ShellRunner(), "time": ShellRunner("-f -o"), "builtin": ShellRunner(),
    "timeout": ShellRunner("-s -k --signal --kill-after", operands: 1),
    "systemd-run": ShellRunner(
      "-p -E -u -M -H --unit --property --description --slice --uid --gid --nice --working-directory --setenv --machine --host"),
    "systemd-inhibit": ShellRunner("--what --who --why --mode", without: "--list"),
    "prlimit": ShellRunner("-o --output", without: "-p --pid"),
    "strace": ShellRunner("-o -e -s -E -u -a -b -I -O -S -P -X", without: "-p"),
    "ltrace": ShellRunner("-o -e -s -u -a -n", without: "-p"),
    "gdb": ShellRunner("-x -ex -iex -d", without: "-p --pid -c --core"),
    "setpriv": ShellRunner(
      "--reuid --regid --groups --inh-caps --ambient-caps --bounding-set --securebits --pdeathsig --selinux-label "
        + "--apparmor-profile", without: "-d --dump"),
    "unshare": ShellRunner("-S -G -R -w --setuid --setgid --root --wd"),
    "nsenter": ShellRunner("-t -S -G --target --setuid --setgid"),
    "chroot": ShellRunner(operands: 1), "stdbuf": ShellRunner("-i -o -e --input --output --error"),
    "setarch": ShellRunner(operands: 1), "linux64": ShellRunner(), "cgexec": ShellRunner("-g"),
    "runuser": ShellRunner("-u -g -G -s -w --user --group --supp-group --shell"),
    "dbus-run-session": ShellRunner("--config-file --dbus-daemon"), "gamemoderun": ShellRunner(),
    "xvfb-run": ShellRunner("-n -s -f -e -p -w --server-num --server-args"), "pkexec": ShellRunner("--user"),
    "daemonize": ShellRunner("-p -l -u -o -e -c -E"),
    "flock": ShellRunner("-E -w --wait --timeout --conflict-exit-code", without: "-c --command", operands: 1),
    "cpulimit": ShellRunner("-l -c --limit --cpu", without: "-p -e -P --pid --exe --path"),
    "choom": ShellRunner("-n --adjust", without: "-p --pid"), "firejail": ShellRunner(), "valgrind": ShellRunner(),
    "catchsegv": ShellRunner(), "unbuffer": ShellRunner("-p"), "torsocks": ShellRunner(), "primusrun": ShellRunner(),
    "optirun": ShellRunner("-b -c"), "prime-run": ShellRunner(), "mangohud": ShellRunner(),
    "run0": ShellRunner("-u -g -D --unit --property --description --slice --user --group --nice --chdir --setenv --background"),
    "chpst": ShellRunner("-u -U -b -/ -n -l -L -m -d -o -p -f -c -r -t -e"), "softlimit": ShellRunner("-a -c -d -f -l -m -o -p -r -s -t"),
    "setuidgid": ShellRunner(operands: 1), "s6-setuidgid": ShellRunner(operands: 1), "gosu": ShellRunner(operands: 1),
    "su-exec": ShellRunner(operands: 1), "tini": ShellRunner("-p -e"), "dumb-init": ShellRunner("-r --rewrite"),
    "catatonit": ShellRunner(), "aa-exec": ShellRunner("-p -n --profile --namespace"), "schedtool": ShellRunner("-p -n -a"),
    "screen": ShellRunner("-S -c -h -s -t -T -e -p -Logfile", without: "-r -x -R -ls -list -wipe -X -Q"),
    "perf": ShellRunner(
      "-e -o -C -I -r -F -c -G -m --event --output --cpu --repeat --freq --count", without: "-p -t --pid --tid", operands: 1),
    "dtach": ShellRunner("-n -c -A -N -e -r", without: "-a -p"), "faketime": ShellRunner(operands: 1), "eatmydata": ShellRunner(),
    "fakeroot": ShellRunner("-l -s -i -b --lib --faked"), "chronic": ShellRunner(), "nocache": ShellRunner("-n"),
    "systemd-cat": ShellRunner("-t -p --identifier --priority --stderr-priority --level-prefix"),
    "s6-softlimit": ShellRunner("-a -c -d -f -l -m -o -p -r -s -t"), "s6-envdir": ShellRunner(operands: 1),
    "envdir": ShellRunner(operands: 1), "setlock": ShellRunner(operands: 1), "with-contenv": ShellRunner(),
    "hwloc-bind": ShellRunner("--mempolicy", without: "--get --get-last-cpu-location --pid", operands: 1),
    "switcherooctl": ShellRunner("-g --gpu", without: "list", operands: 1), "uwsm": ShellRunner("-a -d -s -t -u -p", operands: 1),
    "ld-linux-x86-64.so.2": loader, "ld-linux-aarch64.so.1": loader, "ld-musl-x86_64.so.1": loader, "ld-musl-aarch64.so.1": loader
  ]
  /// The dynamic linker, called as a program (ld.so(8)).
  private static let loader = ShellRunner("--library-path --preload --argv0 --audit --inhibit-rpath", without: "--list --verify --help")
  private static let shells: Set<String> = ["sh", "bash", "dash", "zsh", "ksh", "ash", "su"]

  /// - Parameters:
  ///   - words: of one command.
  ///   - isEmulator: whether a word in a command's place is a QEMU.
  static func target(of words: [Word], isEmulator: (Word) -> Bool) -> Target {
    var index = 0
    while index < words.count {
      let word = words[index]
      if isEmulator(word) { return .emulator(index) }
      let name = word.text.fileName ?? ""
      if isAssignment(word.text) {
        index += 1
      } else if shells.contains(name) {
        return text(words, after: index)
      } else if name == "ip", [["netns", "exec"], ["vrf", "exec"]].contains(words[index...].prefix(3).dropFirst().map(\.text)) {
        index += 4
      } else if name == "start-stop-daemon" {
        return daemon(words, after: index, isEmulator)
      } else if let runner = known[name] {
        guard let next = runner.program(words, after: index) else { return .other }
        index = next
      } else {
        return .other
      }
    }
    return .other
  }

  /// The program that a command starts, behind all runners and assignments; nil when it starts none.
  static func program(of words: [Word]) -> Word? {
    let target = target(of: words) { word in
      let name = word.text.fileName ?? ""
      return !isAssignment(word.text) && known[name] == nil && name != "ip"
    }
    guard case .emulator(let index) = target else { return nil }
    return words[index]
  }

  /// The index of the program that it runs; nil when it runs none.
  private func program(_ words: [Word], after start: Int) -> Int? {
    var index = start + 1
    var operands = operands
    while index < words.count {
      let text = words[index].text
      if text.hasPrefix("-"), text.count > 1 {
        if without.contains(text) { return nil }
        index += takesNext(text) ? 2 : 1
      } else if assigns, ShellRunner.isAssignment(text) {
        index += 1
      } else if operands > 0 {
        operands -= 1
        index += 1
      } else {
        return index
      }
    }
    return nil
  }

  /// Whether an option's argument is the next word: `-u qemu`, and `-Hu qemu` where the last of several letters takes one.
  private func takesNext(_ option: String) -> Bool {
    if option.hasPrefix("--") { return withArgument.contains(option) }
    if withArgument.contains(option) { return true }
    guard option.count > 2, let last = option.last else { return false }
    // The first letter that takes an argument has the rest of the word for it.
    let letters = option.dropFirst().dropLast()
    return !letters.contains { withArgument.contains("-\($0)") } && withArgument.contains("-\(last)")
  }

  /// start-stop-daemon(8), where the program is named right before its arguments: `--exec /usr/bin/qemu-system-x86_64 -- -m 4G`.
  private static func daemon(_ words: [Word], after start: Int, _ isEmulator: (Word) -> Bool) -> Target {
    let options = words[start...].prefix { $0.text != "--" }
    let programs = options.filter { word in ["--startas", "-a", "--exec", "-x"].contains { word.text.hasPrefix($0) } }
    guard options.endIndex < words.count, programs.count == 1, let option = options.dropLast().last, option.text == programs[0].text,
      ["--startas", "-a", "--exec", "-x"].contains(option.text), let last = options.last, isEmulator(last),
      options.contains(where: { ["--start", "-S"].contains($0.text) })
    else { return .other }
    return .emulator(options.endIndex - 1)
  }

  /// The command of a shell's `-c`, and of `su -c`.
  private static func text(_ words: [Word], after start: Int) -> Target {
    var index = start + 1
    while index < words.count {
      let text = words[index].text
      if text.hasPrefix("-"), !text.hasPrefix("--"), text.contains("c") || text == "-c" {
        return index + 1 < words.count ? .text(index + 1) : .other
      }
      if text == "--command" { return index + 1 < words.count ? .text(index + 1) : .other }
      index += 1
    }
    return .other
  }

  /// `NAME=value`, `NAME+=value`.
  static func isAssignment(_ word: String) -> Bool {
    let left = word.prefix { $0 != "=" }
    let name = left.hasSuffix("+") ? left.dropLast() : left
    return left.utf8.count < word.utf8.count && !name.isEmpty && name.utf8.allSatisfy(\.isShellNameByte)
  }
}
