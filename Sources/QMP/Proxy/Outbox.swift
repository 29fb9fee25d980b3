/// Bytes and descriptors that wait to be written to a socket, in order. It writes nothing itself.
public struct Outbox {
  /// One write: bytes, and the descriptors to send with the first of them.
  public struct Write {
    /// Never empty.
    public let bytes: ArraySlice<UInt8>
    /// Descriptors that the receiver gets with the first byte (SCM_RIGHTS).
    public let descriptors: [OwnedDescriptor]
  }

  /// Bytes without descriptors are joined up to this size.
  private static let joined = 1 << 16

  private var segments: [(bytes: [UInt8], descriptors: [OwnedDescriptor])] = []
  /// Index of the first segment that is not written completely.
  private var first = 0
  /// Number of bytes of that segment that are written.
  private var written = 0
  /// Number of bytes that wait.
  public private(set) var byteCount = 0
  private var isClosed = false

  /// Creates an empty outbox.
  public init() {}

  /// Whether nothing waits.
  public var isEmpty: Bool { byteCount == 0 }

  /// Adds bytes. Bytes with descriptors are a write of their own. A closed outbox drops both.
  public mutating func add(_ bytes: some Collection<UInt8>, descriptors: [OwnedDescriptor] = []) {
    if bytes.isEmpty || isClosed { return }
    byteCount += bytes.count
    let last = segments.count - 1
    if descriptors.isEmpty, last >= first, segments[last].descriptors.isEmpty,
      segments[last].bytes.count + bytes.count <= Outbox.joined
    {
      segments[last].bytes += bytes
    } else {
      segments.append((Array(bytes), descriptors))
    }
  }

  /// The next write; nil when nothing waits.
  public var next: Write? {
    guard first < segments.count else { return nil }
    let segment = segments[first]
    return Write(bytes: segment.bytes[written...], descriptors: segment.descriptors)
  }

  /// Removes what was written; descriptors went with the first byte.
  /// - Parameter count: number of bytes of `next`, more than 0.
  public mutating func wrote(_ count: Int) {
    byteCount -= count
    written += count
    segments[first].descriptors = []
    guard written == segments[first].bytes.count else { return }
    segments[first].bytes = []
    written = 0
    first += 1
    if first == segments.count {
      segments.removeAll(keepingCapacity: true)
      first = 0
    } else if first > 1024 {
      segments.removeFirst(first)
      first = 0
    }
  }

  /// Drops everything, also what is added later.
  public mutating func close() {
    segments = []
    (first, written, byteCount) = (0, 0, 0)
    isClosed = true
  }
}
