import Facts

/// The reason of facts that have no line in a recording.
let notRecorded = UnknownReason.notRecorded

/// A function as in a recording: facts that are nested in `HostDevice` are
/// separate here, because each has its own line.
struct DeviceDraft: Sendable {
  var device: HostDevice
  var cdevName: Known<String?>
  var cdevNode: Known<NodeAccess>
  /// Whether the cdev has a device number; used only where there is no node.
  var cdevNumber: Known<Bool>
  var configSize: Known<Int>
  /// The bytes of the config lines; nil is a byte without a line. Empty without any config line.
  var configBytes: [UInt8?]
  /// `config ? reason`
  var configUnknown: Unknown?

  init(_ address: PCIAddress) {
    self.init(HostDevice(address, nothingKnown: notRecorded))
  }

  init(_ device: HostDevice) {
    self.device = device
    let address = device.address
    cdevName = device.cdev.map { $0?.name }
    cdevNode = .unknown("node of the cdev of \(address)", notRecorded)
    cdevNumber = .unknown("device number of the cdev of \(address)", notRecorded)
    if case .known(let cdev?) = device.cdev {
      cdevNode = cdev.node
      if cdev.node == .known(.absent) { cdevNumber = cdev.hasNumber }
    }
    switch device.config {
    case .known(let space):
      configSize = space.size
      configBytes = space.bytes
      configUnknown = nil
    case .unknown(let unknown):
      configSize = .unknown("config space size of \(address)", notRecorded)
      configBytes = []
      configUnknown = unknown
    }
  }

  /// The function with all its facts.
  var finished: HostDevice {
    var device = device
    device.cdev = cdevName.map { name in name.map { VFIOCdev(name: $0, node: cdevNode, hasNumber: cdevNumber) } }
    if !configBytes.isEmpty || configSize.isKnown {
      device.config = .known(ConfigSpace(bytes: configBytes, size: configSize))
    } else if let configUnknown {
      device.config = .unknown(configUnknown)
    }
    return device
  }
}

/// A host as in a recording.
struct HostDraft: Sendable {
  var host: Host
  var iommuNames: Known<[String]>
  var units: [String: IOMMUUnit]
  var devices: [PCIAddress: DeviceDraft]

  init(source: String) {
    host = Host(nothingKnown: notRecorded, ofFiles: UnknownReason.neverRecorded, source: source)
    iommuNames = host.iommus.map { _ in [] }
    units = [:]
    devices = [:]
  }

  init(_ host: Host) {
    self.host = host
    iommuNames = host.iommus.map { $0.keys.sorted() }
    units = host.iommus.display ?? [:]
    devices = host.devices.mapValues { DeviceDraft($0) }
  }

  static func unit(_ name: String) -> IOMMUUnit {
    IOMMUUnit(
      name, capability: .unknown("capabilities of \(name)", notRecorded),
      extendedCapability: .unknown("extended capabilities of \(name)", notRecorded))
  }

  /// The host with all its facts. Units count only with the list of their names: without it, a missing unit
  /// could not be distinguished from one that does not exist.
  var finished: Host {
    var host = host
    host.iommus = iommuNames.map { names in
      Dictionary(names.map { ($0, units[$0] ?? HostDraft.unit($0)) }, uniquingKeysWith: { first, _ in first })
    }
    host.devices = devices.mapValues { $0.finished }
    // The list of a recording that was cut off still names the others.
    for address in host.addresses.display ?? [] where host.devices[address] == nil {
      host.devices[address] = HostDevice(address, nothingKnown: notRecorded)
    }
    return host
  }
}
