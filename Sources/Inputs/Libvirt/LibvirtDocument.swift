import Facts
import Syntax

/// The kind of a libvirt document, by its root element.
enum LibvirtDocument {
  /// A document that was read.
  struct Reading {
    var definition: ParsedInput
    /// The root element of a document that is not one of libvirt's that vfiogate reads; nil of one that is, and of a text
    /// whose root element is not known.
    var otherRoot: String?
    /// Start of the root element.
    var tag: Int?
    /// The first byte after the root element; nil when the document cannot be parsed.
    var end: Int?
    /// The error that follows the root element, if any.
    var junk: SyntaxError?
  }

  /// Reads the document that begins at a position.
  /// - Parameter pools: networks of libvirt that are pools of VFs, by name.
  static func parse(
    _ source: SourceText, from start: Int, _ extent: ParsedInput.Extent, pools: [String: LibvirtNetwork] = [:]
  ) -> Reading {
    do throws(SyntaxError) {
      let (tree, junk) = try XMLTree.parse(source.bytes, from: start)
      let root = tree.root
      return Reading(
        definition: parse(tree, source, extent, pools), otherRoot: isRelevant(root) ? nil : root.qualifiedName,
        tag: root.range.lowerBound, end: root.range.upperBound, junk: junk)
    } catch {
      // A page of the web, for example, need not be well-formed.
      let rest = Array(source.bytes[start...])
      let root = isRelevant(rest) || embedded(rest) != nil ? nil : XMLTree.rootTag(rest)?.name
      return Reading(definition: .unreadable(source, xml: error), otherRoot: root)
    }
  }

  private static func parse(
    _ tree: XMLTree, _ source: SourceText, _ extent: ParsedInput.Extent, _ pools: [String: LibvirtNetwork]
  ) -> ParsedInput {
    guard extent != .all, DomainWithoutPassthrough.matches(tree) else { return read(tree, source, pools) }
    var definition = LibvirtReader(source.name).definition
    definition.isWithoutPassthrough = true
    definition.readElements += LibvirtReader.textOfOthers(in: tree.root, source.name, "/domain")
    for device in DomainWithoutPassthrough.devices(of: tree.root) {
      if device.name == "hostdev" {
        definition.readElements.append(Location(source: source.name, range: device.tagRange, path: "hostdev"))
      } else if let name = LibvirtNetwork.name(of: device) {
        let place = Location(source: source.name, range: name.range, path: "interface/source/@network")
        definition.machine.libvirt?.networks.append(LibvirtNetworkInterface(network: name.value, location: place))
      }
    }
    return definition
  }

  /// The start of a document that other text precedes, as in a log or a mail; nil where there is none.
  static func embedded(_ bytes: [UInt8]) -> Int? {
    var start = 0
    while let open = bytes[start...].firstIndex(of: UInt8(ascii: "<")) {
      for name in ["<domain>", "<domain ", "<domain\n", "<domainsnapshot", "<domstatus"] where bytes[open...].starts(with: name.utf8) {
        return open
      }
      start = open + 1
    }
    return nil
  }

  /// Whether an end tag of the document's root element follows its start.
  static func isClosed(_ bytes: [UInt8], from start: Int) -> Bool {
    let name = bytes[(start + 1)...].prefix { $0 > 0x20 && $0 != UInt8(ascii: ">") }
    var rest = bytes[start...]
    while let open = rest.firstIndex(of: UInt8(ascii: "<")) {
      if bytes[(open + 1)...].first == UInt8(ascii: "/"), bytes[(open + 2)...].starts(with: name) { return true }
      rest = bytes[(open + 1)...]
    }
    return false
  }

  /// Whether a text is one document below a line or two, as `Domain XML:`. Other texts that hold a document may be about it.
  static func isAfterHeading(_ bytes: [UInt8]) -> Bool {
    guard let start = embedded(bytes), bytes[..<start].split(separator: 0x0a).count <= 2, isClosed(bytes, from: start),
      bytes[..<start].last { $0 != 0x20 && $0 != 0x09 } == 0x0a, bytes.last(where: { $0 > 0x20 }) == UInt8(ascii: ">")
    else { return false }
    return isRelevant(Array(bytes[start...]))
  }

  private static func read(_ tree: XMLTree, _ source: SourceText, _ pools: [String: LibvirtNetwork]) -> ParsedInput {
    var reader = LibvirtReader(source.name)
    reader.pools = pools
    if let (domain, path) = domain(tree.root, "") {
      reader.readDomain(domain, path)
      compare(domain, tree.root, &reader)
    } else if containers.contains(tree.root.qualifiedName) {
      reader.definition.machine.missingPart = "the document holds no domain"
    } else if isFragment(tree.root) {
      reader.readFragment(tree.root)
    } else {
      let root = tree.root.qualifiedName
      return ParsedInput.unreadable(
        source, "the document is a `<\(root)>`, and not a libvirt domain or a device of one",
        at: tree.root.tagRange, fix: "give a domain, as `virsh dumpxml --inactive NAME` prints it")
    }
    tree.parseComments(source.name, into: &reader.definition)
    return reader.definition
  }

  /// Whether a document is one that vfiogate reads, from its beginning. A directory holds others:
  /// networks, pools, nodes' devices, and a host's own interfaces, which have a name.
  static func isRelevant(_ head: [UInt8]) -> Bool {
    guard let (root, tag) = XMLTree.rootTag(head) else { return false }
    if root == "interface", String(decoding: tag, as: UTF8.self).contains(" name=") { return false }
    return isRelevant(root)
  }

  private static func isRelevant(_ root: String) -> Bool {
    containers.contains(root) || root == "domain" || root == "inactiveDomain" || fragments.contains(root)
  }

  private static func isRelevant(_ root: XMLElement) -> Bool { isRelevant(root.qualifiedName) && !isHostInterface(root) }

  /// A host's own interfaces bear the name of a device too, and have a name for one.
  private static func isHostInterface(_ root: XMLElement) -> Bool { root.qualifiedName == "interface" && root["name"] != nil }

  /// The domain of a document, with its logical path: that of a snapshot, of a status file, or the
  /// document itself.
  private static func domain(_ element: XMLElement, _ parent: String) -> (XMLElement, String)? {
    let path = "\(parent)/\(element.name)"
    let name = element.qualifiedName
    if name == "domain" || name == "inactiveDomain" { return (element, path) }
    guard containers.contains(name) else { return nil }
    let both = domains(of: element)
    guard let inner = both.first(where: DomainWithoutPassthrough.asksForHostDevices) ?? both.first else { return nil }
    return (inner, "\(path)/\(inner.name)")
  }

  /// A snapshot of a running guest holds two: how it ran, and how it starts the next time.
  private static func domains(of container: XMLElement) -> [XMLElement] {
    [container.child("domain"), container.child("inactiveDomain")].compactMap { $0 }
  }

  /// One of two domains is judged, which is enough as long as both ask for the same of the host.
  private static func compare(_ judged: XMLElement, _ root: XMLElement, _ reader: inout LibvirtReader) {
    guard containers.contains(root.qualifiedName), let other = domains(of: root).last, other.range != judged.range,
      DomainWithoutPassthrough.asksForHostDevices(other)
    else { return }
    var second = LibvirtReader(reader.source)
    second.readDomain(other, "/\(root.name)/\(other.name)")
    func asked(_ reader: LibvirtReader) -> Set<[String]> {
      Set(
        reader.definition.machine.devices.filter(\.isVFIO).map { device in
          ["driver", "host", "sysfsdev", "iommufd", "ats"].map { "\(device.value($0) ?? .null)" }
            + ["\(device.libvirt?.source?.description ?? "")"]
        })
    }
    reader.definition.readElements.append(Location(source: reader.source, range: other.range, path: "/\(root.name)/\(other.name)"))
    if asked(reader) == asked(second) { return }
    reader.definition.machine.unreadParts.append(
      UnreadPart(
        what: "the host devices of `<\(other.name)>`",
        reason: "they are others than those of `<\(judged.name)>`, which alone is judged: give it as a definition of its own",
        location: Location(source: reader.source, range: other.tagRange, path: "/\(root.name)/\(other.name)")))
  }

  /// Devices without a domain, as `virsh attach-device` accepts one.
  private static func isFragment(_ root: XMLElement) -> Bool { fragments.contains(root.qualifiedName) && !isHostInterface(root) }

  /// An element that may contain a domain. One without a domain, such as a checkpoint, requests no device.
  private static let containers: Set<String> = ["domainsnapshot", "domaincheckpoint", "domstatus", "qemu-save"]

  private static let fragments: Set<String> = [
    "devices", "hostdev", "interface", "controller", "disk", "filesystem", "input", "graphics", "video", "sound",
    "audio", "memballoon", "rng", "watchdog", "shmem", "vsock", "tpm", "panic", "redirdev", "channel", "console",
    "serial", "parallel", "smartcard", "hub", "lease", "memory", "iommu", "crypto", "nvram", "pstore",
  ]
}

extension LibvirtReader {
  /// One device, or a `<devices>`: a plug into a domain that is described elsewhere.
  mutating func readFragment(_ root: XMLElement) {
    definition.machine.missingPart = "the device comes without its domain"
    if root.qualifiedName == "devices" {
      readDevices(root, "/devices", plug: .hot)
    } else {
      let part = LibvirtDeviceElement(root, LocationBase(source: source, path: "/\(root.name)"))
      readNetworks([part])
      if part.name == "hostdev" || part.isHostdevInterface { readHostdev(part, plug: .hot) }
    }
    noteMemory(root.qualifiedName == "devices" ? root.children : [root])
  }

  /// Memory that is plugged into a guest with host devices is locked, and libvirt raises QEMU's limit for it (libvirt
  /// src/qemu/qemu_hotplug.c: qemuDomainAttachMemory), which it reads off the whole domain.
  private mutating func noteMemory(_ elements: [XMLElement]) {
    guard let memory = elements.first(where: { $0.qualifiedName == "memory" }) else { return }
    definition.machine.unreadParts.append(
      UnreadPart(
        what: "`<memory>`", reason: "whether it fits is decided by the slots and the limit that libvirt chooses for the domain",
        location: Location(source: source, range: memory.tagRange, path: "/memory")))
  }
}

extension ParsedInput {
  /// A text that is not well-formed XML.
  static func unreadable(_ source: SourceText, xml error: SyntaxError) -> ParsedInput {
    unreadable(
      source, "XML: \(error.message)", at: error.offset..<min(error.offset + 1, source.bytes.count),
      fix: "correct the XML; `xmllint --noout FILE` checks it too")
  }

  static func unreadable(_ source: SourceText, _ message: String, at range: Range<Int>, fix: String) -> ParsedInput {
    ParsedInput(
      machine: MachineConfig(source: source.name, emulator: nil, missingPart: message),
      problems: [
        InputProblem(message: message, fix: fix, location: Location(source: source.name, range: range, path: ""))
      ])
  }
}
