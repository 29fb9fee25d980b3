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
    validateAttributes(of: domain, part)
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
    guard let memory = domain.child("memory") else { return }
    if !memory.text.isEmpty {
      let place = location(memory, part, "/memory")
      // The text that libvirt gets of a template is another one.
      guard let number = LibvirtNumber.natural(memory.text) else {
        if LibvirtReader.isPlaceholder(memory.text) { return }
        return refuse(
          "Invalid value '\(memory.text)' for element or attribute './memory[1]'", "write a decimal number, and its `unit=`", at: place)
      }
      if let unit = memory.value("unit"), LibvirtNumber.scale(unit) == nil {
        if LibvirtReader.isPlaceholder(unit) { return }
        return refuse("unknown suffix '\(unit)'", "write `unit='KiB'`, `MiB` or `GiB`", at: place)
      }
      if number > 0 { return }
    }
    if cells(of: domain).contains(where: { $0["memory"] != nil }) { return }
    refuse(
      "Memory size must be specified via <memory> or in the <numa> configuration", "add `<memory unit='GiB'>`",
      at: location(memory, part, "/memory"))
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
