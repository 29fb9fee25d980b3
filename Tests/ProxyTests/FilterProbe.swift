import Glibc
import QMP
import Syntax

@testable import Common
@testable import Proxy

/// A command filter without QEMU: a message in; pass, refusal or inquiry out.
struct FilterProbe {
  enum Answer: Equatable, CustomStringConvertible {
    case pass, inquire
    /// A refusal by a rule, or with another text.
    case refuse(String)

    var description: String {
      switch self {
      case .pass: "passes"
      case .inquire: "is inquired"
      case .refuse(let rule): "is refused by \(rule)"
      }
    }

    init(_ error: CommandError) {
      let words = error.text.split(separator: ": ", maxSplits: 2).map(String.init)
      self = .refuse(words.count == 3 && words[0] == "vfiogate" ? String(words[2].split(separator: ":")[0]) : error.text)
    }
  }

  let filter: QMPCommandFilter

  init(_ change: (inout QMPCommandFilter.Options) -> Void = { _ in }) {
    var options = QMPCommandFilter.Options()
    change(&options)
    filter = QMPCommandFilter(options, log: ProxyLog())
  }

  static func command(_ name: String, _ arguments: String) -> String { #"{"execute":"\#(name)","arguments":\#(arguments)}"# }

  static func human(_ line: String) -> String {
    command("human-monitor-command", #"{"command-line":\#(JSON.string(line).text())}"#)
  }

  private func inspect(_ text: String, _ descriptors: Int, _ client: Int) throws -> ProxyInspection {
    let given = (0..<descriptors).map { _ in OwnedDescriptor(open("/dev/null", O_RDONLY)) }
    let message = ClientMessage(bytes: Array(text.utf8), json: try JSON.parse(text), descriptors: given)
    return filter.inspect(message, from: ProxyPeer(number: client, process: nil, user: nil))
  }

  /// The filter's first answer.
  func answer(_ text: String, descriptors: Int = 0, client: Int = 1) throws -> Answer {
    switch try inspect(text, descriptors, client) {
    case .pass: .pass
    case .inquire, .wait: .inquire
    case .refuse(let error): Answer(error)
    }
  }

  /// The decision, where QEMU answers the questions of the first round with these values, and those of later rounds with
  /// the function's.
  /// - Parameters:
  ///   - accepted: QEMU's answer to the command itself; nil where it gives none.
  ///   - fails: whether QEMU answers the command with an error.
  func settle(
    _ text: String, _ first: [JSON] = [], descriptors: Int = 0, client: Int = 1, accepted: JSON? = nil, fails: Bool = false,
    then more: (Command) -> JSON? = { _ in nil }
  ) throws -> Answer {
    let failure = Result<JSON, CommandError>.failure(CommandError(errorClass: "GenericError", text: "no answer"))
    switch try inspect(text, descriptors, client) {
    case .pass: return .pass
    case .refuse(let error): return Answer(error)
    case .wait: return .inquire
    case .inquire(let decision):
      var answers: [Result<JSON, CommandError>] = []
      for round in 0..<6 {
        switch decision.proceed(answers) {
        case .ask(let questions):
          answers = questions.enumerated().map { index, question in
            if round == 0, index < first.count { return .success(first[index]) }
            return more(question).map { .success($0) } ?? failure
          }
        case .pass:
          if let accepted { decision.answered(.success(accepted)) } else if fails { decision.answered(failure) }
          return .pass
        case .refuse(let error): return Answer(error)
        }
      }
      return .inquire
    }
  }
}
