import Common
import QMP
import Syntax

/// A reply that QEMU owes.
enum PendingReply {
  /// With the command's id, by which replies out of band are told apart where several clients are served.
  case client(ProxyClient, id: JSON?)
  /// To the command that the running job has passed on.
  case job(ProxyClient)
  /// To a command of the proxy's own.
  case own(CommandID)
}

/// A queue that is taken from at the front.
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
