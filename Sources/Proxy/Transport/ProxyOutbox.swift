import CLinux
import Common
import Glibc

/// Bytes and descriptors that wait to be written to a non-blocking socket, in order.
struct ProxyOutbox {
  enum Outcome {
    case done, blocked
    case failed(Int32)
  }

  private var segments: [(bytes: [UInt8], descriptors: [Int32])] = []
  /// Number of bytes of the first segment that are written.
  private var written = 0
  private(set) var byteCount = 0

  var isEmpty: Bool { segments.isEmpty }

  /// Adds a segment. The outbox owns the descriptors from now on, and closes them when they are sent.
  mutating func add(_ bytes: [UInt8], descriptors: [Int32] = []) {
    if bytes.isEmpty { return closeAll(descriptors) }
    byteCount += bytes.count
    segments.append((bytes, descriptors))
  }

  /// Writes as much as the socket accepts; each segment begins a write of its own.
  mutating func flush(to socket: Int32) -> Outcome {
    while let first = segments.first {
      let descriptors = written == 0 ? first.descriptors : []
      let result = first.bytes.withUnsafeBytes { bytes in
        ProxyOutbox.send(socket, UnsafeRawBufferPointer(rebasing: bytes[written...]), descriptors)
      }
      if result < 0 {
        let code = Int32(-result)
        if code == EINTR { continue }
        return code == EAGAIN ? .blocked : .failed(code)
      }
      if written == 0 { closeAll(first.descriptors) }
      written += result
      byteCount -= result
      guard written == first.bytes.count else { continue }
      segments.removeFirst()
      written = 0
    }
    return .done
  }

  /// Drops everything, its descriptors closed.
  mutating func clear() {
    for (index, segment) in segments.enumerated() where index > 0 || written == 0 {
      closeAll(segment.descriptors)
    }
    segments = []
    (written, byteCount) = (0, 0)
  }

  /// One write: the number of bytes written, or -errno.
  static func send(_ socket: Int32, _ bytes: UnsafeRawBufferPointer, _ descriptors: [Int32]) -> Int {
    // SAFETY: both buffers live for the call, and their own counts are passed.
    descriptors.withUnsafeBufferPointer {
      clinux_send(socket, bytes.baseAddress, bytes.count, $0.baseAddress, $0.count)
    }
  }
}

func closeAll(_ descriptors: [Int32]) {
  for descriptor in descriptors { close(descriptor) }
}
