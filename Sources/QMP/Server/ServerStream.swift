/// QEMU's side of a connection, cut into messages without parsing them.
///
/// QEMU writes one object a message and ends it with a line feed; no string holds a raw one. On a pretty
/// monitor the object's first line is its brace alone, and so is its last (QEMU monitor/qmp.c,
/// qobject/json-writer.c). So messages of any size are cut at the speed of a search for line feeds.
public struct ServerStream: Sendable {
  /// The kinds of message that a server sends.
  public enum Kind: Sendable { case greeting, event, reply }

  /// Bytes of one message: all of it, or the part that has arrived.
  public struct Piece: Sendable {
    /// The piece's range in `buffer`.
    public let range: Range<Int>
    /// The kind of the message.
    public let kind: Kind
    /// Whether the message ends with this piece.
    public let isEnd: Bool
  }

  /// Bytes that are not QMP.
  public struct Violation: Error, Sendable, CustomStringConvertible {
    /// The reason, with the beginning of the text.
    public let description: String
  }

  /// The bytes that `pieces` points into.
  public private(set) var buffer: [UInt8]
  /// Number of bytes in the buffer: those held back because their kind is not known yet, and those that have arrived.
  private var filled = 0
  /// Offset of the bytes that are held back.
  private var heldFrom = 0
  private var kind: Kind?
  /// Whether the current message has several lines; nil when that is not known yet.
  private var isPretty: Bool?
  private var isAtLineStart = false
  /// The line that is being read begins with a closing brace.
  private var endsHere = false
  private var inMessage = false

  /// - Parameter capacity: bytes read at once.
  public init(capacity: Int = 1 << 16) { buffer = [UInt8](repeating: 0, count: capacity) }

  /// Whether a message has begun and not ended.
  public var isInsideMessage: Bool { inMessage || filled > heldFrom }

  /// Lets `read` fill the free part of the buffer.
  /// - Returns: what `read` returned.
  public mutating func receive(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
    if heldFrom > 0 { close(up: heldFrom) }
    heldFrom = 0
    let free = filled
    let count = buffer.withUnsafeMutableBytes { read(UnsafeMutableRawBufferPointer(rebasing: $0[free...])) }
    if count > 0 { filled += count }
    return count
  }

  /// The pieces of the bytes in the buffer. Bytes whose kind is not known yet remain there.
  public mutating func pieces() throws(Violation) -> [Piece] {
    var pieces: [Piece] = []
    var at = 0
    while at < filled {
      if !inMessage {
        guard FrameScanner.kind(of: buffer[at]) != .blank else {
          at += 1
          continue
        }
        guard buffer[at] == UInt8(ascii: "{") else {
          throw Violation(description: "not a QMP message: `\(ServerMessage.excerpt(Array(buffer[at..<filled])))`")
        }
        guard let begun = begin(at) else {
          guard filled - at < 256 else { throw Violation(description: "a QMP message without members") }
          // It moves when there is more: the pieces point into the buffer.
          heldFrom = at
          return pieces
        }
        (kind, isPretty) = begun
        inMessage = true
        isAtLineStart = false
        endsHere = false
      }
      let (end, isEnd) = finish(from: at)
      if let kind { pieces.append(Piece(range: at..<end, kind: kind, isEnd: isEnd)) }
      if isEnd { inMessage = false }
      at = end
    }
    filled = 0
    return pieces
  }

  /// The kind by the first key, and whether the opening brace has its line for itself; nil: too short.
  private func begin(_ start: Int) -> (Kind, Bool)? {
    var at = start + 1
    while at < filled, FrameScanner.kind(of: buffer[at]) == .blank { at += 1 }
    guard at + 2 < filled else { return nil }
    let isPretty = buffer[start + 1..<at].contains(0x0a)
    switch (buffer[at + 1], buffer[at + 2]) {
    case (UInt8(ascii: "Q"), _): return (.greeting, isPretty)
    case (UInt8(ascii: "t"), _), (UInt8(ascii: "e"), UInt8(ascii: "v")), (UInt8(ascii: "d"), _):
      return (.event, isPretty)
    default: return (.reply, isPretty)
    }
  }

  /// The end of the message, or of the part that has arrived.
  private mutating func finish(from start: Int) -> (end: Int, isEnd: Bool) {
    var at = start
    while at < filled {
      if isAtLineStart {
        endsHere = buffer[at] == UInt8(ascii: "}")
        isAtLineStart = false
      }
      guard let feed = lineFeed(from: at) else { return (filled, false) }
      at = feed + 1
      if isPretty != true || endsHere { return (at, true) }
      isAtLineStart = true
    }
    return (filled, false)
  }

  private func lineFeed(from start: Int) -> Int? {
    buffer.withUnsafeBufferPointer { bytes in
      var at = start
      while filled - at >= 8 {
        // SAFETY: the eight bytes from `at` lie in the buffer, by the condition above.
        let word = UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: at, as: UInt64.self).littleEndian
        // A byte of zero where a line feed was (Hacker's Delight, 6-1).
        let marked = word ^ 0x0a0a_0a0a_0a0a_0a0a
        let found = (marked &- 0x0101_0101_0101_0101) & ~marked & 0x8080_8080_8080_8080
        if found != 0 { return at + found.trailingZeroBitCount / 8 }
        at += 8
      }
      while at < filled {
        if bytes[at] == 0x0a { return at }
        at += 1
      }
      return nil
    }
  }

  private mutating func close(up start: Int) {
    buffer.withUnsafeMutableBufferPointer { bytes in
      for index in start..<filled { bytes[index - start] = bytes[index] }
    }
    filled -= start
  }
}
