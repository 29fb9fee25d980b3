import Syntax

/// The client's side of one QMP connection, without the connection: bytes in, occurrences out,
/// bytes to be sent. It knows no time; `awaiting` says what a driver's deadline is about.
public struct ClientSession: Sendable {
  /// States of the session, in order.
  public enum State: Hashable, Sendable {
    case expectingGreeting
    /// `qmp_capabilities` is queued or sent.
    case negotiating(Greeting)
    /// Commands may be sent; `outOfBand` when that was requested, offered and granted.
    case ready(Greeting, outOfBand: Bool)
    case closed(Closure)
  }

  /// The reason why a session has ended.
  public enum Closure: Error, Hashable, Sendable {
    /// End of stream, with this number of bytes of an unfinished message.
    case byPeer(unfinished: Int)
    case violation(ProtocolViolation)
    case negotiationRefused(CommandError)
  }

  /// The meaning of a message. The session continues except after `closed`.
  public enum Occurrence: Hashable, Sendable {
    case greeted(Greeting)
    case ready
    case replied(CommandID, Result<JSON, CommandError>)
    case event(Event)
    /// A reply with an id that is not ours or is answered already, or a success without an id.
    /// The specification has clients drop these.
    case ignored(id: JSON?)
    case closed(Closure)
  }

  /// The reason why a command was not accepted.
  public enum Refusal: Error, Hashable, Sendable {
    case notReady
    case outOfBandNotNegotiated
  }

  /// A command without an answer.
  public struct Outstanding: Hashable, Sendable {
    /// The command's id.
    public let id: CommandID
    /// The command's name.
    public let name: String
  }

  /// The current state.
  public private(set) var state = State.expectingGreeting
  /// Commands sent or to be sent that have no answer, oldest first. They remain when a session closes:
  /// whether QEMU has executed them is unknown.
  public private(set) var outstanding: [Outstanding] = []

  private var framer: Framer
  private var transmissions: [Transmission] = []
  private var issued: UInt64 = 0
  private let prefix: String
  private let wantsOutOfBand: Bool

  /// Creates a session that expects the greeting.
  /// - Parameters:
  ///   - wantsOutOfBand: enable "oob" where the server offers it.
  ///   - prefix: the beginning of the ids, which must be unique on the connection.
  ///   - frameLimit: size limit of a message in bytes.
  public init(
    wantsOutOfBand: Bool = false, prefix: String = "vfiogate-", frameLimit: Int = JSON.maximumSize
  ) {
    self.wantsOutOfBand = wantsOutOfBand
    self.prefix = prefix
    framer = Framer(limit: frameLimit)
  }

  /// The message that the session waits for, to complete "no answer: awaiting …"; nil for none.
  public var awaiting: String? {
    if case .expectingGreeting = state { return "the greeting" }
    return outstanding.first.map { "the reply to `\($0.name)`" }
  }

  /// Removes and returns the items to be written now, in order, each in a write of its own.
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

  /// Processes bytes from the server. After `closed` they are ignored.
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

  /// Processes the end of the server's stream.
  public mutating func receiveEnd() -> [Occurrence] {
    isClosed ? [] : [close(.byPeer(unfinished: framer.unfinished))]
  }

  /// Whether the session has ended.
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
