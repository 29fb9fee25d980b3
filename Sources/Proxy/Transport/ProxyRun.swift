import CLinux
import Common
import Glibc
import Inputs
import Syntax

/// `vfiogate proxy`: opens both ends, serves, and reports the end.
public struct ProxyRun: Sendable {
  /// The address for clients.
  public var listen: ProxyEndpoint
  /// QEMU's monitor.
  public var qemu: ProxyEndpoint
  /// The path of the log; `-` is standard error.
  public var log: String
  /// The format of log lines.
  public var logFormat: ProxyLog.Format
  /// The path of the policy; nil for none.
  public var policy: String?
  /// Options of the command filter, that policy among them.
  public var gate: QMPCommandFilter.Options
  /// Limits of the proxy.
  public var proxy: Proxy.Options

  /// Creates a run.
  public init(
    listen: ProxyEndpoint, qemu: ProxyEndpoint, log: String, logFormat: ProxyLog.Format, policy: String?,
    gate: QMPCommandFilter.Options, proxy: Proxy.Options
  ) {
    self.listen = listen
    self.qemu = qemu
    self.log = log
    self.logFormat = logFormat
    self.policy = policy
    self.gate = gate
    self.proxy = proxy
  }

  /// Serves until QEMU ends or a signal arrives.
  /// - Returns: exit code 2 when it could not start, or when QEMU's end was not in order.
  public func run() -> Answer {
    do throws(ProxyFailure) {
      return try serve()
    } catch {
      return .couldNotLook("proxy: \(error)")
    }
  }

  private func serve() throws(ProxyFailure) -> Answer {
    let program = Handover.program
    let stop = clinux_signal_descriptor()
    guard stop >= 0 else { throw ProxyFailure("signals: \(errnoText(-stop))") }
    defer { close(stop) }
    let reload = clinux_reload_descriptor()
    guard reload >= 0 else { throw ProxyFailure("signals: \(errnoText(-reload))") }
    defer { close(reload) }
    let log = try ProxyLog.open(log, format: logFormat)
    let handed = try Handover.taken()
    if handed == nil, gate.rehearses, let emulator = gate.emulator { try check(emulator) }
    let door = if let handed { handed.listener } else { try ProxyListener.open(listen) }
    defer { door.close() }
    let monitor = if let handed { handed.qemu } else { try connect() }
    var options = gate
    options.process = MonitorProcess.behind(monitor)
    let paths = [listen.path ?? SocketFile.path(of: door.descriptor), qemu.path ?? SocketFile.path(of: monitor, isPeers: true)]
    options.sockets += paths.compactMap { $0 }
    let filter = QMPCommandFilter(options, log: log)
    let proxy = Proxy(
      qemu: monitor, listener: door.isListening ? door.descriptor : nil,
      connected: door.isListening || handed != nil ? [] : [door.descriptor], gate: filter, log: log,
      options: self.proxy, stop: stop, reload: reload
    ) { proxy, session in
      guard let guarded = proxy.monitor else { return "QEMU's session was not negotiated" }
      if let fault = self.fault { return fault }
      return Handover(
        monitor: guarded, session: session, qemu: monitor, sockets: proxy.sockets.mapValues(\.number),
        accepted: proxy.accepted, listener: door, books: filter.books
      ).execute(program)
    }
    if let handed {
      try filter.restore(handed.books)
      proxy.resume(handed)
    } else {
      try proxy.begin()
    }
    ServiceManager.notify("READY=1\nSTATUS=guarding a monitor")
    let end = proxy.run()
    ServiceManager.notify("STOPPING=1")
    switch end {
    case .stopped, .clientsGone, .qemuGone(midMessage: false): return Answer()
    case .qemuGone(midMessage: true), .failed: return .couldNotLook("proxy: \(end.text)")
    }
  }

  /// The reason why a successor could not read or write a file that the arguments name; nil where it can.
  private var fault: String? {
    do {
      _ = try PolicyFile.chosen(policy)
      _ = try ProxyLog.open(log, format: logFormat)
      return nil
    } catch { return "\(error)" }
  }

  /// A name that is misspelt would only be seen in the log, plug by plug.
  private func check(_ emulator: String) throws(ProxyFailure) {
    guard let path = Executable.find(emulator) else { throw ProxyFailure("\(emulator): it is not in PATH") }
    guard access(path, X_OK) == 0 else { throw ProxyFailure("\(emulator): cannot run: \(errnoText(errno))") }
    var status = stat()
    // The permission of a folder means another thing.
    guard stat(path, &status) != 0 || status.st_mode & S_IFMT != S_IFDIR else {
      throw ProxyFailure("\(emulator): cannot run: \(errnoText(EISDIR))")
    }
  }

  private func connect() throws(ProxyFailure) -> Int32 {
    switch qemu {
    case .systemd: throw ProxyFailure("systemd passes a socket to listen at, and no connection to QEMU")
    case .descriptor(let descriptor):
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      return descriptor
    case .path(let path):
      let descriptor = path.withCString { clinux_connect_unix($0) }
      guard descriptor >= 0 else { throw ProxyFailure("\(path): cannot connect: \(errnoText(-descriptor))") }
      return descriptor
    }
  }
}
