import CLinux
import Common
import Glibc
import Inputs
import Syntax

/// QEMU's process, by whose files in /proc the filter judges.
enum MonitorProcess {
  /// The process that listened at the monitor's socket, if that is a QEMU and not a launcher that created the socket for it.
  static func behind(_ monitor: Int32) -> pid_t? {
    var process: pid_t = 0
    var user: uid_t = 0
    guard clinux_peer(monitor, &process, &user) == 0, process > 0 else { return nil }
    return isQEMU(process) ? process : nil
  }

  /// Limit of processes that are searched for a QEMU.
  private static let limit = 64

  /// The QEMU that a program has become, or has started and waits for, as a script or timeout(1) does; nil where it is not the only one. It
  /// has answered already.
  static func started(by program: pid_t) -> pid_t? {
    if isQEMU(program) { return program }
    var found: [pid_t] = []
    var rest = children(of: program)
    // Without any, it is a QEMU under another name, such as that of a loader.
    if rest.isEmpty { return program }
    for _ in 0..<limit {
      guard let next = rest.popLast() else { break }
      if isQEMU(next) { found.append(next) } else { rest += children(of: next) }
    }
    return found.count == 1 ? found[0] : nil
  }

  /// The processes that the threads of one have started (proc(5)).
  static func children(of process: pid_t) -> [pid_t] {
    let threads = (try? Folder.names(in: "/proc/\(process)/task")) ?? []
    return threads.flatMap { thread in
      let text = try? InputFile.read("/proc/\(process)/task/\(thread)/children", limit: 1 << 16)
      return (text.map { WireText(bytes: $0.bytes).words } ?? []).compactMap(\.number)
    }
  }

  /// Programs of QEMU that run no guest.
  private static let tools: [WireText] = [
    "qemu-nbd", "qemu-storage-da", "qemu-img", "qemu-io", "qemu-ga", "qemu-pr-helper", "qemu-bridge-hel", "qemu-vmsr-helpe",
  ]

  /// Whether a process has the name of a QEMU, or a program of that name.
  private static func isQEMU(_ process: pid_t) -> Bool {
    func words(_ file: String) -> [WireText] {
      let text = try? InputFile.read("/proc/\(process)/\(file)", limit: ParsedInput.maximumSize)
      return (text?.bytes.split { $0 == 0 || $0 == 0x0a } ?? []).map { WireText(bytes: $0).split("/").last ?? "" }
    }
    let arguments = words("cmdline")
    // `-name process=` changes it. That of a script is the script's, which is the first or second argument of its interpreter (execve(2)).
    let name = words("comm").first.flatMap { name in
      arguments.dropFirst().prefix(2).contains { $0.hasPrefix(name) } ? nil : name
    }
    return [name, arguments.first].compactMap { $0 }.contains { program in
      (program.hasPrefix("qemu") || program.hasPrefix("kvm")) && !tools.contains(where: program.hasPrefix)
    }
  }
}

extension QMPCommandFilter {
  /// Finds QEMU's process where the given one is a program that started it. Called when QEMU has answered.
  public func findProcess() {
    guard let program = options.process else { return }
    let process = MonitorProcess.started(by: program)
    guard process != program else { return }
    options.process = process
    // The program may have added options.
    if process != nil { options.machine = nil }
    prepareTrials()
  }

  /// Readies the scratch QEMU of the process.
  func prepareTrials() {
    scratch = options.rehearses ? options.process.map { ScratchQEMU(process: $0, emulator: options.emulator) } : nil
    if options.rehearses, scratch == nil {
      log.write(.warning, "rehearsal", [.init("reason", .string("plugs are not tried first: QEMU's process is not known"))])
    }
  }
}
