/// Finds where JSON values end in a stream, in pieces of any size, without judging their grammar.
///
/// The lexical rules are strict JSON's: what QEMU's lexer would stop at (qobject/json-lexer.c) stops
/// this one too, and so do single quotes, which delimit strings for QEMU and not in JSON. Whether a
/// complete value is well formed is for `JSON.parse` to say. Time is linear, memory constant.
public struct FrameScanner: Sendable {
  /// The result of a scan.
  public enum Step: Hashable, Sendable {
    /// All bytes are read; the value continues, or none has begun.
    case incomplete
    /// A value ends before this index. The next one, if any, begins at or after it.
    case complete(end: Int)
    /// The byte at this index cannot be part of JSON text. The value that contains it is
    /// abandoned, and the scanner restarts after the byte, as QEMU does.
    case stray(at: Int)
  }

  private enum Mode: Sendable {
    /// No value has begun.
    case between
    /// A keyword or number outside of objects and arrays: it ends where any other token begins.
    case word
    /// The inside of an object or array, outside strings.
    case nested
    case string
    /// The position after a backslash in a string.
    case escape
  }

  private var mode = Mode.between
  private var depth = 0

  /// Creates a scanner that expects a value.
  public init() {}

  /// True when no value has begun: only blanks were seen since the last one.
  public var isBetweenValues: Bool { mode == .between }

  /// Reads on from index `start`, to the end of a value at most.
  public mutating func scan(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int = 0) -> Step {
    var at = start
    while at < bytes.count {
      switch mode {
      case .between, .word:
        if let step = begin(bytes[at], at: &at) { return step }
      case .nested:
        at = FrameScanner.skipPlain(bytes, from: at, depth: &depth)
        guard at < bytes.count else { return .incomplete }
        let byte = bytes[at]
        at += 1
        if byte == UInt8(ascii: "\"") {
          mode = .string
        } else {
          return FrameScanner.kind(of: byte) == .closing ? end(at) : stray(at - 1)
        }
      case .string:
        at = FrameScanner.skipText(bytes, from: at)
        guard at < bytes.count else { return .incomplete }
        let byte = bytes[at]
        at += 1
        if byte == UInt8(ascii: "\\") {
          mode = .escape
        } else if byte == UInt8(ascii: "\"") {
          guard depth > 0 else { return end(at) }
          mode = .nested
        } else {
          return stray(at - 1)
        }
      case .escape:
        guard FrameScanner.isText(bytes[at]) else { return stray(at) }
        mode = .string
        at += 1
      }
    }
    return .incomplete
  }

  /// One byte outside all nesting: nil to read on.
  private mutating func begin(_ byte: UInt8, at: inout Int) -> Step? {
    let kind = FrameScanner.kind(of: byte)
    if mode == .word, kind != .plain { return end(at) }
    at += 1
    switch kind {
    case .plain: mode = .word
    case .blank: break
    case .opening:
      depth = 1
      mode = .nested
    case .quote: mode = .string
    // A lone comma, colon or closing bracket is a value of its own, which no parser accepts.
    case .separator, .closing: return end(at)
    case .stray: return stray(at - 1)
    }
    return nil
  }

  private mutating func end(_ index: Int) -> Step {
    mode = .between
    depth = 0
    return .complete(end: index)
  }

  private mutating func stray(_ index: Int) -> Step {
    mode = .between
    depth = 0
    return .stray(at: index)
  }
}
