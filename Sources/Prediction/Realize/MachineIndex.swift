import Facts

/// Facts of a machine that its devices look up, determined once for all of them.
struct MachineIndex: Sendable {
  /// The refusal of the first iommufd object with the id of another.
  let duplicateIOMMUFD: String?
  /// Whether there is an iommufd object.
  let hasIOMMUFD: Bool
  /// Whether an iommufd object opens /dev/iommu, because it has no descriptor.
  let opensIOMMUFD: Bool
  /// The shared files that are guest memory.
  let memoryFiles: [FileMemory.Item]
  /// The `-global` options that QEMU accepts for each type of device that the machine has and that is not vfio's.
  let settings: [String: [GlobalProperty]]
  /// The `-global` options for each of these types on whose values its devices fail, where they do not set them themselves.
  let badValues: [String: [GlobalProperty]]
  /// The properties of `-global` options.
  let globalProperties: Set<String>
  /// Whether a sound card without an `audiodev` finds none, but for cards of some types, which a `-global` gives one.
  private let lacksDefaultAudio: Bool, withAudio: Set<String>
  /// The first `-global` option for each driver whose name or value QEMU refuses.
  private let badGlobals: [String: Result<RealizeFailure, Unknown>]
  /// The first `-global` option for each driver on which QEMU crashes, and its index.
  private let crashes: [String: (index: Int, failure: RealizeFailure)]

  init(_ machine: MachineConfig, _ qemu: QEMUProfile) {
    let own = machine.objects.filter { $0.type == "iommufd" }
    let ids = own.filter { !$0.isAdded }.compactMap(\.id)
    let counts = Dictionary(ids.map { ($0, 1) }, uniquingKeysWith: +)
    duplicateIOMMUFD = ids.first { counts[$0, default: 0] > 1 }.map { MachineConfig.duplicate($0, of: own) }
    hasIOMMUFD = !own.isEmpty
    opensIOMMUFD = own.contains { $0.string("fd") == nil }
    memoryFiles = FileMemory.items(of: machine)
    let drivers = machine.globals.isEmpty ? [] : Set(machine.devices.filter { !$0.isVFIO }.compactMap(\.driver))
    settings = Dictionary(uniqueKeysWithValues: drivers.map { ($0, machine.settings(ofType: $0, qemu)) })
    badValues = Dictionary(uniqueKeysWithValues: drivers.map { ($0, machine.badValues(of: $0, qemu)) })
    globalProperties = Set(machine.globals.map(\.property))
    lacksDefaultAudio = machine.lacksDefaultAudio(qemu)
    withAudio = Set(machine.globals.filter { $0.property == "audiodev" }.map(\.driver))
    badGlobals = MachineIndex.badGlobals(of: machine, qemu)
    crashes = Dictionary(
      machine.globals.enumerated().compactMap { index, global in
        guard global.property != "fd", let failure = QEMUCrash.global(global, in: qemu) else { return nil }
        return (global.driver, (index, failure))
      }) { first, _ in first }
  }

  /// The first `-global` option for a driver that is not vfio's whose name or value QEMU refuses.
  func badGlobal(of driver: String) throws(Unknown) -> RealizeFailure? { try badGlobals[driver]?.get() }

  /// Whether a device without an `audiodev` is a sound card that finds none.
  func lacksAudio(_ driver: String) -> Bool {
    guard lacksDefaultAudio, MachineConfig.soundCards.contains(driver) else { return false }
    return withAudio.isDisjoint(with: DeviceNeeds.inside(driver).union([driver, driver.hasPrefix("hda-") ? "hda-audio" : driver]))
  }

  /// The first `-global` option on which QEMU crashes when it makes a PCI device of a driver that is not vfio's.
  func crashingGlobal(of driver: String) -> RealizeFailure? {
    PCIDrivers.classes(of: driver).compactMap { crashes[$0] }.min { $0.index < $1.index }?.failure
  }

  /// The first bad `-global` option of each driver that the machine has. There are few drivers that are known.
  private static func badGlobals(of machine: MachineConfig, _ qemu: QEMUProfile) -> [String: Result<RealizeFailure, Unknown>] {
    if machine.globals.isEmpty { return [:] }
    let drivers = Set(machine.devices.compactMap(\.driver)).filter(PCIDrivers.isKnown)
    return Dictionary(
      drivers.compactMap { driver in
        // QEMU makes the device in one of virtio first.
        let inner = DeviceNeeds.inside(driver).first { $0.hasSuffix("-device") }
        let inside = DeviceNeeds.inside(driver).union(inner == nil ? [] : ["virtio-device"])
        let ofInner = machine.globals.filter { inside.contains($0.driver) }.map { (global: $0, type: inner ?? driver) }
        let own = machine.globals.filter { PCIDrivers.derives(driver, from: $0.driver) }.map { (global: $0, type: driver) }
        return (ofInner + own).lazy.compactMap { global, type -> Result<RealizeFailure, Unknown>? in
          do throws(Unknown) { return try refusal(of: global, for: type, qemu).map { .success($0) } } catch { return .failure(error) }
        }.first.map { (driver, $0) }
      }) { first, _ in first }
  }

  /// The refusal of a `-global` option by a device of a driver.
  /// - Throws: the C library decides.
  static func refusal(of global: GlobalProperty, for driver: String, _ qemu: QEMUProfile) throws(Unknown) -> RealizeFailure? {
    let named = "can't apply global \(global.driver).\(global.property)=\(global.value): "
    switch DeviceProperties.lookup(global.property, of: driver, in: qemu) {
    case .unknown: return nil
    case .absent: return RealizeFailure(.badGlobal, named + "Property '\(driver).\(global.property)' not found")
    case .kind(let kind):
      let text = PropertyChecks.globalRefusal(global.property, global.value, kind: kind, driver: driver, in: qemu)
      if let text { try PropertyChecks.requireKnown(global, text, qemu) }
      return text.map { RealizeFailure(.badGlobal, named + $0) }
    }
  }
}
