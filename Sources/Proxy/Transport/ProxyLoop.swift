import Common
import Glibc
import QMP

/// The loop's single wait, its wake-ups, and its writes.
extension Proxy {
  /// Waits once for a descriptor that can be read or written, and gives the session what has come.
  func wait(_ session: ProxySession) {
    let numbers = session.connected
    let isAccepting = session.wantsClients && mayAccept
    var entries = [
      pollfd(
        fd: session.watchesServer ? qemu.number : -1,
        events: Int16((session.wantsServerInput ? POLLIN : 0) | (session.writeToQEMU == nil ? 0 : POLLOUT)), revents: 0),
      pollfd(fd: session.deadline == nil ? stop ?? -1 : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: isAccepting ? listener ?? -1 : -1, events: Int16(POLLIN), revents: 0),
    ]
    entries.append(pollfd(fd: log.waitsForReader ?? -1, events: Int16(POLLOUT), revents: 0))
    entries.append(pollfd(fd: session.isPaused ? -1 : reload ?? -1, events: Int16(POLLIN), revents: 0))
    entries.append(pollfd(fd: gate.awaited?.descriptor ?? -1, events: Int16(POLLIN), revents: 0))
    for number in numbers {
      let wants = (session.wantsInput(of: number) ? POLLIN : 0) | (session.write(to: number) == nil ? 0 : POLLOUT)
      entries.append(pollfd(fd: sockets[number]?.number ?? -1, events: Int16(wants), revents: 0))
    }
    // SAFETY: the array's own count is passed.
    let count = poll(&entries, nfds_t(entries.count), patience(session))
    waits += 1
    if count < 0, errno != EINTR { session.fail("poll: \(errnoText(errno))") }
    if let awaited = gate.awaited, entries[5].revents != 0 || awaited.until <= .now { gate.awoken() }
    guard count > 0 else { return }
    for (number, entry) in zip(numbers, entries.dropFirst(6)) where entry.revents != 0 { serve(number, entry, session) }
    // POLLERR of a QEMU that has ended arrives while its last messages are still to be read.
    if entries[0].revents & ~Int16(POLLOUT) != 0 { listen(session) }
    if entries[1].revents != 0 { session.stop(at: .now) }
    if entries[2].revents != 0 { accept(session) }
    if entries[3].revents != 0 { log.flush() }
    if entries[4].revents != 0 { prepareReload(session) }
  }

  /// Time in which the messages in progress must end before another program continues the session.
  private static let reloadPatience = Duration.seconds(5)

  private func prepareReload(_ session: ProxySession) {
    // The signal is taken; its content is of no interest (signalfd(2): struct signalfd_siginfo).
    var signal = [UInt8](repeating: 0, count: 128)
    // SAFETY: the buffer's own count is passed.
    guard let reload, Glibc.read(reload, &signal, signal.count) > 0, session.deadline == nil else { return }
    log.write(.info, "reloading")
    reloadEnds = .now + Proxy.reloadPatience
    session.isPaused = true
  }

  /// The time until something must be done without an event, in milliseconds for poll(2); -1 for ever.
  private func patience(_ session: ProxySession) -> Int32 {
    guard let next = [session.deadline, acceptsAgain, reloadEnds, gate.awaited?.until].compactMap({ $0 }).min() else { return -1 }
    return Deadline(after: next - .now).milliseconds
  }

  private func serve(_ number: Int, _ entry: pollfd, _ session: ProxySession) {
    let isRead = entry.events & Int16(POLLIN) != 0
    if isRead, entry.revents & Int16(POLLIN) != 0 { read(from: number, session) }
    // Both directions are closed: there is no client to answer. Earlier messages have been read above. While the proxy
    // stops, nothing is read: poll(2) would report such a client again and again.
    if entry.revents & Int16(POLLHUP | POLLERR | POLLNVAL) != 0, session.hasInputEnded(of: number) || !isRead {
      session.lost(number)
    }
  }

  private func listen(_ session: ProxySession) {
    guard session.wantsServerInput else { return session.qemuHungUp(at: .now) }
    let (count, descriptors) = receive()
    if count == -Int(EAGAIN) || count == -Int(EINTR) { return }
    if count > 0 { session.receiveFromQEMU(input[..<count], descriptors: descriptors) } else { session.qemuEnded() }
  }

  /// Writes what the sockets accept.
  /// - Returns: whether anything was written, after which the session may continue.
  func flush(_ session: ProxySession) -> Bool {
    var hasWritten = false
    for number in session.connected {
      guard let socket = sockets[number] else { continue }
      while let next = session.write(to: number) {
        let result = Proxy.send(next, to: socket)
        if result > 0 {
          session.wrote(result, to: number)
          hasWritten = true
        } else if result == -EAGAIN {
          break
        } else if result != -EINTR {
          // A client that reads no more has lost its connection.
          session.lost(number)
          hasWritten = true
        }
      }
    }
    while let next = session.writeToQEMU {
      let result = Proxy.send(next, to: qemu)
      if result > 0 {
        session.wroteToQEMU(result)
        hasWritten = true
      } else if result == -EAGAIN {
        break
      } else if result != -EINTR {
        session.qemuUnwritable()
      }
    }
    return hasWritten
  }
}
