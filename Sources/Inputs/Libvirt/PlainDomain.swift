import Facts
import Syntax

/// A libvirt domain in which nothing can be passed through. Of many domains most are such, and nothing
/// is said about them but that they can be read.
enum PlainDomain {
  /// One of these stands in every text that may ask for a host device, or about which there is anything
  /// else to say: `<hostdev>` and `type='hostdev'`, vfio's drivers and comments for vfiogate, `<iommu>`, QEMU's own
  /// options in any spelling, and a reference, behind which each of them could be hidden.
  private static let marks: [[UInt8]] = ["hostdev", "vfio", "iommu", "qemu:", "domain/qemu", "&"].map { Array($0.utf8) }

  /// For a text that has no mark: well-formed, and a domain's.
  static func isPlain(_ tree: XMLTree) -> Bool {
    let name = tree.root.qualifiedName
    return name == "domain" || name == "inactiveDomain"
  }

  static func hasMark(_ bytes: [UInt8]) -> Bool { bytes.holdsAny(of: marks) }
}

extension ParsedDefinition {
  /// A domain in which nothing is passed through.
  public static func plain(_ source: String) -> ParsedDefinition {
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
