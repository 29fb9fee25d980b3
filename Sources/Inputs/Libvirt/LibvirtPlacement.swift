import Facts
import Syntax

/// libvirt's choice of addresses for the PCI controllers and devices of a domain that have none, as far as it can fail (libvirt
/// src/qemu/qemu_domain_address.c: qemuDomainAssignPCIAddresses, src/conf/domain_addr.c: virDomainPCIAddressGetNextAddr). It is made
/// twice: first with buses that are added where one lacks, then with all of these.
struct LibvirtPlacement {
  /// A controller, given or added, that is or needs a place.
  struct Controller {
    let index: Int
    let model: String
    /// Location of the element; nil for one that libvirt adds.
    let location: Location?
    /// The bus that its address names.
    var bus: Int?
    /// Whether libvirt gives it no address, or the chip set's.
    let isPlaced: Bool
  }

  /// A slot that is given to a device, or to a controller on a bus that exists.
  struct Taken {
    let bus: Int
    let slot: Int
    let function: Int
    /// Whether the device's own choice would be PCI Express; nil when it is not known.
    let isExpress: Bool?
    /// Whether it is a root port: ports share a slot.
    let isPort: Bool
    /// The address as libvirt's messages have it, and its location.
    let text: String
    let location: Location
  }

  /// A refusal, and the location of the controller that it is about.
  struct Failure: Error {
    let text: String
    let location: Location?
    let model: String
    /// The slots of the bus, where the refusal is about a slot.
    var slots: ClosedRange<Int>?
  }

  private struct Bus {
    let model: String
    /// The connection that alone is allowed: of a port that libvirt adds for a bridge.
    var only: String?
    var functions = [UInt8](repeating: 0, count: 32)
    /// Slots whose functions are ports that libvirt chose.
    var isOfPorts = [Bool](repeating: false, count: 32)

    var slots: ClosedRange<Int> {
      LibvirtControllerChecks.buses[model].map { Int($0.slots.lowerBound)...Int($0.slots.upperBound) } ?? 0...31
    }

    var isFull: Bool { slots.allSatisfy { functions[$0] != 0 } }

    /// Whether libvirt itself puts a controller of this model, or a device of `pci` or `pcie`, there.
    func accepts(_ connection: String) -> Bool {
      if let only { return connection == only }
      return LibvirtPlacement.connections[model]?.contains(connection) == true
    }
  }

  /// libvirt src/conf/domain_addr.c: virDomainPCIAddressBusSetModel. Devices with VIR_PCI_CONNECT_AUTOASSIGN only.
  private static let connections: [String: Set<String>] = [
    "pci-root": ["pci", "pci-bridge", "pci-expander-bus"],
    "pci-bridge": ["pci", "pci-bridge"],
    "pci-expander-bus": ["pci", "pci-bridge"],
    "pcie-root": ["pcie-root-port", "dmi-to-pci-bridge", "pcie-expander-bus"],
    "dmi-to-pci-bridge": ["pci-bridge"],
    "pcie-to-pci-bridge": ["pci", "pci-bridge"],
    "pcie-root-port": ["pcie", "pcie-switch-upstream-port", "pcie-to-pci-bridge"],
    "pcie-switch-downstream-port": ["pcie", "pcie-switch-upstream-port", "pcie-to-pci-bridge"],
    "pcie-switch-upstream-port": ["pcie-switch-downstream-port"],
    "pcie-expander-bus": ["pcie-root-port", "dmi-to-pci-bridge"]
  ]

  /// Buses after which libvirt gives up for other reasons.
  private static let maximumBuses = 256

  /// Controllers by index, without the root.
  let declared: [Controller]
  let taken: [Taken]
  let isExpress: Bool
  /// Slots of the root that the chip set has.
  let ownSlots: [Int]
  /// Slots of the root that libvirt prefers for a device, where they are free.
  let preferredSlots: [Int]
  /// Numbers of devices for which libvirt chooses a slot.
  let conventional: Int
  let express: Int

  private var buses: [Bus] = []
  private var isDryRun = true
  /// The first bus that may accept a device of that connection: no slot is given back.
  private var first: [String: Int] = [:]

  init(
    declared: [Controller], taken: [Taken], isExpress: Bool, ownSlots: [Int], preferredSlots: [Int], conventional: Int, express: Int
  ) {
    self.declared = declared.sorted { $0.index < $1.index }
    self.taken = taken
    self.isExpress = isExpress
    self.ownSlots = ownSlots
    self.preferredSlots = preferredSlots
    self.conventional = conventional
    self.express = express
  }

  /// The refusal; nil when everything gets an address, or when it is not known how.
  mutating func failure() -> Failure? {
    do {
      guard let added = try dryRun() else { return nil }
      isDryRun = false
      let all = (declared + added).sorted { $0.index < $1.index }
      guard try reserve(all) else { return nil }
      let places = try all.map { ($0, $0.isPlaced ? $0.bus : try place($0)) }
      for (controller, bus) in places {
        if controller.model == "pci-bridge", let bus, controller.index <= bus { return behindItself(controller, bus) }
      }
      return nil
    } catch let failure as Failure {
      return failure
    } catch {
      return nil
    }
  }

  /// - Returns: the controllers that libvirt adds; nil when they are too many.
  private mutating func dryRun() throws -> [Controller]? {
    guard try reserve(declared) else { return nil }
    let given = Set(declared.map(\.index))
    // A place for one more bridge, unless there is none at all.
    if !isExpress, buses.contains(where: { !$0.isFull }) { addDevice("pci") }
    for controller in declared where !controller.isPlaced { _ = try place(controller) }
    for _ in 0..<conventional where buses.count < LibvirtPlacement.maximumBuses { addDevice("pci") }
    for _ in 0..<express where buses.count < LibvirtPlacement.maximumBuses { addDevice(isExpress ? "pcie" : "pci") }
    if isExpress, given.isEmpty, buses.count > 1 { addDevice("pcie") }
    let added = buses.indices.dropFirst().filter { !given.contains($0) }.map {
      Controller(index: $0, model: buses[$0].model, location: nil, isPlaced: false)
    }
    for controller in added { _ = try place(controller) }
    return buses.count < LibvirtPlacement.maximumBuses ? added : nil
  }

  /// Makes the buses, and takes the slots that are not chosen.
  private mutating func reserve(_ controllers: [Controller]) throws -> Bool {
    let models = Dictionary(controllers.map { ($0.index, $0.model) }) { first, _ in first }
    let highest = models.keys.max() ?? 0, last = max(highest, taken.map(\.bus).max() ?? 0)
    guard last < LibvirtPlacement.maximumBuses else { return false }
    // Devices come before controllers, for whose addresses libvirt adds no bus but one of a port.
    for controller in controllers where controller.bus ?? 0 > last && controller.model != "pcie-switch-upstream-port" {
      throw noSlot(controller)
    }
    let other = isExpress ? "pcie-root-port" : "pci-bridge"
    buses = (0...highest).map { Bus(model: $0 == 0 ? (isExpress ? "pcie-root" : "pci-root") : models[$0] ?? other) }
    first = [:]
    guard grow(to: last) else { return false }
    for address in taken where address.slot < 32 && address.function < 8 {
      let slots = buses[address.bus].slots
      if address.bus > highest, !slots.contains(address.slot) {
        let bound = address.slot < slots.lowerBound ? ">= \(slots.lowerBound)" : "<= \(slots.upperBound)"
        throw Failure(
          text: "Invalid PCI address \(address.text). slot must be \(bound)", location: address.location,
          model: buses[address.bus].model, slots: slots)
      }
      if address.isPort, buses[address.bus].functions[address.slot] == 0 { buses[address.bus].isOfPorts[address.slot] = true }
      buses[address.bus].functions[address.slot] |= 1 << UInt8(address.function)
    }
    for slot in ownSlots { buses[0].functions[slot] = 0xff }
    for slot in preferredSlots {
      // A display that does not get its slot comes before the controllers.
      if buses[0].functions[slot] == 0 { buses[0].functions[slot] = 1 } else if !isExpress { addDevice("pci") }
    }
    return true
  }

  /// Adds buses for addresses above the highest controller (libvirt src/conf/domain_addr.c: virDomainPCIAddressSetGrow).
  /// - Returns: false when it depends on the order of the devices, or when a bridge brings its own port.
  private mutating func grow(to last: Int) -> Bool {
    guard last >= buses.count else { return true }
    let beyond = taken.filter { $0.bus >= buses.count }
    let isConventional = !isExpress || beyond.allSatisfy { $0.isExpress == false }
    let acceptsBridge = buses.contains { LibvirtPlacement.connections[$0.model]?.contains("pci-bridge") == true }
    guard isConventional ? acceptsBridge : beyond.allSatisfy({ $0.isExpress == true }) else { return false }
    while buses.count <= last { buses.append(Bus(model: isConventional ? "pci-bridge" : "pcie-root-port")) }
    return true
  }

  // MARK: - Places

  private mutating func find(_ connection: String) -> Int? {
    let start = first[connection] ?? 0
    for index in start..<max(start, buses.count) where buses[index].accepts(connection) {
      for slot in buses[index].slots {
        let functions = buses[index].functions[slot]
        guard functions == 0 || connection == "pcie-root-port" && buses[index].isOfPorts[slot] && functions != 0xff else { continue }
        if connection == "pcie-root-port" { buses[index].isOfPorts[slot] = true }
        buses[index].functions[slot] |= functions &+ 1
        first[connection] = index
        return index
      }
    }
    first[connection] = buses.count
    return nil
  }

  private mutating func addDevice(_ connection: String) {
    if find(connection) != nil { return }
    if connection == "pcie" {
      buses.append(Bus(model: "pcie-root-port"))
    } else if isExpress, !buses.contains(where: { $0.accepts("pci-bridge") }) {
      buses.append(Bus(model: "pcie-root-port", only: "pcie-to-pci-bridge"))
      buses.append(Bus(model: "pcie-to-pci-bridge"))
    } else {
      buses.append(Bus(model: "pci-bridge"))
    }
    _ = find(connection)
  }

  /// - Returns: the bus.
  private mutating func place(_ controller: Controller) throws -> Int {
    let model = controller.model
    if let bus = find(model) { return bus }
    guard isDryRun else { throw Failure(text: "No more available PCI slots", location: controller.location, model: model) }
    if model == "pcie-switch-upstream-port" {
      buses.append(Bus(model: "pcie-root-port"))
      return find(model) ?? 0
    }
    throw noSlot(controller)
  }

  /// libvirt src/conf/domain_addr.c: virDomainPCIControllerConnectTypeToModel, which lacks one model.
  private func noSlot(_ controller: Controller) -> Failure {
    let model = controller.model
    let text =
      model == "pcie-to-pci-bridge"
      ? "Cannot automatically add a new PCI bus for a device with connect flags 2000"
      : "a PCI slot is needed to connect a PCI controller model='\(model)', but none is available, and it cannot be automatically added"
    return Failure(text: text, location: controller.location, model: model)
  }

  private func behindItself(_ controller: Controller, _ bus: Int) -> Failure {
    let index = LibvirtNumber.padded(UInt64(controller.index), 2)
    return Failure(
      text: "PCI controller at index \(controller.index) (0x\(index)) has bus='0x\(LibvirtNumber.padded(UInt64(bus), 2))', "
        + "but index must be larger than bus", location: controller.location, model: controller.model)
  }
}
