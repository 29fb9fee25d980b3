import Common
import Glibc

/// The loop's single wait, and its wake-ups.
extension Proxy {
  /// Waits once for a descriptor that can be read or written, and processes it.
  func wait() {
    let waitsForClients = clients.contains { !$0.isFlushed } && options.clients == 1
    var entries = [
      pollfd(
        fd: monitor.descriptor,
        events: Int16((waitsForClients ? 0 : POLLIN) | (monitor.outbox.isEmpty ? 0 : POLLOUT)), revents: 0),
      pollfd(fd: stopping == nil ? stop ?? -1 : -1, events: Int16(POLLIN), revents: 0),
      pollfd(
        fd: clients.count < options.clients && stopping == nil ? listener ?? -1 : -1, events: Int16(POLLIN),
        revents: 0),
    ]
    for client in clients {
      let wants = (client.wantsInput && stopping == nil ? POLLIN : 0) | (client.isFlushed ? 0 : POLLOUT)
      entries.append(pollfd(fd: client.descriptor, events: Int16(wants), revents: 0))
    }
    // SAFETY: the array's own count is passed.
    let count = poll(&entries, nfds_t(entries.count), stopping?.milliseconds ?? -1)
    waits += 1
    if count < 0, errno != EINTR { end = .failed("poll: \(errnoText(errno))") }
    guard count > 0 else { return }
    for (client, entry) in zip(clients, entries.dropFirst(3)) where entry.revents != 0 { serve(client, entry) }
    if entries[0].revents & Int16(POLLOUT) != 0 { monitor.flush() }
    // POLLERR of a QEMU that has ended arrives while its last messages are still to be read.
    if entries[0].revents & ~Int16(POLLOUT) != 0 { listen(toQEMU: waitsForClients) }
    if entries[1].revents != 0 {
      stopping = Deadline(after: options.drain)
      log.write(.info, "stopping", [.init("in-hand", .integer(Int64(inFlight.count)))])
    }
    if entries[2].revents != 0 { accept() }
  }

  private func serve(_ client: ProxyClient, _ entry: pollfd) {
    if entry.revents & Int16(POLLOUT) != 0 { client.flush() }
    if entry.revents & Int16(POLLIN) != 0, entry.events & Int16(POLLIN) != 0 {
      if let reason = client.read(&input) { depart(client, reason) }
    }
    // Both directions are closed: there is no client to answer. Earlier messages have been read above. While the proxy
    // stops, nothing is read: poll(2) would report such a client again and again.
    let isUnread = entry.events & Int16(POLLIN) == 0
    if entry.revents & Int16(POLLHUP | POLLERR | POLLNVAL) != 0, client.inputEnded || isUnread {
      client.isGone = true
    }
  }

  private func listen(toQEMU isPaused: Bool) {
    if isPaused {
      // QEMU has ended while a client is slow: its last messages wait for the client, up to the time limit.
      if !drain() { end = .qemuGone(midMessage: true) }
      return
    }
    let (count, descriptors) = monitor.read()
    if count == -Int(EAGAIN) || count == -Int(EINTR) { return closeAll(descriptors) }
    guard count > 0 else {
      end = .qemuGone(midMessage: monitor.stream.isInsideMessage)
      return
    }
    do { try route(monitor.stream.pieces(), descriptors) } catch { end = .failed("QEMU: \(error)") }
  }

  /// Lets clients read their queued messages, for at most `Options.drain`.
  /// - Returns: whether all connected clients have read everything.
  private func drain() -> Bool {
    let deadline = Deadline(after: options.drain)
    while true {
      let waiting = clients.filter { !$0.isFlushed && !$0.isGone }
      if waiting.isEmpty { return true }
      if deadline.isPast { return false }
      var entries = waiting.map { pollfd(fd: $0.descriptor, events: Int16(POLLOUT), revents: 0) }
      // SAFETY: the array's own count is passed.
      guard poll(&entries, nfds_t(entries.count), deadline.milliseconds) > 0 else { return false }
      for client in waiting { client.flush() }
    }
  }

  /// Sends queued messages to clients, then closes their connections.
  func finish() {
    _ = drain()
    // The outbox owns the descriptors of a sent command, and closes them.
    if let job, !job.isSent { closeAll(job.message.descriptors) }
    job = nil
    for client in clients {
      client.drop()
      gate.clientGone(client.peer)
    }
    clients = []
    monitor.outbox.clear()
  }
}
