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

  private var segments = ProxyQueue<(bytes: [UInt8], descriptors: [OwnedDescriptor])>()
  /// Number of bytes of the first segment that are written.
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
    // The last segment is not held meanwhile: a change would copy it.
    let fits = segments.last.map { $0.descriptors.isEmpty && $0.bytes.count + bytes.count <= Outbox.joined } ?? false
    if descriptors.isEmpty, fits {
      segments.changeLast { $0.bytes += bytes }
    } else {
      segments.append((Array(bytes), descriptors))
    }
  }

  /// The next write; nil when nothing waits.
  public var next: Write? {
    guard let segment = segments.first else { return nil }
    return Write(bytes: segment.bytes[written...], descriptors: segment.descriptors)
  }

  /// Removes what was written; descriptors went with the first byte.
  /// - Parameter count: number of bytes of `next`, more than 0.
  public mutating func wrote(_ count: Int) {
    byteCount -= count
    written += count
    segments.changeFirst { $0.descriptors = [] }
    guard written == segments.first?.bytes.count else { return }
    written = 0
    // The queue keeps a segment for a while after it is taken.
    segments.changeFirst { $0.bytes = [] }
    segments.take()
  }

  /// Drops everything, also what is added later.
  public mutating func close() {
    segments = ProxyQueue()
    (written, byteCount) = (0, 0)
    isClosed = true
  }
}
