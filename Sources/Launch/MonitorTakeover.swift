import CLinux
import Common
import Glibc

/// The sockets of one guarded monitor: the clients' side, which stays where they expect it, and a private
/// one between guard and QEMU.
struct MonitorTakeover {
  /// The listening socket for clients.
  private(set) var listener: Int32?
  /// A client that is connected already.
  private(set) var client: Int32?
  /// Connected to QEMU.
  let qemu: Int32
  /// QEMU's end, where the argument must be rewritten to name it; otherwise QEMU's end has the number that the
  /// argument names already.
  private(set) var passed: Int32?
  /// The socket's file, which is removed when QEMU ends.
  private(set) var file: SocketFile?
  /// The path at which clients connect; nil for a socket without one.
  private(set) var path: String?
  /// Whether QEMU continues only when a client has connected.
  private(set) var waits = false

  /// Takes over an address.
  /// - Throws: the operation that failed, with the address.
  init(_ address: MonitorAddress) throws(PathError) {
    switch address {
    case .listens(let named, let waits):
      listener = try MonitorTakeover.listen(named)
      // The guard has another working directory.
      path = MonitorAddress.absolute(named)
      file = path.flatMap { SocketFile($0) }
      self.waits = waits
      let pair = try MonitorTakeover.pair()
      (qemu, passed) = (pair.0, pair.1)
      _ = fcntl(pair.1, F_SETFD, 0)
    case .listensOn(let descriptor, let waits):
      listener = try MonitorTakeover.duplicate(descriptor)
      path = SocketFile.path(of: descriptor)
      self.waits = waits
      let (own, connected) = try MonitorTakeover.privateListener()
      qemu = connected
      try MonitorTakeover.install(own, at: descriptor)
    case .connected(let descriptor):
      client = try MonitorTakeover.duplicate(descriptor)
      path = SocketFile.path(of: descriptor)
      let pair = try MonitorTakeover.pair()
      qemu = pair.0
      try MonitorTakeover.install(pair.1, at: descriptor)
    case .other(let reason): throw PathError("the monitor", reason: reason)
    }
  }

  /// Blocks until a client has connected, as QEMU with `wait=on` would.
  func awaitClient() {
    guard waits, let listener else { return }
    var entry = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    // SAFETY: the count matches the one entry.
    while poll(&entry, 1, -1) < 0, errno == EINTR {}
  }

  /// Replaces a socket file that is not in use any more, as QEMU does. Unlike QEMU, it never replaces one on which a
  /// process listens: that is another guest's monitor.
  private static func listen(_ path: String) throws(PathError) -> Int32 {
    let other = clinux_connect_unix(path)
    if other >= 0 {
      close(other)
      throw PathError(path, reason: "another process listens there already")
    }
    // connect(2) reports the same for a file that is not a socket; such a file is not removed.
    if other == -ECONNREFUSED, isSocket(path) { unlink(path) }
    let listener = clinux_listen_unix(path, 1)
    guard listener >= 0 else { throw PathError(path, errno: -listener) }
    // The same users may connect to this socket as to QEMU's own.
    let mask = umask(0)
    umask(mask)
    chmod(path, 0o777 & ~mask)
    return listener
  }

  private static func isSocket(_ path: String) -> Bool {
    var status = stat()
    // SAFETY: lstat(2) fills the structure that it is given.
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
  }

  /// A listening socket that no other process can open, and a connection to it that waits to be accepted.
  private static func privateListener() throws(PathError) -> (Int32, Int32) {
    var template = Array("/tmp/vfiogate-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw PathError("a folder in /tmp", errno: errno) }
    let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    let path = folder + "/qmp"
    defer {
      unlink(path)
      rmdir(folder)
    }
    let listener = clinux_listen_unix(path, 1)
    guard listener >= 0 else { throw PathError(path, errno: -listener) }
    let connection = clinux_connect_unix(path)
    guard connection >= 0 else { throw PathError(path, errno: -connection) }
    return (listener, connection)
  }

  private static func pair() throws(PathError) -> (Int32, Int32) {
    var both: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &both) == 0 else { throw PathError("a socket pair", errno: errno) }
    return (both[0], both[1])
  }

  /// A copy that QEMU does not inherit.
  private static func duplicate(_ descriptor: Int32) throws(PathError) -> Int32 {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    guard copy >= 0 else { throw PathError("descriptor \(descriptor)", errno: errno) }
    _ = fcntl(copy, F_SETFL, fcntl(copy, F_GETFL) | O_NONBLOCK)
    return copy
  }

  /// Gives a descriptor the number that the argument names; QEMU inherits it.
  private static func install(_ own: Int32, at descriptor: Int32) throws(PathError) {
    guard dup2(own, descriptor) == descriptor else { throw PathError("descriptor \(descriptor)", errno: errno) }
    close(own)
    // QEMU itself decides about blocking (chardev/char-socket.c); a fresh one blocks.
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
  }
}
