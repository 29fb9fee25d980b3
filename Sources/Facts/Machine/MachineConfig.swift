/// The machine that a configuration describes, as far as passthrough is concerned.
public struct MachineConfig: Sendable {
  /// The file's path, or `<stdin>`.
  public let source: String
  /// `qemu-system-x86_64`, without its folder; nil for a stream of QMP commands.
  public var emulator: String?
  /// The emulator as the definition has it, with its path; nil when it names none.
  public var program: String?
  /// The reason why this is not the whole machine; nil when it is. A lone `device_add` goes into a machine that
  /// is described elsewhere.
  public var missingPart: String?
  /// `-machine`/`-M`: the type, and its options.
  public var machine: [Property] = []
  /// The objects, in the order in which QEMU creates them: all of `-object` before all of `-device`.
  public var objects: [ObjectRequest] = []
  /// Commands and events of a stream behind its last plug.
  public var lastCommands = DeviceRequest.History()
  /// The devices that exist at launch, in the order written.
  public var devices: [DeviceRequest] = []
  /// The `-global` options, in the order written; the last one for a property counts.
  public var globals: [GlobalProperty] = []
  /// The reason why a running machine may have other `-global` options too; nil when it has none but these.
  public var missingGlobals: Unknown?
  /// The `-set` options without a -device before them; the others have been applied to their device.
  public var sets: [SetProperty] = []
  /// All other options, by name without dashes: `nodefaults`, `m`, `cpu`.
  public var options: [Property] = []
  /// The members of options that are written as JSON, by the option's location. One of an inner object is named by its path,
  /// `file.node-name` or `hostfwd[0].str`; the value of one that is not divided further, and so not known whole, is unknown.
  public var jsonMembers: [Location: [Property]] = [:]
  /// Locations of other options, and of `-set`, of whose text only the shell knows a part.
  public var shellLocations: Set<Location> = []
  /// Parts of the text that may ask for a device and could not be read. Nothing that they could change is known.
  public var unreadParts: [UnreadPart] = []
  /// The first end of a line of the command that is CR LF; nil where none is, and where no shell reads the text.
  public var carriageReturn: Location?
  /// Values without quotes in a file of `-readconfig`, as written: QEMU treats each as empty.
  public var unquotedValues: [Property] = []
  /// Set when the machine comes from a configuration of Proxmox.
  public var proxmox: ProxmoxStart?
  /// The user and the limits that the definition gives QEMU; nil where QEMU has those of the user who starts it.
  public var service: ServiceLimits?
  /// Whether options that are not part of the text decide about the default devices, as beside a lone file of `-readconfig`.
  public var hasUnknownDefaults = false
  /// Set when the machine comes from a libvirt domain.
  public var libvirt: LibvirtDomain?
  /// Attributes of libvirt's XML that a fork of libvirt reads, and upstream ignores silently. Those of the definition itself: the guest
  /// into which it plugs may be given in another form.
  public var unsupportedAttributes: [UnsupportedLibvirtAttribute] = []

  /// Creates a machine without devices.
  public init(source: String, emulator: String?, missingPart: String? = nil) {
    self.source = source
    self.emulator = emulator
    self.missingPart = missingPart
  }

  /// Appends the options of a command line that is written inside the definition, such as libvirt's
  /// `<qemu:commandline>`. What could not be read of it stays unread, and its `-set` changes the key=value devices before it.
  public mutating func append(_ own: MachineConfig) {
    for set in own.sets {
      guard set.group == "device", let index = devices.firstIndex(where: { $0.form == .keyval && $0.id == set.id }) else {
        sets.append(set)
        continue
      }
      devices[index].properties.append(Property(name: set.property, value: .string(set.value), location: set.location))
    }
    machine += own.machine
    objects += own.objects
    devices += own.devices
    globals += own.globals
    options += own.options
    jsonMembers.merge(own.jsonMembers) { mine, _ in mine }
    shellLocations.formUnion(own.shellLocations)
    unreadParts += own.unreadParts
    missingPart = missingPart ?? own.missingPart
  }

  /// Whether the whole machine is described.
  public var isComplete: Bool { missingPart == nil }

  /// The machine type: `-machine q35`, `-machine type=q35`, `-M pc`.
  public var machineType: Property? { machine.last { $0.name == "type" } }

  /// Whether the machine type is a version of q35.
  public var isQ35: Bool {
    let type = machineType?.value.string ?? ""
    return type == "q35" || type.hasPrefix("pc-q35-")
  }

  /// The guest's name, given by libvirt or by `-name`.
  public var guestName: String? {
    if let libvirt { return libvirt.name }
    // `-name guest=NAME,…` or `-name NAME,…`; two commas are one of the name's own.
    guard let text = options.last(where: { $0.name == "name" })?.value.string else { return nil }
    var items = text.split(separator: ",", omittingEmptySubsequences: false)[...]
    var name = ""
    while let item = items.popFirst() {
      name += item
      guard items.first?.isEmpty == true, items.count > 1 else { break }
      items = items.dropFirst()
      name += ","
    }
    return name.hasPrefix("guest=") ? String(name.dropFirst(6)) : name
  }

  /// Options without an argument, of any release.
  public static let flags: Set<String> = [
    "h", "help", "version", "mem-prealloc", "snapshot", "usb", "nographic", "full-screen", "win2k-hack",
    "no-fd-bootchk", "preconfig", "S", "s", "enable-kvm", "xen-attach", "xen-domid-restrict", "no-reboot",
    "no-shutdown", "daemonize", "only-migratable", "nodefaults", "no-user-config",
    "enable-sync-profile", "perfmap", "jitdump", "old-param", "semihosting",
    // gone by 11.1, and still in people's scripts
    "no-hpet", "no-acpi", "no-quit", "no-frame", "alt-grab", "ctrl-grab", "singlestep", "nodefconfig",
    "portrait", "no-kvm", "no-kvm-irqchip", "no-kvm-pit-reinjection", "sdl", "curses", "async-teardown", "audio-help",
    "enable-fips", "show-cursor",
  ]

  /// Whether an option is given that is neither a device nor an object.
  public func hasOption(_ name: String) -> Bool { options.contains { $0.name == name } }
}

/// A part of a definition that could not be read, such as an argument that only the shell knows.
public struct UnreadPart: Hashable, Sendable {
  /// The part, for people: "value of `$GPU`".
  public let what: String
  /// The reason why it could not be read.
  public let reason: String
  /// The part's location in the text.
  public let location: Location

  /// Creates an unread part.
  public init(what: String, reason: String, location: Location) {
    self.what = what
    self.reason = reason
    self.location = location
  }
}
