import Glibc

/// A file written whole: a temporary one beside it first, so that nothing half-made is left.
enum OutputFile {
  static func write(_ text: String, to path: String) throws(InputFile.Failure) {
    let temporary = path + ".new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw InputFile.Failure(temporary, errno: errno) }
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      // SAFETY: write(2) reads at most `count` bytes of the buffer that it is given.
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        let code = errno
        close(descriptor)
        unlink(temporary)
        throw InputFile.Failure(temporary, errno: code)
      }
      bytes = bytes.dropFirst(count)
    }
    guard close(descriptor) == 0, rename(temporary, path) == 0 else { throw InputFile.Failure(path, errno: errno) }
  }
}
