import Glibc

/// A file written whole: first a temporary file next to it, so that no incomplete file is left.
package enum OutputFile {
  /// Writes the file.
  /// - Throws: the path with errno's text.
  package static func write(_ text: String, to path: String) throws(InputFile.Failure) {
    let temporary = path + ".new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw InputFile.Failure(temporary, errno: errno) }
    guard Descriptor.write(Array(text.utf8), to: descriptor) else {
      let code = errno
      close(descriptor)
      unlink(temporary)
      throw InputFile.Failure(temporary, errno: code)
    }
    guard close(descriptor) == 0, rename(temporary, path) == 0 else { throw InputFile.Failure(path, errno: errno) }
  }
}
