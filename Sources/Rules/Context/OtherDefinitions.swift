import Facts
import Prediction

/// The host functions that every definition of a run asks for: what two guests cannot share. A run
/// keeps these for all its definitions, and of the definitions themselves one at a time.
public struct RunAssignments: Sendable {
  /// A vfio device of one of the definitions.
  public struct Device: Hashable, Sendable {
    /// The definition's path.
    public let source: String
    fileprivate let label: DeviceLabel
    fileprivate let target: Int
    /// The libvirt guest that the definition is of.
    fileprivate let guest: String?

    /// For people: "`hostdev0` (0000:01:00.0)".
    public var name: String { label.description }
    /// Nil when the request does not say which function it is.
    public var host: PCIAddress? { label.host }
  }

  private var byAddress: [PCIAddress: [Device]] = [:]
  private var unresolved: [Device] = []
  /// The libvirt guest of each definition. A name is one guest's, and two definitions of it, such as a
  /// snapshot's beside its own, are never started at the same time.
  private var guests: [String?] = []
  fileprivate var count: Int { guests.count }

  public init() {}

  /// What one definition asks for: its machine's devices, or the plugs where there are some.
  public struct Claims: Sendable {
    fileprivate let source: String
    fileprivate let guest: String?
    fileprivate let devices: [DeviceLabel]

    /// - Parameter descriptors: which host function a passed descriptor is, by the value of `fd`.
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
        // Asked for is only one of another definition: one each of two is enough.
        unresolved.append(device)
      }
    }
    return count
  }

  /// What all definitions but this one ask for.
  public func others(than target: Int) -> OtherDefinitions { OtherDefinitions(run: self, own: target) }

  /// Whether the others of a definition are there and ask for nothing that its rules have asked about.
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

/// What the other definitions of a run ask for. Definitions that are judged together are taken to run
/// at the same time, on one host.
public struct OtherDefinitions: Sendable {
  fileprivate let run: RunAssignments
  fileprivate let own: Int
  fileprivate var questions: OpenQuestions?

  /// There are none.
  public static let none = RunAssignments().others(than: 0)

  /// Nobody has read them yet. They are taken to be there and to ask for nothing, and what is asked of them is
  /// written down: `RunAssignments.confirms` tells later whether that was so.
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

  /// The device of another definition that is this host function: of the first, in the run's order.
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

/// What a definition's rules have asked of others that nobody had read. Only the thread that judges the definition
/// writes to it, and it is read when that has ended.
public final class OpenQuestions: @unchecked Sendable {
  fileprivate var addresses: [PCIAddress] = []
  fileprivate var asksForAny = false
  fileprivate var asksForUnresolved = false

  public init() {}

  /// Whether there are none: then no other definition makes a difference.
  public var isEmpty: Bool { addresses.isEmpty && !asksForAny && !asksForUnresolved }
}
