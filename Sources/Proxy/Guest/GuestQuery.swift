import Common
import QMP
import Syntax

/// The questions to a running QEMU about its guest before a decision, in two rounds: lists of devices and objects, then
/// their properties.
struct GuestQuery {
  typealias Answer = Result<JSON, CommandError>

  enum Turn {
    case ask([Command])
    case done(QOMSnapshot)
  }

  private enum Progress {
    case nothingAsked, listed
    case detailed(QOMSnapshot)
  }

  private var progress = Progress.nothingAsked
  /// Properties that QEMU is being asked for.
  private var details: [GuestDetail] = []
  private let known: GuestProperties
  private let others: [Command]
  /// QEMU's answers to the other commands.
  private(set) var otherAnswers: [Answer] = []

  /// - Parameters:
  ///   - known: properties that need not be asked for.
  ///   - others: further commands to send in the first round.
  init(_ known: GuestProperties, and others: [Command] = []) {
    self.known = known
    self.others = others
  }

  /// - Parameter answers: the answers to the last questions, in order; ignored the first time.
  mutating func proceed(_ answers: [Answer]) -> Turn {
    switch progress {
    case .nothingAsked:
      progress = .listed
      return .ask(others + QOMSnapshot.listings)
    case .listed:
      otherAnswers = Array(answers.prefix(others.count))
      let guest = QOMSnapshot(Array(answers.dropFirst(others.count)))
      details = GuestQuery.details(of: guest).filter { known.value($0) == nil }
      if details.isEmpty { return .done(detailed(guest)) }
      progress = .detailed(guest)
      return .ask(
        details.map { Command("qom-get", ["path": .string($0.path), "property": .string($0.property)]) })
    case .detailed(let guest):
      for (detail, answer) in zip(details, answers) { known.keep(answer, to: detail) }
      return .done(detailed(guest))
    }
  }

  /// The guest with all details.
  private func detailed(_ guest: QOMSnapshot) -> QOMSnapshot {
    var guest = guest
    let all = GuestQuery.details(of: guest)
    for detail in all {
      if let value = known.value(detail), let value { guest.properties[detail.path, default: [:]][detail.property] = value }
    }
    known.prune(Set(all.map(\.path)))
    return guest
  }

  /// Properties of vfio devices, of the vIOMMU, and of buses and bridges.
  private static func details(of guest: QOMSnapshot) -> [GuestDetail] {
    var all: [GuestDetail] = []
    func ask(_ path: String, _ properties: [String], _ type: String) {
      all += properties.map { GuestDetail(path: path, property: $0, type: type) }
    }
    for device in guest.devices where device.isVFIO { ask(device.path, ["host", "sysfsdev", "iommufd"], device.type) }
    for device in guest.devices where device.isIOMMU { ask(device.path, viommuProperties, device.type) }
    for device in guest.devices where device.isExpander { ask(device.path, ["bypass_iommu"], device.type) }
    for device in guest.devices.prefix(QOMSnapshot.deviceLimit) {
      ask(device.path, ["parent_bus", "addr", "multifunction"], device.type)
    }
    let ofBus = ["type", "hotplug-handler", "acpi-pcihp-bsel"]
    for bridge in guest.devices.filter(\.isBridge).prefix(QOMSnapshot.deviceLimit) {
      guard let bus = bridge.id else { continue }
      ask(guest.path(ofBus: bus), ofBus, bridge.type)
      ask(bridge.path, ["hotplug"], bridge.type)
    }
    if let bus = guest.rootBus { ask(guest.path(ofBus: bus), ofBus, guest.machineType ?? "") }
    return all
  }

  private static let viommuProperties = [
    "caching-mode", "fsts", "x-flts", "aw-bits", "dma-remap", "device-iotlb", "dma-translation",
    "snoop-control", "primary-bus", "accel", "ats", "ril", "ssidsize", "oas",
  ]
}
