import Facts
import Prediction

/// The host functions that one definition asks for. It is all that a run keeps of a definition once that has been
/// checked, so that memory grows only with the number of vfio devices.
public struct DefinitionClaims: Sendable {
  /// An IOMMU group, with what the rules across definitions need of it.
  struct Group: Sendable {
    let number: Int
    let members: [PCIAddress]
  }

  /// A vfio device of the definition.
  struct Device: Sendable {
    let label: DeviceLabel
    /// The property that names the host function, or the whole request where none does.
    let location: Location
    /// The function's IOMMU group; nil when it has none.
    let group: Known<Group?>

    /// Nil when the request does not say which host function it is.
    var host: PCIAddress? { label.host }
    /// Name for messages: "`hostdev0` (0000:01:00.0)".
    var name: String { label.description }
  }

  /// The definition's path.
  let source: String
  /// The definition's name for messages: its path, and a line where a file holds several.
  let name: String
  /// The libvirt domain's name. It belongs to one guest: two definitions with the same name, such as a snapshot and
  /// the domain itself, never run at the same time.
  let domain: String?
  /// The guest's name, for the policy's `guest` patterns.
  let guestName: String?
  let policy: Policy
  let devices: [Device]

  /// - Parameters:
  ///   - target: a definition that has been predicted; with plugs, only the plugged devices count.
  ///   - name: its name for messages; nil is its path.
  public init(_ target: LintTarget, name: String? = nil) {
    source = target.machine.source
    self.name = name ?? source
    domain = target.machine.libvirt?.name
    guestName = target.machine.guestName
    policy = target.policy
    devices = target.contexts.map { context in
      let group: Known<Group?>
      do throws(Unknown) {
        let known = try context.group()
        group = .known(try known.map { one throws(Unknown) in Group(number: one.number, members: try one.members.value) })
      } catch {
        group = .unknown(error)
      }
      return Device(
        label: DeviceLabel(context.request, at: context.prediction.host), location: context.hostLocation, group: group)
    }
  }

  private init(copying other: DefinitionClaims) {
    source = other.source.copy
    name = other.name.copy
    domain = other.domain?.copy
    guestName = other.guestName?.copy
    policy = other.policy
    let source = source
    devices = other.devices.map { device in
      Device(
        label: device.label.copy, location: Location(source: source, range: device.location.range, path: device.location.path),
        group: device.group)
    }
  }

  /// A copy that shares no memory with the definition. A few bytes that are kept among a definition's many objects would
  /// keep the pages around them from being used again; call this when the definition is gone.
  public func copy() -> DefinitionClaims { DefinitionClaims(copying: self) }

  /// The locations that a finding across definitions may point at, and those of allowances for it.
  public var locations: [Location] {
    let allowances = policy.allowances.filter { Rule.named($0.rule)?.acrossDefinitions != nil }
    return devices.map(\.location) + (devices.isEmpty ? [] : allowances.map(\.location))
  }
}

extension DeviceLabel {
  fileprivate var copy: DeviceLabel { DeviceLabel(id: id?.copy, driver: driver?.copy, host: host) }
}

extension String {
  /// The same text in memory of its own.
  fileprivate var copy: String { String(decoding: Array(utf8), as: UTF8.self) }
}

/// The claims of all definitions of a run on one host. Definitions that are linted together are assumed to run at the
/// same time.
public struct HostDeviceClaims: Sendable {
  /// A device of one of the definitions.
  fileprivate struct Claim: Sendable {
    let definition: Int
    let device: Int
  }

  fileprivate private(set) var definitions: [DefinitionClaims] = []
  private var firstByAddress: [PCIAddress: Claim] = [:]
  /// Further claims of the same function, of which there are hardly any.
  private var moreByAddress: [PCIAddress: [Claim]] = [:]
  private var deviceCount = 0
  private var deviceCountByDomain: [String: Int] = [:]

  /// Creates a run without definitions.
  public init() {}

  /// Adds a definition. The order of adding decides which of several other definitions a finding names.
  public mutating func add(_ claims: DefinitionClaims) {
    if claims.devices.isEmpty { return }
    for (index, device) in claims.devices.enumerated() {
      guard let address = device.host else { continue }
      let claim = Claim(definition: definitions.count, device: index)
      if firstByAddress[address] == nil {
        firstByAddress[address] = claim
      } else {
        moreByAddress[address, default: []].append(claim)
      }
    }
    deviceCount += claims.devices.count
    if let domain = claims.domain { deviceCountByDomain[domain, default: 0] += claims.devices.count }
    definitions.append(claims)
  }

  /// Every definition with a vfio device, with the others of the run.
  var definitionsWithOthers: some Sequence<(DefinitionClaims, OtherDefinitions)> {
    definitions.indices.lazy.map { index in
      (definitions[index], OtherDefinitions(all: self, own: index))
    }
  }

  fileprivate func first(at address: PCIAddress, before own: Int) -> (source: String, name: String, domain: String?)? {
    let claims = [firstByAddress[address]].compactMap { $0 } + (moreByAddress[address] ?? [])
    guard let claim = claims.first(where: { $0.definition < own && isAnotherGuest($0.definition, than: own) }) else { return nil }
    let definition = definitions[claim.definition]
    return (definition.name, definition.devices[claim.device].name, definition.domain)
  }

  /// Number of devices of the definitions of other guests.
  fileprivate func deviceCount(notOf own: Int) -> Int {
    let definition = definitions[own]
    return deviceCount - (definition.domain.flatMap { deviceCountByDomain[$0] } ?? definition.devices.count)
  }

  private func isAnotherGuest(_ definition: Int, than own: Int) -> Bool {
    guard let domain = definitions[definition].domain else { return true }
    return domain != definitions[own].domain
  }
}

/// The definitions of a run other than one of them, without those of the same guest.
public struct OtherDefinitions: Sendable {
  fileprivate let all: HostDeviceClaims
  fileprivate let own: Int

  /// Whether none of them has a vfio device.
  var isEmpty: Bool { all.deviceCount(notOf: own) == 0 }

  /// The first device of an earlier definition that is this host function: the definition's path, the device's name, and that of
  /// a libvirt domain. Later ones report this definition, so each pair is reported once.
  func device(at address: PCIAddress) -> (source: String, name: String, domain: String?)? { all.first(at: address, before: own) }
}
