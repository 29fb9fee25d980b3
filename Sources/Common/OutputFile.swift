import Glibc

/// A file that is replaced as a whole, so that no incomplete file is left.
package enum OutputFile {
  /// Writes a file. A regular file, or one that does not exist yet, is written as a temporary file in the same
  /// folder, which then takes its name; anything else, such as a pipe, is written directly.
  /// - Parameter mode: the new file's permissions; nil keeps those of the file that is replaced, and otherwise gives
  ///   0644 without the bits of the umask.
  /// - Throws: the path with errno's text.
  package static func write(_ text: String, to path: String, mode: mode_t? = nil) throws(PathError) {
    var status = stat()
    // SAFETY: stat(2) fills the structure that it is given.
    let exists = stat(path, &status) == 0
    if exists, status.st_mode & S_IFMT != S_IFREG { return try writeDirectly(text, to: path) }
    let (temporary, descriptor) = try create(beside: path)
    let mode = mode ?? (exists ? status.st_mode & 0o7777 : nil)
    guard Descriptor.write(Array(text.utf8), to: descriptor), mode.map({ fchmod(descriptor, $0) == 0 }) ?? true,
      fsync(descriptor) == 0
    else {
      let code = errno
      close(descriptor)
      unlink(temporary)
      throw PathError(path, errno: code)
    }
    guard close(descriptor) == 0, rename(temporary, path) == 0 else {
      let code = errno
      unlink(temporary)
      throw PathError(path, errno: code)
    }
  }

  private static func writeDirectly(_ text: String, to path: String) throws(PathError) {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw PathError(path, errno: errno) }
    let code = Descriptor.write(Array(text.utf8), to: descriptor) ? 0 : errno
    guard close(descriptor) == 0 || code != 0 else { throw PathError(path, errno: errno) }
    guard code == 0 else { throw PathError(path, errno: code) }
  }

  /// Creates a temporary file that did not exist before: with O_EXCL a link that another user has put there is not
  /// followed (open(2)).
  private static func create(beside path: String) throws(PathError) -> (path: String, descriptor: Int32) {
    for attempt in 0..<100 {
      let temporary = "\(path).\(getpid()).\(attempt)"
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
      if descriptor >= 0 { return (temporary, descriptor) }
      guard errno == EEXIST else { break }
    }
    throw PathError(path, errno: errno)
  }
}
