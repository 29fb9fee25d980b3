import CLinux
import Glibc

/// The file of a socket that this process has bound.
package struct SocketFile: Sendable {
  /// The file's path.
  package let path: String
  /// The file's number, and its file system's.
  package let node: ino_t, device: dev_t

  /// Nil when there is no file.
  package init?(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    (self.path, node, device) = (path, status.st_ino, status.st_dev)
  }

  /// A file that an earlier program of this process has bound.
  package init(path: String, node: ino_t, device: dev_t) {
    (self.path, self.node, self.device) = (path, node, device)
  }

  /// The path of the file that a socket is bound to, or its peer; nil for one without a file.
  package static func path(of socket: Int32, isPeers: Bool = false) -> String? {
    var path = [CChar](repeating: 0, count: Int(CLINUX_SOCKET_PATH_MAX) + 1)
    // SAFETY: the function writes at most that number of bytes.
    guard clinux_socket_path(socket, isPeers ? 1 : 0, &path) > 0 else { return nil }
    return String(decoding: path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Removes the file, and not one that another process has created in its place meanwhile: a guest that is started again at once.
  package func remove() {
    var status = stat()
    if lstat(path, &status) == 0, status.st_ino == node, status.st_dev == device { unlink(path) }
  }
}
