import Facts

/// Picture of a host's PCI topology: NUMA nodes, root buses, bridges, devices, groups and IOMMUs.
public struct TopologyReport: Sendable {
  /// One line of the picture.
  private struct Row {
    let depth: Int
    /// The function; nil for a NUMA node and a root bus.
    let address: PCIAddress?
    let name: String
    let detail: String
    let kind: Kind
    /// The row of the node above; nil for a NUMA node.
    let parent: Int?

    enum Kind: String { case node, bus, bridge, device }

    var title: String { address.map { "\($0)  \(name)" } ?? name }
  }

  private let host: Host
  private let topology: PCITopology
  private let rows: [Row]

  /// Lays out the tree of a host.
  public init(_ host: Host) {
    self.host = host
    topology = PCITopology(host)
    rows = TopologyReport.rows(host, topology)
  }

  private static func rows(_ host: Host, _ topology: PCITopology) -> [Row] {
    let all = host.devices.keys.sorted()
    let children = Dictionary(grouping: all) { topology.parent(of: $0) }
    var rows: [Row] = []
    func add(_ address: PCIAddress, _ depth: Int, _ parent: Int) {
      guard let device = host.devices[address] else { return }
      let bridge = topology.kind(of: address)
      rows.append(
        Row(
          depth: depth, address: address, name: bridge.map(\.rawValue) ?? HostDetail.name(of: device) ?? "device",
          detail: detail(device), kind: bridge == nil ? .device : .bridge, parent: parent))
      let index = rows.count - 1
      for child in children[address] ?? [] where child != address { add(child, depth + 1, index) }
    }
    let roots = children[nil] ?? []
    let nodes = Dictionary(grouping: roots) { host.devices[$0]?.numaNode.display }
    for node in nodes.keys.sorted(by: { ($0 ?? Int.max) < ($1 ?? Int.max) }) {
      let title = node.map { $0 < 0 ? "no NUMA node" : "NUMA node \($0)" } ?? "NUMA node unknown"
      rows.append(Row(depth: 0, address: nil, name: title, detail: "", kind: .node, parent: nil))
      let top = rows.count - 1
      let buses = Dictionary(grouping: nodes[node] ?? []) { "\($0.domain.hexadecimal(digits: 4)):\($0.bus.hexadecimal(digits: 2))" }
      for bus in buses.keys.sorted() {
        rows.append(Row(depth: 1, address: nil, name: "root bus \(bus)", detail: "", kind: .bus, parent: top))
        let index = rows.count - 1
        for address in buses[bus] ?? [] { add(address, 2, index) }
      }
    }
    return rows
  }

  private static func detail(_ device: HostDevice) -> String {
    let group = device.group.display.map { $0.map { "group \($0)" } ?? "no group" } ?? "group unknown"
    let iommu = device.iommu.display.map { $0 ?? "no IOMMU" } ?? "IOMMU unknown"
    let driver = device.driver.display.map { $0 ?? "no driver" } ?? "driver unknown"
    return "\(group), \(iommu), \(driver)"
  }

  /// Text for a terminal: the tree.
  public func text(_ style: Style) -> String {
    var lines: [String] = []
    for row in rows {
      let indent = String(repeating: " ", count: 2 * row.depth)
      let head = indent + (row.address.map { "\($0)  " } ?? "")
      let name = row.address == nil ? style.bold(row.name) : printable(row.name)
      lines += hung(head, name, indent: head.count, width: style.width)
      if !row.detail.isEmpty {
        lines += hung(
          String(repeating: " ", count: 2 * row.depth + 4), printable(row.detail), indent: 2 * row.depth + 4, width: style.width)
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Matrix of the paths between functions, and the reasons of those that are unknown.
  public func paths(_ addresses: [PCIAddress]) -> (text: String, isWhole: Bool) {
    var reasons: [String] = []
    let cells = addresses.map { a in
      addresses.map { b -> String in
        switch topology.path(a, b) {
        case .known(let path): return path.rawValue
        case .unknown(let unknown):
          if !reasons.contains("\(unknown)") { reasons.append("\(unknown)") }
          return "?"
        }
      }
    }
    let head = [""] + addresses.map(\.description)
    let table = [head] + zip(addresses, cells).map { [$0.description] + $1 }
    let lines = table.map { row in row.map { $0.padded(to: 12) }.joined(separator: "  ").withoutTrailingBlanks }
    let used = Set(cells.joined())
    let legend = [
      ("PIX", "at most one bridge or switch"), ("PXB", "several bridges, not the host bridge"), ("PHB", "the host bridge"),
      ("NODE", "host bridges of one NUMA node"), ("SYS", "the link between NUMA nodes"),
    ].filter { used.contains($0.0) }.map { "\($0.0.padded(to: 4))  \($0.1)" }
    let tail = (legend.isEmpty ? [] : [""] + legend) + (reasons.isEmpty ? [] : [""] + reasons.map { "?     " + printable($0) })
    return ((lines + tail).joined(separator: "\n") + "\n", reasons.isEmpty)
  }

  /// A graph for Graphviz.
  public var dot: String {
    var lines = ["digraph topology {", "  rankdir=LR;", "  node [shape=box, fontname=\"sans-serif\"];"]
    for (index, row) in rows.enumerated() {
      let label = [row.title, row.detail].filter { !$0.isEmpty }.map(TopologyReport.quoted).joined(separator: "\\n")
      lines.append("  n\(index) [label=\"\(label)\"];")
      if let parent = row.parent { lines.append("  n\(parent) -> n\(index) [dir=none];") }
    }
    return (lines + ["}"]).joined(separator: "\n") + "\n"
  }

  private static func quoted(_ text: String) -> String {
    printable(text).map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
  }

  // Sizes of the picture in pixels.
  private static let line = 44, step = 28, margin = 16

  /// A picture for browsers, light or dark as the reader's setting is.
  public var svg: String {
    let longest = rows.map { TopologyReport.x($0.depth) + max($0.title.columns * 8, $0.detail.columns * 7) }.max() ?? 0
    let width = longest + 3 * TopologyReport.margin, height = rows.count * TopologyReport.line + 2 * TopologyReport.margin
    var parts = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(height)\" width=\"\(width)\" height=\"\(height)\">",
      "<title>\(TopologyReport.escaped("PCI topology of \(host.source)"))</title>", TopologyReport.sheet,
      "<rect class=\"page\" width=\"\(width)\" height=\"\(height)\"/>",
    ]
    for (index, row) in rows.enumerated() {
      let x = TopologyReport.x(row.depth), y = TopologyReport.y(index)
      if let parent = row.parent {
        let px = TopologyReport.x(rows[parent].depth) + 10
        parts.append("<path class=\"edge\" d=\"M\(px) \(TopologyReport.y(parent) + 34) V\(y + 17) H\(x)\"/>")
      }
      let w = max(row.title.columns * 8, row.detail.columns * 7) + 16
      parts.append("<rect class=\"\(row.kind.rawValue)\" x=\"\(x)\" y=\"\(y)\" width=\"\(w)\" height=\"36\" rx=\"4\"/>")
      let titleY = row.detail.isEmpty ? y + 23 : y + 15
      parts.append("<text class=\"title\" x=\"\(x + 8)\" y=\"\(titleY)\">\(TopologyReport.escaped(row.title))</text>")
      if !row.detail.isEmpty {
        parts.append("<text class=\"detail\" x=\"\(x + 8)\" y=\"\(y + 30)\">\(TopologyReport.escaped(row.detail))</text>")
      }
    }
    return (parts + ["</svg>"]).joined(separator: "\n") + "\n"
  }

  private static let sheet = """
    <style>
    text { font-family: ui-monospace, monospace; fill: #1a1a1a; }
    .title { font-size: 13px; } .detail { font-size: 11px; fill: #555; }
    .page { fill: #fff; } .edge { fill: none; stroke: #999; }
    .node { fill: #e8eefc; stroke: #4a6fd0; } .bus { fill: #f2f2f2; stroke: #999; }
    .bridge { fill: #f7f3e6; stroke: #b39a4a; } .device { fill: #eaf6ea; stroke: #4f9a4f; }
    @media (prefers-color-scheme: dark) {
    text { fill: #eee; } .detail { fill: #aaa; } .page { fill: #16181c; } .edge { stroke: #777; }
    .node { fill: #1f2c4d; } .bus { fill: #2a2c31; } .bridge { fill: #3a3420; } .device { fill: #1e3a22; }
    }
    </style>
    """

  private static func x(_ depth: Int) -> Int { margin + depth * step }
  private static func y(_ row: Int) -> Int { margin + row * line }

  private static func escaped(_ text: String) -> String {
    printable(text).map { character -> String in
      switch character {
      case "&": return "&amp;"
      case "<": return "&lt;"
      case ">": return "&gt;"
      default: return String(character)
      }
    }.joined()
  }
}
