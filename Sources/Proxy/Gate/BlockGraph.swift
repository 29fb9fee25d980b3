import Syntax

/// QEMU's block nodes and what uses them, as in its answer to `x-debug-query-block-graph`.
struct BlockGraph {
  private struct Edge {
    let child: Int64
    let role: WireText?
  }

  /// The numbers of nodes, devices and exports of a name.
  private var numbers: [WireText: [Int64]] = [:]
  private var names: [Int64: WireText] = [:]
  /// Connections of devices and exports, which are not nodes.
  private var users: [Int64] = []
  private var below: [Int64: [Edge]] = [:]

  init(_ answer: JSON) {
    func number(_ value: JSON?) -> Int64? { if case .integer(let number)? = value { number } else { nil } }
    for node in answer["nodes"]?.array ?? [] {
      guard let id = number(node["id"]) else { continue }
      if node.wire("type") == "block-backend" { users.append(id) }
      guard let name = node.wire("name") else { continue }
      names[id] = name
      numbers[name, default: []].append(id)
    }
    for edge in answer["edges"]?.array ?? [] {
      guard let parent = number(edge["parent"]), let child = number(edge["child"]) else { continue }
      below[parent, default: []].append(Edge(child: child, role: edge.wire("name")))
    }
  }

  /// The names of the nodes below a node or a device.
  /// - Parameter role: the only role that counts, such as `file`; nil counts all.
  func children(of name: WireText, as role: WireText? = nil) -> Set<WireText> {
    let edges = (numbers[name] ?? []).flatMap { below[$0] ?? [] }
    return Set(edges.filter { role == nil || $0.role == role }.compactMap { names[$0.child] })
  }

  /// The first of some nodes that is connected with a device or an export, also through other nodes: all of them have one
  /// AioContext.
  func used(_ wanted: [WireText]) -> WireText? {
    var neighbours: [Int64: [Int64]] = [:]
    for (parent, edges) in below {
      for edge in edges {
        neighbours[parent, default: []].append(edge.child)
        neighbours[edge.child, default: []].append(parent)
      }
    }
    // All that is connected with a user of nodes.
    var reached: Set<Int64> = []
    var rest = users
    while let id = rest.popLast() {
      if reached.insert(id).inserted { rest += neighbours[id] ?? [] }
    }
    return wanted.first { (numbers[$0] ?? []).contains(where: reached.contains) }
  }
}
