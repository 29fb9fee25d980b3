import Syntax

/// Options of block nodes, as trees: a child is a node's name or the child's own options.
enum BlockOptions {
  /// Limit of levels of a tree; real ones have a few.
  private static let levelLimit = 128
  /// Members that are a child of the node, beside lists of them.
  private static let children: Set<WireText> = ["file", "backing", "target", "test", "raw", "data-file", "image", "children"]

  /// The trees in a command's arguments: those of `blockdev-add` and `blockdev-reopen`, those in which `blockdev-create` makes an image,
  /// and each name of an image that consists of options.
  static func trees(in command: WireText, _ arguments: JSON?) throws(WireText.UnreadableOptions) -> [JSON] {
    guard let arguments else { return [] }
    switch command {
    case "blockdev-add": return [try tree(arguments, levelLimit)]
    case "blockdev-create":
      guard let options = arguments["options"] else { return [] }
      return [try tree(options, levelLimit)]
    case "blockdev-reopen":
      var trees: [JSON] = []
      for options in arguments["options"]?.array ?? [] { trees.append(try tree(options, levelLimit)) }
      return trees
    default: return try named(in: arguments)
    }
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
    case .array(let items): return hasTwice(items) || items.contains(where: sharesChild)
    case .object(let members):
      return hasTwice(members.filter { children.contains(WireText($0.key)) }.map(\.value))
        || members.map(\.value).contains(where: sharesChild)
    default: return false
    }
  }

  /// Whether two children are one node; one that is made of options can have a name too.
  private static func hasTwice(_ children: [JSON]) -> Bool {
    let names = children.compactMap { $0.wire ?? $0.wire("node-name") }
    return Set(names).count < names.count
  }

  /// Whether a tree has a copy-on-read node that ends at another (QEMU qapi/block-core.json: BlockdevOptionsCor).
  static func hasBottom(_ tree: JSON) -> Bool {
    switch tree {
    case .array(let items): items.contains(where: hasBottom)
    case .object(let members): tree["bottom"] != nil || members.map(\.value).contains(where: hasBottom)
    default: false
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
}
