import Facts
import Syntax

/// Refusals of a domain's firmware, clock, tables and actions, with libvirt's messages (observed on 9.0, and still in 11.3).
extension LibvirtReader {
  mutating func validateBoot(_ domain: XMLElement, _ part: LocationBase) {
    if let system = domain.child("os") {
      validateFirmware(system, domain, part)
      validateBootOptions(system, domain, part)
    }
    validateTimers(domain, part)
    validateTables(domain, part)
    validateActions(domain, part)
    if let tseg = domain.child("features")?.child("smm")?.child("tseg"), domain.child("features")?.child("smm")?.value("state") != "off" {
      let place = location(tseg, part, "/features/smm/tseg")
      if isI440FX {
        refuse("SMM TSEG is only supported with q35 machine type", "use a q35 machine, or take `<tseg>` out", at: place)
      } else if let size = LibvirtNumber.bytes(tseg, defaultUnit: "MiB"), size % (1 << 20) != 0 {
        refuse("SMM TSEG size must be divisible by 1 MiB", "write `unit='MiB'`", at: place)
      }
    }
    if let bound = domain.child("memtune")?.child("min_guarantee") {
      refuse("Parameter 'min_guarantee' not supported by QEMU.", "take it out", at: location(bound, part, "/memtune/min_guarantee"))
    }
  }

  /// libvirt src/conf/domain_validate.c: virDomainDefOSValidate, src/qemu/qemu_validate.c: qemuValidateDomainDefBoot and
  /// qemuValidateDomainDef.
  private mutating func validateFirmware(_ system: XMLElement, _ domain: XMLElement, _ part: LocationBase) {
    let loader = system.child("loader"), store = system.child("nvram")
    let place = location(loader ?? store ?? system, part, loader != nil ? "/os/loader" : store != nil ? "/os/nvram" : "/os")
    let firmware = system.value("firmware").flatMap { ["bios", "efi"].contains($0) ? $0 : nil }
    if firmware == nil, system["firmware"] != nil { return }
    func isOn(_ feature: String, _ state: String) -> Bool {
      system.child("firmware")?.children.contains { $0.value("name") == feature && $0.value("enabled") == state } == true
    }
    if let firmware {
      if isOn("enrolled-keys", "yes"), isOn("secure-boot", "no") {
        return refuse(
          "firmware feature 'enrolled-keys' cannot be enabled when firmware feature 'secure-boot' is disabled",
          "write `enabled='no'`", at: location(system, part, "/os"))
      }
      if firmware == "bios", store != nil {
        return refuse("firmware type 'bios' does not support nvram", "take `<nvram>` out", at: place)
      }
    } else {
      // libvirt finds the description of a file that is given, and with it the kind of firmware.
      if system.child("firmware")?.child("feature") != nil, loader?.text.isEmpty ?? true {
        return refuse(
          "cannot use feature-based firmware autoselection when firmware autoselection is disabled", "write `<os firmware='efi'>`",
          at: location(system, part, "/os"))
      }
      if loader != nil || store != nil, loader?.text.isEmpty ?? true {
        return refuse(
          "no loader path specified and firmware auto selection disabled", "name the firmware's file in `<loader>`, or write "
            + "`<os firmware='efi'>`", at: place)
      }
    }
    let isFlash = loader?.value("type") == "pflash"
    if loader?.value("stateless") == "yes", let store {
      let isTemplate = store["template"] != nil
      return refuse(
        isTemplate ? "NVRAM template is not permitted when loader is stateless" : "NVRAM is not permitted when loader is stateless",
        "take `<nvram>` out", at: location(store, part, "/os/nvram"))
    }
    if loader?.value("stateless") == "no", firmware == nil ? !isFlash : firmware != "efi" {
      return refuse(
        firmware == nil ? "Only pflash loader type permits NVRAM" : "Only EFI firmware permits NVRAM", "take `stateless` out", at: place)
    }
    let features = domain.child("features")
    if loader?.value("secure") == "yes" {
      if isI440FX {
        return refuse("Secure boot is supported with q35 machine types only", "use a q35 machine", at: place)
      }
      // The description may turn it on by itself. Only q35 has it.
      if firmware == nil, definition.machine.isQ35, let smm = features?.child("smm"), smm.value("state") == "off" {
        return refuse("Secure boot requires SMM feature enabled", "write `<smm state='on'/>`", at: place)
      }
    }
    let hasACPI = features?.child("acpi") != nil
    let isUEFI = firmware == "efi" || isFlash
    if hasACPI, !isUEFI, system.child("type")?.value("arch") == "aarch64" {
      refuse("ACPI requires UEFI on this architecture", "write `<os firmware='efi'>`, or take `<acpi/>` out", at: place)
    }
    if isUEFI, !hasACPI, LibvirtReader.isWhole(domain), definition.machine.isQ35 || isI440FX {
      refuse("UEFI requires ACPI on this architecture", "add `<acpi/>` to `<features>`", at: place)
    }
  }

  /// libvirt src/conf/domain_validate.c: virDomainDefBootValidate, src/qemu/qemu_validate.c: qemuValidateDomainDef.
  private mutating func validateBootOptions(_ system: XMLElement, _ domain: XMLElement, _ part: LocationBase) {
    if let menu = system.child("bootmenu"), let timeout = menu.value("timeout").flatMap(LibvirtNumber.natural), timeout > 65535 {
      refuse(
        "invalid value for boot menu timeout, must be in range [0,65535]", "write milliseconds up to 65535",
        at: location(menu, part, "/os/bootmenu"))
    }
    guard let bios = system.child("bios") else { return }
    let place = location(bios, part, "/os/bios")
    if let delay = bios.value("rebootTimeout").flatMap({ Int64($0) }), !(-1...65535).contains(delay) {
      refuse("invalid value for rebootTimeout, must be in range [-1,65535]", "write milliseconds up to 65535", at: place)
    }
    if bios.value("useserial") == "yes", let devices = domain.child("devices"), devices.child("serial") == nil,
      devices.child("console") == nil {
      refuse("need at least one serial port to use BIOS serial output", "add `<serial type='pty'/>`", at: place)
    }
  }

  /// libvirt src/conf/domain_postparse.c: virDomainDefPostParseTimer, src/qemu/qemu_validate.c: qemuValidateDomainDefClockTimers.
  private mutating func validateTimers(_ domain: XMLElement, _ part: LocationBase) {
    for timer in domain.child("clock")?.children ?? [] where timer.qualifiedName == "timer" {
      let place = location(timer, part, "/clock/timer")
      let name = timer.value("name") ?? ""
      let policy = timer.value("tickpolicy")
      if name == "kvmclock" || name == "hypervclock", policy != nil {
        refuse("timer \(name) doesn't support setting of timer tickpolicy", "take `tickpolicy` out", at: place)
      } else if policy != "catchup", let catchup = timer.child("catchup"), !catchup.attributes.isEmpty {
        refuse("setting of timer catchup policies is only supported with tickpolicy='catchup'", "write it so", at: place)
      } else if name == "platform" {
        refuse("unsupported timer type (name) 'platform'", "take it out", at: place)
      } else if name == "rtc", timer.value("track") == "boot" {
        refuse("unsupported rtc timer track 'boot'", "write `track='guest'`", at: place)
      } else if let policy, name == "rtc" && ["merge", "discard"].contains(policy) || name == "pit" && policy == "merge" {
        refuse("unsupported \(name)\(name == "rtc" ? " timer" : "") tickpolicy '\(policy)'", "write `tickpolicy='delay'`", at: place)
      }
    }
  }

  /// Tables of the firmware (libvirt src/conf/domain_conf.c: virSysinfoSystemParseXML and virSysinfoBIOSParseXML).
  private mutating func validateTables(_ domain: XMLElement, _ part: LocationBase) {
    func digits(_ text: String) -> [UInt8]? {
      let digits = text.utf8.filter { $0 != UInt8(ascii: "-") && $0 > 0x20 }.compactMap(\.hexDigitValue)
      return digits.count == 32 ? digits : nil
    }
    let given = domain.child("uuid").map(\.text)
    if let element = domain.child("uuid"), let given, !given.isEmpty, digits(given) == nil, !LibvirtReader.isPlaceholder(given) {
      refuse("malformed uuid element", "write 32 hexadecimal digits, or take it out", at: location(element, part, "/uuid"))
    }
    for table in domain.children where table.qualifiedName == "sysinfo" {
      func entry(_ block: String, _ name: String) -> XMLElement? {
        table.child(block)?.children.first { $0.qualifiedName == "entry" && $0.value("name") == name }
      }
      if let entry = entry("system", "uuid"), !LibvirtReader.isPlaceholder(entry.text) {
        let place = location(entry, part, "/sysinfo/system/entry")
        let own = digits(entry.text)
        if own == nil {
          refuse("malformed <sysinfo> uuid element", "write 32 hexadecimal digits", at: place)
        } else if let given, let other = digits(given), own != other {
          refuse("UUID mismatch between <uuid> and <sysinfo>", "write the domain's `<uuid>`, or take the entry out", at: place)
        }
      }
      if let date = entry("bios", "date"), !LibvirtReader.isDate(date.text), !LibvirtReader.isPlaceholder(date.text) {
        refuse("Invalid BIOS 'date' format", "write `mm/dd/yyyy`", at: location(date, part, "/sysinfo/bios/entry"))
      }
    }
  }

  private static func isDate(_ text: String) -> Bool {
    let numbers = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 3, let month = numbers[0], let day = numbers[1], let year = numbers[2] else { return false }
    return (1...12).contains(month) && (1...31).contains(day) && year >= 0 && !(100..<1900).contains(year)
  }

  /// libvirt src/qemu/qemu_validate.c: qemuValidateLifecycleAction.
  private mutating func validateActions(_ domain: XMLElement, _ part: LocationBase) {
    func action(_ event: String) -> String? { domain.child(event)?.text }
    for event in ["on_poweroff", "on_reboot", "on_crash"] {
      guard let element = domain.child(event) else { continue }
      let place = location(element, part, "/" + event)
      if element.text == "rename-restart" {
        refuse(
          "qemu driver doesn't support the 'rename-restart' action for 'on_reboot'/'on_poweroff'/'on_crash'", "write `restart`", at: place)
      } else if element.text == "preserve", event != "on_crash" {
        refuse("qemu driver doesn't support the 'preserve' action for 'on_reboot'/'on_poweroff'", "write `destroy`", at: place)
      } else if event == "on_poweroff", element.text == "restart", action("on_reboot") == "destroy" {
        refuse(
          "qemu driver doesn't support 'onReboot' set to 'destroy and 'onPoweroff' set to 'reboot'", "write `destroy` for both", at: place)
      } else if element.text.hasPrefix("coredump-"), event != "on_crash" {
        let name = event.dropFirst("on_".count)
        refuse("Lifecycle event '\(name)' doesn't support '\(element.text)' action", "write `destroy`", at: place)
      }
    }
  }
}
