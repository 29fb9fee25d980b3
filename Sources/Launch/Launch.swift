import CLinux
import Common
import Facts
import Glibc
import Inputs
import Proxy
import Report
import Syntax

/// `vfiogate run`: checks a QEMU command line and becomes that QEMU, or refuses.
public struct Launch {
  /// An argument vector as execve(2) passes it.
  public typealias Arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

  /// The program and its arguments as the kernel passed them; ends with nil.
  public let arguments: Arguments
  /// The check. Its own QEMU is ignored where `qemu` is nil.
  public var policyCheck = LaunchPolicyCheck(qemu: .none)
  /// The QEMU to predict; nil queries the program that is started.
  public var qemu: QEMUChoice?
  /// Whether to name the device after each ATS warning on QEMU's standard error.
  public var isAnnotated = false
  /// Whether hot plugs are guarded too, at every QMP monitor.
  public var isGuarded = false
  /// The policy's path, or `none`.
  public var policy: String?
  /// The guards' log; nil is standard error, as long as QEMU keeps that open.
  public var log: String?
  /// Whether to print only what would be done.
  public var isDryRun = false

  /// Creates a launch that checks against the live host.
  public init(arguments: Arguments) { self.arguments = arguments }

  /// Returns only when nothing was started.
  public func run() -> Answer {
    guard let program = arguments[0] else { return .couldNotLook("no program is named") }
    let isJudged = Launch.mayConcern(arguments)
    guard isJudged || isDryRun || isGuarded else { return execute() }
    let source = LaunchSource(arguments)
    let parsed = ParsedInput.parse(source.text, as: .nul, follow: InputFile.follower(from: "", roots: nil))
    if Launch.isProbe(parsed.machine) { return isDryRun ? planned([], Answer()) : execute() }
    var answer = Answer()
    do {
      if isJudged { answer = try check(source.text, parsed, String(cString: program)) }
      guard answer.exit == .clean else { return planned([], answer) }
      let monitors = isGuarded ? LaunchMonitor.all(of: parsed.machine) : []
      let remarks = isGuarded ? LaunchMonitor.remarks(monitors, of: parsed.machine) : []
      answer.complaint += remarks.map { "vfiogate: \(printable($0))\n" }.joined()
      if let refusal = monitors.compactMap(\.refusal).first ?? (isGuarded ? Launch.changedMonitor(arguments) : nil) {
        return .couldNotLook("refused: \(printable(refusal))")
      }
      if isDryRun { return planned(monitors, answer) }
      Descriptor.write(Array(answer.complaint.utf8), to: STDERR_FILENO)
      if isAnnotated { try annotate(source, parsed.machine) }
      try startGuards(monitors, source, parsed.machine)
      return execute()
    } catch {
      return .couldNotLook("refused: \(printable("\(error)"))")
    }
  }

  /// Whether an argument, or QEMU's own configuration file, may concern passthrough. Most guests have none, and are started at once.
  private static func mayConcern(_ arguments: Arguments) -> Bool {
    if let file = ParsedInput.defaultConfig(of: arguments[0].map { String(cString: $0) }), access(file, F_OK) == 0 { return true }
    var next = arguments
    while let argument = next.pointee {
      // SAFETY: argv's strings end with NUL.
      if strstr(argument, "vfio") != nil || strstr(argument, "iommufd") != nil || strstr(argument, "readconfig") != nil {
        return true
      }
      next += 1
    }
    return false
  }

  /// The refusal of a `-set` that changes a monitor, or its character device, behind the option that makes it.
  private static func changedMonitor(_ arguments: Arguments) -> String? {
    var next = arguments
    while let argument = next.pointee, let value = next[1] {
      next += 1
      // SAFETY: argv's strings end with NUL.
      guard ["-set", "--set"].contains(String(cString: argument)) else { continue }
      let text = String(cString: value)
      if text.hasPrefix("mon.") || text.hasPrefix("chardev.") { return "`-set \(text)` changes a monitor, which cannot be guarded then" }
    }
    return nil
  }

  /// Whether QEMU is started without a machine, to query its capabilities, as libvirt does.
  private static func isProbe(_ machine: MachineConfig) -> Bool {
    machine.machineType?.value.string == "none" || ["version", "help", "h"].contains(where: machine.hasOption)
  }

  private func check(_ text: SourceText, _ parsed: ParsedInput, _ program: String) throws -> Answer {
    var policyCheck = policyCheck
    policyCheck.qemu = qemu ?? .program(Executable.find(program) ?? program)
    policyCheck.descriptors.isInherited = true
    policyCheck.policy = try .chosen(policy)
    return policyCheck.answer(try policyCheck.check(text, parsed))
  }

  private func planned(_ monitors: [LaunchMonitor], _ answer: Answer) -> Answer {
    guard isDryRun else { return answer }
    let program = arguments[0].map { printable(String(cString: $0)) } ?? ""
    let guarded = monitors.filter { $0.kind == .qmp }.map { "would guard `\(printable($0.text))`" }
    let outcome = "\(answer.exit == .clean ? "would start" : "would not start") `\(program)`"
    let lines = (guarded + [outcome]).map { "vfiogate: \($0)\n" }
    return Answer(complaint: answer.complaint + lines.joined(), exit: answer.exit)
  }

  /// Puts a proxy in front of every QMP monitor.
  private func startGuards(_ monitors: [LaunchMonitor], _ source: LaunchSource, _ machine: MachineConfig) throws {
    let guards = try MonitorGuards(monitors)
    if guards.monitors.isEmpty { return }
    let isDaemon = machine.hasOption("daemonize")
    // A reader of the standard error of a QEMU that daemonizes waits for its end of file.
    var log = isDaemon ? nil : STDERR_FILENO
    if let path = self.log {
      let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
      guard file >= 0 else { throw PathError(path, errno: errno) }
      log = file
    }
    var options = QMPCommandFilter.Options()
    options.host = policyCheck.host
    options.process = isDaemon ? nil : getpid()
    options.rehearses = policyCheck.rehearses
    options.machine = machine
    // A listener of QEMU's at another monitor's path replaces that one.
    options.sockets = monitors.filter { $0.kind == .hmp }.compactMap(\.address.path) + guards.monitors.compactMap(\.takeover.path)
    options.policy = try .chosen(policy)
    try guards.start(log: log) { serve($0, options, ProxyLog(descriptor: log)) }
    guards.rewrite(source, arguments)
  }

  /// Serves a monitor until QEMU ends; runs in the guard's own process.
  private func serve(_ takeover: MonitorTakeover, _ options: QMPCommandFilter.Options, _ log: ProxyLog) {
    var proxyOptions = Proxy.Options()
    // QEMU sends its greeting when its memory is allocated, which may be a terabyte; its end is noticed at any time.
    proxyOptions.handshake = .seconds(24 * 3600)
    let filter = QMPCommandFilter(options, log: log)
    let proxy = Proxy(
      qemu: takeover.qemu, listener: takeover.listener, connected: takeover.client.map { [$0] } ?? [],
      gate: filter, log: log, options: proxyOptions)
    do throws(ProxyFailure) {
      try proxy.begin()
      filter.findProcess()
      _ = proxy.run()
    } catch {
      let isQEMU = options.machine?.emulator.map(InputFormat.isNamedLikeEmulator) ?? false
      let hint = isQEMU ? "" : ". A program that starts QEMU may have closed the monitor's descriptor, which QEMU is to inherit: "
        + "start QEMU itself with `vfiogate run --guard`, in that program"
      log.write(.warning, "end", [.init("reason", .string("\(error)\(hint)"))])
    }
  }

  /// Puts a process of its own between QEMU's standard error and ours.
  private func annotate(_ source: LaunchSource, _ machine: MachineConfig) throws {
    let devices = machine.devices.filter(\.isVFIO).compactMap { device -> (argument: String, name: String)? in
      guard let index = device.location.range.flatMap({ source.index(of: $0.lowerBound) }) else { return nil }
      let name = [device.id.map { "`\($0)`" }, device.string("host").map { "(\($0))" }].compactMap { $0 }
      return (source.argument(index), name.isEmpty ? "an unnamed device" : name.joined(separator: " "))
    }
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw PathError("a pipe for standard error", errno: errno) }
    // SAFETY: the array's own count is given; this process has one thread.
    let detached = clinux_detach([ends[0], STDERR_FILENO], 2, "vfiogate-note")
    if detached == 0 {
      clinux_retitle(CommandLine.unsafeArgv, "vfiogate: annotates standard error")
      var annotator = Annotator(devices: devices)
      annotator.run(from: ends[0], to: STDERR_FILENO)
      _exit(0)
    }
    guard detached > 0 else { throw PathError("the annotator", errno: -detached) }
    dup2(ends[1], STDERR_FILENO)
    close(ends[0])
    close(ends[1])
  }

  private func execute() -> Answer {
    guard let program = arguments[0] else { return .couldNotLook("no program is named") }
    // SAFETY: strings that end with NUL, the last pointer nil.
    execvp(program, arguments)
    return .couldNotLook("\(printable(String(cString: program))): cannot be started: \(errnoText(errno))")
  }
}
