import Syntax

/// Options of block nodes, as trees: a child is a node's name or the child's own options.
enum BlockOptions {
  /// Limit of levels of a tree; real ones have a few.
  private static let levelLimit = 128
  /// Members that are a child of the node, beside lists of them.
  private static let children: Set<WireText> = ["file", "backing", "target", "test", "raw", "data-file", "image", "children"]

  /// The trees in a command's arguments: those of `blockdev-add`, and each name of an image that consists of options.
  static func trees(in command: WireText, _ arguments: JSON?) throws(WireText.UnreadableOptions) -> [JSON] {
    guard let arguments else { return [] }
    return command == "blockdev-add" ? [try tree(arguments, levelLimit)] : try named(in: arguments)
  }

  /// The trees behind `json:` at any depth.
  private static func named(in value: JSON) throws(WireText.UnreadableOptions) -> [JSON] {
    var found: [JSON] = []
    switch value {
    case .string(let text): if let options = try WireText(text).imageOptions() { found.append(try tree(options, levelLimit)) }
    case .array(let items): for item in items { found += try named(in: item) }
    case .object(let members): for member in members { found += try named(in: member.value) }
    default: break
    }
    return found
  }

  /// A value without `json:` and without dotted keys such as `file.driver` (QEMU qobject/block-qdict.c: qdict_crumple).
  private static func tree(_ value: JSON, _ levels: Int) throws(WireText.UnreadableOptions) -> JSON {
    guard levels > 0 else { throw WireText.UnreadableOptions() }
    switch value {
    case .string(let text):
      guard let options = try WireText(text).imageOptions() else { return value }
      return try tree(options, levels - 1)
    case .array(let items):
      var trees: [JSON] = []
      for item in items { trees.append(try tree(item, levels - 1)) }
      return .array(trees)
    case .object(let members):
      return try tree(of: members.map { (WireText($0.key).split(".")[...], $0.value) }, levels)
    default: return value
    }
  }

  private typealias Entry = (path: ArraySlice<WireText>, value: JSON)

  private static func tree(of entries: [Entry], _ levels: Int) throws(WireText.UnreadableOptions) -> JSON {
    guard levels > 0 else { throw WireText.UnreadableOptions() }
    var names: [WireText] = []
    var below: [WireText: [Entry]] = [:]
    for entry in entries {
      guard let name = entry.path.first else { continue }
      if below[name] == nil { names.append(name) }
      below[name, default: []].append((entry.path.dropFirst(), entry.value))
    }
    var members: [JSON.Member] = []
    for name in names {
      let parts = below[name] ?? []
      var values: [JSON] = []
      // The last of a key that is given twice counts.
      if let whole = parts.last(where: \.path.isEmpty) { values.append(try tree(whole.value, levels - 1)) }
      let deeper = parts.filter { !$0.path.isEmpty }
      if !deeper.isEmpty { values.append(try tree(of: deeper, levels - 1)) }
      if let first = values.first { members.append(.init(name.description, values.count == 1 ? first : .array(values))) }
    }
    let isList = !names.isEmpty && names.allSatisfy { $0.number != nil }
    return isList ? .array(members.map(\.value)) : .object(members)
  }

  /// Whether a list of block nodes, or a node under several names, has one twice, at any depth.
  static func sharesChild(_ tree: JSON) -> Bool {
    switch tree {
    case .array(let items):
      let names = items.compactMap(\.wire)
      return Set(names).count < names.count || items.contains(where: sharesChild)
    case .object(let members):
      let names = members.filter { children.contains(WireText($0.key)) }.compactMap(\.value.wire)
      return Set(names).count < names.count || members.map(\.value).contains(where: sharesChild)
    default: return false
    }
  }

  /// The existing nodes above which a tree puts a throttle, directly or with nodes between.
  static func throttled(_ tree: JSON) -> [WireText] {
    switch tree {
    case .array(let items): items.flatMap(throttled)
    case .object(let members): tree.wire("driver") == "throttle" ? nodes(in: tree) : members.flatMap { throttled($0.value) }
    default: []
    }
  }

  private static func nodes(in tree: JSON) -> [WireText] {
    switch tree {
    case .array(let items): items.flatMap { $0.wire.map { [$0] } ?? nodes(in: $0) }
    case .object(let members):
      members.flatMap { member -> [WireText] in
        guard let name = member.value.wire else { return nodes(in: member.value) }
        return children.contains(WireText(member.key)) ? [name] : []
      }
    default: []
    }
  }

  /// The first of some nodes that is connected with a device or an export, also through other nodes: all of them have one
  /// AioContext.
  /// - Parameter graph: QEMU's answer to `x-debug-query-block-graph`.
  static func used(_ nodes: [WireText], in graph: JSON) -> WireText? {
    func number(_ value: JSON?) -> Int64? { if case .integer(let number)? = value { number } else { nil } }
    var neighbours: [Int64: [Int64]] = [:]
    for edge in graph["edges"]?.array ?? [] {
      guard let parent = number(edge["parent"]), let child = number(edge["child"]) else { continue }
      neighbours[parent, default: []].append(child)
      neighbours[child, default: []].append(parent)
    }
    // All that is connected with a user of nodes.
    let all = graph["nodes"]?.array ?? []
    var reached: Set<Int64> = []
    var rest = all.filter { $0.wire("type") == "block-backend" }.compactMap { number($0["id"]) }
    while let id = rest.popLast() {
      if reached.insert(id).inserted { rest += neighbours[id] ?? [] }
    }
    let names = Set(all.filter { number($0["id"]).map(reached.contains) ?? false }.compactMap { $0.wire("name") })
    return nodes.first(where: names.contains)
  }
}
