import Facts
import Syntax

/// Refusals of disks, with libvirt's messages (observed on 9.0, and still in 11.3).
extension LibvirtReader {
  /// libvirt src/conf/domain_conf.c: virDomainDiskDefCheckDuplicateInfo, src/conf/domain_validate.c:
  /// virDomainDefDuplicateDriveAddressesValidate, src/qemu/qemu_validate.c: qemuValidateDomainDeviceDefDiskIOThreads.
  mutating func validateDisks(_ devices: [LibvirtDeviceElement], _ threads: Set<UInt64>?) {
    func source(_ part: LibvirtDeviceElement) -> String {
      let source = part.element.child("source")
      return ["file", "dev", "name", "dir"].lazy.compactMap { source?.value($0) }.first ?? "<null>"
    }
    var targets: [String: LibvirtDeviceElement] = [:]
    var drives: Set<[UInt64]> = []
    for part in devices {
      let place = location(part.element, part.path)
      let thread = part.element.child("driver")?.value("iothread").flatMap(LibvirtNumber.natural)
      if part.name == "controller", part.type == "scsi", let thread, let threads, !threads.contains(thread) {
        refuse("controller iothread '\(thread)' not defined in iothreadid", "add `<iothreads>\(thread)</iothreads>`", at: place)
      }
      guard part.name == "disk" else { continue }
      if let row = LibvirtReader.refusal(ofDisk: part.element, part.addressType) {
        refuse(row.text, row.fix, at: place)
        continue
      }
      guard let target = part.element.child("target"), let name = target.value("dev"), !LibvirtReader.isPlaceholder(name) else {
        continue
      }
      let bus = target.value("bus") ?? ""
      if let first = targets[name] {
        return refuse(
          "target '\(name)' duplicated for disk sources '\(source(first))' and '\(source(part))'", "give each disk a `dev=` of its own",
          at: place)
      }
      targets[name] = part
      if let thread {
        if ["ide", "sata", "fdc", "usb", "sd"].contains(bus) {
          refuse("IOThreads not available for bus \(bus) target \(name)", "take `iothread` out, or write `bus='virtio'`", at: place)
        } else if bus == "virtio", let threads, !threads.contains(thread) {
          refuse("Disk iothread '\(thread)' not defined in iothreadid", "add `<iothreads>\(thread)</iothreads>` to the domain", at: place)
        }
      }
      guard let kind = ["scsi", "ide", "sata"].firstIndex(of: bus), part.addressType == "drive",
        let address = part.element.child("address")
      else { continue }
      let parts = ["controller", "bus", "target", "unit"]
      let numbers = parts.compactMap { name in LibvirtNumber.natural(address.value(name) ?? "0") }
      guard numbers.count == parts.count, !drives.insert([UInt64(kind)] + numbers).inserted else { continue }
      let text = zip(parts, numbers).map { "\($0)='\($1)'" }.joined(separator: " ")
      refuse(
        "Found duplicate drive address for disk with target name '\(name)' \(text)", "give each disk a `unit=` of its own", at: place)
    }
  }

  /// libvirt src/conf/domain_conf.c: virDomainDiskDefParseXML, src/conf/domain_validate.c: virDomainDiskDefValidate,
  /// src/qemu/qemu_validate.c: qemuValidateDomainDeviceDefDisk.
  private static func refusal(ofDisk disk: XMLElement, _ address: String?) -> (text: String, fix: String)? {
    let target = disk.child("target"), driver = disk.child("driver"), source = disk.child("source")
    let type = disk.value("type") ?? "file", device = disk.value("device") ?? "disk"
    let origin = type == "file" ? source?.value("file") : type == "block" ? source?.value("dev") : ""
    guard let name = target?.value("dev") else {
      guard let origin, !origin.isEmpty else { return nil }
      return ("missing target information for device \(origin)", "add `<target dev='vda' bus='virtio'/>`")
    }
    let bus = target?.value("bus") ?? "", format = driver?.value("type") ?? "", cache = driver?.value("cache") ?? ""
    if [name, type, device, bus, cache].contains(where: isPlaceholder) { return nil }
    let isDrive = ["ide", "sata", "scsi", "fdc"].contains(bus)
    let drive = address == "drive" ? disk.child("address") : nil
    func isNotZero(_ part: String) -> Bool { drive?.value(part).flatMap(LibvirtNumber.natural) ?? 0 > 0 }
    var found: (text: String, fix: String)?
    // The text of a disk that is right is not composed.
    func check(_ fails: Bool, _ text: @autoclosure () -> String, _ fix: String) {
      if fails, found == nil { found = (text(), fix) }
    }
    check(
      isPartition(name), "invalid disk target '\(name)', partitions can't appear in disk targets",
      "write a name without a number, as `dev='vda'`")
    check(
      !isKnown(name) && address == nil && isDrive, "Unknown disk name '\(name)' and no address specified",
      "write a name as `dev='sda'` or `dev='vda'`")
    check(
      origin == nil && ["disk", "lun"].contains(device) && source?["fdgroup"] == nil, "missing source information for device \(name)",
      type == "file" ? "write `<source file=…/>`, or another `type`" : "write `<source dev=…/>`, or `type='file'`")
    check(device == "lun" && type == "file", "disk device='lun' is only valid for block type disk source", "write `device='disk'`")
    check(
      device == "lun" && ["ide", "sata", "fdc"].contains(bus), "disk device='lun' is not supported for bus='\(bus)'",
      "write `device='disk'`, or `bus='scsi'`")
    check(
      device == "lun" && !["", "raw"].contains(format) && formats.contains(format), "disk device 'lun' must use 'raw' format",
      "write `type='raw'`")
    check(device == "floppy" && !["", "fdc"].contains(bus), "Invalid bus type '\(bus)' for floppy disk", "write `bus='fdc'`")
    check(device != "floppy" && bus == "fdc", "Invalid bus type 'fdc' for disk", "write `device='floppy'`, or another bus")
    check(
      device == "cdrom" && ["virtio", "sd"].contains(bus), "disk type of '\(name)' does not support ejectable media",
      "write `bus='sata'`")
    check(
      isDrive && ["pci", "usb", "ccw"].contains(address), "Invalid address type '\(address ?? "")' for the disk '\(name)' with the "
        + "bus type '\(bus)'", "take `<address>` out, or write `type='drive'`")
    check(bus == "usb" && ["pci", "drive"].contains(address), "unexpected address type for usb disk", "take `<address>` out")
    check(
      bus == "virtio" && address == "drive", "virtio disk cannot have an address of type 'drive'",
      "take `<address>` out, or write another bus")
    check(bus == "sata" && isNotZero("bus"), "bus must be 0 for sata controller", "write `bus='0'` and another `unit=`")
    check(bus == "sata" && isNotZero("target"), "target must be 0 for sata controller", "write `target='0'` and another `unit=`")
    check(bus == "ide" && isNotZero("controller"), "Only 1 IDE controller is supported", "write `controller='0'` and `bus='1'`")
    check(bus == "scsi" && isNotZero("bus"), "SCSI controller only supports 1 bus", "write `bus='0'` and another `unit=`")
    check(
      ["ide", "sata"].contains(bus) && device == "disk" && disk.child("readonly") != nil, "readonly \(bus) disks are not supported",
      "take `<readonly/>` out, or write `bus='virtio'`")
    check(
      driver?.value("io") == "native" && !["none", "directsync"].contains(cache),
      "io='native' needs either no disk cache or directsync cache mode", "write `cache='none'`")
    check(
      disk.child("shareable") != nil && disk.child("readonly") == nil && ["qcow", "qcow2", "qed", "vmdk", "vdi"].contains(format),
      "shared access for disk '\(name)' requires use of supported storage format", "take `<shareable/>` out, or use a raw image")
    check(
      driver?["queues"] != nil && ["ide", "sata", "scsi", "fdc", "usb"].contains(bus),
      "queues attribute in disk driver element is only supported by virtio-blk", "take `queues` out, or write `bus='virtio'`")
    check(format == "cow", "'cow' storage format is not supported", "use a qcow2 image")
    check(format == "iso", "storage format 'iso' is not directly supported by QEMU, use 'raw' instead", "write `type='raw'`")
    check(
      format == "dir", "'directory' storage format is not directly supported by QEMU, use 'dir' disk type instead",
      "write `<disk type='dir'>`")
    check(
      !format.isEmpty && !formats.contains(format) && !isPlaceholder(format), "unknown driver format value '\(format)'",
      "write `type='raw'` or `type='qcow2'`")
    return found
  }

  private static let formats: Set<String> = [
    "none", "raw", "dir", "bochs", "cloop", "dmg", "iso", "vpc", "vdi", "fat", "vhd", "ploop", "cow", "qcow", "qcow2", "qed", "vmdk", "luks"
  ]

  private static let prefixes = ["xvd", "ubd", "fd", "hd", "sd", "vd"]

  /// Whether libvirt knows the name's letters: since 11 those of NVMe too.
  private static func isKnown(_ name: String) -> Bool { (prefixes + ["nvme"]).contains(where: name.hasPrefix) }

  /// Whether a number other than 0 follows a disk's letters (libvirt src/util/virutil.c: virDiskNameParse).
  private static func isPartition(_ name: String) -> Bool {
    guard let prefix = prefixes.first(where: name.hasPrefix) else { return false }
    let number = name.dropFirst(prefix.count).drop { ("a"..."z").contains($0) }
    return number.utf8.count > 0 && number.utf8.count + prefix.utf8.count < name.utf8.count
      && number.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } && number.contains { $0 != "0" }
  }
}
