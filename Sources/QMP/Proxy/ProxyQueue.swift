/// A first-in, first-out queue.
struct ProxyQueue<Element> {
  private var items: [Element] = []
  private var head = 0

  var isEmpty: Bool { head == items.count }
  var count: Int { items.count - head }
  var all: ArraySlice<Element> { items[head...] }

  /// The element that is taken next; nil in an empty queue.
  var first: Element? { isEmpty ? nil : items[head] }
  /// The element that was appended last; nil in an empty queue.
  var last: Element? { isEmpty ? nil : items[items.count - 1] }

  mutating func append(_ item: Element) { items.append(item) }

  /// Changes the element that is taken next, in place. The queue must not be empty.
  mutating func changeFirst(_ change: (inout Element) -> Void) { change(&items[head]) }

  /// Changes the element that was appended last, in place. The queue must not be empty.
  mutating func changeLast(_ change: (inout Element) -> Void) { change(&items[items.count - 1]) }

  @discardableResult
  mutating func take() -> Element? {
    guard head < items.count else { return nil }
    defer {
      head += 1
      if head == items.count {
        items.removeAll(keepingCapacity: true)
        head = 0
      } else if head > 1024 {
        items.removeFirst(head)
        head = 0
      }
    }
    return items[head]
  }
}
