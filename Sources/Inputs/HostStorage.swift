import Facts
import Syntax

/// A PCI function of the host that QEMU's block layer attaches through VFIO itself, as a disk of the guest: the drivers `nvme`
/// (QEMU block/nvme.c) and `virtio-blk-vfio-pci` (QEMU block/blkio.c). No rule checks such a function, and it can be in no
/// other guest.
struct HostStorage {
  private static let drivers: Set<String> = ["nvme", "virtio-blk-vfio-pci"]
  /// Nested deeper than any graph of block nodes is written.
  private static let maximumDepth = 64

  /// The address or the path; nil where the text does not give it plainly.
  let function: String?

  /// The node of `blockdev-add` or `-blockdev`, or of one below it.
  init?(_ node: JSON) {
    guard let found = HostStorage.search(node, depth: 0) else { return nil }
    self.init(function: found.function)
  }

  private init(function: String?) { self.function = function }

  /// A file name in any argument of another command, such as the target of a copy.
  init?(anyTextOf arguments: JSON) {
    var unread = [arguments]
    while let value = unread.popLast() {
      switch value {
      case .string(let text):
        if text.contains("nvme://") || text.hasPrefix("json:"), let found = HostStorage(text: text) {
          self = found
          return
        }
      case .array(let items): unread += items
      case .object(let members): unread += members.map(\.value)
      default: break
      }
    }
    return nil
  }

  /// The text of a `-drive`, a `-blockdev` or a file name.
  init?(text: String) {
    // A file name, also one that is a value: `nvme://0000:01:00.0/1` (QEMU block/nvme.c: nvme_parse_filename).
    if let rest = HostStorage.afterProtocol(text) {
      self.init(function: String(rest.prefix { $0 != "/" && $0 != "," }))
      return
    }
    let trimmed = text.drop { $0 == " " }
    let body = trimmed.hasPrefix("json:") ? trimmed.dropFirst(5) : trimmed
    if body.first == "{" {
      guard let node = try? JSON.parse(Array(body.utf8)) else { return nil }
      self.init(node)
      return
    }
    let items = KeyValueText(Array(text.utf8), implied: "driver").items
    for item in items where item.key == "file" || item.key.hasSuffix(".filename") {
      guard let named = HostStorage(text: item.value) else { continue }
      self = named
      return
    }
    let isOne = items.contains { item in
      (item.key == "driver" || item.key.hasSuffix(".driver") || item.key == "format") && HostStorage.drivers.contains(item.value)
    }
    guard isOne else { return nil }
    self.init(function: items.last { $0.key.hasSuffix("device") || $0.key.hasSuffix("path") }?.value)
  }

  /// The text behind `nvme://`.
  private static func afterProtocol(_ text: String) -> Substring? {
    var rest = text[...]
    while let start = rest.firstIndex(of: "n") {
      if rest[start...].hasPrefix("nvme://") { return rest[start...].dropFirst("nvme://".count) }
      rest = rest[start...].dropFirst()
    }
    return nil
  }

  private static func search(_ value: JSON, depth: Int) -> HostStorage? {
    guard depth < maximumDepth else { return nil }
    if let name = value["driver"]?.string, drivers.contains(name) {
      return HostStorage(function: value["device"]?.string ?? value["path"]?.string)
    }
    // Keys of a nested node, `file.driver` (QEMU block.c: parse_json_protocol flattens and joins them).
    if case .object(let members) = value,
      let named = members.first(where: { $0.key.hasSuffix(".driver") && drivers.contains($0.value.string ?? "") })
    {
      let node = named.key.dropLast("driver".count)
      return HostStorage(function: value["\(node)device"]?.string ?? value["\(node)path"]?.string)
    }
    if let name = value["filename"]?.string, let found = HostStorage(text: name) { return found }
    switch value {
    case .object(let members): return members.lazy.compactMap { search($0.value, depth: depth + 1) }.first
    case .array(let items): return items.lazy.compactMap { search($0, depth: depth + 1) }.first
    default: return nil
    }
  }

  /// The part for a `<disk type='nvme'>`, or one with such a disk below it.
  static func part(of disk: XMLElement, at place: Location) -> UnreadPart {
    let address = disk.child("source")?.child("address")
    func number(_ name: String) -> UInt64 { address?[name].flatMap(LibvirtNumber.parse) ?? 0 }
    let function = PCIAddress(
      domain: UInt32(clamping: number("domain")), bus: UInt8(clamping: number("bus")), slot: UInt8(clamping: number("slot")),
      function: UInt8(clamping: number("function")))
    return HostStorage(function: address.flatMap { _ in function?.description }).part(at: place)
  }

  /// The part of the definition that no rule checks.
  func part(at place: Location) -> UnreadPart {
    UnreadPart(
      what: "host function of the disk \(function.map { "`\($0)`" } ?? "")".trimmingEnd,
      reason: "QEMU's block layer attaches it through VFIO, which is not modelled", location: place)
  }
}

extension String {
  fileprivate var trimmingEnd: String { last == " " ? String(dropLast()) : self }
}
