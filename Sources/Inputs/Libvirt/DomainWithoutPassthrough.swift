import Facts
import Syntax

/// Recognition of libvirt domains that pass nothing through. Most of many domains are such; they are parsed, but not
/// converted to QEMU's options, because no rule reports anything for them.
enum DomainWithoutPassthrough {
  /// Whether no element asks for a host device and nothing else in the document can be reported: no `<iommu>`, no
  /// second `<devices>`, no options of the user's own for QEMU (under any prefix), and no comment for vfiogate.
  static func matches(_ tree: XMLTree) -> Bool {
    let domain = tree.root
    guard domain.qualifiedName == "domain" || domain.qualifiedName == "inactiveDomain" else { return false }
    let devices = devices(of: domain)
    return !asksForHostDevices(domain) && otherEmulator(of: domain) == nil && !LibvirtReader.hasOwnOptions(domain)
      && deviceLists(of: domain).count < 2 && placeholder(in: domain) == nil && !devices.contains { $0.name == "iommu" }
      && !tree.comments.contains { AllowComment.isForVFIOGate($0.text) }
  }

  /// The `<emulator>` of a domain that may be a program of the user's own, which starts QEMU with further options: by its name it is
  /// not QEMU.
  static func otherEmulator(of domain: XMLElement) -> XMLElement? {
    guard LibvirtReader.acceleration[domain.value("type") ?? "kvm"] != nil, let emulator = domain.child("devices")?.child("emulator"),
      let name = emulator.text.fileName, !name.isEmpty
    else { return nil }
    return InputFormat.isNamedLikeEmulator(name) ? nil : emulator
  }

  /// Whether the domain has a host device that vfio may pass through: it never passes USB and SCSI devices.
  static func asksForHostDevices(_ domain: XMLElement) -> Bool {
    devices(of: domain).contains { element in
      switch element.qualifiedName {
      case "hostdev": return element.value("type") != "usb" && element.value("type") != "scsi"
      case "interface": return isHostDevice(element)
      case "disk": return isHostStorage(element)
      default: return isMisspeltHostdev(element)
      }
    }
  }

  /// Whether an element's name is one typing error away from `hostdev`, or differs by case or prefix only: libvirt ignores it.
  static func isMisspeltHostdev(_ element: XMLElement) -> Bool {
    let name = element.name
    guard (6...8).contains(name.utf8.count), element.qualifiedName != "hostdev" else { return false }
    let lower = name.lowercased()
    // An error leaves one of the two ends.
    guard lower.hasPrefix("hos") || lower.hasSuffix("dev") else { return false }
    return lower == "hostdev" || Misspelling.meant(by: lower, among: ["hostdev"], errors: 1) != nil
  }

  /// Whether a disk, or one that it is based on or copied to, is an NVMe controller, which QEMU's block layer attaches through VFIO.
  static func isHostStorage(_ disk: XMLElement) -> Bool {
    var unread = [disk]
    while let element = unread.popLast() {
      if element.value("type") == "nvme", ["disk", "backingStore", "mirror", "dataStore"].contains(element.qualifiedName) { return true }
      unread += element.children.filter { ["backingStore", "mirror", "source", "dataStore"].contains($0.qualifiedName) }
    }
    return false
  }

  /// Text where a domain has elements only, of a template, which puts others there; or an element that another program replaces by a
  /// file (XInclude, which libvirt does not follow).
  static func placeholder(in domain: XMLElement) -> String? {
    let parents = [domain] + deviceLists(of: domain)
    if let include = parents.lazy.flatMap(\.children).first(where: { $0.name == "include" }) { return "<\(include.qualifiedName)>" }
    let texts = parents.map(\.text)
    guard let text = texts.first(where: { $0.utf8.contains { $0 > 0x20 } }) else { return nil }
    let words = text.split { $0.isWhitespace }
    return words.isEmpty ? nil : words.joined(separator: " ")
  }

  /// Every `<devices>`: libvirt finds devices by a path such as `./devices/hostdev`, which does not stop at the first
  /// (libvirt src/conf/domain_conf.c).
  static func deviceLists(of domain: XMLElement) -> [XMLElement] {
    domain.children.filter { $0.qualifiedName == "devices" }
  }

  /// The devices in all of them.
  static func devices(of domain: XMLElement) -> [XMLElement] { deviceLists(of: domain).flatMap(\.children) }

  /// Whether an interface is a host device: by its type, by the network that gave it one, or as the transient half of
  /// a team, which can be nothing else (libvirt src/conf/domain_validate.c).
  static func isHostDevice(_ interface: XMLElement) -> Bool {
    interface.value("type") == "hostdev" || interface.child("actual")?.value("type") == "hostdev"
      || interface.value("type") == "network" && interface.child("teaming")?.value("type") == "transient"
  }
}
