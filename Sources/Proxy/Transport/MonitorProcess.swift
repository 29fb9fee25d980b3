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

  /// The processes that the first thread of one has started (proc(5)).
  static func children(of process: pid_t) -> [pid_t] {
    let text = try? InputFile.read("/proc/\(process)/task/\(process)/children", limit: 1 << 16)
    return (text.map { WireText(bytes: $0.bytes).words } ?? []).compactMap { $0.number }
  }

  /// Whether a process has the name of a QEMU, or a program of that name.
  private static func isQEMU(_ process: pid_t) -> Bool {
    // `-name process=` changes the first.
    let names = ["comm", "cmdline"].compactMap { file in
      try? InputFile.read("/proc/\(process)/\(file)", limit: ParsedInput.maximumSize).bytes.split(separator: 0).first
    }
    return names.contains { name in
      let program = WireText(bytes: name).split("/").last ?? ""
      return program.hasPrefix("qemu") || program.hasPrefix("kvm")
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
