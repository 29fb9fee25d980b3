import Facts

/// One vfio device request, and all that its realize depends on. An object, because many checks use it.
final class RealizeContext: Sendable {
  let request: DeviceRequest
  /// The request with what `-global` options give it.
  let settings: DeviceRequest
  let driver: String
  /// The guest when QEMU creates this device.
  let guest: Guest
  /// The facts that all devices of the machine share.
  private let predictor: Predictor
  /// The host function's address: nil when only a descriptor says which it is.
  let address: PCIAddress?
  /// The value of `iommufd`; nil for an empty one (observed on 11.1.3).
  let iommufdLink: String?
  let backend: Known<VFIOBackend>
  /// The host function; unknown when the host has no such device.
  let device: Known<HostDevice>

  var machine: MachineConfig { predictor.machine }
  var index: MachineIndex { predictor.index }
  var host: Host { predictor.host }
  var qemu: QEMUProfile { predictor.qemu }
  var descriptors: [String: Known<PCIAddress?>] { predictor.descriptors }

  init(_ request: DeviceRequest, _ settings: DeviceRequest, _ guest: consuming Guest, _ predictor: Predictor) {
    self.request = request
    self.settings = settings
    driver = request.driver ?? ""
    self.guest = guest
    self.predictor = predictor
    address = settings.hostAddress(predictor.descriptors)
    let link = settings.value("iommufd")
    iommufdLink = link?.string.flatMap { $0.isEmpty ? nil : $0 }
    if case .unknown(let text)? = link {
      backend = .unknown("backend", "iommufd is \(text)")
    } else if link == nil, request.plug == .hot, let missing = predictor.machine.missingGlobals, predictor.index.hasIOMMUFD {
      // A -global can link it to an object that exists (observed on 11.1.3), and to no other.
      backend = .unknown("backend", missing.notGiven)
    } else {
      backend = .known(iommufdLink == nil ? .legacy : .iommufd)
    }
    device = RealizeContext.device(of: settings, at: address, on: predictor.host, predictor.descriptors)
  }

  /// The `host` property's address, as QEMU reads it.
  var hostProperty: PCIAddress? { settings.string("host").flatMap(QEMUHostAddress.parse) }

  /// The device's name in QEMU's errors, between `vfio ` and `: ` (QEMU hw/vfio/device.c:
  /// vfio_device_get_name): the id for a passed descriptor, else the last part of the sysfs path.
  var name: String {
    if settings.has("fd") { return request.id ?? "" }
    return sysfsPath.split(separator: "/").last.map(String.init) ?? sysfsPath
  }

  /// The path of the host function: `sysfsdev`, which silently overrides `host`.
  var sysfsPath: String {
    if let path = settings.string("sysfsdev") { return path }
    return "/sys/bus/pci/devices/" + (hostProperty?.description ?? "")
  }

  private static let noHost = Unknown("host device", reason: "the device is not one of vfio's")

  private static func device(
    of request: DeviceRequest, at address: PCIAddress?, on host: Host, _ descriptors: [String: Known<PCIAddress?>]
  ) -> Known<HostDevice> {
    guard let address else {
      // Most devices of a machine are others, which have none.
      guard request.driver?.hasPrefix("vfio-") == true else { return .unknown(noHost) }
      let fact = "host device of \(request.plainName)"
      if case .unknown(let unknown)? = request.string("fd").flatMap({ descriptors[$0] }) {
        return .unknown(fact, unknown.description)
      }
      return .unknown(fact, request.unnamedHost)
    }
    return host.device(at: address).flatMap { device in
      device.map { .known($0) } ?? .unknown(Unknown(ofAbsentDevice: address))
    }
  }

  /// The host function that the passed descriptor is; nil when none is passed, or none is described.
  var passed: Known<PCIAddress?>? { settings.string("fd").flatMap { descriptors[$0] } }

  /// A failure whose text QEMU prefixes with the device's name.
  func fails(_ cause: FailureCause, _ text: String) -> RealizeFailure {
    RealizeFailure(cause, "vfio \(name): \(text)")
  }

  /// The object that a link names when QEMU executes the request.
  func object(_ link: String) -> ObjectRequest? { guest.objects[link] ?? guest.objects[MachineConfig.objectID(link)] }

  /// Whether the machine has this host function already.
  func isAssigned(_ address: PCIAddress) -> Bool { guest.assigned[address] != nil }

  /// Whether the machine has another function of this group already, through the legacy backend.
  func sharesGroup(_ group: IOMMUGroup) -> Bool {
    guard let members = group.members.display else { return false }
    return members.contains { guest.assigned[$0] == .legacy }
  }
}
