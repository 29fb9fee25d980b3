import Facts
import Syntax

/// Refusals of a domain's processors, with libvirt's messages (observed on 9.0, and still in 11.3).
extension LibvirtReader {
  mutating func validateProcessors(_ domain: XMLElement, _ part: LocationBase) {
    validateCPU(domain, part)
    validateCells(domain, part)
    validateTuning(domain, part)
    let given = domain.child("vcpu")
    guard let maximum = given.map({ LibvirtNumber.natural($0.text) }) ?? 1 else {
      if let given, LibvirtReader.isPlaceholder(given.text) { return }
      return refuse(
        "maximum vcpus count must be an integer", "write a decimal number", at: location(given ?? domain, part, "/vcpu"))
    }
    let place = location(given ?? domain, part, "/vcpu")
    if let current = given?.value("current").flatMap({ LibvirtNumber.natural($0) }), current > maximum || current == 0 {
      if current == 0 { return refuse("vcpu 0 can't be offline", "write `current=` from 1", at: place) }
      refuse("maximum vCPU count must not be less than current vCPU count", "write `current=` up to \(maximum)", at: place)
    }
    if maximum == 0 {
      refuse("CPU IDs in <numa> exceed the <vcpu> count", "write a number from 1", at: place)
    } else if isI440FX, maximum > 255 {
      refuse("Maximum CPUs greater than specified machine type limit 255", "write a number up to 255, or use a q35 machine", at: place)
    } else {
      validateCounts(maximum, domain, part)
    }
  }

  /// Numbers of processors that contradict each other (libvirt src/conf/domain_conf.c: virDomainDefParseXML,
  /// src/qemu/qemu_validate.c: qemuValidateDomainVCpuTopology).
  private mutating func validateCounts(_ maximum: UInt64, _ domain: XMLElement, _ part: LocationBase) {
    if let numa = domain.child("cpu")?.child("numa") {
      var count = 0, last = -1
      for cell in cells(of: domain) {
        guard let numbers = cell.value("cpus").map(LibvirtNumber.set) ?? [] else { return }
        count += numbers.count
        last = max(last, numbers.max() ?? -1)
      }
      let place = location(numa, part, "/cpu/numa")
      let advice = "distribute \(maximum) of them, or raise `<vcpu>`"
      if UInt64(count) > maximum {
        refuse("Number of CPUs in <numa> exceeds the <vcpu> count", advice, at: place)
      } else if last >= 0, UInt64(last) >= maximum {
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

  /// The width of the guest's addresses (libvirt src/qemu/qemu_validate.c: qemuValidateDomainDefCpu).
  private mutating func validate(width: XMLElement, at place: Location) {
    switch width.value("mode") {
    case "passthrough" where width["bits"] != nil:
      refuse(
        "CPU maximum physical address bits number specification cannot be used with mode='passthrough'",
        "take `bits` out, or write `limit=` in its place", at: place)
    case "emulate" where width["bits"] == nil:
      refuse(
        "if using CPU maximum physical address mode='emulate', bits= must be specified too", "write `bits='39'`, or more", at: place)
    case "emulate" where width["limit"] != nil:
      refuse("attribute 'limit' is only supported for maxphysaddr mode 'passthrough'", "write `bits=` in its place", at: place)
    default: break
    }
  }

  /// The host's processor without KVM, which libvirt refuses when it starts a domain that it has accepted (libvirt
  /// src/qemu/qemu_capabilities.c: virQEMUCapsIsCPUModeSupported).
  mutating func validateProcessorMode(_ domain: XMLElement, _ part: LocationBase) {
    guard let cpu = domain.child("cpu"), cpu.value("mode") == "host-passthrough", domain.value("type") == "qemu",
      definition.machine.libvirt?.refusals.isEmpty == true
    else { return }
    let architecture = domain.child("os")?.child("type")?.value("arch") ?? "x86_64"
    refuse(
      "CPU mode 'host-passthrough' for \(architecture) qemu domain on \(architecture) host is not supported by hypervisor",
      "write `<domain type='kvm'>`, or `mode='maximum'`", at: location(cpu, part, "/cpu"))
  }

  /// libvirt src/conf/cpu_conf.c: virCPUDefParseXML, src/qemu/qemu_validate.c: qemuValidateDomainDefCpu.
  private mutating func validateCPU(_ domain: XMLElement, _ part: LocationBase) {
    guard let cpu = domain.child("cpu") else { return }
    let mode = cpu.value("mode") ?? "custom"
    let isHost = mode == "host-passthrough" || mode == "maximum"
    let hasModel = cpu.child("model")?.text.isEmpty == false
    if let migratable = cpu["migratable"], !isHost {
      refuse(
        "Attribute migratable is only allowed for 'host-passthrough' / 'maximum' CPU mode", "take it out",
        at: location(migratable, part, "/cpu"))
    }
    var names: Set<String> = []
    for feature in cpu.children where feature.qualifiedName == "feature" {
      let place = location(feature, part, "/cpu/feature")
      guard let name = feature.value("name"), !name.isEmpty else {
        return refuse("Invalid CPU feature name", "add `name=`", at: place)
      }
      if !hasModel, mode == "custom" {
        return refuse(
          "Non-empty feature list specified without CPU model", "add `<model>`, or write `mode='host-passthrough'`", at: place)
      }
      if !names.insert(name).inserted { refuse("CPU feature '\(name)' specified more than once", "keep it once", at: place) }
    }
    if let width = cpu.child("maxphysaddr") {
      validate(width: width, at: location(width, part, "/cpu/maxphysaddr"))
    }
    guard let cache = cpu.child("cache"), let kind = cache.value("mode") else { return }
    let place = location(cache, part, "/cpu/cache")
    if let level = cache.value("level").flatMap(LibvirtNumber.natural), !(1...3).contains(level) {
      refuse("invalid CPU cache level, must be in range [1,3]", "write `level='3'`, or take it out", at: place)
    } else if kind == "emulate", cache.value("level") != "3" {
      refuse("CPU cache mode 'emulate' can only be used with level='3'", "write `level='3'`", at: place)
    } else if kind == "passthrough", !isHost {
      refuse(
        "CPU cache mode 'passthrough' can only be used with 'host-passthrough' / 'maximum' CPUs",
        "write `mode='host-passthrough'`, or take `<cache>` out", at: place)
    } else if kind != "emulate", cache["level"] != nil {
      refuse("unsupported CPU cache level for mode '\(kind)'", "take `level` out", at: place)
    }
  }

  func cells(of domain: XMLElement) -> [XMLElement] {
    domain.child("cpu")?.child("numa")?.children.filter { $0.qualifiedName == "cell" } ?? []
  }

  /// libvirt src/conf/numa_conf.c: virDomainNumaDefParseXML.
  private mutating func validateCells(_ domain: XMLElement, _ part: LocationBase) {
    guard let numa = domain.child("cpu")?.child("numa") else { return }
    let cells = cells(of: domain)
    if cells.isEmpty {
      refuse("NUMA topology defined without NUMA cells", "add a `<cell>`, or take `<numa>` out", at: location(numa, part, "/cpu/numa"))
    }
    var ids: Set<UInt64> = []
    // The cell of each processor.
    var owners: [Int: UInt64] = [:]
    for (position, cell) in cells.enumerated() {
      guard let id = cell["id"].map({ LibvirtNumber.natural($0.value) }) ?? UInt64(position) else { return }
      let place = location(cell, part, "/cpu/numa/cell")
      if id >= cells.count {
        return refuse(
          "Exactly one 'cell' element per guest NUMA cell allowed, non-contiguous ranges or ranges not starting from 0 are not allowed",
          "number the cells from 0", at: place)
      }
      if !ids.insert(id).inserted {
        return refuse("Duplicate NUMA cell info for cell id '\(id)'", "number the cells from 0", at: place)
      }
      let own = cell.value("cpus").flatMap(LibvirtNumber.set) ?? []
      if let other = own.lazy.compactMap({ owners[$0] }).min() {
        return refuse("NUMA cells \(id) and \(other) have overlapping vCPU ids", "give each processor one cell", at: place)
      }
      for processor in own { owners[processor] = id }
      if cell["memory"] == nil {
        return refuse("missing element or attribute './@memory'", "add `memory=` with a `unit=`", at: place)
      }
      // libvirt reads none of a single cell.
      for sibling in cell.child("distances")?.children ?? [] where sibling.qualifiedName == "sibling" && cells.count > 1 {
        guard let number = sibling.value("id").flatMap(LibvirtNumber.natural), number >= cells.count else { continue }
        refuse(
          "'sibling_id \(number)' does not refer to a valid cell within NUMA 'cell id \(id)'", "name a cell of `<numa>`",
          at: location(sibling, part, "/cpu/numa/cell/distances/sibling"))
      }
    }
  }

  // MARK: - Threads

  /// libvirt src/conf/domain_conf.c: virDomainVcpuPinDefParseXML, virDomainIOThreadPinDefParseXML, virDomainThreadSchedParseHelper.
  private mutating func validateTuning(_ domain: XMLElement, _ part: LocationBase) {
    guard let tuning = domain.child("cputune") else { return }
    let maximum = domain.child("vcpu").map { LibvirtNumber.natural($0.text) } ?? 1
    let threads = LibvirtReader.threads(of: domain)
    var seen: [String: Set<Int>] = [:]
    for child in tuning.children {
      let name = child.qualifiedName
      let place = location(child, part, "/cputune/" + name)
      if name.hasSuffix("pin"), child["cpuset"] == nil {
        return refuse("missing cpuset for \(name)", "add `cpuset=`", at: place)
      }
      switch name {
      case "vcpupin":
        guard let number = child.value("vcpu").flatMap(LibvirtNumber.natural).flatMap(Int.init(exactly:)) else { continue }
        if !seen[name, default: []].insert(number).inserted {
          refuse("duplicate vcpupin for vcpu '\(number)'", "keep one of them", at: place)
        }
      case "emulatorpin":
        if !seen[name, default: []].insert(0).inserted { refuse("only one emulatorpin is supported", "keep one of them", at: place) }
      case "iothreadpin":
        guard let number = child.value("iothread").flatMap(LibvirtNumber.natural), number > 0 else { continue }
        validateThread(number, threads, at: place)
      case "vcpusched", "iothreadsched":
        let attribute = name == "vcpusched" ? "vcpus" : "iothreads"
        guard let text = child.value(attribute) else {
          return refuse("Missing attribute '\(attribute)' in element '\(name)'", "add it", at: place)
        }
        if ["fifo", "rr"].contains(child.value("scheduler")), child["priority"] == nil {
          return refuse("Missing required attribute 'priority' in element '\(name)'", "add it", at: place)
        }
        guard let numbers = LibvirtNumber.set(text) else { continue }
        if name == "vcpusched", let maximum, let other = numbers.filter({ $0 >= maximum }).min() {
          return refuse("vCPU '\(other)' is not present in domain definition", "name the domain's processors", at: place)
        }
        if name == "iothreadsched" { for number in numbers.sorted() { validateThread(UInt64(number), threads, at: place) } }
        if !seen[name, default: []].isDisjoint(with: numbers) {
          return refuse("'\(name)' attributes '\(attribute)' must not overlap", "name each thread once", at: place)
        }
        seen[name, default: []].formUnion(numbers)
      default: break
      }
    }
  }

  private mutating func validateThread(_ number: UInt64, _ threads: Set<UInt64>?, at place: Location) {
    guard let threads, !threads.contains(number) else { return }
    refuse("Cannot find 'iothread' : \(number)", "add `<iothreads>\(number)</iothreads>` to the domain", at: place)
  }

  /// The numbers of a domain's I/O threads; nil when they cannot be read (libvirt src/conf/domain_conf.c:
  /// virDomainIOThreadIDDefArrayInit).
  static func threads(of domain: XMLElement) -> Set<UInt64>? {
    let given = (domain.child("iothreadids")?.children ?? []).filter { $0.qualifiedName == "iothread" }
      .map { $0.value("id").flatMap(LibvirtNumber.natural) }
    var threads = Set(given.compactMap { $0 })
    guard threads.count == given.count, let count = domain.child("iothreads").map({ LibvirtNumber.natural($0.text) }) ?? 0, count < 4096
    else { return nil }
    var next: UInt64 = 1
    while threads.count < count {
      threads.insert(next)
      next += 1
    }
    return threads
  }
}
