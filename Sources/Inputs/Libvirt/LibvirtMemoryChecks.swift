import Facts
import Syntax

/// Refusals of a domain's memory modules, huge pages and NUMA policy, with libvirt's messages (observed on 9.0, and still in 11.3).
extension LibvirtReader {
  mutating func validateMemoryParts(_ domain: XMLElement, _ part: LocationBase) {
    validateModules(domain, part)
    validateHugePages(domain, part)
    validatePolicy(domain, part)
  }

  /// Memory up to which modules may be plugged, their slots, and the modules (libvirt src/conf/domain_postparse.c:
  /// virDomainDefPostParseMemory, src/qemu/qemu_domain.c: qemuDomainDefValidateMemoryHotplug). Since 11 libvirt adds the NUMA node
  /// that QEMU would add.
  private mutating func validateModules(_ domain: XMLElement, _ part: LocationBase) {
    let devices = domain.child("devices")?.children.filter { $0.qualifiedName == "memory" } ?? []
    guard let maximum = domain.child("maxMemory") else {
      guard let module = devices.first, module.value("model") != "sgx-epc" else { return }
      return refuse(
        "cannot use/hotplug a memory device when domain 'maxMemory' is not defined", "add `<maxMemory slots=… unit=…>` to the domain",
        at: location(module, part, "/devices/memory"))
    }
    let place = location(maximum, part, "/maxMemory")
    let given = maximum.value("slots")
    if let given, LibvirtReader.isPlaceholder(given) || LibvirtReader.isPlaceholder(maximum.text) { return }
    guard let slots = given.map({ LibvirtNumber.natural($0) }) ?? 0, slots <= UInt64(UInt32.max) else {
      return refuse("Failed to parse memory slot count", "write `slots=` with a decimal number", at: place)
    }
    guard let size = maximum.text.isEmpty ? 0 : LibvirtNumber.bytes(maximum) else { return }
    if size == 0 {
      // Since 11 libvirt needs no slots for memory without modules.
      guard slots > 0 else { return }
      return refuse(
        "both maximum memory size and memory slot count must be specified", "write a size, or take the element out", at: place)
    }
    let cells = cells(of: domain)
    let sizes = devices.map { $0.child("target")?.child("size").flatMap { LibvirtNumber.bytes($0) } }
    let nodes = cells.map { cell in cell.value("memory").flatMap { LibvirtNumber.bytes($0, cell.value("unit") ?? "KiB") } }
    guard !sizes.contains(nil), !nodes.contains(nil) else { return }
    let modules = LibvirtReader.sum(sizes)
    guard let base = cells.isEmpty ? domain.child("memory").flatMap({ LibvirtNumber.bytes($0) }) : LibvirtReader.sum(nodes) else { return }
    if cells.isEmpty, modules > base {
      return refuse("Total size of memory devices exceeds the total memory size", "write `<memory>` with that of the modules", at: place)
    }
    // Without cells `<memory>` is the sum.
    if size < base || !cells.isEmpty && size - base < modules {
      return refuse(
        "maximum memory size must be equal or greater than the actual memory size", "write a size from that of `<memory>`", at: place)
    }
    for module in devices { validate(module, max(cells.count, 1), hasCells: !cells.isEmpty, part) }
    let plugged = devices.filter { ["dimm", "nvdimm"].contains($0.value("model")) }
    if plugged.count > slots {
      refuse("failed to find an empty memory slot", "write `slots='\(plugged.count)'`", at: place)
    }
  }

  private static func sum(_ sizes: [UInt64?]) -> UInt64 {
    sizes.reduce(0) { $0.addingReportingOverflow($1 ?? 0).partialValue }
  }

  /// libvirt src/conf/domain_validate.c: virDomainMemoryDefValidate.
  private mutating func validate(_ module: XMLElement, _ count: Int, hasCells: Bool, _ part: LocationBase) {
    let place = location(module, part, "/devices/memory")
    let target = module.child("target")
    let model = module.value("model") ?? ""
    if let node = target?.child("node").flatMap({ LibvirtNumber.natural($0.text) }) {
      if node >= count {
        refuse(
          "can't add memory backend for guest node '\(node)' as the guest has only '\(count)' NUMA nodes configured",
          "name a node of `<cpu><numa>`", at: place)
      }
    } else if hasCells, target?.child("node") == nil, ["dimm", "nvdimm", "virtio-mem"].contains(model) {
      refuse("target NUMA node needs to be specified for memory device", "add `<node>` to `<target>`", at: place)
    }
    if model == "nvdimm", module.child("source")?.child("path") == nil {
      refuse("path is required for model 'nvdimm'", "add `<source><path>`", at: place)
    }
    guard model == "virtio-mem", let size = target?.child("size").flatMap({ LibvirtNumber.bytes($0) }) else { return }
    if let requested = target?.child("requested").flatMap({ LibvirtNumber.bytes($0) }), requested > size {
      refuse("requested size must be smaller than or equal to @size (\(size / 1024)KiB)", "write less into `<requested>`", at: place)
    }
    if let block = target?.child("block").flatMap({ LibvirtNumber.bytes($0) }), block & (block &- 1) != 0 {
      refuse("block size must be a power of two", "write `<block unit='MiB'>2</block>`", at: place)
    }
  }

  /// libvirt src/conf/domain_validate.c: virDomainDefMemtuneValidate, src/qemu/qemu_validate.c: qemuValidateDomainDefMemory.
  private mutating func validateHugePages(_ domain: XMLElement, _ part: LocationBase) {
    guard let backing = domain.child("memoryBacking"), let pages = backing.child("hugepages") else { return }
    let whole = location(pages, part, "/memoryBacking/hugepages")
    if backing.child("allocation")?.value("mode") == "ondemand" {
      refuse("hugepages are not allowed with memory allocation ondemand", "write `mode='immediate'`, or take one out", at: whole)
    } else if backing.child("source")?.value("type") == "anonymous" {
      refuse("hugepages are not allowed with anonymous memory source", "take `<source>` out, or write `type='memfd'`", at: whole)
    }
    let count = cells(of: domain).count
    var sizes: [UInt64] = []
    // The first page of each node, and that of all nodes.
    var owners: [Int: Int] = [:], master: Int?
    for page in pages.children where page.qualifiedName == "page" {
      let place = location(page, part, "/memoryBacking/hugepages/page")
      guard let text = page.value("size") else {
        return refuse("missing element or attribute './@size'", "add `size=` with a `unit=`", at: place)
      }
      guard let size = LibvirtNumber.bytes(text, page.value("unit") ?? "KiB").map({ $0 / 1024 }) else { return }
      if size == 0 { return refuse("hugepage size can't be zero", "write a size that the host has, as 2048", at: place) }
      var nodes = page.value("nodeset").map { LibvirtNumber.set($0) ?? [] }
      if let nodeset = page.value("nodeset"), nodes?.isEmpty == true {
        if LibvirtNumber.set(nodeset) != nil { refuse("Invalid value of 'nodeset': \(nodeset)", "name a node", at: place) }
        return
      }
      if count == 0, nodes == [0] { nodes = nil }
      if let other = nodes?.compactMap({ owners[$0] }).min() {
        return refuse(
          "nodeset attribute of hugepages of sizes \(size) and \(sizes[other]) intersect", "name each node once", at: place)
      }
      if nodes == nil, let master {
        return refuse(
          "two master hugepages detected: \(size) and \(sizes[master])", "give all but one a `nodeset=` of `<cpu><numa>`", at: place)
      }
      if let missing = nodes?.filter({ $0 >= count }).min() {
        return refuse("hugepages: node \(missing) not found", "name a node of `<cpu><numa>`, or take `nodeset` out", at: place)
      }
      for node in nodes ?? [] { owners[node] = sizes.count }
      if nodes == nil { master = sizes.count }
      sizes.append(size)
    }
  }

  /// libvirt src/conf/numa_conf.c: virDomainNumatuneParseXML, virDomainNumatuneNodeParseXML and virDomainNumaDefValidate.
  private mutating func validatePolicy(_ domain: XMLElement, _ part: LocationBase) {
    guard let policy = domain.child("numatune") else { return }
    let memory = policy.child("memory")
    let isAuto = domain.child("vcpu")?.value("placement") == "auto"
    let nodeset = memory?.value("nodeset")
    if let memory, let nodeset, LibvirtNumber.set(nodeset)?.isEmpty == true {
      return refuse("Invalid value of 'nodeset': \(nodeset)", "name a node", at: location(memory, part, "/numatune/memory"))
    }
    var placement = memory?.value("placement")
    if placement == nil, nodeset == nil, memory == nil ? isAuto : memory?["mode"] != nil { placement = isAuto ? "auto" : "static" }
    if let memory, placement == "static", nodeset == nil {
      return refuse(
        "nodeset for NUMA memory tuning must be set if 'placement' is 'static'", "add `nodeset=` with nodes of the host",
        at: location(memory, part, "/numatune/memory"))
    }
    let cells = cells(of: domain)
    var seen: Set<UInt64> = []
    for node in policy.children where node.qualifiedName == "memnode" {
      let place = location(node, part, "/numatune/memnode")
      if placement == "auto" {
        return refuse(
          "Per-node binding is not compatible with automatic NUMA placement.", "write `placement='static'` and a nodeset", at: place)
      }
      if cells.isEmpty {
        return refuse("Element 'memnode' is invalid without any guest NUMA cells", "add `<cpu><numa>`, or write `<memory>`", at: place)
      }
      guard let cell = node.value("cellid").flatMap(LibvirtNumber.natural) else { return }
      if cell >= cells.count {
        return refuse(
          "Argument 'cellid' in memnode element must correspond to existing guest's NUMA cell", "name a cell of `<cpu><numa>`", at: place)
      }
      if !seen.insert(cell).inserted { return refuse("Multiple memnode elements with cellid \(cell)", "keep one of them", at: place) }
      if node["nodeset"] == nil {
        return refuse("Missing required nodeset attribute in memnode element", "add `nodeset=` with nodes of the host", at: place)
      }
      if memory?.value("mode") == "restrictive", node.value("mode") != "restrictive" {
        return refuse(
          "'restrictive' mode is required in memnode element when mode is 'restrictive' in memory element",
          "write `mode='restrictive'`", at: place)
      }
    }
  }
}
