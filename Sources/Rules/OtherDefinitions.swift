import Facts
import Prediction

/// The host functions that every definition of a run asks for: what two guests cannot share. A run
/// keeps these for all its definitions, and of the definitions themselves one at a time.
public struct RunAssignments: Sendable {
  /// A vfio device of one of the definitions.
  public struct Device: Hashable, Sendable {
    /// The definition's path.
    public let source: String
    /// For people: "`hostdev0` (0000:01:00.0)".
    public let name: String
    /// Nil when the request does not say which function it is.
    public let host: PCIAddress?
    fileprivate let definition: Int
    /// The libvirt guest that the definition is of.
    fileprivate let guest: String?
  }

  private var byAddress: [PCIAddress: [Device]] = [:]
  private var unresolved: [Device] = []
  /// The libvirt guest of each definition. A name is one guest's, and two definitions of it, such as a
  /// snapshot's beside its own, are never started at the same time.
  private var guests: [String?] = []
  fileprivate var count: Int { guests.count }

  public init() {}

  /// Adds a definition: its machine's devices, or the plugs where there are some.
  /// - Parameter descriptors: which host function a passed descriptor is, by the value of `fd`.
  /// - Returns: its number, for `others(than:)`.
  public mutating func add(
    _ machine: MachineRequest, plugs: [DeviceRequest], descriptors: [String: Known<PCIAddress?>] = [:]
  ) -> Int {
    let guest = machine.libvirt?.name
    defer { guests.append(guest) }
    for request in plugs.isEmpty ? machine.devices : plugs where request.isVFIO {
      let address = request.hostAddress(descriptors)
      let device = Device(
        source: machine.source, name: request.name(at: address), host: address, definition: count,
        guest: guest)
      if let address {
        byAddress[address, default: []].append(device)
      } else if unresolved.count < 2, unresolved.last?.definition != count,
        guest == nil || unresolved.last?.guest != guest {
        // Asked for is only one of another definition: one each of two is enough.
        unresolved.append(device)
      }
    }
    return count
  }

  /// What all definitions but this one ask for.
  public func others(than definition: Int) -> OtherDefinitions { OtherDefinitions(run: self, own: definition) }

  fileprivate func first(_ address: PCIAddress, notOf definition: Int) -> Device? {
    byAddress[address]?.first { isOfAnother($0, than: definition) }
  }

  fileprivate func firstUnresolved(notOf definition: Int) -> Device? {
    unresolved.first { isOfAnother($0, than: definition) }
  }

  private func isOfAnother(_ device: Device, than definition: Int) -> Bool {
    guard device.definition != definition else { return false }
    guard let guest = device.guest, guests.indices.contains(definition) else { return true }
    return guest != guests[definition]
  }
}

/// What the other definitions of a run ask for. Definitions that are judged together are taken to run
/// at the same time, on one host.
public struct OtherDefinitions: Sendable {
  fileprivate let run: RunAssignments
  fileprivate let own: Int

  /// There are none.
  public static let none = RunAssignments().others(than: 0)

  /// Whether this definition is the only one.
  public var isEmpty: Bool { run.count < 2 }

  /// The device of another definition that is this host function: of the first, in the run's order.
  public func device(at address: PCIAddress) -> RunAssignments.Device? { run.first(address, notOf: own) }

  /// A device of another definition that may be any host function.
  public var unresolved: RunAssignments.Device? { run.firstUnresolved(notOf: own) }
}
