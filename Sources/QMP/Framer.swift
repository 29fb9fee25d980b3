/// One complete value of a stream, byte for byte.
public struct Frame: Hashable, Sendable {
  /// The value's own bytes, without the blanks around it.
  public let bytes: [UInt8]
  /// Its offset in bytes from the start of the stream.
  public let offset: UInt64

  /// The frame's range in the stream.
  public var range: Range<UInt64> { offset..<offset + UInt64(bytes.count) }
}

/// The reason why a stream cannot be cut into values.
public enum FramingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A value has more bytes than allowed. The framer reads no further.
  case tooLarge(limit: Int, offset: UInt64)
  /// A byte that JSON does not allow there. The framer continues after it.
  case stray(UInt8, offset: UInt64)

  public var description: String {
    switch self {
    case .tooLarge(let limit, let offset):
      "the message at byte \(offset) is larger than \(limit) bytes"
    case .stray(let byte, let offset):
      "byte 0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16)) at byte \(offset) is not JSON"
    }
  }
}

/// Collects a stream's bytes and cuts them into values. What comes out does not depend on the
/// pieces that were appended.
public struct Framer: Sendable {
  private let limit: Int
  private var scanner = FrameScanner()
  private var buffer: [UInt8] = []
  /// Index of the first byte that is not yet part of a frame.
  private var start = 0
  /// Index of the first byte that is not yet scanned.
  private var scanned = 0
  /// Bytes of the stream that have left the buffer.
  private var dropped: UInt64 = 0
  private var spent: FramingError?

  /// - Parameter limit: the size of a value, in bytes, beyond which `next` throws.
  public init(limit: Int) { self.limit = limit }

  /// Bytes of a value that has begun and not ended.
  public var unfinished: Int { scanner.isBetweenValues ? 0 : scanned - start }

  /// Adds bytes of the stream.
  public mutating func append(_ bytes: some Sequence<UInt8>) {
    guard spent == nil else { return }
    compact()
    buffer.append(contentsOf: bytes)
  }

  /// The next complete value, nil when more bytes are needed.
  /// - Throws: `FramingError`, in the stream's order: the values before it come first.
  public mutating func next() throws(FramingError) -> Frame? {
    if let spent { throw spent }
    let step = scan()
    switch step {
    case .incomplete: scanned = buffer.count
    case .complete(let end): scanned = end
    case .stray(let index): scanned = index
    }
    if scanned - start > limit { throw spend(.tooLarge(limit: limit, offset: dropped + UInt64(start))) }
    switch step {
    case .incomplete: return nil
    case .complete(let end):
      defer { start = end }
      return Frame(bytes: Array(buffer[start..<end]), offset: dropped + UInt64(start))
    case .stray(let index):
      scanned = index + 1
      start = scanned
      throw .stray(buffer[index], offset: dropped + UInt64(index))
    }
  }

  private mutating func scan() -> FrameScanner.Step {
    var scanner = self.scanner
    if scanner.isBetweenValues {
      while scanned < buffer.count, FrameScanner.kind(of: buffer[scanned]) == .blank { scanned += 1 }
      start = scanned
    }
    let step = buffer.withUnsafeBufferPointer { scanner.scan($0, from: scanned) }
    self.scanner = scanner
    return step
  }

  private mutating func spend(_ error: FramingError) -> FramingError {
    spent = error
    buffer = []
    return error
  }

  /// Lets go of what has been framed, seldom enough that the cost stays linear.
  private mutating func compact() {
    guard start > 0, start == buffer.count || start > 65536, start * 2 >= buffer.count else { return }
    dropped += UInt64(start)
    if start == buffer.count, buffer.capacity > 1 << 20 {
      buffer = []
    } else {
      buffer.removeSubrange(0..<start)
    }
    scanned -= start
    start = 0
  }
}
