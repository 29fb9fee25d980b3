import Facts
import Syntax

/// Refusals of devices that are not passed through, with libvirt's messages (observed on 9.0, and still in 11.3).
extension LibvirtReader {
  mutating func validateOthers(_ devices: [LibvirtDeviceElement], of domain: XMLElement) {
    validateDisplays(devices)
    validateDisks(devices, LibvirtReader.threads(of: domain))
    let isWhole = LibvirtReader.isWhole(domain)
    validateUSB(devices, isWhole: isWhole)
    if isWhole { validateSpice(devices) }
    let hasSerial = devices.contains { $0.name == "serial" }
    for part in devices { validateCharacters(part, hasSerial: hasSerial) }
    for part in devices where part.name == "filesystem" { validateFilesystem(part, of: domain) }
    for part in devices {
      guard let row = LibvirtReader.refusal(of: part) else { continue }
      refuse(row.text, row.fix, at: location(part.element, part.path))
    }
    for part in devices where part.name == "shmem" { validateSharedMemory(part) }
    for part in devices where part.name == "tpm" && part.element.child("backend") == nil {
      refuse("missing TPM device backend", "add `<backend type='emulator' version='2.0'/>`", at: location(part.element, part.path))
    }
    for part in devices where part.name == "input" && part.type == "evdev" && part.element["bus"] != nil {
      refuse("input evdev doesn't support bus element", "take `bus` out", at: location(part.element, part.path))
    }
    func isSingle(_ name: String, _ text: String, where condition: (LibvirtDeviceElement) -> Bool = { _ in true }) {
      guard let second = devices.filter({ $0.name == name && condition($0) }).dropFirst().first else { return }
      refuse(text, "remove all but one", at: location(second.element, second.path))
    }
    isSingle("memballoon", "only a single memory balloon device is supported")
    isSingle("vsock", "only a single vsock device is supported")
    isSingle("tpm", "only a single TPM non-proxy device is supported") { $0.element.value("model") != "spapr-tpm-proxy" }
    var owned: Set<String> = []
    for part in devices where part.name == "hostdev" && part.type == "usb" {
      let source = part.element.child("source"), address = source?.child("address")
      let ids = [source?.child("vendor")?.value("id"), source?.child("product")?.value("id")].compactMap { $0?.lowercased() }
      let place = [address?.value("bus"), address?.value("device")].compactMap { $0 }
      if (ids + place).contains(where: LibvirtReader.isPlaceholder) { continue }
      if let source, address == nil, ids.count == 1 {
        let isVendor = source.child("vendor") != nil
        refuse(isVendor ? "missing product" : "missing vendor", "add it, with its id", at: location(part.element, part.path))
      } else if ids.count + place.count == 2, !owned.insert((ids + place).joined(separator: ":")).inserted {
        refuse("Hostdev already exists in the domain configuration", "assign each device once", at: location(part.element, part.path))
      }
    }
    if hasExpressRoot, let ide = devices.first(where: LibvirtReader.isIDE) {
      refuse(
        "IDE controllers are unsupported for this QEMU binary or machine type",
        ide.name == "disk" ? "write `bus='sata'`, with `dev='sda'`" : "remove it, or use the machine `pc`",
        at: location(ide.element, ide.path))
    }
  }

  /// libvirt src/conf/domain_validate.c: virDomainVideoDefValidate, src/qemu/qemu_validate.c: qemuValidateDomainDeviceDefVideo,
  /// src/qemu/qemu_command.c: qemuBuildGraphicsCommandLine.
  private mutating func validateDisplays(_ devices: [LibvirtDeviceElement]) {
    let videos = devices.filter { $0.name == "video" }
    func model(_ video: LibvirtDeviceElement) -> XMLElement? { video.element.child("model") }
    func kind(_ video: LibvirtDeviceElement) -> String { model(video)?.value("type") ?? "" }
    let primary = videos.first { model($0)?.value("primary") == "yes" } ?? videos.first
    if let second = videos.filter({ model($0)?.value("primary") == "yes" }).dropFirst().first {
      refuse("Only one primary video device is supported", "keep `primary='yes'` on one", at: location(second.element, second.path))
    } else if videos.count > 1, let none = videos.first(where: { kind($0) == "none" }) {
      refuse(
        "a 'none' video type must be the only video device defined for the domain", "remove it, or the others",
        at: location(none.element, none.path))
    } else if let second = videos.first(where: { $0 !== primary && ["vga", "cirrus", "vmvga", "bochs"].contains(kind($0)) }) {
      refuse(
        "video type '\(kind(second))' is only valid as primary video device", "write `type='virtio'`, or remove it",
        at: location(second.element, second.path))
    }
    for video in videos {
      let place = location(video.element, video.path)
      if kind(video) == "ramfb", video.addressType != nil {
        refuse("address not supported for video type ramfb", "take `<address>` out", at: place)
      }
      if kind(video) != "virtio", model(video)?.child("acceleration")?.value("accel3d") == "yes" {
        refuse("3d acceleration is supported only with 'virtio' video device", "write `type='virtio'`", at: place)
      }
    }
    let graphics = devices.filter { $0.name == "graphics" }
    var kinds: Set<String?> = []
    if let second = graphics.first(where: { !kinds.insert($0.type).inserted }) {
      refuse(
        "only 1 graphics device of each type (sdl, vnc, spice, headless, dbus) is supported", "remove all but one",
        at: location(second.element, second.path))
    }
    let isHeadless = graphics.contains { $0.type == "egl-headless" }
    for part in graphics {
      let place = location(part.element, part.path)
      if isHeadless, !["egl-headless", "vnc", "spice"].contains(part.type) {
        refuse(
          "graphics type 'egl-headless' is only supported with one of: 'vnc', 'spice' graphics types", "remove one of them", at: place)
      }
      guard part.type == "vnc" else { continue }
      let listen = part.element.child("listen")?.value("type")
      let hasPort = part.element["socket"] == nil && listen != "socket" && listen != "none"
      if hasPort, let port = part.element.value("port").flatMap({ Int($0) }), port >= 0, !(5900...65535).contains(port),
        part.element.value("autoport") != "yes" {
        refuse("vnc port must be in range [5900,65535]", "write a port of it, or `autoport='yes'`", at: place)
      }
      if let password = part.element.value("passwd"), password.utf8.count > 8, !LibvirtReader.isPlaceholder(password) {
        refuse("VNC password is \(password.utf8.count) characters long, only 8 permitted", "shorten it", at: place)
      }
    }
  }

  /// libvirt src/conf/domain_conf.c: virDomainShmemDefParseXML, src/qemu/qemu_postparse.c: qemuDomainShmemDefPostParse.
  private mutating func validateSharedMemory(_ part: LibvirtDeviceElement) {
    let element = part.element
    let place = location(element, part.path)
    let model = element.child("model")?.value("type")
    let hasServer = element.child("server") != nil
    guard let name = element.value("name") else { return refuse("shmem element must contain 'name' attribute", "add it", at: place) }
    if name.contains("/") {
      refuse("shmem name cannot include '/' character", "take it out", at: place)
    } else if name == "." || name == ".." {
      refuse("shmem name cannot be equal to '\(name)'", "write another name", at: place)
    } else if element.child("msi") != nil, !hasServer {
      refuse("msi option is only supported with a server", "take `<msi>` out", at: place)
    } else if let type = part.addressType, type != "pci" {
      refuse("only 'pci' addresses are supported for the shared memory device", "write `type='pci'`", at: place)
    } else if model == "ivshmem-plain", hasServer {
      refuse("shmem model 'ivshmem-plain' is supported only with server option disabled", "take `<server>` out", at: place)
    } else if model == "ivshmem-doorbell", !hasServer {
      refuse("shmem model 'ivshmem-doorbell' is supported only with server option enabled", "add `<server path=…/>`", at: place)
    } else if model == "ivshmem-doorbell", element.child("size") != nil {
      refuse("shmem model 'ivshmem-doorbell' does not support size setting", "take `<size>` out", at: place)
    } else if model == "ivshmem-plain", let size = element.child("size").flatMap({ LibvirtNumber.bytes($0, defaultUnit: "B") }), size > 0 {
      if size & (size - 1) != 0 {
        refuse("shmem size must be a power of two", "write 32, 64, 128 … MiB", at: location(element, part.path, "/size"))
      } else if size < 1 << 20 {
        refuse("shmem size must be at least 1 MiB (1024 KiB)", "write `unit='MiB'`", at: location(element, part.path, "/size"))
      }
    }
  }

  /// Whether it is an IDE controller, or a disk that gets one: by its bus, or without one by its name (libvirt
  /// src/conf/domain_conf.c: virDomainDiskDefParseXML).
  private static func isIDE(_ part: LibvirtDeviceElement) -> Bool {
    if part.name == "controller" { return part.type == "ide" }
    guard part.name == "disk", let target = part.element.child("target") else { return false }
    if let bus = target.value("bus") { return bus == "ide" }
    return target.value("dev")?.hasPrefix("hd") == true && part.element.value("device") != "floppy"
  }
}
