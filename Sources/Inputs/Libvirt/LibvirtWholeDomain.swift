import Facts
import Syntax

/// Refusals of a domain's other parts that definitions written by hand often meet, with libvirt's messages (observed on 9.0). A
/// verdict says that the rest of the domain was not checked. A domain that lacks a part which every domain has is an excerpt, and
/// not refused for that.
extension LibvirtReader {
  mutating func validateDomain(_ domain: XMLElement, _ part: LocationBase) {
    // The domain of an old snapshot has no more than its uuid, and libvirt ignores it.
    if domain.parent?.qualifiedName == "domainsnapshot" { return }
    let whole = location(domain, part)
    if domain.value("type")?.isEmpty == true {
      refuse("missing domain type attribute", "write `<domain type='kvm'>`", at: whole)
    }
    // libvirt's paths find elements without a namespace only.
    if let namespace = domain.namespace {
      return refuse(
        "missing name information", "take `xmlns='\(namespace)'` out: libvirt finds no element that is in a namespace", at: whole)
    }
    validateName(domain, part)
    validateMemory(domain, part)
    validateProcessors(domain, part)
    validateParts(below: domain, part)
    validateVendor(domain, part)
  }

  /// libvirt src/conf/domain_conf.c: virDomainDefParseXML and virDomainDefParseBootXML.
  private mutating func validateName(_ domain: XMLElement, _ part: LocationBase) {
    if let name = domain.child("name") {
      if name.text.isEmpty {
        refuse("missing name information", "write a name", at: location(name, part, "/name"))
      } else if name.text.contains("/"), !LibvirtReader.isPlaceholder(name.text) {
        refuse("name \(name.text) cannot contain '/'", "give it another name", at: location(name, part, "/name"))
      }
    }
    if let type = domain.child("os")?.child("type"), type.text.isEmpty {
      refuse("an os <type> must be specified", "write `<type>hvm</type>`", at: location(type, part, "/os/type"))
    }
  }

  /// libvirt src/conf/domain_conf.c: virDomainParseMemory, src/conf/domain_postparse.c: virDomainDefPostParseMemory.
  private mutating func validateMemory(_ domain: XMLElement, _ part: LocationBase) {
    for name in ["memory", "maxMemory", "currentMemory"] {
      guard let element = domain.child(name), !element.text.isEmpty, let refusal = refusal(ofSize: element) else { continue }
      refuse(refusal.text, refusal.fix, at: location(element, part, "/" + name))
      return
    }
    validateMaximum(domain, part)
    guard let memory = domain.child("memory") else { return }
    if !memory.text.isEmpty, LibvirtNumber.natural(memory.text) != 0 { return }
    if cells(of: domain).contains(where: { $0["memory"] != nil }) { return }
    refuse(
      "Memory size must be specified via <memory> or in the <numa> configuration", "add `<memory unit='GiB'>`",
      at: location(memory, part, "/memory"))
  }

  private func refusal(ofSize element: XMLElement) -> (text: String, fix: String)? {
    // The text that libvirt gets of a template is another one.
    if LibvirtNumber.natural(element.text) == nil {
      if LibvirtReader.isPlaceholder(element.text) { return nil }
      return (
        "Invalid value '\(element.text)' for element or attribute './\(element.qualifiedName)[1]'",
        "write a decimal number, and its `unit=`"
      )
    }
    guard let unit = element.value("unit"), LibvirtNumber.scale(unit) == nil, !LibvirtReader.isPlaceholder(unit) else { return nil }
    return ("unknown suffix '\(unit)'", "write `unit='KiB'`, `MiB` or `GiB`")
  }

  /// Memory up to which modules may be plugged, and their slots.
  private mutating func validateMaximum(_ domain: XMLElement, _ part: LocationBase) {
    guard let maximum = domain.child("maxMemory") else {
      guard let module = domain.child("devices")?.child("memory"), module.value("model") != "sgx-epc" else { return }
      return refuse(
        "cannot use/hotplug a memory device when domain 'maxMemory' is not defined", "add `<maxMemory slots=… unit=…>` to the domain",
        at: location(module, part, "/devices/memory"))
    }
    let place = location(maximum, part, "/maxMemory")
    let given = maximum.value("slots")
    let slots = given.map { LibvirtNumber.natural($0) } ?? 0
    if let given, LibvirtReader.isPlaceholder(given) || LibvirtReader.isPlaceholder(maximum.text) { return }
    guard let slots, slots <= UInt64(UInt32.max) else {
      return refuse("Failed to parse memory slot count", "write `slots=` with a decimal number", at: place)
    }
    // Since 11 libvirt needs no slots for memory without modules.
    guard slots > 0, let size = maximum.text.isEmpty ? 0 : LibvirtNumber.bytes(maximum) else { return }
    if size == 0 {
      return refuse(
        "both maximum memory size and memory slot count must be specified", "write a size, or take the element out", at: place)
    }
    guard cells(of: domain).isEmpty else { return }
    let memory = domain.child("memory").flatMap { LibvirtNumber.bytes($0) }
    if domain.child("devices")?.child("memory") == nil, let memory, size < memory {
      refuse(
        "maximum memory size must be equal or greater than the actual memory size", "write a size from that of `<memory>`", at: place)
    } else if !isPSeries {
      // QEMU would add a node by itself (libvirt src/qemu/qemu_domain.c: qemuDomainDefValidateMemoryHotplug).
      refuse(
        "At least one numa node has to be configured when enabling memory hotplug",
        "add a `<cell>` to `<cpu><numa>`, or take the element out", at: place)
    }
  }

  private func cells(of domain: XMLElement) -> [XMLElement] {
    domain.child("cpu")?.child("numa")?.children.filter { $0.qualifiedName == "cell" } ?? []
  }

  /// Numbers of processors that contradict each other (libvirt src/conf/domain_conf.c: virDomainDefParseXML,
  /// src/qemu/qemu_validate.c: qemuValidateDomainVCpuTopology).
  private mutating func validateProcessors(_ domain: XMLElement, _ part: LocationBase) {
    let given = domain.child("vcpu")
    guard let maximum = given.map({ LibvirtNumber.natural($0.text) }) ?? 1 else {
      if let given, LibvirtReader.isPlaceholder(given.text) { return }
      return refuse(
        "maximum vcpus count must be an integer", "write a decimal number", at: location(given ?? domain, part, "/vcpu"))
    }
    if let current = given?.value("current").flatMap({ LibvirtNumber.natural($0) }), current > maximum {
      refuse(
        "maximum vCPU count must not be less than current vCPU count", "write `current=` up to \(maximum)",
        at: location(given ?? domain, part, "/vcpu"))
    }
    if let numa = domain.child("cpu")?.child("numa") {
      let sets = cells(of: domain).map { $0.value("cpus").map(LibvirtNumber.set) ?? [] }
      let numbers = sets.compactMap { $0 }
      guard numbers.count == sets.count else { return }
      let place = location(numa, part, "/cpu/numa")
      let advice = "distribute \(maximum) of them, or raise `<vcpu>`"
      if UInt64(numbers.reduce(0, { $0 + $1.count })) > maximum {
        refuse("Number of CPUs in <numa> exceeds the <vcpu> count", advice, at: place)
      } else if let last = numbers.compactMap({ $0.max() }).max(), UInt64(last) >= maximum {
        refuse("CPU IDs in <numa> exceed the <vcpu> count", advice, at: place)
      }
    }
    guard let topology = domain.child("cpu")?.child("topology") else { return }
    // The attributes with a default; `clusters` is newer than 9.0.
    var product: UInt64 = 1
    for name in ["sockets", "dies", "clusters", "cores", "threads"] {
      let value = topology.value(name) ?? (name == "dies" || name == "clusters" ? "1" : "")
      guard let number = LibvirtNumber.natural(value), number > 0, number <= UInt64(UInt16.max) else { return }
      product = product.multipliedReportingOverflow(by: number).partialValue
    }
    if product != maximum {
      refuse(
        "CPU topology doesn't match maximum vcpu count", "write `<vcpu>\(product)</vcpu>`, or a topology of \(maximum)",
        at: location(topology, part, "/cpu/topology"))
    }
  }

  /// libvirt src/conf/domain_conf.c: virDomainFeaturesHyperVDefParse.
  private mutating func validateVendor(_ domain: XMLElement, _ part: LocationBase) {
    guard let vendor = domain.child("features")?.child("hyperv")?.child("vendor_id"), vendor.value("state") == "on" else { return }
    let place = location(vendor, part, "/features/hyperv/vendor_id")
    guard let value = vendor.value("value") else {
      return refuse("missing 'value' attribute for HyperV feature 'vendor_id'", "add `value=`", at: place)
    }
    guard value.utf8.count > 12 || value.contains(","), !LibvirtReader.isPlaceholder(value) else { return }
    if value.utf8.count > 12 {
      refuse("HyperV vendor_id value must not be more than 12 characters.", "shorten it", at: place)
    } else {
      refuse("HyperV vendor_id value is invalid", "take the comma out", at: place)
    }
  }

  /// Devices that are not passed through (libvirt src/conf/domain_conf.c and domain_validate.c, src/qemu/qemu_validate.c:
  /// qemuValidateDomainDeviceDefControllerIDE).
  mutating func validateOthers(_ devices: [LibvirtDeviceElement]) {
    let videos = devices.filter { $0.name == "video" }
    func model(_ video: LibvirtDeviceElement) -> XMLElement? { video.element.child("model") }
    if let second = videos.filter({ model($0)?.value("primary") == "yes" }).dropFirst().first {
      refuse("Only one primary video device is supported", "keep `primary='yes'` on one", at: location(second.element, second.path))
    }
    if videos.count > 1, let none = videos.first(where: { model($0)?.value("type") == "none" }) {
      refuse(
        "a 'none' video type must be the only video device defined for the domain", "remove it, or the others",
        at: location(none.element, none.path))
    }
    if let second = devices.filter({ $0.name == "memballoon" }).dropFirst().first {
      refuse("only a single memory balloon device is supported", "remove all but one", at: location(second.element, second.path))
    }
    if hasExpressRoot, let ide = devices.first(where: LibvirtReader.isIDE) {
      refuse(
        "IDE controllers are unsupported for this QEMU binary or machine type",
        ide.name == "disk" ? "write `bus='sata'`, with `dev='sda'`" : "remove it, or use the machine `pc`",
        at: location(ide.element, ide.path))
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
