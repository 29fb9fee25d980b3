import Glibc

/// A stream socket that listens at a path, for tests that play the server.
public final class UnixListener {
  public let descriptor: Int32
  public let path: String

  public init(path: String, backlog: Int32 = 1) throws {
    self.path = path
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw SystemFailure("make a socket") }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw SystemFailure("bind \(path)", errno: ENAMETOOLONG)
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
    }
    guard result == 0, listen(descriptor, backlog) == 0 else { throw SystemFailure("listen at \(path)") }
  }

  deinit { close(descriptor) }

  public func accept() throws -> Int32 {
    let connection = Glibc.accept(descriptor, nil, nil)
    guard connection >= 0 else { throw SystemFailure("accept at \(path)") }
    return connection
  }
}

/// Two connected stream sockets.
public func socketPair() throws -> (Int32, Int32) {
  var both: [Int32] = [-1, -1]
  guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &both) == 0 else {
    throw SystemFailure("make a socket pair")
  }
  return (both[0], both[1])
}
