import Glibc
import Inputs
import Syntax

/// A file, or standard input, read whole.
package enum InputFile {
  /// Reads a file.
  /// - Parameter path: `-` is standard input.
  /// - Throws: the path with errno's text, or the cap that was hit.
  /// - Parameter name: the path for messages, where it is another.
  package static func read(_ path: String, named name: String? = nil, limit: Int) throws(PathError) -> SourceText {
    let text = try read(path, limit: limit) { _ in true }
    guard let text, name == nil else { return SourceText(name: name ?? path, bytes: text?.bytes ?? []) }
    return text
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
  /// - Parameter roots: nil for the definition of a QEMU that this program starts or serves, whose files are all read. Else
  ///   only files below the definition's folder or below one of these are read: a definition of another origin must not make
  ///   the program print other files.
  package static func follower(from definition: String, roots: [String]?) -> FileFollower {
    return { path in
      let parts = definition.split(separator: "/")
      let isProcess = parts.count == 3 && parts[0] == "proc" && parts[2] == "cmdline"
      let own = definition.lastIndex(of: "/").map { String(definition[...$0]) } ?? ""
      let folder = isProcess ? own + "cwd/" : own
      let path = path.hasPrefix("/") ? path : folder + path
      guard let real = realPath(path) else { return .failed(errnoText(errno)) }
      if let roots, !roots.appending(of: definition, folder).contains(where: { isBelow(real, $0) }) {
        return .failed("it is outside the definition's folder, and no --follow-root allows it")
      }
      var status = stat()
      // SAFETY: stat(2) fills the structure that it is given.
      guard stat(real, &status) == 0 else { return .failed(errnoText(errno)) }
      guard status.st_mode & S_IFMT == S_IFREG else { return .failed("not a regular file") }
      do throws(PathError) { return .found(try read(real, named: path, limit: 1 << 20)) } catch { return .failed(error.reason) }
    }
  }

  /// The real path of a folder when the other is below it; nil when it is not.
  package static func folder(_ path: String, above other: String) -> String? {
    guard let real = realPath(path), let otherReal = realPath(other), otherReal != real, isBelow(otherReal, real) else { return nil }
    return real
  }

  private static func isBelow(_ real: String, _ root: String) -> Bool {
    guard let root = realPath(root) else { return false }
    return real.hasPrefix(root.hasSuffix("/") ? root : root + "/")
  }

  /// The path without symbolic links; nil with errno when there is no such file.
  private static func realPath(_ path: String) -> String? {
    // SAFETY: realpath(3) allocates the result, which is freed here.
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

extension [String] {
  /// The roots together with the definition's own. Proxmox keeps its mappings beside the folder of its machines.
  fileprivate func appending(of definition: String, _ folder: String) -> [String] {
    self + [folder.isEmpty ? "." : folder] + (definition.hasPrefix("/etc/pve/") ? ["/etc/pve"] : [])
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
