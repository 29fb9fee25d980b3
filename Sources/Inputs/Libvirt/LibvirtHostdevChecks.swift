import Facts
import Syntax

/// Refusals of the options of host devices, with libvirt's messages (observed on 9.0).
extension LibvirtReader {
  /// Options of a `<hostdev>` that its type, or QEMU, does not have (libvirt src/conf/domain_conf.c: virDomainHostdevDefParseXMLSubsys,
  /// src/qemu/qemu_validate.c: qemuValidateDomainDeviceDefHostdev).
  mutating func validateOptions(of part: LibvirtDeviceElement) {
    let element = part.element
    if part.type == "mdev" { validate(LibvirtAttribute.mediatedModel, of: element, part.path) }
    if part.type == "pci", let sgio = element["sgio"] {
      refuse("sgio is only supported for scsi host device", "take `sgio` out", at: location(sgio, part.path))
    }
    if let model = element["model"], part.type != "mdev", part.type != "scsi_host" {
      refuse(
        "'model' attribute in <hostdev> is only supported when type='\(part.type)'",
        "take `model` out: only mediated devices and those of vhost-scsi have one", at: location(model, part.path))
    }
    if let policy = element.child("source")?["startupPolicy"], part.type != "usb" {
      refuse("Setting startupPolicy is only allowed for USB devices", "take it out", at: location(policy, part.path, "/source"))
    }
    if part.type == "pci", let filter = element.child("source")?["writeFiltering"] {
      let isKnown = filter.value == "yes" || filter.value == "no"
      refuse(
        isKnown ? "Write filtering of PCI device configuration space is not supported by qemu"
          : "Invalid value for attribute 'writeFiltering' in element 'source': '\(filter.value)'.", "take it out: Xen alone has it",
        at: location(filter, part.path, "/source"))
    }
    validateROM(part)
    guard let team = element.child("teaming") else { return }
    let type = team.value("type")
    let persistent = team.value("persistent") ?? ""
    let place = location(team, part.path, "/teaming")
    if type == "persistent" {
      refuse("teaming hostdev devices must have type='transient'", "write `type='transient'`", at: place)
    } else if type == "transient", persistent.isEmpty {
      refuse(
        "missing required persistent attribute in hostdev teaming element", "add `persistent=` with the alias of an interface", at: place)
    } else if type != "transient", type != nil || !persistent.isEmpty {
      refuse("unknown teaming type '\(type ?? "(null)")'", "write `type='transient'`", at: place)
    }
  }

  /// libvirt src/conf/domain_validate.c: virDomainDeviceInfoValidate.
  private mutating func validateROM(_ part: LibvirtDeviceElement) {
    guard let rom = part.element.child("rom"), rom.value("enabled") == "no", let tuned = rom["bar"] ?? rom["file"] else { return }
    refuse(
      "ROM tuning is not supported when ROM is disabled", "take `\(tuned.name)` out, or `enabled='no'`",
      at: location(tuned, part.path, "/rom"))
  }

  /// The host address, the MAC address and the team of an interface (libvirt src/conf/domain_conf.c: virDomainNetDefParseXML,
  /// src/conf/domain_validate.c: virDomainNetDefValidate).
  mutating func validateInterface(_ part: LibvirtDeviceElement) {
    validateROM(part)
    if let mac = part.element.child("mac")?["address"] {
      let first = LibvirtReader.firstOctet(mac.value) ?? LibvirtReader.firstOctet(String(mac.value.prefix { $0 != " " }))
      if let first, first & 1 == 1 {
        refuse(
          "expected unicast mac address, found multicast '\(mac.value)'", "make its first octet even, as `52:54:00:…`",
          at: location(mac, part.path, "/mac"))
      } else if first == nil, !LibvirtReader.isPlaceholder(mac.value) {
        refuse(
          "unable to parse mac address '\(mac.value)'", "write six hexadecimal octets, as `52:54:00:12:34:56`",
          at: location(mac, part.path, "/mac"))
      }
    }
    guard part.element.value("type") == "hostdev" else { return }
    if let address = part.element.child("source")?.child("address") {
      let place = location(address, part.path, "/source/address")
      switch address.value("type") {
      case nil: refuse("missing source address type", "write `type='pci'`", at: place)
      case "pci", "usb": break
      case .some(let type): refuse("unknown host device source address type '\(type)'", "write `type='pci'`", at: place)
      }
    }
    if let team = part.element.child("teaming"), team.value("type") == "transient", (team.value("persistent") ?? "").isEmpty {
      refuse(
        "teaming persistent attribute must be set if teaming type is 'transient'", "add `persistent=` with the alias of an interface",
        at: location(team, part.path, "/teaming"))
    }
  }

  /// The first octet of a MAC address: six of one or two hexadecimal digits (libvirt src/util/virmacaddr.c: virMacAddrParse).
  private static func firstOctet(_ text: String) -> UInt8? {
    let octets = text.split(separator: ":", omittingEmptySubsequences: false).map { part in
      part.utf8.allSatisfy { $0.hexDigitValue != nil } ? UInt8(part, radix: 16) : nil
    }
    return octets.count == 6 && octets.allSatisfy { $0 != nil } ? octets[0] : nil
  }
}
