import Facts

/// The types of objects that options may make, and the text of an object, which QEMU reads with the command line.
extension MachineConfig {
  /// The types and the parts that each must have, in the order in which QEMU reads them (QEMU qapi/qom.json: ObjectType, ObjectOptions;
  /// recorded from 7.2.22, 10.0.13 and 11.1.3). Of `x-vfio-user-server` and `igvm-cfg` the build
  /// decides, and `acpi-egm-memory` is of NVIDIA's QEMU.
  private static let required: [String: [String]] = {
    let plain = [
      "authz-list", "can-bus", "cryptodev-backend", "cryptodev-backend-builtin", "cryptodev-backend-lkcf", "igvm-cfg", "iommufd",
      "iothread", "main-loop", "pef-guest",
      "rng-builtin", "rng-random", "s390-pv-guest", "secret", "tdx-guest", "thread-context", "throttle-group",
      "tls-cipher-suites", "tls-creds-anon", "tls-creds-psk", "tls-creds-x509", "x-vfio-user-server", "memory-backend-ram",
      "acpi-egm-memory", "memory-backend-memfd", "memory-backend-shm", "memory-backend-file", "acpi-generic-initiator",
    ]
    return Dictionary(uniqueKeysWithValues: plain.map { ($0, []) }).merging([
      "acpi-generic-port": ["pci-bus", "node"], "authz-listfile": ["filename"], "authz-pam": ["service"], "authz-simple": ["identity"],
      "can-host-socketcan": ["if", "canbus"], "colo-compare": ["primary_in", "secondary_in", "outdev", "iothread"],
      "cryptodev-vhost-user": ["chardev"], "dbus-vmstate": ["addr"], "filter-buffer": ["netdev", "interval"],
      "filter-dump": ["netdev", "file"], "filter-mirror": ["netdev", "outdev"], "filter-redirector": ["netdev"],
      "filter-replay": ["netdev"], "filter-rewriter": ["netdev"], "input-barrier": ["name"], "input-linux": ["evdev"],
      "memory-backend-epc": ["size"], "pr-manager-helper": ["path"], "qtest": ["chardev"], "rng-egd": ["chardev"],
      "secret_keyring": ["serial"], "sev-guest": ["reduced-phys-bits"], "sev-snp-guest": ["reduced-phys-bits"],
      "x-remote-object": ["fd", "devid"],
    ]) { $1 }
  }()

  /// The first releases with these objects.
  private static let firstReleases = [
    "acpi-generic-initiator": QEMURelease(9, 0), "acpi-generic-port": QEMURelease(9, 2), "iommufd": QEMURelease(9, 0),
    "sev-snp-guest": QEMURelease(9, 1), "tdx-guest": QEMURelease(10, 1),
  ]

  /// The refusal of an object's text, with the option that has it.
  func textRefusal(_ object: ObjectRequest, _ qemu: QEMUProfile) -> LaunchFailure? {
    guard libvirt == nil else { return nil }
    func failure(_ text: String, at place: Location? = nil) -> LaunchFailure {
      LaunchFailure(RealizeFailure(.badObject, text), at: place ?? object.location)
    }
    guard let type = object.type else { return missing("qom-type", of: object).map { failure($0) } }
    let isTooNew = MachineConfig.firstReleases[type].map { qemu.isBefore($0.major, $0.minor) } ?? false
    let isUnknown = qemu.modelledRelease != nil && MachineConfig.required[type] == nil && !PropertyValue.string(type).isOfShell
    // Types of memory backends depend on more.
    if type.isEmpty || isTooNew || isUnknown && !type.hasPrefix("memory-backend") {
      return failure("Parameter 'qom-type' does not accept value '\(type)'")
    }
    guard let id = object.id else { return missing("id", of: object).map { failure($0) } }
    // QEMU checks the id of other text when it creates the object.
    if !object.isVisited, !QEMUIdentifier.isWellFormed(id) { return failure("Parameter 'id' expects an identifier") }
    for name in MachineConfig.required[type] ?? [] {
      if let text = missing(name, of: object, isString: false) { return failure(text) }
    }
    if let (text, place) = refusal(ofInitiator: object) { return failure(text, at: place) }
    if type == "iommufd", let (text, place) = unexpected(in: object, besides: ["fd"]) { return failure(text, at: place) }
    guard let release = qemu.modelledRelease else { return nil }
    if let (text, place) = wrongValue(in: object, of: type, release) { return failure(text, at: place) }
    if type == "secret", let text = secretRefusal(object) { return failure(text) }
    return backendRefusal(object, qemu)
  }

  /// QEMU crypto/secret.c: qcrypto_secret_load_data; crypto/secret_common.c: qcrypto_secret_lookup.
  private func secretRefusal(_ object: ObjectRequest) -> String? {
    if object.properties.contains(where: { $0.value.isUnknown || $0.value.isOfShell }) { return nil }
    func has(_ name: String) -> Bool { object.properties.contains { $0.name == name } }
    if has("file"), has("data") { return "'file' and 'data' are mutually exclusive" }
    if !has("file"), !has("data") { return "Either 'file' or 'data' must be provided" }
    guard let key = object.properties.last(where: { $0.name == "keyid" })?.value.string, areObjectsKnown,
      !objects.contains(where: { $0.id == key })
    else { return nil }
    return "No secret with id '\(key)'"
  }

  /// Values of properties that have few.
  private static let choices: [String: Set<String>] = [
    "endpoint": ["client", "server"], "format": ["base64", "raw"], "insert": ["before", "behind"], "queue": ["all", "rx", "tx"],
    "grab-toggle": ["alt-alt", "ctrl-ctrl", "ctrl-scrolllock", "meta-meta", "scrolllock", "shift-shift"],
  ]

  /// The first property of an object in key=value text that its type does not have, or whose value is of another type.
  private func wrongValue(in object: ObjectRequest, of type: String, _ release: QEMURelease) -> (text: String, place: Location)? {
    guard !object.isVisited, let table = OptionTable("object." + type, release) else { return nil }
    for property in object.properties where !["qom-type", "id"].contains(property.name) {
      guard let value = OptionValues.written(property.value) else { continue }
      if let text = table.refusal([(property.name, value)]) { return (text, property.location) }
      if MachineConfig.choices[property.name]?.contains(value) == false {
        return ("Parameter '\(property.name)' does not accept value '\(value)'", property.location)
      }
    }
    return nil
  }

  /// The first property that an object's type does not have, besides its type and its id.
  func unexpected(in object: ObjectRequest, besides known: [String]) -> (text: String, place: Location)? {
    for property in object.properties where !["qom-type", "id"].contains(property.name) {
      // A point leads into a part of an object or a list.
      let name = object.isVisited && !object.isJSON ? String(property.name.prefix { $0 != "." }) : property.name
      if known.contains(name) { continue }
      return (object.isVisited ? "Parameter '\(name)' is unexpected" : "Invalid parameter '\(name)'", property.location)
    }
    return nil
  }

  /// The refusal of an object without a part that it needs; nil where only the shell knows it.
  private func missing(_ name: String, of object: ObjectRequest, isString: Bool = true) -> String? {
    switch object.properties.last(where: { $0.name == name })?.value {
    case nil: return "Parameter '\(name)' is missing"
    case .unknown?, .string?: return nil
    default: return isString ? "Invalid parameter type for '\(name)', expected: string" : nil
    }
  }
}
