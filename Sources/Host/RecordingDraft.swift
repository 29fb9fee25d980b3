import Facts

/// Why a fact that has no line in a recording is not known.
let notRecorded = "not in the recording"

/// A function as a recording has it: the facts that are values of values in `HostDevice` stand
/// apart here, because each has its own line.
struct DeviceDraft: Sendable {
  var device: HostDevice
  var cdevName: Known<String?>
  var cdevNode: Known<NodeAccess>
  /// Only where there is no node.
  var cdevNumber: Known<Bool>
  var configSize: Known<Int>
  /// What the config lines gave; nil is a hole. Empty when there was none.
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

  /// The function, put together.
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

/// A host as a recording has it.
struct HostDraft: Sendable {
  var host: Host
  var iommuNames: Known<[String]>
  var units: [String: IOMMUUnit]
  var devices: [PCIAddress: DeviceDraft]

  init(source: String) {
    host = Host(nothingKnown: notRecorded, source: source)
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

  /// The host, put together. Units count only with the list of their names: without it, one that
  /// is missing could not be told from one that does not exist.
  var finished: Host {
    var host = host
    host.iommus = iommuNames.map { names in
      Dictionary(names.map { ($0, units[$0] ?? HostDraft.unit($0)) }, uniquingKeysWith: { first, _ in first })
    }
    host.devices = devices.mapValues { $0.finished }
    return host
  }
}
