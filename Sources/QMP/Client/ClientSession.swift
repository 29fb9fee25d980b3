import Syntax

/// The client's side of one QMP connection, without the connection: bytes in, occurrences out,
/// bytes to be sent. It knows no time; `awaiting` says what a driver's deadline is about.
public struct ClientSession: Sendable {
  public enum State: Hashable, Sendable {
    case expectingGreeting
    /// `qmp_capabilities` is to be sent, or sent.
    case negotiating(Greeting)
    /// Commands may be sent; `outOfBand` when that was asked for, offered and granted.
    case ready(Greeting, outOfBand: Bool)
    case closed(Closure)
  }

  /// Why a session is over.
  public enum Closure: Error, Hashable, Sendable {
    /// End of stream, with so many bytes of a message that had begun.
    case byPeer(unfinished: Int)
    case violation(ProtocolViolation)
    case negotiationRefused(CommandError)
  }

  /// What a message meant. Outside `closed` the session goes on.
  public enum Occurrence: Hashable, Sendable {
    case greeted(Greeting)
    case ready
    case replied(CommandID, Result<JSON, CommandError>)
    case event(Event)
    /// A reply with an id that is not ours, or that is answered already, or a success without one.
    /// The specification has clients drop these.
    case ignored(id: JSON?)
    case closed(Closure)
  }

  /// Why a command was not taken.
  public enum Refusal: Error, Hashable, Sendable {
    case notReady
    case outOfBandNotNegotiated
  }

  /// A command without an answer.
  public struct Outstanding: Hashable, Sendable {
    public let id: CommandID
    public let name: String
  }

  public private(set) var state = State.expectingGreeting
  /// Commands sent or to be sent that have no answer, oldest first. They stay when a session closes:
  /// nobody knows whether QEMU has executed them.
  public private(set) var outstanding: [Outstanding] = []

  private var framer: Framer
  private var transmissions: [Transmission] = []
  private var issued: UInt64 = 0
  private let prefix: String
  private let wantsOutOfBand: Bool

  /// - Parameters:
  ///   - wantsOutOfBand: enable "oob" where the server offers it.
  ///   - prefix: what the ids begin with; no one else on the connection may use it.
  ///   - frameLimit: the largest message taken, in bytes.
  public init(
    wantsOutOfBand: Bool = false, prefix: String = "vfiogate-", frameLimit: Int = JSON.maximumSize
  ) {
    self.wantsOutOfBand = wantsOutOfBand
    self.prefix = prefix
    framer = Framer(limit: frameLimit)
  }

  /// What the session waits for, to complete "no answer: awaiting …"; nil when for nothing.
  public var awaiting: String? {
    if case .expectingGreeting = state { return "the greeting" }
    return outstanding.first.map { "the reply to `\($0.name)`" }
  }

  /// What is to be written now, in order, each item in a write of its own.
  public mutating func takeTransmissions() -> [Transmission] {
    defer { transmissions = [] }
    return transmissions
  }

  /// Queues a command.
  /// - Returns: the id that its reply will have.
  public mutating func send(_ command: Command) throws(Refusal) -> CommandID {
    guard case .ready(_, let outOfBand) = state else { throw .notReady }
    guard outOfBand || !command.isOutOfBand else { throw .outOfBandNotNegotiated }
    return enqueue(command)
  }

  /// Takes bytes from the server. After `closed` everything is passed over.
  public mutating func receive(_ bytes: some Sequence<UInt8>) -> [Occurrence] {
    if isClosed { return [] }
    framer.append(bytes)
    var occurrences: [Occurrence] = []
    while !isClosed {
      do throws(ProtocolViolation) {
        guard let frame = try nextFrame() else { break }
        occurrences += try handle(try ServerMessage.parse(frame.bytes), frame)
      } catch {
        occurrences.append(close(.violation(error)))
      }
    }
    return occurrences
  }

  /// Takes the end of the server's stream.
  public mutating func receiveEnd() -> [Occurrence] {
    isClosed ? [] : [close(.byPeer(unfinished: framer.unfinished))]
  }

  public var isClosed: Bool {
    if case .closed = state { return true }
    return false
  }
}

extension ClientSession {
  private mutating func nextFrame() throws(ProtocolViolation) -> Frame? {
    do { return try framer.next() } catch { throw .framing(error) }
  }

  private mutating func enqueue(_ command: Command) -> CommandID {
    issued += 1
    let id = CommandID(text: "\(prefix)\(issued)")
    outstanding.append(Outstanding(id: id, name: command.name))
    transmissions.append(Transmission(bytes: command.bytes(id: id), descriptors: command.descriptors))
    return id
  }

  private mutating func close(_ closure: Closure) -> Occurrence {
    state = .closed(closure)
    transmissions = []
    return .closed(closure)
  }

  private mutating func handle(
    _ message: ServerMessage, _ frame: Frame
  ) throws(ProtocolViolation) -> [Occurrence] {
    if case .expectingGreeting = state {
      guard case .greeting(let greeting) = message else {
        throw .notAGreeting(text: ServerMessage.excerpt(frame.bytes))
      }
      negotiate(greeting)
      return [.greeted(greeting)]
    }
    switch message {
    case .greeting: throw .secondGreeting
    case .event(let event): return [.event(event)]
    case .success(let id, let value): return settle(id, .success(value))
    case .failure(nil, let error): throw .errorWithoutID(error)
    case .failure(let id, let error): return settle(id, .failure(error))
    }
  }

  private mutating func negotiate(_ greeting: Greeting) {
    state = .negotiating(greeting)
    let enables = wantsOutOfBand && greeting.capabilities.contains("oob")
    _ = enqueue(Command("qmp_capabilities", enables ? ["enable": ["oob"]] : nil))
  }

  private mutating func settle(_ id: JSON?, _ result: Result<JSON, CommandError>) -> [Occurrence] {
    guard let index = outstanding.firstIndex(where: { $0.id.json == id }) else { return [.ignored(id: id)] }
    let command = outstanding.remove(at: index)
    guard case .negotiating(let greeting) = state else { return [.replied(command.id, result)] }
    if case .failure(let error) = result { return [close(.negotiationRefused(error))] }
    state = .ready(greeting, outOfBand: wantsOutOfBand && greeting.capabilities.contains("oob"))
    return [.ready]
  }
}
