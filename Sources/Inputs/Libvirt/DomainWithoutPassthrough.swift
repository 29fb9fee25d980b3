import Facts
import Syntax

/// A libvirt domain in which nothing can be passed through. Of many domains most are such, and nothing
/// is said about them but that they can be read.
enum DomainWithoutPassthrough {
  /// One of these stands in every text in which anything but a host device's element asks for one, or about
  /// which there is anything else to say: vfio's drivers and comments for vfiogate, `<iommu>`, QEMU's own
  /// options in any spelling, and a reference, behind which each of them could be hidden. Each with the place of the
  /// letter in it that is rarest in such texts.
  private static let marks = [("vfio", 1), ("iommu", 4), ("qemu:", 0), ("domain/qemu", 7), ("&", 0)]
    .map { Mark(text: Array($0.0.utf8), rare: $0.1) }

  fileprivate struct Mark {
    let text: [UInt8]
    /// Where in it the byte is that is looked for.
    let rare: Int
  }

  static func isPlain(_ tree: XMLTree) -> Bool {
    let name = tree.root.qualifiedName
    return (name == "domain" || name == "inactiveDomain") && !asksForHostDevices(tree.root)
      && !tree.bytes.holdsAny(of: marks)
  }

  /// Whether there is an element of a host device that may be passed by vfio: USB and SCSI devices never are.
  static func asksForHostDevices(_ domain: XMLElement) -> Bool {
    guard let devices = domain.child("devices") else { return false }
    return devices.children.contains { element in
      if element.isNamed("hostdev") { return !["usb", "scsi"].contains(element.value("type")) }
      return element.isNamed("interface") && isHostDevice(element)
    }
  }

  /// An interface that is a host device: of that type, of a network that gave it one, or the half of a team that
  /// leaves for a migration, which can be nothing else (libvirt src/conf/domain_validate.c).
  static func isHostDevice(_ interface: XMLElement) -> Bool {
    interface.value("type") == "hostdev" || interface.child("actual")?.value("type") == "hostdev"
      || interface.value("type") == "network" && interface.child("teaming")?.value("type") == "transient"
  }
}

extension ParsedInput {
  /// A domain in which nothing is passed through.
  static func plain(_ source: String, _ tree: XMLTree) -> ParsedInput {
    var definition = LibvirtReader(source).definition
    let hostDevices = tree.root.child("devices")?.children.filter { $0.isNamed("hostdev") } ?? []
    definition.readElements = hostDevices.map { Location(source: source, range: $0.tagRange, path: "hostdev") }
    definition.isPlain = true
    return definition
  }
}

extension Array<UInt8> {
  /// Whether one of some texts stands anywhere in it.
  fileprivate func holdsAny(of marks: [DomainWithoutPassthrough.Mark]) -> Bool {
    var isRare = [Bool](repeating: false, count: 256)
    for mark in marks { isRare[Int(mark.text[mark.rare])] = true }
    return withUnsafeBufferPointer { bytes in
      isRare.withUnsafeBufferPointer { isRare in
        var position = 0
        while position < bytes.count {
          if isRare[Int(bytes[position])], marks.contains(where: { bytes.holds($0.text, at: position - $0.rare) }) {
            return true
          }
          position += 1
        }
        return false
      }
    }
  }
}

extension UnsafeBufferPointer<UInt8> {
  fileprivate func holds(_ text: [UInt8], at start: Int) -> Bool {
    guard start >= 0, start + text.count <= count else { return false }
    for index in text.indices where self[start + index] != text[index] { return false }
    return true
  }
}
