import Facts
import Glibc

extension FileTree {
  /// Whether a device node exists and the effective user may open it for reading and writing.
  ///
  /// The node is never opened: opening a group's node makes it busy for other processes. A container's
  /// device cgroup can therefore still refuse a node that is accessible here.
  func access(to path: String) -> Known<NodeAccess> {
    var status = stat()
    // SAFETY: both calls read the path, and stat fills the structure that it is given.
    guard stat(place(path), &status) == 0 else { return missingNode(path, errno) }
    if faccessat(AT_FDCWD, place(path), R_OK | W_OK, AT_EACCESS) == 0 { return .known(.accessible) }
    let error = errno
    guard error == EACCES || error == EPERM || error == EROFS else {
      return .unknown(path, "\(path): \(errnoText(error))")
    }
    return .known(.denied)
  }

  /// A node is absent when its directory can be read and does not have it, or is itself absent
  /// from a directory that can be read: /dev is the one that QEMU would see.
  private func missingNode(_ path: String, _ error: Int32) -> Known<NodeAccess> {
    guard error == ENOENT else { return .unknown(path, "\(path): \(FileTree.text(ofError: error, at: path))") }
    var parent = path
    while let slash = parent.lastIndex(of: "/"), slash != parent.startIndex {
      parent = String(parent[..<slash])
      // SAFETY: the descriptor is closed at once.
      let descriptor = open(place(parent), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      if descriptor >= 0 {
        close(descriptor)
        return .known(.absent)
      }
      if errno != ENOENT { return .unknown(path, "\(parent): \(errnoText(errno))") }
    }
    return .unknown(path, "\(path): \(errnoText(error))")
  }
}
