import Facts
import Syntax

extension LibvirtReader {
  mutating func readDomain(_ domain: XMLElement, _ path: String) {
    let type = domain.value("type").flatMap { $0.isEmpty ? nil : $0 } ?? "kvm"
    definition.readElements += LibvirtReader.textOfOthers(in: domain, source, path)
    definition.machine.libvirt = LibvirtDomain(name: domain.child("name")?.text)
    isRunning = domain["id"] != nil || domain.parent?.qualifiedName == "domstatus"
    for second in DomainWithoutPassthrough.deviceLists(of: domain).dropFirst() {
      problem(
        "the domain has a second `<devices>`, whose devices libvirt adds and vfiogate does not read",
        fix: "move the devices into the first `<devices>`",
        at: Location(source: source, range: second.tagRange, path: "\(path)/devices[2]"))
    }
    // Another hypervisor runs it: nothing of it reaches QEMU.
    guard LibvirtReader.acceleration[type] != nil else {
      definition.machine.missingPart = "the domain is one of `\(type)`, which QEMU does not run"
      definition.machine.libvirt?.hypervisor = type
      if let devices = domain.child("devices") { readElsewhere(devices, "\(path)/devices") }
      if LibvirtReader.isPlaceholder(type) {
        reportTemplate(domain, path, type)
      } else if let first = definition.machine.libvirt?.nonQEMUDevices.first {
        definition.machine.unreadParts.append(
          UnreadPart(what: "host devices of the `\(type)` domain", reason: "only QEMU's passthrough is modelled", location: first))
      }
      return
    }
    if let text = DomainWithoutPassthrough.placeholder(in: domain) {
      definition.machine.unreadParts.append(
        UnreadPart(
          what: "the text `\(text.prefix(60))` between the domain's elements",
          reason: "libvirt ignores it, and a template may put devices there",
          location: location(domain, LocationBase(source: source, path: path))))
    }
    usesIOMMUFD = domain.child("iommufd")?.value("enabled") == "yes"
    let part = LocationBase(source: source, path: path)
    definition.machine.libvirt?.maximumVCPUs = (domain.child("vcpu")?.text).flatMap { Int($0) }
    readMachine(domain, part, type: type)
    readMemory(domain, part)
    readLaunchSecurity(domain, part)
    validateDomain(domain, part)
    if let devices = domain.child("devices") { readDevices(devices, "\(path)/devices", plug: .cold) }
    readOwnOptions(domain, path)
  }

  /// The parts of a domain with text that neither libvirt nor QEMU reads: devices in it are not the domain's.
  static func textOfOthers(in domain: XMLElement, _ source: String, _ path: String) -> [Location] {
    let variables = domain.children.lazy.filter { $0.name == "commandline" }.flatMap { $0.children.filter { $0.name == "env" } }
    let texts = domain.children.filter { ["metadata", "title", "description"].contains($0.qualifiedName) } + variables
    return texts.map { Location(source: source, range: $0.range, path: "\(path)/\($0.qualifiedName)") }
  }

  /// The hypervisor is unknown until the template is rendered.
  private mutating func reportTemplate(_ domain: XMLElement, _ path: String, _ type: String) {
    guard definition.machine.libvirt?.nonQEMUDevices.isEmpty == false else { return }
    definition.machine.libvirt?.hypervisor = nil
    problem(
      "the domain's type is `\(type)`, a place holder: the document is a template, and its host devices are not judged",
      fix: "give the document that is made of it",
      at: Location(source: source, range: domain.tagRange, path: path))
  }

  private mutating func readElsewhere(_ devices: XMLElement, _ path: String) {
    for part in LibvirtDeviceElement.all(of: devices, in: source, path) {
      if part.name == "hostdev" { definition.readElements.append(location(part.element, part.path)) }
      let isPCI = part.name == "hostdev" && part.type == "pci"
      guard isPCI || part.isHostdevInterface else { continue }
      let place = location(part.element, part.path)
      definition.machine.libvirt?.nonQEMUDevices.append(place)
    }
  }

  /// Domain types that QEMU runs, and the `-accel` of each.
  static let acceleration = ["kvm": "kvm", "qemu": "tcg", "hvf": "hvf", "nvmm": "nvmm", "whpx": "whpx"]

  private mutating func readMachine(_ domain: XMLElement, _ part: LocationBase, type: String) {
    let os = domain.child("os")?.child("type")
    let architecture = os?.value("arch")
    definition.machine.program = domain.child("devices")?.child("emulator")?.text
    let emulator = definition.machine.program.flatMap(\.fileName)
    definition.machine.emulator = emulator ?? architecture.map { "qemu-system-\(LibvirtReader.emulatorSuffix($0))" }
    if let other = DomainWithoutPassthrough.otherEmulator(of: domain) {
      definition.machine.unreadParts.append(
        UnreadPart(
          what: "the emulator `\(other.text)`", reason: "by its name it is not QEMU, and may add devices",
          location: location(other, part, "/devices/emulator")))
    }
    let place = os.map { location($0, part, "/os/type") } ?? location(domain, part)
    if let machine = os?["machine"] {
      option("type", machine.value, at: location(machine, part, "/os/type"))
    } else if let architecture, ["aarch64", "armv7l", "riscv64", "riscv32", "loongarch64"].contains(architecture) {
      option("type", "virt", at: place)
    }
    // With `firmware='efi'` libvirt chooses the file.
    if let system = domain.child("os") {
      let loader = system.child("loader")
      if system.value("firmware") == "efi" || loader?.value("type") == "pflash" {
        option("pflash0", loader?.text ?? "", at: location(system, part, "/os"))
      }
    }
    let features = domain.child("features")
    if hasACPI { option("acpi", features?.child("acpi") == nil ? "off" : "on", at: place) }
    if let chip = features?.child("ioapic"), let driver = chip["driver"] {
      option("kernel_irqchip", driver.value == "qemu" ? "split" : "on", at: location(driver, part, "/features/ioapic"))
    } else if let driver = LibvirtReader.remapping(domain) {
      option("kernel_irqchip", "split", at: location(driver, part, "/devices/iommu/driver"))
    } else if hasManyVCPUs {
      option("kernel_irqchip", "split", at: location(domain.child("vcpu") ?? domain, part, "/vcpu"))
    }
    definition.machine.options = [
      Property(name: "nodefaults", value: .string(""), location: place),
      Property(name: "accel", value: .string(LibvirtReader.acceleration[type] ?? type), location: place),
    ]
    if let cpu = domain.child("cpu") { readCPU(cpu, part) }
  }

  /// Whether the machine type has the option `acpi`, which libvirt always passes then (libvirt src/qemu/qemu_command.c:
  /// qemuBuildMachineCommandLine).
  private var hasACPI: Bool {
    guard let type = definition.machine.machineType?.value.string else { return !isS390 && !isPSeries }
    return ["pc", "q35", "isapc", "microvm", "virt"].contains { type == $0 || type.hasPrefix("\($0)-") }
  }

  /// The attribute that makes libvirt split the interrupt controllers of a domain without `<ioapic>` (libvirt
  /// src/qemu/qemu_postparse.c: qemuDomainDefEnableDefaultFeatures).
  private static func remapping(_ domain: XMLElement) -> XMLAttribute? {
    domain.child("devices")?.children.lazy.filter { $0.qualifiedName == "iommu" }
      .compactMap { $0.child("driver")?["intremap"] }.first { $0.value == "on" }
  }

  mutating func option(_ name: String, _ value: String, at place: Location) {
    definition.machine.machine.append(Property(name: name, value: .string(value), location: place))
  }

  private static func emulatorSuffix(_ architecture: String) -> String {
    switch architecture {
    case "i686", "i386": return "i386"
    case "armv6l", "armv7l": return "arm"
    case "ppc64le", "ppc64": return "ppc64"
    default: return architecture
    }
  }

  /// The part of `-cpu` that determines the width of guest addresses. The model that `host-model` becomes, only
  /// the host's libvirt knows.
  private mutating func readCPU(_ cpu: XMLElement, _ part: LocationBase) {
    var options = ""
    if let width = cpu.child("maxphysaddr") {
      switch width.value("mode") {
      case "passthrough":
        options = ",host-phys-bits=on"
        if let limit = width.value("limit") { options += ",host-phys-bits-limit=" + limit }
      case "emulate": if let bits = width.value("bits") { options = ",phys-bits=" + bits }
      default: break
      }
    }
    let value: PropertyValue
    switch cpu.value("mode") {
    case "host-passthrough": value = .string("host" + options)
    case "maximum": value = .string("max" + options)
    case "host-model": value = .unknown("host-model" + options)
    default:
      guard let model = cpu.child("model")?.text else { return }
      value = .string(model + options)
    }
    definition.machine.options.append(Property(name: "cpu", value: value, location: location(cpu, part, "/cpu")))
  }

  private mutating func readMemory(_ domain: XMLElement, _ part: LocationBase) {
    if let memory = domain.child("memory"), let size = LibvirtNumber.bytes(memory) {
      definition.machine.libvirt?.memory = size
      definition.machine.options.append(
        Property(name: "m", value: .string("size=\(size / 1024)k"), location: location(memory, part, "/memory")))
    }
    let backing = domain.child("memoryBacking")
    definition.machine.libvirt?.isLocked = backing?.child("locked") != nil
    let cells = domain.child("cpu")?.child("numa")?.children ?? []
    let isShared = backing?.child("access")?.value("mode") == "shared" || cells.contains { $0.value("memAccess") == "shared" }
    let isInMemory = backing?.child("hugepages") != nil || backing?.child("source")?.value("type") == "memfd"
    definition.machine.libvirt?.sharesMemoryFile = isShared && !isInMemory
    if let limit = domain.child("memtune")?.child("hard_limit") {
      definition.machine.libvirt?.hardLimit = LibvirtNumber.bytes(limit)
    }
  }

  /// The confidential guest that libvirt creates as `lsec0` (libvirt src/qemu/qemu_command.c: qemuBuildSecCommandLine).
  private mutating func readLaunchSecurity(_ domain: XMLElement, _ part: LocationBase) {
    guard let security = domain.child("launchSecurity"),
      let type = LibvirtReader.guards[security.value("type") ?? ""]
    else { return }
    let place = location(security, part, "/launchSecurity")
    option("confidential-guest-support", "lsec0", at: place)
    definition.machine.objects.append(
      ObjectRequest(
        properties: [("qom-type", type), ("id", "lsec0")].map { Property(name: $0.0, value: .string($0.1), location: place) },
        location: place))
  }

  private static let guards = [
    "sev": "sev-guest", "sev-snp": "sev-snp-guest", "tdx": "tdx-guest", "s390-pv": "s390-pv-guest"
  ]

  /// - Parameter plug: hot for devices that come without their domain.
  mutating func readDevices(_ devices: XMLElement, _ path: String, plug: DeviceRequest.Plug) {
    let all = LibvirtDeviceElement.all(of: devices, in: source, path)
    readNetworks(all)
    numberControllers(all)
    if plug == .cold, let domain = devices.parent { validate(domain, all) }
    if plug == .cold { findSharedSlots(all) }
    if plug == .cold { readControllers(all) }
    let controllers = Set(all.lazy.filter { $0.name == "controller" && $0.type == "pci" }.compactMap(\.index))
    for part in all where part.name == "iommu" { readIOMMU(part, controllers) }
    if plug == .cold, let domain = devices.parent { addIOMMU(to: domain, all) }
    if plug == .cold { readEmulated(all, in: devices, path) }
    readHostdevs(all, plug: plug)
    if plug == .cold { validatePlaces(all, at: Location(source: source, range: devices.tagRange, path: path)) }
    for part in all where DomainWithoutPassthrough.isMisspeltHostdev(part.element) {
      definition.machine.unreadParts.append(
        UnreadPart(
          what: "`<\(part.name)>`", reason: "libvirt ignores an element that it does not know, and `<hostdev>` may be meant",
          location: location(part.element, part.path)))
    }
    for part in all where part.name == "disk" && DomainWithoutPassthrough.isHostStorage(part.element) {
      definition.machine.unreadParts.append(HostStorage.part(of: part.element, at: location(part.element, part.path)))
    }
  }

  /// Interfaces come first in libvirt's list of host devices, and in the count of their aliases.
  private mutating func readHostdevs(_ devices: [LibvirtDeviceElement], plug: DeviceRequest.Plug) {
    for part in devices where part.isHostdevInterface { readHostdev(part, plug: plug) }
    for part in devices where part.name == "hostdev" { readHostdev(part, plug: plug) }
  }
}
