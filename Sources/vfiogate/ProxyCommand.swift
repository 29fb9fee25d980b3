import ArgumentParser
import Common
import Glibc
import Proxy

struct ProxyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proxy",
    abstract: "Stand between QMP clients and QEMU, and refuse what kills the guest.",
    discussion: """
      Clients connect to --listen instead of QEMU's monitor, and notice nothing but refusals: greeting, \
      negotiation, ids, events, out-of-band commands and passed descriptors go through as they are. Give QEMU a \
      monitor that nobody else can reach.

      A device_add of vfio-pci, also through human-monitor-command, is judged by all rules, with the live host and \
      with what QEMU says of its guest at that moment. What is refused is answered with an error of class \
      GenericError that begins with "vfiogate: refused:" and names the rule (`vfiogate explain RULE`). Always \
      refused: a descriptor without an id, `realized`, both backends in one address space, removing a descriptor \
      from under a device; and the ways past the proxy: a second monitor, qtest objects, programs run by migrations.

      --listen fd:N and systemd may be a listening socket; fd:N may also be a connected client, with which the \
      proxy then ends. A socket at PATH is made with mode 0600; a dead one is replaced.

      SIGTERM lets what QEMU has in hand be answered. The exit code is 0 when it was asked to stop or QEMU closed \
      the connection in order, 2 when it could not begin, when QEMU broke off in the middle of a message, or when \
      what it said could not be trusted.
      """)

  @Option(help: "Where clients connect: a path, fd:N, or systemd.")
  var listen: String
  @Option(help: "QEMU's monitor: the path of its socket, or fd:N, connected and nothing said.")
  var qmp: String
  @Option(help: "live, none, or a recording that `vfiogate probe --record` made.")
  var host = "live"
  @Option(help: "The policy that says what is allowed; what kills the guest whatever it is like is refused all the same.")
  var policy: String?
  @Option(help: "What is done when it cannot be told: refuse or warn. Without it: refuse what may kill the guest.")
  var onUnknown: String?
  @Option(help: "Decisions, one line each: a file, or - for standard error.")
  var log = "-"
  @Option(help: "text, or json for one object a line.")
  var logFormat = "text"
  @Option(help: "enforce, or observe, which refuses nothing and logs what it would refuse.")
  var mode = "enforce"
  @Option(help: "How many clients are served at once; others wait ungreeted.")
  var clients = 1
  @Option(help: "A user id that may connect; may be given more than once. Without it: who can open the socket.")
  var allowUid: [UInt32] = []
  @Flag(help: "Write the effective ats into requests that leave it out, so that no -global can change it.")
  var pinAts = false

  func validate() throws { _ = try proxy() }

  func run() throws { try Terminal.finish(proxy().run()) }

  private func proxy() throws -> ProxyRun {
    guard let listen = ProxyEndpoint(listen) else {
      throw ValidationError("--listen `\(listen)` is no path, fd:N or systemd.")
    }
    guard let qemu = ProxyEndpoint(qmp), qemu != .systemd else {
      throw ValidationError("--qmp `\(qmp)` is no path or fd:N.")
    }
    guard 1...64 ~= clients else { throw ValidationError("--clients \(clients) is not between 1 and 64.") }
    var gate = QMPCommandFilter.Options()
    gate.host = HostChoice(host)
    gate.pinsATS = pinAts
    do { gate.policy = try .chosen(policy) } catch { throw ValidationError("\(error)") }
    gate.mode = try chosen(mode, "--mode")
    gate.onUnknown = try onUnknown.map { try chosen($0, "--on-unknown") }
    var options = Proxy.Options()
    options.clients = clients
    if !allowUid.isEmpty { options.allowedUsers = Set(allowUid) }
    return ProxyRun(
      listen: listen, qemu: qemu, log: log, logFormat: try chosen(logFormat, "--log-format"), gate: gate,
      proxy: options)
  }
}
