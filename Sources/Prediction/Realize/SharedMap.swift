/// A dictionary whose copies share what they have in common: a hash trie. Each prediction keeps the guest as it was before its
/// device, and a copied `Dictionary` would be as large as the machine. swift-collections has one that Swift 6.0 does not compile.
public struct SharedMap<Key: Hashable & Sendable, Value: Sendable>: Sendable, Sequence {
  /// One key with its value.
  public typealias Element = (key: Key, value: Value)

  private enum Node {
    case leaf([Element])
    /// A child for each value of the next bits of the hash.
    case branch([Node])
  }

  private static var bits: Int { 4 }
  private static var largestLeaf: Int { 4 }

  private var root = Node.leaf([])
  /// The number of keys.
  public private(set) var count = 0

  /// An empty map.
  public init() {}

  /// A map of what the dictionary has.
  public init(_ dictionary: [Key: Value]) {
    for (key, value) in dictionary { self[key] = value }
  }

  /// Whether there is no key.
  public var isEmpty: Bool { count == 0 }

  /// The value of a key; nil removes it.
  public subscript(key: Key) -> Value? {
    get {
      var node = root
      var hash = UInt(bitPattern: key.hashValue)
      while case .branch(let children) = node {
        node = children[SharedMap.child(hash)]
        hash >>= SharedMap.bits
      }
      guard case .leaf(let elements) = node else { return nil }
      return elements.first { $0.key == key }?.value
    }
    set { count += SharedMap.set(key, newValue, in: &root, UInt(bitPattern: key.hashValue), shift: 0) }
  }

  /// The value of a key, or another one where it has none.
  public subscript(key: Key, default other: Value) -> Value {
    get { self[key] ?? other }
    set { self[key] = newValue }
  }

  /// The keys, in no order.
  public var keys: [Key] { map(\.key) }
  /// The values, in no order.
  public var values: [Value] { map(\.value) }

  private static func child(_ hash: UInt) -> Int { Int(hash & (1 << bits - 1)) }

  /// - Returns: by how much the number of keys grows.
  private static func set(_ key: Key, _ value: Value?, in node: inout Node, _ hash: UInt, shift: Int) -> Int {
    switch node {
    case .branch(var children):
      // Nothing else holds the array while it changes, if no other map does.
      node = .leaf([])
      let growth = set(key, value, in: &children[child(hash >> shift)], hash, shift: shift + bits)
      node = .branch(children)
      return growth
    case .leaf(var elements):
      node = .leaf([])
      let count = elements.count
      if let index = elements.firstIndex(where: { $0.key == key }) {
        if let value { elements[index].value = value } else { elements.remove(at: index) }
      } else if let value {
        elements.append((key, value))
      }
      node = elements.count > largestLeaf && shift < UInt.bitWidth ? split(elements, shift) : .leaf(elements)
      return elements.count - count
    }
  }

  private static func split(_ elements: [Element], _ shift: Int) -> Node {
    var leaves = [[Element]](repeating: [], count: 1 << bits)
    for element in elements { leaves[child(UInt(bitPattern: element.key.hashValue) >> shift)].append(element) }
    return .branch(leaves.map(Node.leaf))
  }

  /// Goes through the elements, in no order.
  public struct Iterator: IteratorProtocol {
    private var open: [Node]
    private var elements: ArraySlice<Element> = []

    fileprivate init(_ map: SharedMap) { open = [map.root] }

    /// The next element; nil at the end.
    public mutating func next() -> Element? {
      while elements.isEmpty {
        switch open.popLast() {
        case .branch(let children)?: open += children
        case .leaf(let found)?: elements = found[...]
        case nil: return nil
        }
      }
      return elements.popFirst()
    }
  }

  /// An iterator over all elements.
  public func makeIterator() -> Iterator { Iterator(self) }
}

/// A set whose copies share what they have in common.
struct SharedSet<Element: Hashable & Sendable>: Sendable {
  private var map = SharedMap<Element, Bool>()

  /// The number of elements.
  var count: Int { map.count }
  /// Whether there is no element.
  var isEmpty: Bool { map.isEmpty }

  /// Whether it has the element.
  func contains(_ element: Element) -> Bool { map[element] != nil }

  /// Adds an element.
  mutating func insert(_ element: Element) { map[element] = true }
}
