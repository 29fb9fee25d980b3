import Common
import Facts
import Glibc
import QMP
import Rehearsal
import Syntax

/// One plug or one list that is tried, in a process of its own: the proxy serves other clients meanwhile.
package final class ScratchTrial {
  enum Candidate {
    case plug(DeviceRequest)
    /// A command that changes nothing.
    case list(Command, name: WireText)

    /// The name in a message.
    var name: String {
      switch self {
      case .plug(let request): request.plainName
      case .list(_, let name): "`\(name)`"
      }
    }
  }

  /// Outcome of a trial.
  package enum Outcome: Equatable {
    case created
    /// It refused the plug, with this text: whether the running QEMU would crash is not known.
    case refused(text: String)
    case crashed(signal: String)
    /// It refused the plug, with this text, and crashed when the plug was repeated or the guest reset.
    case crashedLater(signal: String, text: String)
    /// It exited, with this text on its standard error.
    case exited(text: String)
    case unknown(String)

    /// - Parameter request: the plug; a refusal or an end at another part says nothing about it.
    init(_ result: Known<RehearsalResult>, of request: DeviceRequest) {
      switch result {
      case .unknown(let unknown): self = .unknown(unknown.reason)
      case .known(let result):
        switch result.outcome {
        case .started: self = .created
        case .crashed(let signal, request.location, _): self = .crashed(signal: signal)
        case .exited(let text, request.location, _): self = .exited(text: text)
        case .refused(let text, request.location, _):
          self = result.laterSignal.map { .crashedLater(signal: $0, text: text) } ?? .refused(text: text)
        case .crashed(let signal, _, let about): self = .unknown("the scratch QEMU crashed with \(signal) on \(about)")
        case .refused(let text, _, let about), .exited(let text, _, let about):
          self = .unknown("the scratch QEMU refused \(about): \(text)")
        case .notRehearsed(let reason): self = .unknown(reason)
        }
      }
    }

    /// The outcome as it goes through the pipe.
    var text: String {
      switch self {
      case .created: "created"
      case .refused(let text): "refused \(text.prefix(1024))"
      case .crashed(let signal): "crashed \(signal)"
      case .crashedLater(let signal, let text): "\(signal) \(text.prefix(1024))"
      case .exited(let text): "exited \(text.prefix(1024))"
      case .unknown(let reason): "unknown \(reason.prefix(1024))"
      }
    }

    init(text: String) {
      let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
      switch (parts.first, parts.last) {
      case ("created", _): self = .created
      case ("refused", let text?): self = .refused(text: text)
      case ("crashed", let signal?): self = .crashed(signal: signal)
      case ("exited", let text?): self = .exited(text: text)
      case ("unknown", let reason?): self = .unknown(reason)
      case (let signal?, let text?) where signal.hasPrefix("SIG"): self = .crashedLater(signal: signal, text: text)
      default: self = .unknown("the trial ended without an answer")
      }
    }
  }

  /// Time after which a trial that gives no answer is ended; its client waits meanwhile. The rehearsal has its own limit, and says
  /// more: a machine with 255 processors takes 3 to 4 seconds to start.
  private static let limit = QEMURehearsal.patience + .seconds(2)

  let candidate: Candidate
  private let scratch: ScratchQEMU
  private var running: (process: pid_t, descriptor: OwnedDescriptor, until: ContinuousClock.Instant)?
  private var answer: [UInt8] = []
  private(set) var outcome: Outcome?

  init(_ scratch: ScratchQEMU, _ candidate: Candidate) {
    self.scratch = scratch
    self.candidate = candidate
  }

  deinit { end() }

  var awaited: (descriptor: Int32, until: ContinuousClock.Instant)? { running.map { ($0.descriptor.number, $0.until) } }

  /// The outcome; nil while it runs, or waits for another.
  package func poll() -> Outcome? {
    guard outcome == nil, running == nil else { return outcome }
    do throws(Unknown) {
      guard let begun = try scratch.start(self) else { return nil }
      running = (begun.process, OwnedDescriptor(begun.descriptor), .now + ScratchTrial.limit)
      _ = fcntl(begun.descriptor, F_SETFL, O_NONBLOCK)
    } catch {
      outcome = .unknown(error.reason)
    }
    return outcome
  }

  /// Whether the trial begins when its outcome is asked for.
  var isToBegin: Bool { outcome == nil && running == nil && scratch.isFree }

  /// Waits for the outcome; for tests, and without another that runs.
  package func wait() -> Outcome {
    while true {
      if let outcome = poll() { return outcome }
      guard let awaited else { return .unknown("another trial runs") }
      var entry = pollfd(fd: awaited.descriptor, events: Int16(POLLIN), revents: 0)
      // SAFETY: one entry, which lives for the call.
      _ = Glibc.poll(&entry, 1, Deadline(after: awaited.until - .now).milliseconds)
      read()
    }
  }

  /// Reads what has come, and ends a process that is late.
  func read() {
    guard let running else { return }
    var bytes = [UInt8](repeating: 0, count: 2048)
    // SAFETY: the buffer's own count is passed.
    let count = Glibc.read(running.descriptor.number, &bytes, bytes.count)
    if count > 0 { answer += bytes[..<count] }
    if count == 0 {
      outcome = Outcome(text: String(decoding: answer, as: UTF8.self))
    } else if running.until <= .now {
      outcome = .unknown("no answer within \(ScratchTrial.limit)")
    } else {
      return
    }
    end()
  }

  /// Whether the next may begin: this one's plug, if it was created, was answered by the running QEMU.
  var isSettled: Bool {
    guard case .plug = candidate, outcome == .created else { return outcome != nil }
    return isAnswered
  }

  private var isAnswered = false

  /// The running QEMU has answered the plug. Later trials repeat it if both have created it.
  func answered(isAccepted: Bool) {
    isAnswered = true
    if isAccepted, outcome == .created, case .plug(let request) = candidate { scratch.hasCreated(request) }
  }

  /// The process has nothing to lose; its QEMUs end with it.
  private func end() {
    guard let process = running?.process else { return }
    kill(process, SIGKILL)
    while waitpid(process, nil, 0) < 0, errno == EINTR {}
    running = nil
  }
}
