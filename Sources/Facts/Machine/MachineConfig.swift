/// What a configuration asks QEMU for, as far as passthrough is concerned.
public struct MachineConfig: Sendable {
  /// The file's path, or `<stdin>`.
  public let source: String
  /// `qemu-system-x86_64`, without its folder; nil for a stream of QMP commands.
  public var emulator: String?
  /// Why this is not the whole machine; nil when it is. A lone `device_add` goes into a machine that
  /// is described elsewhere.
  public var missingPart: String?
  /// `-machine`/`-M`: the type, and its options.
  public var machine: [Property] = []
  /// In the order in which QEMU makes them: all of `-object` before all of `-device`.
  public var objects: [ObjectRequest] = []
  public var devices: [DeviceRequest] = []
  public var globals: [GlobalProperty] = []
  /// Why a running machine may have `-global` options beside these; nil when these are all.
  public var missingGlobals: Unknown?
  /// Those that change no -device before them: the others are properties of theirs already.
  public var sets: [SetProperty] = []
  /// Every other option, by name without dashes, for what rules look at: `-nodefaults`, `-m`, `-cpu`.
  public var options: [Property] = []
  /// Arguments of which only the shell knows what they are; the value is what is written.
  public var unknownArguments: [Property] = []
  /// Set when it comes from a libvirt domain.
  public var libvirt: LibvirtDomain?

  public init(source: String, emulator: String?, missingPart: String? = nil) {
    self.source = source
    self.emulator = emulator
    self.missingPart = missingPart
  }

  public var isComplete: Bool { missingPart == nil }

  /// The machine type: `-machine q35`, `-machine type=q35`, `-M pc`.
  public var machineType: Property? { machine.last { $0.name == "type" } }

  /// What the guest is called: by libvirt, or by `-name`.
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

  public func hasOption(_ name: String) -> Bool { options.contains { $0.name == name } }
}
