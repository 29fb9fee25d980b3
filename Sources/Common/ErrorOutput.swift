import Glibc

/// The standard error of a program, read while the program runs, so that it never waits for a full pipe. Its head and its tail are
/// kept.
package final class ErrorOutput {
  /// Maximum number of bytes that are kept, half of them of the head.
  package static let limit = 32 << 10

  /// The reading end of the pipe, for poll(2).
  let descriptor: Int32
  private(set) var isOpen = true
  private var head: [UInt8] = []
  private var tail: [UInt8] = []
  /// Number of bytes between them.
  private var dropped = 0

  /// Takes ownership of a descriptor, and makes it non-blocking.
  init(adopting descriptor: Int32) {
    self.descriptor = descriptor
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
  }

  deinit { close(descriptor) }

  /// Reads once.
  /// - Returns: whether there may be more.
  @discardableResult
  func read() -> Bool {
    guard isOpen else { return false }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    // SAFETY: the buffer's own count bounds the read.
    let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
    if count < 0 { return errno == EINTR }
    if count == 0 { isOpen = false }
    keep(buffer.prefix(count))
    return count > 0
  }

  /// Reads the content of the pipe. What another process writes meanwhile is not waited for.
  func drain() {
    for _ in 0..<64 where !read() { return }
  }

  /// The text, with a line for what was dropped.
  var text: String {
    let gap = dropped == 0 ? "" : "\n… \(dropped) bytes were left out …\n"
    return String(decoding: head, as: UTF8.self) + gap + String(decoding: tail, as: UTF8.self)
  }

  private func keep(_ bytes: ArraySlice<UInt8>) {
    let half = ErrorOutput.limit / 2
    let first = bytes.prefix(half - head.count)
    head += first
    tail += bytes.dropFirst(first.count)
    guard tail.count > half else { return }
    dropped += tail.count - half
    tail.removeFirst(tail.count - half)
  }
}
