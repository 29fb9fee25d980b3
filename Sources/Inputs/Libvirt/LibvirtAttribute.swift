import Facts
import Syntax

/// An attribute that libvirt parses strictly (libvirt src/util/virxml.c: virXMLPropEnum and virXMLPropUInt). The texts are those of
/// libvirt 9.0.
struct LibvirtAttribute {
  enum Values {
    case words([String])
    /// A number from 1 to 2^32 - 1.
    case positive
    /// A number from 0 to 2^32 - 1.
    case natural
    /// Numbers of processors or nodes, such as `0-3,8,^2`.
    case set
  }

  /// Names of the devices that have it, or that it is below; empty for a part of the domain itself.
  var owners: Set<String> = []
  /// Names of the elements from the owner to the one that has it; empty for the owner's own.
  var path: [String] = []
  /// The name; empty for the text of the element.
  let name: String
  let values: Values
  var isRequired = false
  /// libvirt's message where it is not the usual one; `%` stands for the value.
  var message: String?
  /// Types of the owner for which libvirt reads it; empty for all.
  var types: Set<String> = []

  static let onOff = Values.words(["on", "off"])
  private static let onOffAuto = Values.words(["on", "off", "auto"])

  private static let all: [LibvirtAttribute] = [
    .init(owners: bootable, path: ["boot"], name: "order", values: .positive, isRequired: true),
    .init(owners: ["hostdev", "interface"], path: ["rom"], name: "enabled", values: .words(["yes", "no"])),
    .init(owners: ["hostdev", "interface"], path: ["rom"], name: "bar", values: onOff),
    .init(owners: ["hostdev", "interface"], path: ["acpi"], name: "index", values: .positive),
    .init(owners: ["hostdev", "interface", "controller"], path: ["address"], name: "multifunction", values: onOff),
    .init(
      owners: ["controller"], path: [], name: "type",
      values: .words(["ide", "fdc", "scsi", "sata", "virtio-serial", "ccid", "usb", "pci", "xenbus", "isa", "nvme"])),
    .init(owners: ["controller"], path: ["target"], name: "hotplug", values: onOff),
    .init(owners: ["iommu"], path: [], name: "model", values: .words(["intel", "smmuv3", "virtio", "amd"]), isRequired: true),
    .init(owners: ["iommu"], path: ["driver"], name: "intremap", values: onOff),
    .init(owners: ["iommu"], path: ["driver"], name: "caching_mode", values: onOff),
    .init(owners: ["iommu"], path: ["driver"], name: "eim", values: onOff),
    .init(owners: ["iommu"], path: ["driver"], name: "iotlb", values: onOff),
    .init(owners: ["iommu"], path: ["driver"], name: "aw_bits", values: .natural),
    .init(owners: ["iommu"], path: ["driver"], name: "accel", values: onOff),
    .init(owners: ["iommu"], path: ["driver"], name: "ats", values: onOffAuto),
    .init(owners: ["iommu"], path: ["driver"], name: "ril", values: onOffAuto),
    .init(owners: ["iommu"], path: ["driver"], name: "cmdqv", values: onOffAuto)
  ] + ofOthers

  /// Attributes by the name of an owner.
  static let byOwner: [String: [LibvirtAttribute]] = all.reduce(into: [:]) { found, attribute in
    for owner in attribute.owners { found[owner, default: []].append(attribute) }
  }

  /// The kind of a mediated device.
  static let mediatedModel = LibvirtAttribute(
    owners: ["hostdev"], path: [], name: "model", values: .words(["vfio-pci", "vfio-ccw", "vfio-ap"]), isRequired: true)

  /// Devices that may have a boot order.
  static let bootable: Set<String> = ["disk", "interface", "hostdev", "redirdev"]

  /// The message about a value; nil of one that libvirt accepts.
  func refusal(of value: String?, in element: String) -> (text: String, fix: String)? {
    guard let value else {
      guard isRequired else { return nil }
      return ("Missing required attribute '\(name)' in element '\(element)'", "add `\(name)=`, or take the element out")
    }
    // libvirt 9 reads these by a path, to which an empty value is none.
    if message != nil, value.isEmpty { return nil }
    // A fast path: nearly all attributes are right.
    let number = LibvirtNumber.natural(value)
    switch values {
    case .words(let words): if words.contains(value) { return nil }
    case .positive: if let number, number > 0, number <= UInt64(UInt32.max) { return nil }
    case .natural: if let number, number <= UInt64(UInt32.max) { return nil }
    case .set: if LibvirtNumber.maybeSet(value) { return nil }
    }
    // The text that libvirt gets of a template is another one.
    if LibvirtReader.isPlaceholder(value) { return nil }
    let reason: String, advice: String
    switch values {
    case .words(let words):
      reason = "'\(value)'."
      let what = name.isEmpty ? element : name
      advice = "write " + (words.count < 5 ? words.map { "`\($0)`" }.joined(separator: " or ") : "a \(what) that libvirt knows")
    case .natural:
      reason = "'\(value)'. Expected non-negative integer value"
      advice = "write a decimal number"
    case .positive:
      reason = number == 0 ? "Zero is not permitted" : "'\(value)'. Expected non-negative integer value"
      advice = "write a decimal number from 1"
    case .set: return ("Failed to parse bitmap '\(value)'", "write numbers and ranges such as `0-3,8`")
    }
    if let message { return (message.replacing("%", with: value), advice) }
    return ("Invalid value for attribute '\(name)' in element '\(element)': \(reason)", advice)
  }
}

extension LibvirtReader {
  /// Reports attributes of a device with values that libvirt does not accept.
  mutating func validateAttributes(of owner: XMLElement, _ part: LocationBase) {
    for attribute in LibvirtAttribute.byOwner[owner.qualifiedName] ?? [] {
      if attribute.types.isEmpty || attribute.types.contains(owner.value("type") ?? "") { validate(attribute, of: owner, part) }
    }
  }

  /// Reports attributes and texts of a part of the domain, and of the parts below it, with values that libvirt does not accept.
  /// - Parameter path: the part's, from the domain.
  mutating func validateParts(below element: XMLElement, _ part: LocationBase, path: String = "") {
    for child in element.children where !LibvirtAttribute.unread.contains(child.qualifiedName) {
      let path = path.isEmpty ? child.qualifiedName : path + "/" + child.qualifiedName
      let attributes = LibvirtAttribute.ofDomain[path] ?? LibvirtAttribute.feature(path).map { [$0] } ?? []
      for attribute in attributes { validate(attribute, of: child, part, below: "/" + path) }
      validateParts(below: child, part, path: path)
    }
  }

  /// - Parameter start: the owner's path from what `part` is.
  mutating func validate(_ attribute: LibvirtAttribute, of owner: XMLElement, _ part: LocationBase, below start: String = "") {
    guard let element = attribute.path.reduce(owner as XMLElement?, { $0?.child($1) }) else { return }
    let given = attribute.name.isEmpty ? nil : element[attribute.name]
    // An empty text is none.
    let text = attribute.name.isEmpty && !element.text.isEmpty ? element.text : given?.value
    guard let refusal = attribute.refusal(of: text, in: element.qualifiedName) else { return }
    let path = start + attribute.path.map { "/" + $0 }.joined()
    refuse(refusal.text, refusal.fix, at: location(given, part, path, or: location(element, part, path)))
  }
}
