import Facts

/// The processors of a q35, i440fx, microvm or virt, by `-smp` and `-machine smp.*` (QEMU hw/core/machine-smp.c: machine_parse_smp_config;
/// recorded from 7.2.22, 10.0.13 and 11.1.3).
struct ProcessorTopology {
  /// The result of reading the options.
  enum Reading {
    case topology(ProcessorTopology)
    case refused(LaunchFailure)
    /// A part is not known, or the machine is not modelled.
    case unknown
  }

  /// Processors that the guest starts with.
  private(set) var count: UInt32
  /// Processors that it may have.
  private(set) var maximum: UInt32
  private var sockets, dies, clusters, modules, cores, threads: UInt32

  /// The first refusal; nil where none is certain.
  static func refusal(_ machine: MachineConfig, _ qemu: QEMUProfile) -> LaunchFailure? {
    switch read(machine, qemu) {
    case .refused(let failure): return failure
    case .topology(let topology):
      return MachineKind(machine) == .virt ? topology.refusalOfGIC(machine, qemu) : topology.refusalOfController(machine, qemu)
    case .unknown: return nil
    }
  }

  /// A key with its value and the option that it is of.
  private struct Item {
    let key: String
    let text: String
    let number: QEMUInteger?
    let location: Location
  }

  /// Reads the options, which QEMU merges in their order.
  static func read(_ machine: MachineConfig, _ qemu: QEMUProfile) -> Reading {
    let kind = MachineKind(machine)
    guard let release = qemu.modelledRelease, machine.libvirt == nil, let type = machine.typeName(in: release),
      kind == .q35 || kind == .i440fx || kind == .microvm || kind == .virt, let items = items(machine)
    else { return .unknown }
    guard let end = items.last else { return .topology(ProcessorTopology()) }
    func refused(_ text: String, _ place: Location? = nil) -> Reading {
      .refused(LaunchFailure(RealizeFailure(.badOption, text), at: place ?? end.location))
    }
    if let short = shortForm(machine) { return refused("Expected '=' after parameter '\(short)'") }
    let isOld = qemu.isBefore(9, 0)
    let keys = Set(["cpus", "maxcpus", "sockets", "dies", "cores", "threads", "clusters"] + (isOld ? [] : ["modules", "books", "drawers"]))
    // The last value counts when a key is given twice (QEMU util/keyval.c: keyval_parse_one).
    let last = Dictionary(items.map { ($0.key, $0) }) { $1 }
    if last.values.contains(where: { QEMUNumber.mayBeBinary($0.text, in: qemu) }) { return .unknown }
    if let bad = items.first(where: { last[$0.key]?.number == nil && keys.contains($0.key) }) {
      return refused("Parameter 'smp.\(bad.key)' expects integer", bad.location)
    }
    if let other = items.first(where: { !keys.contains($0.key) }) {
      return refused("Parameter 'smp.\(other.key)' is unexpected", other.location)
    }
    var given: [String: UInt32] = [:]
    var hasZero = false
    for (key, item) in last {
      let number = item.number
      hasZero = hasZero || number == .natural(0)
      given[key] = number.map(ProcessorTopology.truncated)
    }
    if !isOld, hasZero { return refused("Invalid CPU topology: CPU topology parameters must be greater than zero") }
    let more = isOld ? "" : "> 1 "
    let own: Set<String> = kind == .virt ? ["clusters"] : kind == .microvm ? [] : ["modules", "dies"]
    let absent = ["modules", "clusters", "dies", "books", "drawers"].first { name in
      !own.contains(name) && given[name].map { $0 > 1 } == true
    }
    if let absent { return refused("\(absent) \(more)not supported by this machine's CPU topology") }
    guard let topology = ProcessorTopology(given, prefersSockets: machine.prefersSockets) else {
      return .refused(
        LaunchFailure(
          RealizeFailure(.crashingProperty, "machine_parse_smp_config divides by zero", signal: "SIGFPE"), at: end.location))
    }
    let text = topology.text(kind, isOld)
    if topology.product != topology.maximum {
      return refused("Invalid CPU topology: product of the hierarchy must match maxcpus: \(text) != maxcpus (\(topology.maximum))")
    }
    if topology.maximum < topology.count {
      return refused(
        "Invalid CPU topology: maxcpus must be equal to or greater than smp: \(text) == maxcpus (\(topology.maximum)) < smp_cpus "
          + "(\(topology.count))")
    }
    let limit = machine.mostProcessors(kind, release)
    if topology.maximum > limit {
      return refused(
        "Invalid SMP CPUs \(Int32(bitPattern: topology.maximum)). The max CPUs supported by machine '\(type)' is \(limit)")
    }
    return .topology(topology)
  }

  /// The items of all options in the order of the text; nil where one is not known.
  private static func items(_ machine: MachineConfig) -> [Item]? {
    let options = machine.options.filter { $0.name == "smp" }
    let properties = machine.machine.filter { $0.name.hasPrefix("smp.") }
    if machine.machine.contains(where: { $0.name == "smp" }) { return nil }
    var items: [Item] = []
    for option in (options + properties).sorted(by: { ($0.location.range?.lowerBound ?? 0) < ($1.location.range?.lowerBound ?? 0) }) {
      guard let text = option.value.string, !text.contains("$"), !text.contains("`") else { return nil }
      let own = option.name == "smp" ? OptionText.items(text, implied: "cpus") : [(String(option.name.dropFirst(4)), text)]
      items += own.map { Item(key: $0.0, text: $0.1, number: QEMUNumber.integer($0.1).flatMap(signed), location: option.location) }
    }
    // Files of -readconfig have positions of their own.
    let sources = Set(items.map(\.location.source))
    return sources.count < 2 ? items : nil
  }

  /// A word without a value, which QEMU does not accept here.
  private static func shortForm(_ machine: MachineConfig) -> String? {
    for option in machine.options where option.name == "smp" {
      let words = (option.value.string ?? "").split(separator: ",", omittingEmptySubsequences: false).dropFirst()
      if let short = words.first(where: { !$0.isEmpty && !$0.contains("=") }) { return String(short) }
    }
    return nil
  }

  /// QEMU reads a number of 64 bits with a sign.
  private static func signed(_ number: QEMUInteger) -> QEMUInteger? {
    if case .natural(let value) = number, value > UInt64(Int64.max) { return nil }
    return number
  }

  private static func truncated(_ number: QEMUInteger) -> UInt32 {
    switch number {
    case .natural(let value): return UInt32(truncatingIfNeeded: value)
    case .negative(let value): return UInt32(truncatingIfNeeded: value)
    }
  }

  /// One processor.
  private init() { (count, maximum, sockets, dies, clusters, modules, cores, threads) = (1, 1, 1, 1, 1, 1, 1, 1) }

  /// Computes the counts that are not given; nil where QEMU divides by zero.
  private init?(_ given: [String: UInt32], prefersSockets: Bool) {
    self.init()
    count = given["cpus"] ?? 0
    maximum = given["maxcpus"] ?? 0
    dies = max(given["dies"] ?? 0, 1)
    clusters = max(given["clusters"] ?? 0, 1)
    modules = max(given["modules"] ?? 0, 1)
    (sockets, cores, threads) = (given["sockets"] ?? 0, given["cores"] ?? 0, given["threads"] ?? 0)
    if count == 0, maximum == 0 {
      (sockets, cores, threads) = (max(sockets, 1), max(cores, 1), max(threads, 1))
    } else {
      if maximum == 0 { maximum = count }
      func rest(_ parts: UInt32...) -> UInt32? {
        let divisor = parts.reduce(dies &* clusters &* modules, &*)
        return divisor == 0 ? nil : maximum / divisor
      }
      if prefersSockets ? sockets == 0 : sockets == 0 && cores != 0 {
        (cores, threads) = (max(cores, 1), max(threads, 1))
        guard let quotient = rest(cores, threads) else { return nil }
        sockets = quotient
      } else if cores == 0 {
        (sockets, threads) = (max(sockets, 1), max(threads, 1))
        guard let quotient = rest(sockets, threads) else { return nil }
        cores = quotient
      }
      if threads == 0 {
        guard let quotient = rest(sockets, cores) else { return nil }
        threads = quotient
      }
    }
    if maximum == 0 { maximum = product }
    if count == 0 { count = maximum }
  }

  private var product: UInt32 { sockets &* dies &* clusters &* modules &* cores &* threads }

  /// The counts as QEMU prints them (QEMU hw/core/machine-smp.c: cpu_hierarchy_to_string).
  private func text(_ kind: MachineKind, _ isOld: Bool) -> String {
    let inner = switch kind {
    case .microvm: ""
    case .virt: "clusters (\(clusters)) * "
    default: "dies (\(dies)) * " + (isOld ? "" : "modules (\(modules)) * ")
    }
    return "sockets (\(sockets)) * \(inner)cores (\(cores)) * threads (\(threads))"
  }

  // MARK: - Interrupt controllers

  /// The APIC id of a processor: each part of the topology has the bits that its count needs (QEMU include/hw/i386/topology.h:
  /// x86_apicid_from_cpu_idx).
  private func identifier(_ index: UInt32) -> UInt32 {
    var rest = index
    var id: UInt32 = 0
    var shift: UInt32 = 0
    for count in [threads, cores, modules, dies] {
      id |= rest % count << shift
      rest /= count
      shift += UInt32(32 - (count - 1).leadingZeroBitCount)
    }
    return id | rest << shift
  }

  /// The refusal of more processors than a GICv2 serves, which TCG has by default in 7.2 (QEMU hw/arm/virt.c: machvirt_init).
  private func refusalOfGIC(_ machine: MachineConfig, _ qemu: QEMUProfile) -> LaunchFailure? {
    guard maximum > 8, let option = machine.options.last(where: { $0.name == "smp" })
      ?? machine.machine.last(where: { $0.name.hasPrefix("smp.") })
    else { return nil }
    switch machine.machineSetting("gic-version") {
    case .known("2"): break
    case .known(nil) where qemu.isBefore(8, 0) && machine.usesKVM == .known(false): break
    default: return nil
    }
    let text = "Number of SMP CPUs requested (\(maximum)) exceeds max CPUs supported by machine 'mach-virt' (8)"
    return LaunchFailure(RealizeFailure(.badOption, text), at: option.location)
  }

  /// Whether the GIC of a `virt` certainly serves them: a GICv3 has room for 123 without high memory.
  func fitGIC(_ machine: MachineConfig, _ qemu: QEMUProfile) -> Bool {
    if maximum <= 8 || refusalOfGIC(machine, qemu) != nil { return true }
    return maximum <= 123 && ["3", "4", "max", "host"].contains(machine.machineOption("gic-version"))
  }

  /// The refusal of more processors than TCG's interrupt controller has ids for. 7.2 counts those that the guest may have, and
  /// later releases those that it starts with, if its processor has no x2APIC (observed on 7.2.22, 10.0.13 and 11.1.3).
  private func refusalOfController(_ machine: MachineConfig, _ qemu: QEMUProfile) -> LaunchFailure? {
    guard machine.usesTCG, maximum > 1, maximum <= 4096,
      let option = machine.options.last(where: { $0.name == "smp" }) ?? machine.machine.last(where: { $0.name.hasPrefix("smp.") })
    else { return nil }
    if qemu.isBefore(8, 0) {
      guard identifier(maximum - 1) >= 255 else { return nil }
      let text = "current -smp configuration requires kernel irqchip and X2APIC API support."
      return LaunchFailure(RealizeFailure(.badOption, text), at: option.location)
    }
    guard !machine.hasOption("cpu"), let first = (0..<count).lazy.map(identifier).first(where: { $0 >= 255 }) else { return nil }
    let text = "APIC ID \(first) requires x2APIC feature in CPU"
    guard qemu.isBefore(11, 1) else { return LaunchFailure(RealizeFailure(.badOption, text), at: option.location) }
    return LaunchFailure(RealizeFailure(.crashingProperty, text, signal: "SIGABRT"), at: option.location)
  }
}

extension MachineConfig {
  /// Machine types before 6.2 compute sockets before cores (QEMU hw/i386/pc_q35.c: pc_q35_6_1_machine_options; hw/arm/virt.c).
  fileprivate var prefersSockets: Bool {
    (versionOfPC ?? version(after: "virt-")).map { $0 < (6, 2) } ?? false
  }

  /// The maximum of processors of a machine type (`query-machines` of 7.2.22, 10.0.13 and 11.1.3).
  fileprivate func mostProcessors(_ kind: MachineKind, _ release: QEMURelease) -> UInt32 {
    guard kind != .i440fx else { return 255 }
    if kind == .virt { return version(after: "virt-").map { $0 < (3, 0) } ?? false ? 255 : 512 }
    guard kind == .q35 else { return 288 }
    let version = version(after: "pc-q35-") ?? (release.major, release.minor)
    return version < (2, 8) ? 255 : version < (8, 1) ? 288 : version < (9, 0) ? 1024 : 4096
  }
}
