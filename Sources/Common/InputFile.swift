import Glibc
import Inputs
import Syntax

/// A file, or standard input, read whole.
package enum InputFile {
  /// Reads a file.
  /// - Parameter path: `-` is standard input.
  /// - Throws: the path with errno's text, or the cap that was hit.
  package static func read(_ path: String, limit: Int) throws(PathError) -> SourceText {
    try read(path, limit: limit) { _ in true } ?? SourceText(name: path, bytes: [])
  }

  /// Reads a file if its beginning is wanted.
  /// - Parameter isWanted: decides from the first 64 KiB.
  /// - Returns: nil when it is not wanted.
  package static func read(_ path: String, limit: Int, isWanted: ([UInt8]) -> Bool) throws(PathError) -> SourceText? {
    let isStandardInput = path == "-"
    let descriptor = isStandardInput ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw PathError(path, errno: errno) }
    defer { if !isStandardInput { close(descriptor) } }
    var bytes: [UInt8] = []
    let piece = 64 << 10
    var isDecided = false
    while true {
      let count = bytes.read(atMost: piece, from: descriptor)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw PathError(path, errno: errno) }
      if !isDecided, count == 0 || bytes.count >= piece {
        guard isWanted(bytes) else { return nil }
        isDecided = true
      }
      if count == 0 { break }
      guard bytes.count <= limit else { throw PathError(path, reason: "larger than \(limit) bytes, not read") }
    }
    return SourceText(name: isStandardInput ? "<stdin>" : path, bytes: bytes)
  }

  /// Reads files that a definition refers to: relative to QEMU's working directory, which is that of the
  /// process whose command line it is, and otherwise assumed to be the definition's folder.
  package static func follower(from definition: String) -> FileFollower {
    return { path in
      let parts = definition.split(separator: "/")
      let isProcess = parts.count == 3 && parts[0] == "proc" && parts[2] == "cmdline"
      let own = definition.lastIndex(of: "/").map { String(definition[...$0]) } ?? ""
      let folder = isProcess ? own + "cwd/" : own
      let path = path.hasPrefix("/") ? path : folder + path
      var status = stat()
      // SAFETY: stat(2) fills the structure that it is given.
      guard stat(path, &status) == 0 else { return .failed(errnoText(errno)) }
      guard status.st_mode & S_IFMT == S_IFREG else { return .failed("not a regular file") }
      do throws(PathError) { return .found(try read(path, limit: 1 << 20)) } catch { return .failed(error.reason) }
    }
  }
}

extension Array<UInt8> {
  /// Appends bytes by read(2).
  /// - Returns: the result of read(2).
  fileprivate mutating func read(atMost limit: Int, from descriptor: Int32) -> Int {
    withUnsafeTemporaryAllocation(byteCount: limit, alignment: 1) { buffer in
      // SAFETY: read(2) writes at most buffer.count bytes into it, and says how many.
      let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      append(contentsOf: buffer.prefix(Swift.max(count, 0)))
      return count
    }
  }
}
