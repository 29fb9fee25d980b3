import Facts
import Glibc
import QMP
import Support
import Syntax

@testable import Common
@testable import Proxy

/// Commands of a client, and the answer of the proxy's command filter to the last one. QEMU accepts all others.
///
/// Lines of the `qmp` block of a `refuses:` or `passes:` case: a command, sent by client 1, or
///
/// - `client N`: the client that sends the commands below;
/// - `descriptor PATH`: the next command carries an open descriptor of that file;
/// - `host FILE`: the recording in Fixtures/hosts that the filter reads;
/// - `profile NAME`, `allow COMMAND`, `socket PATH`: options of the filter.
struct CommandCase {
  private var options = QMPCommandFilter.Options()
  private var commands: [(client: Int, path: String?, line: String)] = []

  init(_ lines: [String]) {
    options.host = .recording(Fixture.path("hosts/intel-no-device-tlb.host"))
    var client = 1
    var path: String?
    for line in lines {
      let words = line.split(separator: " ", maxSplits: 1).map(String.init)
      switch words[0] {
      case "client": client = Int(words[1]) ?? 0
      case "descriptor": path = words[1]
      case "host": options.host = .recording(Fixture.path("hosts/" + words[1]))
      case "profile": options.profile = QMPCommandFilter.Profile(rawValue: words[1]) ?? .guestSafety
      case "allow": options.allowed.append(words[1])
      case "socket": options.sockets.append(words[1])
      default:
        commands.append((client, path, line))
        path = nil
      }
    }
  }

  /// `passes`, or the error's text without the path of the fixtures.
  func answer() throws -> String {
    let filter = QMPCommandFilter(options, log: ProxyLog())
    var last = "nothing was sent"
    for (client, path, line) in commands {
      let descriptor = path.map { OwnedDescriptor(open($0, O_RDONLY | O_CLOEXEC)) }
      let message = ClientMessage(
        bytes: Array(line.utf8), json: try JSON.parse(line), descriptors: descriptor.map { [$0] } ?? [])
      switch filter.inspect(message, from: ProxyPeer(number: client, process: nil, user: nil)) {
      case .pass: last = "passes"
      case .refuse(let error): last = error.text
      case .inquire(let decision): last = settle(decision)
      case .wait: last = "waits for a trial"
      }
    }
    return last.split(separator: Fixture.path("hosts/"), omittingEmptySubsequences: false).joined(separator: "")
  }

  /// QEMU answers none of the proxy's own questions, and accepts the command.
  private func settle(_ decision: any CommandDecision) -> String {
    var answers: [Result<JSON, CommandError>] = []
    for _ in 0..<4 {
      switch decision.proceed(answers) {
      case .ask(let questions):
        answers = questions.map { _ in .failure(CommandError(errorClass: "GenericError", text: "no answer")) }
      case .pass:
        decision.answered(.success(.object([.init("fd", .integer(7))])))
        return "passes"
      case .refuse(let error): return error.text
      }
    }
    return "asks without end"
  }
}
