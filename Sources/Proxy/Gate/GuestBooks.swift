import Common
import Facts
import Prediction
import QMP
import Rules
import Syntax

/// The proxy's records about the guest, corrected by what QEMU reports.
extension QMPCommandFilter {
  /// Forgets what is gone: devices that the guest has released, and what was kept for them.
  func follow(_ guest: QOMSnapshot) {
    guard guest.missing == nil else { return }
    let ids = Set(guest.devices.compactMap { $0.id.map { WireText($0) } })
    // A primary is kept back as long as its standby is there.
    hidden = hidden.filter { $0.value.pair.map(ids.contains) ?? false }
    plugged = plugged.filter { ids.contains($0.key) || hidden[$0.key] != nil }
    ledger.forgetDevices(except: ids.union(hidden.keys))
  }

  /// Writes down a plug that QEMU has accepted.
  func wasPlugged(_ request: DeviceRequest, _ host: PCIAddress?) {
    let id = request.id.map { WireText($0) }
    if let id, let host { plugged[id] = host }
    if let id, let primary = HiddenPrimary(request) { hidden[id] = primary }
    if let number = request.string("fd").flatMap({ WireText($0).number }) {
      ledger.numbersInUse[number] = DescriptorLedger.device(id)
    }
  }

  /// The running machine, with the primaries that QEMU keeps back.
  func machine(_ guest: QOMSnapshot, globals: Known<[GlobalProperty]>) -> MachineConfig {
    var machine = guest.machine(source: "the running guest", globals: globals, plugged: plugged)
    let ids = Set(guest.devices.compactMap { $0.id.map { WireText($0) } })
    machine.devices += hidden.filter { !ids.contains($0.key) }.map(\.value.request)
    return machine
  }

  /// Reads primaries from QEMU's command line, once.
  func readHiddenPrimaries() {
    guard !hasReadHidden, let machine = commandLine() else { return }
    hasReadHidden = true
    for device in machine.devices where device.isVFIO {
      if let id = device.id, let primary = HiddenPrimary(device) { hidden[WireText(id)] = primary }
    }
  }

  /// The refusal of a device of vfio-user beside one of vfio-pci, or of the reverse: in one address space QEMU fails an
  /// assertion (observed on 11.1.3).
  func sharesWithVFIOUser(_ guest: QOMSnapshot, isVFIOUser: Bool) -> BypassRules.Reason? {
    let isMixed = isVFIOUser
      ? guest.devices.contains(where: \.isVFIO) || !hidden.isEmpty : guest.devices.contains(where: \.isVFIOUser)
    // The rules report it of a plug of vfio-pci.
    if isVFIOUser, let missing = guest.missing {
      return options.onUnknown == .warn
        ? nil : .init(rule: .mixedBackends, message: "cannot determine whether it applies: \(missing)")
    }
    guard isMixed else { return nil }
    if guest.devices.contains(where: \.isIOMMU) {
      return options.onUnknown == .warn
        ? nil : .init(
          rule: .mixedBackends,
          message: "cannot determine whether vfio-user and vfio-pci share an address space behind the guest's IOMMU")
    }
    return .init(
      rule: .mixedBackends,
      message: "the guest would have devices of vfio-user and of vfio-pci in one address space: QEMU crashes with SIGABRT, and "
        + "the guest with it")
  }
}

/// A vfio device that QEMU keeps back until the guest's driver asks for it.
struct HiddenPrimary {
  /// The device as the guest will have it.
  let request: DeviceRequest
  /// The id of the standby.
  let pair: WireText?

  /// Nil for a device that is not a primary.
  init?(_ request: DeviceRequest) {
    guard let visible = request.asUnhidden else { return nil }
    self.request = DeviceRequest(
      form: visible.form, plug: .cold, properties: visible.properties, location: visible.location)
    pair = request.string("failover_pair_id").map { WireText($0) }
  }
}

extension DeviceRequest {
  /// The device without its place in a failover pair; nil where it has none.
  var asUnhidden: DeviceRequest? {
    guard has("failover_pair_id") else { return nil }
    var request = self
    request.properties.removeAll { WireText($0.name) == "failover_pair_id" }
    return request
  }
}

/// A plug of vfio-user-pci: its server gets the guest's memory, and it has a backend of its own.
final class VFIOUserInquiry: CommandDecision {
  private let gate: QMPCommandFilter
  private let about: QMPCommandFilter.CommandContext
  private var questions: GuestQuery

  init(_ gate: QMPCommandFilter, _ about: QMPCommandFilter.CommandContext) {
    self.gate = gate
    questions = GuestQuery(gate.guestProperties)
    self.about = about
  }

  func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep {
    switch questions.proceed(answers) {
    case .ask(let commands): return .ask(commands)
    case .done(let guest):
      gate.readHiddenPrimaries()
      gate.follow(guest)
      return gate.sharesWithVFIOUser(guest, isVFIOUser: true).map { gate.step($0, about) } ?? .pass(instead: nil)
    }
  }

  /// Does nothing: the reply is only forwarded.
  package func answered(_ reply: Result<JSON, CommandError>) {}
}
