import ArgumentParser
import Common
import Glibc
import Proxy

struct ProxyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proxy",
    abstract: "Forward QMP between clients and QEMU, and refuse commands that would crash the guest.",
    discussion: """
      Clients connect to --listen instead of QEMU's monitor, and notice nothing but refusals: greeting, negotiation, \
      ids, events, out-of-band commands and passed descriptors are forwarded. Give QEMU a monitor that no other \
      process can open.

      A device_add of vfio-pci, also through human-monitor-command, is checked by all rules of `vfiogate lint`, with \
      the host and with what QEMU reports about its guest at that moment. Every device_add is rehearsed where QEMU's \
      process is known, which is so when the process that listened at the monitor's socket is named qemu… or kvm…: \
      it is tried first on another QEMU with the same command line, stopped and with replacements for the host's \
      devices. A plug that could not be rehearsed is not refused for that, and the log says so. A refused command is \
      answered with an error of class GenericError that begins with "vfiogate: refused:" and names the rule \
      (`vfiogate explain RULE`).

      Refused regardless of --policy and --allow, and only logged with --mode observe:
      - a plug that crashes QEMU in the rehearsal;
      - a plug that is known to crash QEMU: one with fd= and without an id; one with the property realized; one \
      whose backend (iommufd or legacy) is not that of the other devices of its address space;
      - the removal of a descriptor that a device uses;
      - memory that QEMU may not lock for its vfio devices;
      - a way around this proxy: another monitor, a qtest object, a program that QEMU runs for a migration or a \
      network.

      --profile guest-safety protects the guest from clients that mean well, such as libvirt. It refuses also a plug \
      of vfio-pci with another finding of severity error, qom-set of a property that management programs do not set, \
      a command of the human monitor that vfiogate does not know, and the use of a descriptor that another client \
      has passed. All else passes. --profile untrusted is for clients that are not trusted: queries, judged plugs of \
      vfio-pci, the removal of these, and what --allow names pass. THREATS.md, in the folder of this program's \
      documentation, states what each promises.

      With --listen fd:N or systemd, the descriptor is a listening socket; fd:N may also be a connected client, and \
      the proxy ends when that client disconnects. A socket at PATH is created with mode 0600; one that no program \
      listens on any more is replaced.

      On SIGHUP the file at this program's path, which an update may have replaced, is started in its place, between \
      two messages and with the same arguments; clients do not notice. If the file cannot be started or cannot take \
      over the connections, the running program continues, and the log says why.

      On SIGTERM the proxy waits for answers to commands that QEMU has received, then ends. The exit code is 0 when \
      it was asked to stop or QEMU closed the connection between messages, 2 when it could not start, when QEMU \
      closed the connection in the middle of a message, or when QEMU sent an invalid message.
      """)

  @Option(
    help: """
      Address for clients: the path of a socket, fd:N (an open descriptor), or systemd (the socket that systemd \
      passes).
      """,
    completion: .file())
  var listen: String
  @Option(help: "QEMU's monitor: the path of its socket, or fd:N, a connection on which nothing has been read or written.",
    completion: .file())
  var qmp: String
  @Option(
    help: "live (this machine), none (read no host), or a recording that `vfiogate probe --record` wrote.",
    completion: .file())
  var host = "live"
  @Option(
    help: """
      Policy file, which allows findings or changes their severity, but not of requests that would crash the guest. \
      Default: no policy.
      """,
    completion: .file())
  var policy: String?
  @Option(
    help: """
      Action on a plug about which a rule cannot be determined: refuse, or warn (it passes, with a line in the log; \
      also where the rule is about a crash). Default: refuse where the rule is about a crash of the guest, else warn.
      """,
    completion: .choices(OnUnknown.self))
  var onUnknown: String?
  @Option(help: "guest-safety (for clients that mean well) or untrusted (for clients that are not trusted).",
    completion: .choices(QMPCommandFilter.Profile.self))
  var profile = "guest-safety"
  @Option(
    name: .customLong("allow"),
    help: """
      Command that passes although the profile would refuse it; can be repeated. With untrusted: a QMP command that \
      changes only the guest, such as quit. With guest-safety: a command of the human monitor that vfiogate does not know.
      """)
  var allowed: [String] = []
  @Option(help: "Log of decisions, one line each: a file, or - for standard error.", completion: .file())
  var log = "-"
  @Option(help: "Log format: text, or json for one object a line.", completion: .choices(ProxyLog.Format.self))
  var logFormat = "text"
  @Option(help: "enforce, or observe: refuse nothing, and log what would be refused.",
    completion: .choices(QMPCommandFilter.Mode.self))
  var mode = "enforce"
  @Option(
    help: """
      Number of clients served at once, 1 to 64. A further client may connect, and gets its greeting when another \
      disconnects.
      """)
  var clients = 1
  @Option(help: "User id that may connect; can be repeated. Default: every user whom the permissions of the socket admit.")
  var allowUid: [UInt32] = []
  @Option(help: "QEMU program for the rehearsals. Default: that of the running QEMU.",
    completion: .file())
  var emulator: String?
  @Flag(help: "Do not rehearse plugs; those that are known to crash QEMU are still refused.")
  var noRehearse = false
  @Flag(help: "Add ats=, with the value that holds now, to plugs that leave it out, so that no -global can change it.")
  var pinAts = false

  func validate() throws { _ = try proxy() }

  func run() throws { try Terminal.finish(proxy().run()) }

  private func proxy() throws -> ProxyRun {
    guard let listen = ProxyEndpoint(listen) else {
      throw ValidationError("--listen `\(listen)` is not a path, fd:N or systemd.")
    }
    guard let qemu = ProxyEndpoint(qmp), qemu != .systemd else {
      throw ValidationError("--qmp `\(qmp)` is not a path or fd:N.")
    }
    guard 1...64 ~= clients else { throw ValidationError("--clients \(clients) is not between 1 and 64.") }
    var gate = QMPCommandFilter.Options()
    gate.host = HostChoice(host)
    gate.pinsATS = pinAts
    gate.rehearses = !noRehearse
    gate.emulator = emulator
    do { gate.policy = try .chosen(policy) } catch { throw ValidationError("\(error)") }
    gate.mode = try chosen(mode, "--mode")
    gate.profile = try chosen(profile, "--profile")
    for command in allowed {
      if let reason = QMPCommandFilter.refusalToAllow(command, in: gate.profile) {
        throw ValidationError("--allow `\(command)`: \(reason).")
      }
    }
    gate.allowed = allowed
    gate.onUnknown = try onUnknown.map { try chosen($0, "--on-unknown") }
    var options = Proxy.Options()
    options.clients = clients
    if !allowUid.isEmpty { options.allowedUsers = Set(allowUid) }
    return ProxyRun(
      listen: listen, qemu: qemu, log: log, logFormat: try chosen(logFormat, "--log-format"), policy: policy,
      gate: gate, proxy: options)
  }
}
