import Facts
import Syntax

/// A libvirt domain in which nothing can be passed through. Of many domains most are such, and nothing
/// is said about them but that they can be read.
enum PlainDomain {
  /// One of these stands in every text in which anything but a host device's element asks for one, or about
  /// which there is anything else to say: vfio's drivers and comments for vfiogate, `<iommu>`, QEMU's own
  /// options in any spelling, and a reference, behind which each of them could be hidden.
  private static let marks: [[UInt8]] = ["vfio", "iommu", "qemu:", "domain/qemu", "&"].map { Array($0.utf8) }

  static func isPlain(_ tree: XMLTree) -> Bool {
    let name = tree.root.qualifiedName
    return (name == "domain" || name == "inactiveDomain") && !asksForHostDevices(tree.root)
      && !tree.bytes.holdsAny(of: marks)
  }

  /// Whether there is an element of a host device that may be passed by vfio: USB and SCSI devices never are.
  static func asksForHostDevices(_ domain: XMLElement) -> Bool {
    guard let devices = domain.child("devices") else { return false }
    return devices.children.contains { element in
      switch element.qualifiedName {
      case "hostdev": return !["usb", "scsi"].contains(element["type"]?.value)
      case "interface": return isHostDevice(element)
      default: return false
      }
    }
  }

  /// An interface that is a host device: of that type, of a network that gave it one, or the half of a team that
  /// leaves for a migration, which can be nothing else (libvirt src/conf/domain_validate.c).
  static func isHostDevice(_ interface: XMLElement) -> Bool {
    interface["type"]?.value == "hostdev" || interface.child("actual")?["type"]?.value == "hostdev"
      || interface["type"]?.value == "network" && interface.child("teaming")?["type"]?.value == "transient"
  }
}

extension ParsedDefinition {
  /// A domain in which nothing is passed through.
  static func plain(_ source: String) -> ParsedDefinition {
    var definition = LibvirtReader(source).definition
    definition.isPlain = true
    return definition
  }
}

extension Array<UInt8> {
  /// Whether one of some short texts stands anywhere in it.
  fileprivate func holdsAny(of texts: [[UInt8]]) -> Bool {
    var isFirst = [Bool](repeating: false, count: 256)
    for text in texts { isFirst[Int(text[0])] = true }
    return withUnsafeBufferPointer { bytes in
      isFirst.withUnsafeBufferPointer { isFirst in
        for position in bytes.indices where isFirst[Int(bytes[position])] {
          for text in texts where bytes.holds(text, at: position) { return true }
        }
        return false
      }
    }
  }
}

extension UnsafeBufferPointer<UInt8> {
  fileprivate func holds(_ text: [UInt8], at start: Int) -> Bool {
    guard start + text.count <= count else { return false }
    for index in text.indices where self[start + index] != text[index] { return false }
    return true
  }
}
