import Facts
import Syntax

extension RehearsalPlan {
  /// Types whose objects connect to the host, or serve only parts that are left out.
  private static let hostTypes: Set<String> = [
    "secret_keyring", "tls-creds-x509", "tls-creds-psk", "tls-creds-anon", "tls-cipher-suites", "input-linux",
    "input-barrier", "can-host-socketcan", "pr-manager-helper", "sev-guest", "sev-snp-guest", "tdx-guest", "s390-pv-guest",
    "pef-guest", "rme-guest", "arm-rme-guest", "igvm-cfg", "qtest", "monitor-qmp", "monitor-hmp", "thread-context",
    "memory-backend-epc", "dbus-vmstate", "x-remote-object", "x-vfio-user-server", "authz-listfile", "authz-pam",
  ]

  /// - Parameter all: the definition's objects.
  mutating func addObject(_ object: ObjectRequest, among all: [ObjectRequest]) {
    let name = "`\(object.location.path)`"
    let type = object.type ?? ""
    if RehearsalPlan.hostTypes.contains(type) || ["filter-", "colo-"].contains(where: type.hasPrefix) {
      return replace(object, because: "`\(type)` connects to the host, or serves what does", isUntried: false)
    }
    if type.hasPrefix("memory-backend-") { return addMemory(object) }
    if type == "secret" { return addSecret(object, among: all) }
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
      // libvirt opens /dev/iommu.
      let isLibvirts = isDomain && type == "iommufd" && property.name == "fd" && property.value.isUnknown
      guard var value = isLibvirts ? "0" : OptionText.text(of: property.value) else {
        guard case .unknown = property.value else {
          note("`\(property.name)` of \(name)", "left out: the value is a list or an object")
          continue
        }
        return obstruct(unknown: "`\(property.name)` of \(name)")
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
      return obstruct(unknown: "`size` of `\(object.location.path)`")
    }
    let options = object.properties.filter { !["qom-type", "id", "size"].contains($0.name) }
    let kept = options.filter { isKept($0, of: object) }.compactMap { property in
      OptionText.text(of: property.value).map { (name: property.name, value: $0) }
    }
    if object.type != "memory-backend-ram" || kept.count < options.count {
      note("`\(object.location.path)`", "replaced by memory of the same size that is not reserved")
    }
    keepObject(
      [("qom-type", "memory-backend-ram")] + id(of: object) + [("share", "on"), ("reserve", "off"), ("size", text)] + kept,
      object, isChanged: true)
  }

  /// Properties of memory that would allocate it, or that the rehearsal sets.
  private static let ofAllocation: Set<String> = ["prealloc", "prealloc-threads", "prealloc-context", "share", "reserve"]

  /// Whether a property of memory can be tried: a policy is that of the host's nodes where it has some. Of other types than the
  /// rehearsal's only what all have.
  private func isKept(_ property: Property, of object: ObjectRequest) -> Bool {
    switch property.name {
    case "policy", "host-nodes":
      let isBound = object.properties.contains { $0.name == "host-nodes" } && (object.string("policy") ?? "default") != "default"
      return !isBound
    case "merge", "dump": return true
    case let name: return object.type == "memory-backend-ram" && !RehearsalPlan.ofAllocation.contains(name)
    }
  }

  /// The secret with other content: a command line can be read by others.
  private mutating func addSecret(_ object: ObjectRequest, among all: [ObjectRequest]) {
    let isRaw = (object.string("format") ?? "raw") == "raw"
    var items: [(name: String, value: String)] = []
    for property in object.properties {
      switch property.name {
      // Content that is encrypted by another secret. QEMU looks that up first (QEMU crypto/secret_common.c: qcrypto_secret_decrypt).
      case "iv": continue
      // A domain does not show libvirt's own.
      case "keyid" where isDomain || all.contains { $0.id == OptionText.text(of: property.value) }: continue
      case "data": items.append(("data", isRaw ? "x" : "eA=="))
      case "file": items.append(("file", "/dev/null"))
      case let name:
        guard let text = OptionText.text(of: property.value), HostProperty.reason(name, text) == nil else {
          return replace(object, because: "`\(name)` cannot be kept", isUntried: true)
        }
        items.append((name, text))
      }
    }
    note("`\(object.location.path)`", "has other content: the secret is the host's")
    keepObject(items, object, isChanged: false)
  }

  private func id(of object: ObjectRequest) -> [(name: String, value: String)] {
    object.id.map { [("id", $0)] } ?? []
  }

  /// The text in the form that the definition has: JSON has types, and key=value text has words without a value, which QEMU refuses.
  private func text(_ items: [(name: String, value: String)], _ object: ObjectRequest) -> String {
    guard object.isJSON else {
      let shorts = object.properties.filter { short in short.shortForm != nil && items.contains { $0.name == short.name } }
      let whole = items.filter { item in !shorts.contains { $0.name == item.name } }
      return OptionText.keyval(whole) + shorts.compactMap { $0.shortForm.map { "," + $0 } }.joined()
    }
    let members = items.map { item in
      let own = object.properties.last { $0.name == item.name && OptionText.text(of: $0.value) == item.value }
      let ours: JSON = ["share", "reserve"].contains(item.name) ? .bool(item.value == "on") : .string(item.value)
      return JSON.Member(item.name, own.flatMap { OptionText.json(of: $0.value) } ?? ours)
    }
    return JSON.object(members).text()
  }

  private mutating func keepObject(_ items: [(name: String, value: String)], _ object: ObjectRequest, isChanged: Bool) {
    if isChanged {
      let own = object.properties.compactMap { property in OptionText.text(of: property.value).map { (name: property.name, value: $0) } }
      if own.count == object.properties.count { read("-object", text(own, object), object.location) }
      let bare = text([("qom-type", object.type ?? "")] + id(of: object), object)
      ask(BackendType("object", object.type, object.location, text: bare))
    }
    keep(
      "-object", text(items, object), object.location, isChanged: isChanged,
      properties: isChanged ? [] : object.properties.map(\.location))
  }
}
