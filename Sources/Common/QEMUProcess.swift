import CLinux
import Glibc
import QMP

/// A QEMU that is started only to ask it something, with a monitor on its standard input and output.
package final class QEMUProcess {
  /// The connection to its monitor.
  package let connection: QMPConnection
  private let path: String
  private let standardError: ErrorOutput
  /// Nil once reaped.
  private var processID: pid_t?

  /// Limits of a program that is given a definition's options.
  package struct Confinement: Sendable {
    /// RLIMIT_DATA (getrlimit(2)) in bytes.
    package var data: UInt64
    /// Number of descriptors of /dev/null that it has, from `firstSpare` on.
    package var spares: Int
    /// The lowest number of those.
    package static let firstSpare = Int(CLINUX_FIRST_SPARE)

    /// Creates limits.
    package init(data: UInt64, spares: Int) {
      self.data = data
      self.spares = spares
    }
  }

  /// A program's end (wait(2)).
  package enum End: Sendable, Hashable {
    case exit(Int32)
    case signal(Int32)
  }

  /// No machine, no devices, no configuration of the host's: only standard input and output are opened.
  package static let arguments = [
    "-M", "none", "-nodefaults", "-no-user-config", "-display", "none", "-qmp", "stdio",
  ]
  /// Maximum number of bytes of standard error in a message, which is one line.
  package static let errorLimit = 512

  /// Starts the program.
  /// - Throws: `QMPFailure` with the program's path when it cannot be started.
  package init(
    path: String, arguments: [String] = QEMUProcess.arguments, confinement: Confinement? = nil
  ) throws(QMPFailure) {
    let sockets = try QEMUProcess.pair(path, "make a socket pair") {
      socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, $0)
    }
    connection = QMPConnection(adopting: sockets.0, path: path)
    defer { close(sockets.1) }
    let errors = try QEMUProcess.pair(path, "make a pipe") { pipe($0) }
    standardError = ErrorOutput(adopting: errors.0)
    connection.errors = standardError
    defer { close(errors.1) }
    self.path = path
    let result = QEMUProcess.spawn(path, arguments, confinement, input: sockets.1, error: errors.1)
    guard result > 0 else { throw QMPFailure(path: path, cause: .system("run", errno: -result)) }
    processID = result
  }

  deinit { end() }

  /// The failure, extended by the program's exit status and standard error. Ends the program.
  package func explain(_ failure: QMPFailure) -> QMPFailure {
    var parts: [String] = []
    switch failure.cause {
    case .ended(.byPeer, _), .system(_, errno: ECONNRESET): exitStatus().map { parts.append($0.text) }
    default: break
    }
    end()
    standardError.drain()
    let text = Array(standardError.text.utf8)
    let lines = String(decoding: text.prefix(QEMUProcess.errorLimit), as: UTF8.self).split(whereSeparator: \.isNewline)
    // A program that repeats itself says it once.
    let different = lines.enumerated().filter { $0.offset == 0 || lines[$0.offset - 1] != $0.element }.map(\.element)
    let whole = different.joined(separator: " | ")
      + (text.count > QEMUProcess.errorLimit ? " … (cut at \(QEMUProcess.errorLimit) bytes)" : "")
    if !whole.isEmpty { parts.append("standard error: \(whole)") }
    return QMPFailure(
      path: failure.path, cause: failure.cause, detail: parts.isEmpty ? nil : parts.joined(separator: "; "), isOfProgram: true)
  }

  /// The text of its standard error until now.
  package var errorText: String {
    standardError.drain()
    return standardError.text
  }

  /// Waits for a program that has closed its monitor, at most a second, and ends it otherwise.
  /// - Returns: how it ended; nil when it was ended here. The text of its standard error.
  package func finish() -> (end: End?, error: String) {
    let status = exitStatus()
    end()
    return (status, errorText)
  }

  /// Kills it with everything that it started, and reaps it. It has nothing to lose.
  private func end() {
    guard let child = processID else { return }
    kill(-child, SIGKILL)
    while waitpid(child, nil, 0) < 0, errno == EINTR {}
    processID = nil
  }

  /// Exit status of a program that ended by itself within a second of closing its output; nil when it has not.
  private func exitStatus() -> End? {
    guard let child = processID else { return nil }
    let deadline = Deadline(after: .seconds(1))
    var status: Int32 = 0
    while true {
      var info = siginfo_t()
      let result = waitid(P_PID, id_t(child), &info, WEXITED | WNOHANG | WNOWAIT)
      if result == 0, info.si_signo == SIGCHLD { break }
      guard result == 0 || errno == EINTR, !deadline.isPast else { return nil }
      // It may wait for a full pipe.
      standardError.read()
      usleep(5000)
    }
    // A wrapper's own children, before the number of their group can be another's.
    kill(-child, SIGKILL)
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    processID = nil
    // wait(2): the low seven bits are the signal, 0 for an exit; the next byte is the exit code.
    let signal = status & 0x7f
    return signal == 0 ? .exit((status >> 8) & 0xff) : .signal(signal)
  }

  private static func spawn(
    _ path: String, _ arguments: [String], _ confinement: Confinement?, input: Int32, error: Int32
  ) -> Int32 {
    let strings = ([path] + arguments).map { strdup($0) }
    defer { strings.forEach { free($0) } }
    // SAFETY: the array ends with nil, and the strings live until after the call.
    guard let confinement else { return clinux_spawn(path, strings + [nil], input, input, error) }
    var limits = clinux_confinement(data: confinement.data, spares: Int32(confinement.spares))
    return clinux_spawn_confined(path, strings + [nil], input, input, error, &limits)
  }

  /// Two descriptors, close-on-exec, from a call that fills an array of two.
  private static func pair(
    _ path: String, _ attempt: String, _ call: (UnsafeMutablePointer<Int32>) -> Int32
  ) throws(QMPFailure) -> (Int32, Int32) {
    var both: [Int32] = [-1, -1]
    guard call(&both) == 0 else { throw QMPFailure(path: path, cause: .system(attempt, errno: errno)) }
    for descriptor in both { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    return (both[0], both[1])
  }
}

extension QEMUProcess.End {
  fileprivate var text: String {
    switch self {
    case .exit(let status): "it exited with status \(status)"
    case .signal(let signal): "it was killed by signal \(signal)"
    }
  }
}
