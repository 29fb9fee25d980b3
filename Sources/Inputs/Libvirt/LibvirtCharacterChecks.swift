import Facts
import Syntax

/// Refusals of serial ports, channels, folders, networks and sound, with libvirt's messages (observed on 9.0, and still in 11.3).
extension LibvirtReader {
  /// Parts that are left of a display by SPICE (libvirt src/qemu/qemu_validate.c: qemuValidateDomainChrSourceDef and
  /// qemuValidateDomainDefGraphics).
  mutating func validateSpice(_ devices: [LibvirtDeviceElement]) {
    if devices.contains(where: { $0.name == "graphics" && ($0.type == "spice" || LibvirtReader.isPlaceholder($0.type)) }) { return }
    for part in devices {
      if part.name == "audio", part.type == "spice" {
        refuse(
          "Spice audio is not supported without spice graphics", "write `<audio id='1' type='none'/>`, or add `<graphics type='spice'/>`",
          at: location(part.element, part.path))
      } else if ["channel", "redirdev", "smartcard", "serial"].contains(part.name), ["spicevmc", "spiceport"].contains(part.type) {
        refuse(
          "chardev '\(part.type)' not supported without spice graphics", "remove it, or add `<graphics type='spice'/>`",
          at: location(part.element, part.path))
      }
    }
  }

  /// The source of a character device (libvirt src/conf/domain_validate.c: virDomainChrSourceDefValidate).
  mutating func validateCharacters(_ part: LibvirtDeviceElement, hasSerial: Bool) {
    guard ["serial", "parallel", "channel", "console"].contains(part.name) else { return }
    let sources = part.element.children.filter { $0.qualifiedName == "source" }
    func lacks(_ name: String) -> Bool { !sources.contains { $0[name] != nil } }
    let target = part.element.child("target")?.value("type")
    // It is the first serial port once more, whose source libvirt copies.
    if hasSerial, part.name == "console", target ?? "serial" == "serial" { return }
    // libvirt chooses the socket of a channel.
    let hasOwnPath = part.name == "channel" && part.type == "unix" && target == "virtio"
    if ["unix", "file", "dev", "pipe"].contains(part.type), !hasOwnPath, lacks("path") {
      refuse("Missing source path attribute for char device", "add `<source path=…/>`", at: location(part.element, part.path))
    } else if part.type == "tcp", lacks("host") {
      refuse("Missing source host attribute for char device", "add `host=` to `<source>`", at: location(part.element, part.path))
    } else if part.type == "tcp" || part.type == "udp", lacks("service") {
      refuse("Missing source service attribute for char device", "add `service=` to `<source>`", at: location(part.element, part.path))
    }
  }

  /// libvirt src/conf/domain_conf.c: virDomainFSDefParseXML, src/qemu/qemu_validate.c: qemuValidateDomainDefVhostUserRequireSharedMemory.
  mutating func validateFilesystem(_ part: LibvirtDeviceElement, of domain: XMLElement) {
    let place = location(part.element, part.path)
    let source = part.element.child("source"), target = part.element.child("target")
    if part.element.value("type") ?? "mount" == "mount" {
      if let folder = source?.value("dir"), target?["dir"] == nil {
        return refuse("missing target information for device \(folder)", "add `<target dir=…/>`", at: place)
      }
      if let name = target?.value("dir"), source?["dir"] == nil, source?["socket"] == nil {
        return refuse("missing source information for device \(name)", "add `<source dir=…/>`", at: place)
      }
    }
    guard part.element.child("driver")?.value("type") == "virtiofs" else { return }
    if let mode = part.element.value("accessmode"), ["mapped", "squash"].contains(mode) {
      return refuse("virtiofs only supports passthrough accessmode", "write `accessmode='passthrough'`", at: place)
    }
    guard LibvirtReader.isWhole(domain) else { return }
    let backing = domain.child("memoryBacking")?.child("access")?.value("mode") ?? "private"
    let modes = domain.child("cpu")?.child("numa")?.children.filter { $0.qualifiedName == "cell" }.map { $0.value("memAccess") ?? backing }
    if (modes ?? [backing]).contains("private") || modes?.contains("default") ?? (backing == "default") {
      refuse(
        "'virtiofs' requires shared memory", "write `<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>`",
        at: place)
    }
  }

  /// Refusals of one device that depend on itself alone (libvirt src/conf/domain_conf.c: virDomainNetDefParseXML,
  /// virDomainInputDefParseXML and virDomainGraphicsListensParseXML, src/conf/domain_validate.c: virDomainInputDefValidate,
  /// src/qemu/qemu_validate.c: qemuValidateDomainDeviceDefVideo and qemuValidateDomainDeviceDefNetwork).
  static func refusal(of part: LibvirtDeviceElement) -> (text: String, fix: String)? {
    let element = part.element, type = part.type, source = element.child("source")
    switch part.name {
    case "interface":
      if ["bridge", "network", "direct", "vdpa"].contains(type), source == nil {
        return ("interface type='\(type)' requires a 'source' element", "add `<source>`")
      }
      if ["bridge", "network"].contains(type), source?[type] == nil {
        return ("Missing required attribute '\(type)' in element 'source'", "add `\(type)=`")
      }
      for name in ["rx_queue_size", "tx_queue_size"] {
        guard let size = element.child("driver")?.value(name).flatMap(LibvirtNumber.natural), size & (size &- 1) != 0 else { continue }
        return ("\(name) has to be a power of two", "write 256, 512 or 1024")
      }
    case "input":
      if type == "tablet", element.value("bus") == "ps2" {
        return ("ps2 bus does not support tablet input device", "write `bus='usb'`")
      }
      if type == "evdev" && source?["dev"] == nil || type == "passthrough" && source?["evdev"] == nil, source != nil {
        return ("Missing evdev path for input device", "write `<source \(type == "evdev" ? "dev" : "evdev")='/dev/input/…'/>`")
      }
    case "graphics":
      guard let own = element.value("listen"), let listen = element.child("listen"), listen.value("type") == "address",
        let first = listen.value("address"), own != first, !isPlaceholder(own), !isPlaceholder(first)
      else { return nil }
      return (
        "graphics 'listen' attribute '\(own)' must match 'address' attribute of first listen element (found '\(first)')",
        "write the same address into both, or take `listen=` out"
      )
    case "video":
      guard let model = element.child("model"), let kind = model.value("type"), ["vga", "cirrus", "vmvga", "bochs", "ramfb"].contains(kind),
        let heads = model.value("heads").flatMap(LibvirtNumber.natural), heads > 1
      else { return nil }
      return ("video type '\(kind)' doesn't support multiple 'heads'", "write `heads='1'`")
    default: break
    }
    return nil
  }
}
