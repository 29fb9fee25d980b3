import Glibc
import Syntax

/// A file, or standard input, read whole.
enum InputFile {
  struct Failure: Error, CustomStringConvertible {
    let path: String
    let reason: String

    init(_ path: String, errno code: Int32) {
      self.path = path
      reason = String(cString: strerror(code))
    }

    init(_ path: String, reason: String) {
      self.path = path
      self.reason = reason
    }

    var description: String { "\(path): \(reason)" }
  }

  /// - Parameter path: `-` is standard input.
  /// - Throws: the path with errno's text, or the cap that was hit.
  static func read(_ path: String, limit: Int) throws(Failure) -> SourceText {
    let isStandardInput = path == "-"
    let descriptor = isStandardInput ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure(path, errno: errno) }
    defer { if !isStandardInput { close(descriptor) } }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      // SAFETY: read(2) writes at most buffer.count bytes into it.
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Failure(path, errno: errno) }
      if count == 0 { break }
      bytes += buffer[..<count]
      guard bytes.count <= limit else { throw Failure(path, reason: "larger than \(limit) bytes, not read") }
    }
    return SourceText(name: isStandardInput ? "<stdin>" : path, bytes: bytes)
  }
}
