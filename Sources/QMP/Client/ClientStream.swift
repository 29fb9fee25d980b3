import Syntax

/// A client's bytes and descriptors, cut into messages as QEMU would, and parsed more strictly than
/// by QEMU: a message must be accepted by jansson and by QEMU's parser.
public struct ClientStream: Sendable {
  /// A complete message, or an error to answer.
  public enum Item: Sendable {
    case message(ClientMessage)
    /// Text that is not accepted: QEMU's message text. Descriptors that arrived with it are closed.
    case refused(String)
  }

  /// Size limit of a message in bytes, far below QEMU's 64 MiB: jansson needs up to 79 times the text, and QEMU reads 0.3 MiB a second.
  public static let sizeLimit = 1 << 20

  private var scanner = FrameScanner()
  private(set) var buffer: [UInt8] = []
  /// Index of the message that is being scanned; `scanned` is the first index that is not scanned yet.
  private(set) var start = 0
  private var scanned = 0
  var arrivals = ArrivedDescriptors()
  /// Whether the message is above the limit: its bytes are dropped until it ends.
  private var isDiscarding = false
  /// Whether the scan is after a stray byte: bytes that cannot begin a token are skipped (QEMU qobject/json-lexer.c:
  /// IN_RECOVERY).
  private var isRecovering = false
  /// Index of the byte that ended the last recovery.
  private(set) var endOfRecovery = -1
  var places = PlaceCounter()
  /// Whether QEMU's parse errors begin with `LINE:COLUMN: `, as those of 11.1 do and of 7.2 do not.
  let tellsPlace: Bool

  /// Creates a stream for a client of a QEMU of this version.
  public init(tellsPlace: Bool) { self.tellsPlace = tellsPlace }

  /// Whether a message has begun and not ended.
  public var isInsideMessage: Bool { !scanner.isBetweenValues }

  /// Number of bytes that are held in memory.
  public var bytesHeld: Int { buffer.count - start }

  /// The bytes behind the last complete message; nil when they do not describe the stream: after a byte that cannot begin a
  /// token, inside a message that is too large, or with a descriptor.
  var unread: [UInt8]? {
    isDiscarding || isRecovering || arrivals.count > 0 ? nil : Array(buffer[start...])
  }

  /// Adds bytes; `descriptors` arrived with the byte at index `at` of them.
  public mutating func append(_ bytes: ArraySlice<UInt8>, descriptors: [OwnedDescriptor] = [], at: Int = 0) {
    if start == buffer.count || start > 1 << 16 { compact() }
    if !descriptors.isEmpty { arrivals.add(descriptors, at: buffer.count + at) }
    buffer.append(contentsOf: bytes)
  }

  private mutating func compact() {
    guard start > 0 else { return }
    if tellsPlace {
      places.pass(buffer[min(places.passed, start)..<start])
      places.restart()
    }
    arrivals.shift(by: start)
    if start < buffer.count {
      buffer.removeSubrange(0..<start)
    } else if buffer.capacity > 1 << 17 {
      buffer = []
    } else {
      buffer.removeAll(keepingCapacity: true)
    }
    scanned -= start
    endOfRecovery -= start
    start = 0
  }

  /// The next complete message, nil when more bytes are needed.
  public mutating func next() -> Item? {
    while true {
      switch scan() {
      case .incomplete: return waitOrRefuse()
      case .complete(let end):
        scanned = end
        defer { start = end }
        if endsDiscarding(upTo: end) { continue }
        return parse(Array(buffer[start..<end]), end)
      case .stray(let index):
        scanned = index + 1
        isRecovering = true
        defer { start = scanned }
        if endsDiscarding(upTo: scanned) { continue }
        return refusal(ParseComplaint(lexicalIn: buffer[start...index]), upTo: scanned)
      }
    }
  }

  /// Number of descriptors that arrived with bytes of no complete message yet.
  var descriptorCount: Int { arrivals.count }
}

/// The ends of messages.
extension ClientStream {
  private mutating func scan() -> FrameScanner.Step {
    if isRecovering {
      while scanned < buffer.count, ClientStream.isPassedOver(buffer[scanned]) { scanned += 1 }
      isRecovering = scanned == buffer.count
      if !isRecovering { endOfRecovery = scanned }
    }
    if scanner.isBetweenValues {
      while scanned < buffer.count, FrameScanner.kind(of: buffer[scanned]) == .blank { scanned += 1 }
      start = scanned
    }
    var scanner = self.scanner
    let step = buffer.withUnsafeBufferPointer { scanner.scan($0, from: scanned) }
    self.scanner = scanner
    return step
  }

  private static func isPassedOver(_ byte: UInt8) -> Bool {
    0x20...0xfd ~= byte && !"\"[]{}:,".utf8.contains(byte)
  }

  /// More bytes are needed, unless there are too many already: then nothing is kept until the message ends.
  private mutating func waitOrRefuse() -> Item? {
    scanned = buffer.count
    if scanner.isBetweenValues { start = scanned }
    if isDiscarding { forget() }
    guard scanned - start > ClientStream.sizeLimit else { return nil }
    isDiscarding = true
    forget()
    return refusal(.tooLarge, upTo: scanned)
  }

  /// Drops the scanned part of a message that is too large.
  private mutating func forget() {
    _ = arrivals.take(before: scanned)
    start = scanned
  }

  /// Whether the message that ends here was too large and has been answered already.
  private mutating func endsDiscarding(upTo end: Int) -> Bool {
    guard isDiscarding else { return false }
    isDiscarding = false
    _ = arrivals.take(before: end)
    return true
  }

  private mutating func parse(_ bytes: [UInt8], _ end: Int) -> Item {
    guard bytes.count <= ClientStream.sizeLimit else { return refusal(.tooLarge, upTo: end) }
    do {
      let json = try JSON.parse(bytes, isExact: true)
      // QEMU's JSON has no such characters; jansson accepts them.
      if let complaint = ParseComplaint(nonCharacterIn: bytes) { return refusal(complaint, upTo: end) }
      return .message(ClientMessage(bytes: bytes, json: json, descriptors: arrivals.take(before: end)))
    } catch {
      return refusal(ParseComplaint(grammarOf: bytes, jansson: error, usesQEMU11Wording: tellsPlace), upTo: end)
    }
  }
}
