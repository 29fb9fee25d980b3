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
  private var details: [(path: String, property: String)] = []
  private let others: [Command]
  /// QEMU's answers to the other commands.
  private(set) var otherAnswers: [Answer] = []

  /// - Parameter others: further commands to send in the first round.
  init(and others: [Command] = []) { self.others = others }

  /// - Parameter answers: the answers to the last questions, in order; ignored the first time.
  mutating func proceed(_ answers: [Answer]) -> Turn {
    switch progress {
    case .nothingAsked:
      progress = .listed
      return .ask(others + QOMSnapshot.listings)
    case .listed:
      otherAnswers = Array(answers.prefix(others.count))
      let guest = QOMSnapshot(Array(answers.dropFirst(others.count)))
      details = GuestQuery.details(of: guest)
      progress = .detailed(guest)
      return .ask(
        details.map { Command("qom-get", ["path": .string($0.path), "property": .string($0.property)]) })
    case .detailed(var guest):
      for (detail, answer) in zip(details, answers) {
        if case .success(let value) = answer {
          guest.properties[detail.path, default: [:]][detail.property] = value
        }
      }
      return .done(guest)
    }
  }

  /// Properties of vfio devices, of the vIOMMU, and of buses and bridges.
  private static func details(of guest: QOMSnapshot) -> [(path: String, property: String)] {
    var all: [(path: String, property: String)] = []
    func ask(_ path: String, _ properties: [String]) { all += properties.map { (path, $0) } }
    for device in guest.devices where device.isVFIO { ask(device.path, ["host", "sysfsdev", "iommufd"]) }
    for device in guest.devices where device.isIOMMU { ask(device.path, viommuProperties) }
    for device in guest.devices where device.isExpander { ask(device.path, ["bypass_iommu"]) }
    for device in guest.devices.prefix(QOMSnapshot.deviceLimit) {
      ask(device.path, ["parent_bus", "addr", "multifunction"])
    }
    let bridges = guest.devices.filter(\.isBridge).prefix(QOMSnapshot.deviceLimit).compactMap(\.id)
    for bus in bridges + [guest.rootBus].compactMap({ $0 }) {
      ask(guest.path(ofBus: bus), ["type", "hotplug-handler", "acpi-pcihp-bsel"])
      if bus != guest.rootBus { ask("/machine/peripheral/\(bus)", ["hotplug"]) }
    }
    return all
  }

  private static let viommuProperties = [
    "caching-mode", "fsts", "x-flts", "aw-bits", "dma-remap", "device-iotlb", "dma-translation",
    "snoop-control", "primary-bus", "accel", "ats", "ril", "ssidsize", "oas",
  ]
}
