import Facts
import Syntax

extension RehearsalPlan {
  /// Types whose objects connect to the host, or serve only parts that are left out.
  private static let hostTypes: Set<String> = [
    "secret", "secret_keyring", "tls-creds-x509", "tls-creds-psk", "tls-creds-anon", "tls-cipher-suites", "throttle-group",
    "input-linux", "input-barrier", "can-host-socketcan", "pr-manager-helper", "sev-guest", "sev-snp-guest", "tdx-guest",
    "s390-pv-guest", "pef-guest", "rme-guest", "arm-rme-guest", "igvm-cfg", "qtest", "monitor-qmp", "monitor-hmp",
    "thread-context", "memory-backend-epc", "dbus-vmstate", "x-remote-object", "x-vfio-user-server",
  ]

  mutating func addObject(_ object: ObjectRequest) {
    let name = "`\(object.location.path)`"
    let type = object.type ?? ""
    if RehearsalPlan.hostTypes.contains(type) || ["authz-", "filter-", "colo-"].contains(where: type.hasPrefix) {
      return replace(object, because: "`\(type)` connects to the host, or serves what does", isUntried: false)
    }
    if type.hasPrefix("memory-backend-") { return addMemory(object) }
    if type.hasPrefix("rng-"), type != "rng-builtin" {
      note(name, "replaced by rng-builtin: the source is the host's")
      return keepObject([("qom-type", "rng-builtin")] + id(of: object), object, isChanged: true)
    }
    if type.hasPrefix("cryptodev-"), type != "cryptodev-backend-builtin" {
      note(name, "replaced by cryptodev-backend-builtin: the backend is the host's")
      return keepObject([("qom-type", "cryptodev-backend-builtin")] + id(of: object), object, isChanged: true)
    }
    var items: [(name: String, value: String)] = []
    var hasDescriptor = false
    for property in object.properties {
      guard var value = OptionText.text(of: property.value) else {
        guard case .unknown = property.value else {
          note("`\(property.name)` of \(name)", "left out: the value is a list or an object")
          continue
        }
        return obstruct("only the shell knows `\(property.name)` of \(name)")
      }
      if type == "iommufd", property.name == "fd" {
        hasDescriptor = true
        if Int(value) != nil { value = "\(spareDescriptor())" }
      } else if let why = HostProperty.reason(property.name, value) {
        return replace(object, because: "`\(property.name)`: \(why)", isUntried: true)
      }
      items.append((property.name, value))
    }
    if type == "iommufd" {
      note(name, "the descriptor is the rehearsal's own: /dev/iommu is not opened")
      if !hasDescriptor { items.append(("fd", "\(spareDescriptor())")) }
    }
    keepObject(items, object, isChanged: false)
  }

  /// An object without a connection that has the same id, so that QEMU checks it.
  private mutating func replace(_ object: ObjectRequest, because why: String, isUntried: Bool) {
    note("`\(object.location.path)`", "replaced by an empty object of the same id: \(why)", isUntried: isUntried)
    keepObject([("qom-type", "rng-builtin")] + id(of: object), object, isChanged: true)
  }

  /// Memory of the same size that nothing is reserved for.
  private mutating func addMemory(_ object: ObjectRequest) {
    guard let size = object.properties.last(where: { $0.name == "size" }) else {
      return keepObject([("qom-type", "memory-backend-ram")] + id(of: object), object, isChanged: false)
    }
    guard let text = OptionText.text(of: size.value) else {
      return obstruct("only the shell knows `size` of `\(object.location.path)`")
    }
    let options = object.properties.filter { !["qom-type", "id", "size"].contains($0.name) }
    if object.type != "memory-backend-ram" || !options.isEmpty {
      note("`\(object.location.path)`", "replaced by memory of the same size that is not reserved")
    }
    keepObject(
      [("qom-type", "memory-backend-ram")] + id(of: object) + [("share", "on"), ("reserve", "off"), ("size", text)], object,
      isChanged: true)
  }

  private func id(of object: ObjectRequest) -> [(name: String, value: String)] {
    object.id.map { [("id", $0)] } ?? []
  }

  private mutating func keepObject(_ items: [(name: String, value: String)], _ object: ObjectRequest, isChanged: Bool) {
    keep(
      "-object", OptionText.keyval(items), object.location, isChanged: isChanged,
      properties: isChanged ? [] : object.properties.map(\.location))
  }
}
