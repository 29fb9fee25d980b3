import Syntax

/// A reply that QEMU owes.
enum PendingReply {
  /// A reply to a client, with the command's id, which identifies out-of-band replies where several clients are served.
  case client(SessionClient, id: JSON?)
  /// The reply to the command that the active decision has forwarded.
  case job(SessionClient)
  /// The reply to a command of the proxy's own.
  case own(CommandID)
}

/// A first-in, first-out queue.
struct ProxyQueue<Element> {
  private var items: [Element] = []
  private var first = 0

  var isEmpty: Bool { first == items.count }
  var count: Int { items.count - first }
  var all: ArraySlice<Element> { items[first...] }

  mutating func append(_ item: Element) { items.append(item) }

  mutating func take() -> Element? {
    guard first < items.count else { return nil }
    defer {
      first += 1
      if first == items.count {
        items.removeAll(keepingCapacity: true)
        first = 0
      } else if first > 1024 {
        items.removeFirst(first)
        first = 0
      }
    }
    return items[first]
  }
}
