import ArgumentParser
import Common
import Glibc
import Proxy

struct ProxyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proxy",
    abstract: "Forward QMP between clients and QEMU, and refuse commands that would crash the guest.",
    discussion: """
      Clients connect to --listen instead of QEMU's monitor, and notice nothing but refusals: greeting, \
      negotiation, ids, events, out-of-band commands and passed descriptors are forwarded unchanged. Give QEMU a \
      monitor that no other process can open.

      A device_add of vfio-pci, also through human-monitor-command, is checked by all rules, with the live host and \
      with what QEMU reports about its guest at that moment. A refused command is answered with an error of class \
      GenericError that begins with "vfiogate: refused:" and names the rule (`vfiogate explain RULE`). Always \
      refused: a descriptor without an id, `realized`, both backends in one address space, removing a descriptor \
      that a device uses; \
      a plug that a scratch QEMU with the same command line crashes on; memory that QEMU may not lock for its vfio \
      devices; and bypasses of the proxy: a second monitor, qtest objects, programs run by migrations and networks.

      The profile guest-safety protects the guest from clients that mean well, such as libvirt: all else passes. The \
      profile untrusted is for clients that are not trusted: only queries and judged plugs pass, and with --allow COMMAND \
      a command that changes the guest alone, such as quit or system_reset. THREATS.md states what each promises.

      With --listen fd:N or systemd, the descriptor is a listening socket; fd:N may also be a connected client, and \
      the proxy ends when that client disconnects. A socket at PATH is created with mode 0600; an unused one is \
      replaced.

      On SIGHUP the program at this program's path, which an update may have replaced, takes over the connections \
      between two messages, with the same arguments; clients do not notice. A program that cannot is not started, and \
      a line in the log says why.

      On SIGTERM the proxy waits for answers to commands that QEMU has received, then ends. The exit code is 0 when \
      it was asked to stop or QEMU closed the connection between messages, 2 when it could not start, when QEMU \
      closed the connection in the middle of a message, or when QEMU sent an invalid message.
      """)

  @Option(help: "Address for clients: a path, fd:N, or systemd.", completion: .file())
  var listen: String
  @Option(help: "QEMU's monitor: the path of its socket, or fd:N, a connection on which nothing has been read or written.",
    completion: .file())
  var qmp: String
  @Option(help: "live, none, or a recording that `vfiogate probe --record` wrote.", completion: .file())
  var host = "live"
  @Option(help: "Policy file. Requests that would crash the guest are refused regardless of the policy.",
    completion: .file())
  var policy: String?
  @Option(help: "Action when a rule cannot be determined: refuse or warn. Default: refuse what may crash the guest.",
    completion: .choices(OnUnknown.self))
  var onUnknown: String?
  @Option(help: "guest-safety, or untrusted: only commands whose effect ends at the guest.")
  var profile = "guest-safety"
  @Option(
    name: .customLong("allow"),
    help: """
      Command that passes although the profile would refuse it; can be repeated. With untrusted a QMP command that \
      changes the guest, with guest-safety one of the human monitor that vfiogate does not know.
      """)
  var allowed: [String] = []
  @Option(help: "Log of decisions, one line each: a file, or - for standard error.", completion: .file())
  var log = "-"
  @Option(help: "Log format: text, or json for one object a line.")
  var logFormat = "text"
  @Option(help: "enforce, or observe: refuse nothing, and log what would be refused.")
  var mode = "enforce"
  @Option(help: "Number of clients served at once; others wait for their greeting.")
  var clients = 1
  @Option(help: "User id that may connect; can be repeated. Default: any user the socket's file permissions admit.")
  var allowUid: [UInt32] = []
  @Option(help: "QEMU program on which plugs are tried first. Default: that of the running QEMU.",
    completion: .file())
  var emulator: String?
  @Flag(help: "Do not try plugs on a scratch QEMU; requests that are known to crash QEMU are still refused.")
  var noRehearse = false
  @Flag(help: "Add the effective ats to plugs that leave it out, so that no -global can change it.")
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
      listen: listen, qemu: qemu, log: log, logFormat: try chosen(logFormat, "--log-format"), gate: gate,
      proxy: options)
  }
}
