import Facts
import Prediction

/// Host functions that each definition of a run assigns. A run keeps these for all its definitions, and the definitions
/// themselves one at a time.
public struct RunAssignments: Sendable {
  /// A vfio device of one of the definitions.
  public struct Device: Hashable, Sendable {
    /// The definition's path.
    public let source: String
    fileprivate let label: DeviceLabel
    fileprivate let target: Int
    /// Name of the definition's libvirt guest.
    fileprivate let guest: String?

    /// Name for messages: "`hostdev0` (0000:01:00.0)".
    public var name: String { label.description }
    /// The host function; nil when the request does not name one that can be resolved.
    public var host: PCIAddress? { label.host }
  }

  private var byAddress: [PCIAddress: [Device]] = [:]
  private var unresolved: [Device] = []
  /// Name of each definition's libvirt guest. Two definitions of one guest, such as its own and a snapshot's, are never
  /// started at the same time.
  private var guests: [String?] = []
  fileprivate var count: Int { guests.count }

  /// Creates an empty run.
  public init() {}

  /// Devices of one definition: its plugs, or without any those of its machine.
  public struct Claims: Sendable {
    fileprivate let source: String
    fileprivate let guest: String?
    fileprivate let devices: [DeviceLabel]

    /// - Parameter descriptors: the host function of each passed descriptor, by the value of `fd`.
    public init(
      _ machine: MachineConfig, plugs: [DeviceRequest], descriptors: [String: Known<PCIAddress?>] = [:]
    ) {
      source = machine.source
      guest = machine.libvirt?.name
      devices = (plugs.isEmpty ? machine.devices : plugs).filter(\.isVFIO).map { request in
        DeviceLabel(request, at: request.hostAddress(descriptors))
      }
    }
  }

  /// Adds a definition.
  /// - Returns: its number, for `others(than:)`.
  public mutating func add(_ claims: Claims) -> Int {
    let guest = claims.guest
    defer { guests.append(guest) }
    for label in claims.devices {
      let device = Device(source: claims.source, label: label, target: count, guest: guest)
      if let address = label.host {
        byAddress[address, default: []].append(device)
      } else if unresolved.count < 2, unresolved.last?.target != count,
        guest == nil || unresolved.last?.guest != guest {
        // Only one unresolved device of another definition is ever queried, so one from each of two suffices.
        unresolved.append(device)
      }
    }
    return count
  }

  /// Devices of all definitions but this one.
  public func others(than target: Int) -> OtherDefinitions { OtherDefinitions(run: self, own: target) }

  /// Whether the other definitions exist and assign nothing that this definition's rules have queried.
  public func confirms(_ questions: OpenQuestions, of target: Int) -> Bool {
    if questions.asksForAny, count < 2 { return false }
    if questions.asksForUnresolved, firstUnresolved(notOf: target) != nil { return false }
    return !questions.addresses.contains { first($0, notOf: target) != nil }
  }

  fileprivate func first(_ address: PCIAddress, notOf target: Int) -> Device? {
    byAddress[address]?.first { isOfAnother($0, than: target) }
  }

  fileprivate func firstUnresolved(notOf target: Int) -> Device? {
    unresolved.first { isOfAnother($0, than: target) }
  }

  private func isOfAnother(_ device: Device, than target: Int) -> Bool {
    guard device.target != target else { return false }
    guard let guest = device.guest, guests.indices.contains(target) else { return true }
    return guest != guests[target]
  }
}

/// Devices of the other definitions of a run. Definitions that are linted together are assumed to run at the same time,
/// on one host.
public struct OtherDefinitions: Sendable {
  fileprivate let run: RunAssignments
  fileprivate let own: Int
  fileprivate var questions: OpenQuestions?

  /// No other definitions.
  public static let none = RunAssignments().others(than: 0)

  /// Definitions that have not been read. They are assumed to exist and to assign nothing; queries are recorded, and
  /// `RunAssignments.confirms` later determines whether that was right.
  public static func unread(_ questions: OpenQuestions) -> OtherDefinitions {
    var others = OtherDefinitions.none
    others.questions = questions
    return others
  }

  /// Whether this definition is the only one.
  public var isEmpty: Bool {
    questions?.asksForAny = true
    return questions == nil && run.count < 2
  }

  /// The first device of another definition, in the run's order, that is this host function.
  public func device(at address: PCIAddress) -> RunAssignments.Device? {
    questions?.addresses.append(address)
    return run.first(address, notOf: own)
  }

  /// A device of another definition that may be any host function.
  public var unresolved: RunAssignments.Device? {
    questions?.asksForUnresolved = true
    return run.firstUnresolved(notOf: own)
  }
}

/// Queries of a definition's rules to definitions that had not been read. Only the thread that lints the definition
/// writes to it; it is read afterwards.
public final class OpenQuestions: @unchecked Sendable {
  fileprivate var addresses: [PCIAddress] = []
  fileprivate var asksForAny = false
  fileprivate var asksForUnresolved = false

  /// Creates an empty record.
  public init() {}

  /// Whether there are no queries: then the other definitions make no difference.
  public var isEmpty: Bool { addresses.isEmpty && !asksForAny && !asksForUnresolved }
}
