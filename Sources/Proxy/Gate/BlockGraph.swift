import Syntax

/// QEMU's block nodes and what uses them, as in its answer to `x-debug-query-block-graph`.
struct BlockGraph {
  private struct Node {
    let index: Int64
    let label: WireText?
    /// Whether it is not a node but the connection of a device or an export.
    let isUser: Bool
  }

  private struct Edge {
    let parent: Int64
    let child: Int64
    let role: WireText?
  }

  private let nodes: [Node]
  private let edges: [Edge]

  init(_ answer: JSON) {
    func number(_ value: JSON?) -> Int64? { if case .integer(let number)? = value { number } else { nil } }
    nodes = (answer["nodes"]?.array ?? []).compactMap { node in
      number(node["id"]).map { Node(index: $0, label: node.wire("name"), isUser: node.wire("type") == "block-backend") }
    }
    edges = (answer["edges"]?.array ?? []).compactMap { edge in
      guard let parent = number(edge["parent"]), let child = number(edge["child"]) else { return nil }
      return Edge(parent: parent, child: child, role: edge.wire("name"))
    }
  }

  /// The names of the nodes below a node or a device.
  /// - Parameter role: the only role that counts, such as `file`; nil counts all.
  func children(of name: WireText, as role: WireText? = nil) -> Set<WireText> {
    let parents = Set(nodes.filter { $0.label == name }.map(\.index))
    let below = Set(edges.filter { parents.contains($0.parent) && (role == nil || $0.role == role) }.map(\.child))
    return Set(nodes.filter { below.contains($0.index) }.compactMap(\.label))
  }

  /// The first of some nodes that is connected with a device or an export, also through other nodes: all of them have one
  /// AioContext.
  func used(_ names: [WireText]) -> WireText? {
    var neighbours: [Int64: [Int64]] = [:]
    for edge in edges {
      neighbours[edge.parent, default: []].append(edge.child)
      neighbours[edge.child, default: []].append(edge.parent)
    }
    // All that is connected with a user of nodes.
    var reached: Set<Int64> = []
    var rest = nodes.filter(\.isUser).map(\.index)
    while let id = rest.popLast() {
      if reached.insert(id).inserted { rest += neighbours[id] ?? [] }
    }
    let connected = Set(nodes.filter { reached.contains($0.index) }.compactMap(\.label))
    return names.first(where: connected.contains)
  }
}
