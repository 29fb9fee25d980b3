import Syntax

/// The monitor that a proxy guards, as its greeting and its answers describe it.
public struct GuardedMonitor: Sendable {
  /// QEMU's greeting, byte for byte, which every client gets.
  public let greeting: [UInt8]
  /// The capabilities that the greeting offers.
  public let offered: [String]
  /// QEMU's version, for people.
  public let version: String
  /// Whether QEMU's parse errors begin with their position (11.1), or do not (7.2).
  public let tellsPlace: Bool
  /// Whether the monitor prints each object on several lines.
  public let isPretty: Bool

  /// Creates a description.
  public init(greeting: [UInt8], offered: [String], version: String, tellsPlace: Bool, isPretty: Bool) {
    self.greeting = greeting
    self.offered = offered
    self.version = version
    self.tellsPlace = tellsPlace
    self.isPretty = isPretty
  }
}

/// The beginning of a proxy's session with QEMU, without I/O: the greeting is read, the parser put into a known state, and
/// the session negotiated once for all clients.
public struct ProxyHandshake: Sendable {
  /// An answer of QEMU with which no session begins.
  public struct Failure: Error, Sendable, CustomStringConvertible {
    /// The reason, for people.
    public let description: String
  }

  private var stream = ServerStream()
  private var message: [UInt8] = []
  private var greeting: (bytes: [UInt8], content: Greeting)?
  private var tellsPlace = false
  private let id: CommandID
  private var unsent: [UInt8] = []
  /// The monitor, once it has accepted the negotiation.
  public private(set) var monitor: GuardedMonitor?

  /// - Parameter idPrefix: the beginning of the proxy's own ids, which no client can guess.
  public init(idPrefix: String) { id = CommandID(text: idPrefix + "0") }

  /// The message that it waits for, for people.
  public var awaiting: String { greeting == nil ? "greeting" : "capabilities negotiation" }

  /// Removes and returns the bytes to write now.
  public mutating func takeBytes() -> [UInt8] {
    defer { unsent = [] }
    return unsent
  }

  /// Processes bytes from QEMU.
  public mutating func receive(_ bytes: ArraySlice<UInt8>) throws(Failure) {
    var rest = bytes
    while !rest.isEmpty {
      rest = rest.dropFirst(stream.receive { $0.fill(from: rest) })
      let pieces: [ServerStream.Piece]
      do { pieces = try stream.pieces() } catch { throw Failure(description: "QEMU: \(error)") }
      for piece in pieces {
        message += stream.buffer[piece.range]
        guard message.count <= JSON.maximumSize else { throw Failure(description: "QEMU's \(awaiting) is too large") }
        guard piece.isEnd else { continue }
        defer { message = [] }
        if greeting == nil { try greeted(piece.kind) } else { try answered() }
      }
    }
  }

  private mutating func greeted(_ kind: ServerStream.Kind) throws(Failure) {
    guard kind == .greeting, case .greeting(let content)? = try? ServerMessage.parse(message) else {
      throw Failure(description: "QEMU sent no greeting: `\(ServerMessage.excerpt(message))`")
    }
    greeting = (message, content)
    // 0xFF is never part of JSON text, and resets QEMU's parser from any state. QEMU
    // answers it with a parse error, which shows the format of its parse errors.
    let enable: JSON? = content.capabilities.contains("oob") ? ["enable": ["oob"]] : nil
    unsent += [0xff] + Command("qmp_capabilities", enable).bytes(id: id)
  }

  private mutating func answered() throws(Failure) {
    switch try? ServerMessage.parse(message) {
    case .failure(nil, let error): tellsPlace = error.text.utf8.first.map { (0x30...0x39).contains($0) } ?? false
    case .success(id.json, _):
      monitor = greeting.map {
        GuardedMonitor(
          greeting: $0.bytes, offered: $0.content.capabilities, version: "\($0.content.version)", tellsPlace: tellsPlace,
          isPretty: $0.bytes.dropLast(2).contains(0x0a))
      }
    case .failure(id.json, let error): throw Failure(description: "QEMU refused to negotiate capabilities: \(error)")
    case .event: break
    default: throw Failure(description: "QEMU answered the negotiation with `\(ServerMessage.excerpt(message))`")
    }
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Copies the beginning of `bytes`, as much as has room.
  /// - Returns: the number of bytes copied.
  func fill(from bytes: ArraySlice<UInt8>) -> Int {
    let part = bytes.prefix(count)
    copyBytes(from: part)
    return part.count
  }
}
