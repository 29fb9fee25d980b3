import Syntax

/// A client's bytes and descriptors, cut into messages as QEMU would, and judged more strictly than
/// QEMU does: what jansson refuses is refused, and so is what QEMU's parser refuses beyond that.
public struct ClientStream: Sendable {
  public enum Item: Sendable {
    case message(ClientMessage)
    /// Not accepted: what QEMU would say, and the descriptors that came with it, to be closed.
    case refused(String, descriptors: [Int32])
  }

  /// Far below QEMU's 64 MiB: jansson needs up to 79 times the text, and QEMU reads 0.3 MiB a second.
  public static let sizeLimit = 1 << 20

  private var scanner = FrameScanner()
  private var buffer: [UInt8] = []
  /// Where the message that is being scanned begins, and how far it is scanned.
  private var start = 0
  private var scanned = 0
  /// Descriptors, each lot with the index of the byte that they came with.
  private var arrivals: [(at: Int, descriptors: [Int32])] = []
  /// Beyond the limit: nothing is kept until the message ends.
  private var isDiscarding = false
  /// Behind a stray byte: what could not begin anything is passed over (QEMU qobject/json-lexer.c:
  /// IN_RECOVERY).
  private var isRecovering = false
  /// Index of the byte that ended the last recovery.
  private var endOfRecovery = -1
  private var places = PlaceCounter()
  /// Whether QEMU's parse errors begin with `LINE:COLUMN: `, as those of 11.1 do and of 7.2 do not.
  private let tellsPlace: Bool

  public init(tellsPlace: Bool) { self.tellsPlace = tellsPlace }

  /// Whether a message has begun and not ended.
  public var isInsideMessage: Bool { !scanner.isBetweenValues }

  /// Bytes held, for those who watch memory.
  public var bytesHeld: Int { buffer.count - start }

  /// Takes bytes; `descriptors` came with the one at index `at` of them.
  public mutating func append(_ bytes: ArraySlice<UInt8>, descriptors: [Int32] = [], at: Int = 0) {
    if start == buffer.count || start > 1 << 16 { compact() }
    if !descriptors.isEmpty { arrivals.append((buffer.count + at, descriptors)) }
    buffer.append(contentsOf: bytes)
  }

  private mutating func compact() {
    guard start > 0 else { return }
    if tellsPlace {
      places.pass(buffer[min(places.passed, start)..<start])
      places.restart()
    }
    if !arrivals.isEmpty { arrivals = arrivals.map { (max(0, $0.at - start), $0.descriptors) } }
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
      case .incomplete:
        scanned = buffer.count
        if scanner.isBetweenValues { start = scanned }
        if isDiscarding { forget(upTo: scanned) }
        guard scanned - start > ClientStream.sizeLimit else { return nil }
        isDiscarding = true
        let place = here(start)
        forget(upTo: scanned)
        return refusal(place, "JSON token size limit exceeded", upTo: scanned)
      case .complete(let end):
        scanned = end
        defer { start = end }
        if isDiscarding {
          isDiscarding = false
          closeLater(upTo: end)
          continue
        }
        return judge(Array(buffer[start..<end]), end)
      case .stray(let index):
        scanned = index + 1
        isRecovering = true
        let complaint = ParseComplaint(lexicalIn: buffer[start...index])
        let place = here(start + complaint.offset)
        start = scanned
        if isDiscarding {
          isDiscarding = false
          closeLater(upTo: scanned)
          continue
        }
        return refusal(place, complaint.text, upTo: scanned)
      }
    }
  }

  /// Descriptors of messages that were given up; to be closed.
  public mutating func takeAbandoned() -> [Int32] {
    defer { abandoned = [] }
    return abandoned
  }

  /// Everything that is still held, when the client goes.
  public mutating func takeAllDescriptors() -> [Int32] {
    defer { arrivals = [] }
    return takeAbandoned() + arrivals.flatMap(\.descriptors)
  }

  private var abandoned: [Int32] = []
}

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

  private mutating func judge(_ bytes: [UInt8], _ end: Int) -> Item {
    guard bytes.count <= ClientStream.sizeLimit else {
      return refusal(here(start), "JSON token size limit exceeded", upTo: end)
    }
    do {
      let json = try JSON.parse(bytes)
      // QEMU's JSON has no such characters; jansson takes them.
      if let complaint = ParseComplaint(nonCharacterIn: bytes) {
        return refusal(here(start + complaint.offset), complaint.text, upTo: end)
      }
      return .message(ClientMessage(bytes: bytes, json: json, descriptors: takeDescriptors(upTo: end)))
    } catch {
      let complaint = ParseComplaint(grammarOf: bytes, jansson: error, isNew: tellsPlace)
      return refusal(complaint.isLimit ? nil : here(start + complaint.offset), complaint.text, upTo: end)
    }
  }

  private mutating func refusal(_ place: (line: Int, column: Int)?, _ text: String, upTo end: Int) -> Item {
    let isLimit = text.hasSuffix("limit exceeded")
    var words = isLimit ? text : "JSON parse error, " + text
    if tellsPlace, !isLimit, let place { words = "\(place.line):\(place.column): " + words }
    return .refused(words, descriptors: takeDescriptors(upTo: end))
  }

  /// Line and column of a token that is in the buffer, as QEMU 11.1 tells them: one too far for a token whose
  /// first byte ended the one before, which is a word, a number, or what was passed over after a stray byte
  /// (QEMU qobject/json-lexer.c, observed).
  private mutating func here(_ index: Int) -> (line: Int, column: Int) {
    guard tellsPlace else { return (1, 1) }
    places.pass(buffer[min(places.passed, index)..<index])
    let endsAnother = index == endOfRecovery || index > start && ClientStream.isOfWord(buffer[index - 1])
    return (places.line, places.column + (endsAnother ? 2 : 1))
  }

  private static func isOfWord(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte || 0x61...0x7a ~= byte }

  /// Descriptors that came with a byte before `end`: with the message, or with the blanks before it.
  private mutating func takeDescriptors(upTo end: Int) -> [Int32] {
    if arrivals.isEmpty { return [] }
    let mine = arrivals.filter { $0.at < end }.flatMap(\.descriptors)
    arrivals.removeAll { $0.at < end }
    return mine
  }

  private mutating func closeLater(upTo end: Int) { abandoned += takeDescriptors(upTo: end) }

  /// Lets go of the bytes of a message that is too large.
  private mutating func forget(upTo end: Int) {
    closeLater(upTo: end)
    start = end
  }
}

/// Counts lines and columns as QEMU's lexer does: from 1, in bytes, over the whole connection.
struct PlaceCounter: Sendable {
  private(set) var line = 1
  /// Bytes before this place in its line.
  private(set) var column = 0
  /// Index in the caller's buffer up to which was counted.
  private(set) var passed = 0

  mutating func pass(_ bytes: ArraySlice<UInt8>) {
    for byte in bytes {
      column += 1
      if byte == 0x0a { (line, column) = (line + 1, 0) }
    }
    passed += bytes.count
  }

  mutating func restart() { passed = 0 }
}
