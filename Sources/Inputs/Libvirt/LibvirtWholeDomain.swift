import Facts
import Syntax

/// Refusals of a domain's other parts that definitions written by hand often meet, with libvirt's messages (observed on 9.0). A
/// verdict says that the rest of the domain was not checked. A domain that lacks a part which every domain has is an excerpt, and
/// not refused for that.
extension LibvirtReader {
  /// Whether it has what every domain has: an excerpt may lack other parts too.
  static func isWhole(_ domain: XMLElement) -> Bool { domain.child("memory") != nil && domain.child("name") != nil }

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
    validateBoot(domain, part)
    validateParts(below: domain, part)
    validateVendor(domain, part)
    validateProcessorMode(domain, part)
  }

  /// libvirt src/util/virarch.c.
  private static let architectures: Set<String> = [
    "alpha", "aarch64", "armv6l", "armv7b", "armv7l", "cris", "i686", "ia64", "lm32", "loongarch64", "m68k", "microblaze", "microblazeel",
    "mips", "mips64", "mips64el", "mipsel", "openrisc", "parisc", "parisc64", "ppc", "ppc64", "ppc64le", "ppcemb", "riscv32", "riscv64",
    "s390", "s390x", "sh4", "sh4eb", "sparc", "sparc64", "unicore32", "x86_64", "xtensa", "xtensaeb"
  ]

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
    if let type = domain.child("os")?.child("type"), let name = type.value("arch"), !name.isEmpty, !LibvirtReader.isPlaceholder(name),
      !LibvirtReader.architectures.contains(name) {
      refuse(
        "Unknown architecture \(name)", name.contains("arm") ? "write `arch='aarch64'`" : "write `arch='x86_64'`",
        at: location(type, part, "/os/type"))
    }
    if let count = domain.child("iothreads"), LibvirtNumber.natural(count.text) == nil, !LibvirtReader.isPlaceholder(count.text) {
      refuse("invalid iothreads count '\(count.text)'", "write a number", at: location(count, part, "/iothreads"))
    }
  }

  /// libvirt src/conf/domain_conf.c: virDomainParseMemory, src/conf/domain_postparse.c: virDomainDefPostParseMemory.
  private mutating func validateMemory(_ domain: XMLElement, _ part: LocationBase) {
    for name in ["memory", "maxMemory", "currentMemory"] {
      guard let element = domain.child(name), !element.text.isEmpty, let refusal = refusal(ofSize: element) else { continue }
      refuse(refusal.text, refusal.fix, at: location(element, part, "/" + name))
      return
    }
    validateMemoryParts(domain, part)
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
}
