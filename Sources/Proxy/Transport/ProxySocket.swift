import CLinux
import Common
import Glibc
import QMP

/// System calls on connected sockets.
extension Proxy {
  /// One write: the number of bytes written, or -errno.
  static func send(_ write: Outbox.Write, to socket: OwnedDescriptor) -> Int {
    let numbers = write.descriptors.map(\.number)
    // SAFETY: both buffers live for the call, and their own counts are passed.
    return write.bytes.withUnsafeBytes { bytes in
      numbers.withUnsafeBufferPointer {
        clinux_send(socket.number, bytes.baseAddress, bytes.count, $0.baseAddress, $0.count)
      }
    }
  }

  /// Reads once from QEMU into `input`: the number of bytes, 0 at the end, or -errno.
  func receive() -> (count: Int, descriptors: [OwnedDescriptor]) {
    var descriptors: [OwnedDescriptor] = []
    let count = input.withUnsafeMutableBytes { bytes in
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: Int(CLINUX_DESCRIPTORS_MAX)) { room in
        var number = 0
        // SAFETY: the buffers' own counts bound what is written into them.
        let count = clinux_receive(qemu.number, bytes.baseAddress, bytes.count, room.baseAddress, &number)
        if number > 0 { descriptors = room[..<number].map(OwnedDescriptor.init) }
        return count
      }
    }
    return (count, descriptors)
  }

  /// Reads once from a client.
  func read(from number: Int, _ session: ProxySession) {
    guard let socket = sockets[number] else { return }
    var count = 0
    var at = 0
    var descriptors: [OwnedDescriptor] = []
    let result = input.withUnsafeMutableBytes { bytes in
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: Int(CLINUX_DESCRIPTORS_MAX)) { room in
        // SAFETY: the buffers' own counts bound what is written into them.
        let result = clinux_receive_segment(socket.number, bytes.baseAddress, bytes.count, room.baseAddress, &count, &at)
        if count > 0 { descriptors = room[..<count].map(closer.own(_:)) }
        return result
      }
    }
    if count > 0, closer.isStuck { return session.close(number, "it sent descriptors while many before cannot be closed") }
    if result > 0 { return session.receive(input[..<result], descriptors: descriptors, at: at, from: number) }
    if result == 0 { return session.inputEnded(of: number) }
    switch Int32(-result) {
    case EAGAIN, EINTR: break
    case EMFILE: session.close(number, "descriptors that it sent were lost: this process may hold no more")
    case let code: session.close(number, errnoText(code))
    }
  }

  /// The beginning of the session with QEMU.
  func negotiate(_ handshake: ProxyHandshake, until deadline: Deadline) throws(ProxyFailure) -> GuardedMonitor {
    var handshake = handshake
    var unsent = Outbox()
    while true {
      unsent.add(handshake.takeBytes())
      while let next = unsent.next {
        let count = Proxy.send(next, to: qemu)
        if count > 0 { unsent.wrote(count) } else if count != -EINTR { break }
      }
      let awaiting = handshake.awaiting
      var entries = [
        pollfd(fd: qemu.number, events: Int16(POLLIN | (unsent.isEmpty ? 0 : POLLOUT)), revents: 0),
        pollfd(fd: stop ?? -1, events: Int16(POLLIN), revents: 0),
      ]
      // SAFETY: two entries, which live for the call.
      let ready = poll(&entries, 2, deadline.milliseconds)
      if entries[1].revents != 0 { throw ProxyFailure("stopped before QEMU's \(awaiting)") }
      if ready == 0, deadline.isPast {
        throw ProxyFailure(
          "no \(awaiting) from QEMU within \(deadline.patience.components.seconds) s; it serves one client at a time")
      }
      guard entries[0].revents & ~Int16(POLLOUT) != 0 else { continue }
      let count = receive().count
      if count == -Int(EAGAIN) || count == -Int(EINTR) { continue }
      guard count > 0 else {
        throw ProxyFailure(
          "QEMU closed the connection before the \(awaiting)" + (count < 0 ? ": \(errnoText(Int32(-count)))" : ""))
      }
      do { try handshake.receive(input[..<count]) } catch { throw ProxyFailure(error.description) }
      if let monitor = handshake.monitor { return monitor }
    }
  }
}
