import Facts
import Syntax

/// A definition's command line as the rehearsal's: its machine, processors, memory size, objects, devices and globals in
/// their order; what touches the host is replaced or left out. Nothing is read and nothing is started here.
public struct RehearsalPlan: Sendable {
  /// One option of the rehearsal.
  struct Part: Sendable {
    /// The option's name and text, as QEMU gets them.
    var arguments: [String]
    /// The option in the definition; nil for one of the rehearsal's own.
    var location: Location?
    /// Whether the rehearsal changed it so that a refusal may be about the change.
    var isChanged = false
    /// The type of the definition's device, and that of another in its place.
    var model: (own: String, substitute: String)?
    /// Index of the vfio device that it is, among those.
    var vfio: Int?
    /// Properties of it that are unchanged.
    var properties: [Location] = []
    /// Whether it is a device, and whether that is given as JSON.
    var isDevice: Bool { arguments.first == "-device" }
    var isJSON: Bool { arguments.last?.hasPrefix("{") ?? false }
    /// Extent to which the definition's own was tried.
    var extent: RehearsalResult.Extent { isTriedItself ? .withoutHostDevice : isChanged ? .replaced : .whole }
    /// Whether it is a vfio device whose kind is tried itself.
    var isTriedItself = false
    /// Name for messages: "`-device[1]`".
    var name: String { location.map { "`\($0.path)`" } ?? "an option of the rehearsal's own" }
  }

  /// A vfio device: in its place a substitute, or the device itself without its host device.
  struct VFIODevice: Sendable {
    let request: DeviceRequest
    /// The device with a host device that does not exist: QEMU checks all else first.
    let own: [String]
    /// Properties that another device of the definition may have too; such devices are tried once.
    let signature: String
  }

  /// Options of the rehearsal, in QEMU's order of creation.
  private(set) var parts: [Part] = []
  /// The vfio devices in the order of the definition.
  private(set) var devices: [VFIODevice] = []
  /// Indices of the vfio devices that are tried themselves, the first of each kind.
  private(set) var kinds: [Int] = []
  private var signatures: Set<String> = []
  /// Options of whose text the shell knows a part.
  private var shellLocations: Set<Location> = []
  /// Maximum number of those: each is a process.
  static let kindLimit = 16
  /// Parts that were replaced or left out.
  public private(set) var changes: [RehearsalResult.Change] = []
  /// The reason why the definition cannot be rehearsed; nil when it can.
  public private(set) var obstacle: String?
  /// Properties of `-global` that a substitute has as its own, with their drivers.
  var placesOfGlobals: [(driver: String, property: Property)] = []
  /// Ids of networks whose backend is another process; they allow cards what no replacement does.
  var networksOfProcesses: Set<String> = []
  /// Options that are replaced or left out, whose own texts QEMU reads too.
  var readings: [Part] = []
  /// Networks and character devices that are replaced, whose own texts QEMU's monitor reads too.
  var monitorTrials: [MonitorTrial] = []
  /// Types of what is replaced or left out, where QEMU may not have them.
  private(set) var backends: [BackendType] = []
  /// Whether the definition has no kernel for the guest.
  private(set) var isWithoutKernel = false
  /// Whether `-cpu host` is replaced.
  var hasHostProcessor = false
  /// Whether the definition asks for KVM, without which the rehearsal runs.
  let asksForKVM: Bool
  /// Whether it leaves QEMU to TCG, which is the rehearsal's accelerator then.
  let isOfTCG: Bool
  /// Whether the machine is of x86 with 64 bits.
  private(set) var isX86 = false
  /// Whether libvirt writes the command line, so that the definition shows a part of it only.
  let isDomain: Bool
  /// Number of descriptors that stand for ones of the definition.
  private(set) var spares = 0
  let firstSpare: Int
  /// The caller's working directory.
  let directory: String
  let program: String?
  /// Accelerators, of which QEMU takes the first that it has. With qtest one for Arm has few processors and few of their
  /// properties (QEMU hw/arm/virt.c: virt_get_valid_cpu_types, target/arm/cpu64.c: aarch64_max_initfn).
  let accelerators: [String]

  /// - Parameters:
  ///   - plugs: the devices that are plugged into the machine.
  ///   - firstSpare: number of the first descriptor that replaces one of the definition's.
  ///   - directory: absolute path of the directory that relative names of ROMs are relative to.
  ///   - program: path of the QEMU.
  public init(
    _ machine: MachineConfig, plugs: [DeviceRequest] = [], firstSpare: Int, directory: String, program: String? = nil
  ) {
    self.firstSpare = firstSpare
    self.directory = directory
    self.program = program
    isDomain = machine.libvirt != nil
    let isArm = [machine.emulator, program].compactMap { $0 }.contains { $0.hasSuffix("-aarch64") || $0.hasSuffix("-arm") }
    asksForKVM = RehearsalPlan.asksForKVM(machine)
    isOfTCG = !isDomain && !asksForKVM
      && RehearsalPlan.accelerators(of: machine).allSatisfy { $0?.split(separator: ",").first == "tcg" }
    accelerators = isArm || isOfTCG ? ["tcg", "qtest"] : ["qtest", "tcg"]
    if let missing = machine.missingPart {
      obstacle = missing
    } else if machine.emulator == nil, machine.machineType == nil {
      obstacle = isDomain ? "a domain without a host device is left to libvirt; lint the command line in libvirt's log"
        : "the definition names neither a QEMU nor a machine type"
    } else if let part = machine.unreadParts.first {
      obstacle = "\(part.what): \(part.reason)"
    } else {
      if isDomain {
        let tried = "the machine type, the PCI devices in their places and `<qemu:commandline>`"
        note("libvirt's command line", "only \(tried) are tried: the domain does not show the rest", isUntried: true)
      }
      add(machine)
      addSound(machine, plugs)
    }
    if obstacle != nil { parts = [] }
  }

  /// The arguments, after the program's name.
  /// - Parameter own: index of the vfio device that is not substituted; QEMU stops at it, so nothing follows.
  func arguments(own index: Int? = nil) -> [String] {
    // QEMU has another working directory. Behind it, and before its own folders, it finds ROMs in those of -L.
    var all = ["-L", directory, "-S", "-display", "none", "-monitor", "none", "-qmp", "stdio"]
    for part in parts {
      if let index, part.vfio == index {
        // A JSON device is created after all others (QEMU system/vl.c: qemu_create_cli_devices).
        all += devices[index].own
      } else if let index, let other = part.vfio, other > index {
        continue
      } else {
        all += part.arguments
      }
    }
    return all
  }

  /// A message with the names that it would have without the rehearsal: of `-cpu host`, and of the vfio device in a slot.
  func withOwnNames(_ text: String) -> String {
    let text = hasHostProcessor ? text.replacing("max-x86_64-cpu", with: "host-x86_64-cpu") : text
    let isOther = { (part: Part) in
      part.vfio == nil && (part.arguments.first == "-net" || part.arguments.last?.contains("virtio-net") ?? false)
    }
    // A machine's own network card may be of the type that replaces vfio devices.
    guard parts.contains(where: { $0.arguments == ["-nodefaults"] }), !parts.contains(where: isOther),
      let driver = devices.first?.request.driver, devices.allSatisfy({ $0.request.driver == driver })
    else { return text }
    return text.replacing("in use by \(PlannedDevice.substitute),", with: "in use by \(driver),")
  }

  /// Number of the definition's options that take part.
  var rehearsed: Int { parts.filter { $0.location != nil }.count }

  private mutating func add(_ machine: MachineConfig) {
    shellLocations = machine.shellLocations
    isX86 = machine.emulator.map { $0.hasSuffix("x86_64") || $0.hasSuffix("kvm") } ?? false
    isWithoutKernel = !machine.hasOption("kernel") && !machine.machine.contains { $0.name == "kernel" }
    addAccelerators(machine)
    addMachine(machine)
    for option in machine.options { PlannedOption(option).add(to: &self) }
    for object in machine.objects { addObject(object, among: machine.objects) }
    for global in machine.globals { addGlobal(global) }
    for set in machine.sets {
      keep("-set", "\(set.group).\(set.id).\(set.property)=\(set.value)", set.location)
    }
    for device in machine.devices { PlannedDevice(device).add(to: &self) }
  }

  /// Adds an option of the definition.
  mutating func keep(
    _ option: String, _ text: String?, _ location: Location, isChanged: Bool = false, properties: [Location] = [],
    model: (String, String)? = nil
  ) {
    if let text, OptionText.isOfShell(text), isShells(location) { obstruct("only the shell knows the value of `\(text)`") }
    parts.append(
      Part(arguments: [option] + (text.map { [$0] } ?? []), location: location, isChanged: isChanged, model: model, properties: properties))
  }

  /// Adds options of the rehearsal's own.
  mutating func addOwn(_ own: [Part]) { parts += own }

  /// Adds a vfio device, or its substitute.
  mutating func keep(_ device: VFIODevice, substitute: [String], _ location: Location) {
    if signatures.count < RehearsalPlan.kindLimit, signatures.insert(device.signature).inserted { kinds.append(devices.count) }
    let isTried = signatures.contains(device.signature)
    parts.append(Part(arguments: substitute, location: location, isChanged: true, vfio: devices.count, isTriedItself: isTried))
    devices.append(device)
    let replaced = "replaced by a device without a backend in the same place, and "
    let rest = isTried ? "tried once without its host device"
      : "not tried itself: of vfio devices with different properties the first \(RehearsalPlan.kindLimit) are"
    note("`\(location.path)`", replaced + rest, isUntried: !isTried)
  }

  /// - Parameter isUntried: whether QEMU is not asked about a device, or a property of one.
  mutating func note(_ what: String, _ why: String, isUntried: Bool = false) {
    let change = RehearsalResult.Change(what: what, why: why, isUntried: isUntried)
    if !changes.contains(change) { changes.append(change) }
  }

  /// Whether the shell knows a part of an option.
  func isShells(_ location: Location) -> Bool { shellLocations.contains(location) }

  /// Has QEMU asked whether it has a type; nil is none to ask for.
  mutating func ask(_ backend: BackendType?) {
    if let backend, !isShells(backend.location) { backends.append(backend) }
  }

  mutating func obstruct(_ reason: String) { obstacle = obstacle ?? reason }

  /// Whether it is an element of a libvirt domain, and not one of QEMU's options in it.
  func isOfDomain(_ location: Location) -> Bool { isDomain && location.path.hasPrefix("/") }

  /// Ends the rehearsal at a value that the definition does not show.
  /// - Parameter what: "`bus` of `-device[1]`".
  mutating func obstruct(unknown what: String) {
    obstruct(isDomain ? "libvirt chooses \(what); lint what `virsh dumpxml` prints" : "only the shell knows \(what)")
  }

  /// Number of a descriptor that is the rehearsal's own.
  mutating func spareDescriptor() -> Int {
    // More than there are devices in any machine would be refused for other reasons.
    spares = min(spares + 1, 256)
    return firstSpare + spares - 1
  }
}

extension RehearsalPlan {
  /// Properties of `-machine` that name files, other options that are left out, or the accelerator's own.
  private static let leftOut: [String: String] = [
    "accel": "the rehearsal has an accelerator of its own", "kernel": "a file", "initrd": "a file", "append": "needs a kernel",
    "dtb": "a file", "dumpdtb": "writes a file", "shim": "a file", "firmware": "a file", "pflash0": "a firmware image",
    "pflash1": "a firmware image", "memory-encryption": "needs the host's processor",
    "confidential-guest-support": "needs the host's processor", "kvm-type": "needs KVM", "kvm-shadow-mem": "needs KVM",
    "igvm-cfg": "a file",
  ]

  private static func reason(_ property: Property) -> String? {
    leftOut[property.name] ?? (property.name.hasPrefix("sgx-epc") ? "needs the host's processor" : nil)
      ?? HostProperty.reason(property.name, property.value)
  }

  private mutating func addMachine(_ machine: MachineConfig) {
    var items: [(name: String, value: String)] = []
    var kept: [Location] = []
    // Words without a value, which QEMU refuses.
    var shorts: [String] = []
    for property in machine.machine {
      if let why = RehearsalPlan.reason(property) {
        // `-enable-kvm` has no text that could be missed.
        if !property.location.path.hasPrefix("-enable-kvm") { note("`\(property.name)` of `-machine`", "left out: \(why)") }
        continue
      }
      if let short = property.shortForm {
        shorts.append("," + short)
        continue
      }
      guard var value = OptionText.text(of: property.value) else {
        obstruct(unknown: "`\(property.name)` of `-machine`")
        continue
      }
      // The host's interrupt controller is KVM's.
      if property.name == "gic-version", value == "host", !isOfTCG { value = "max" }
      items.append((property.name, value))
      kept.append(property.location)
    }
    // Without it TCG has another interrupt controller than KVM (QEMU hw/arm/virt.c: finalize_gic_version).
    if asksForKVM, let type = machine.machineType?.value.string, type == "virt" || type.hasPrefix("virt-"),
      machine.emulator?.contains("aarch64") ?? false, !items.contains(where: { $0.name == "gic-version" }) {
      items.append(("gic-version", "max"))
    }
    let size = memory(of: machine)
    if let size, !items.contains(where: { $0.name == "memory-backend" }) {
      let backend = "qom-type=memory-backend-ram,id=vfiogate-ram,share=on,reserve=off,size=\(size)"
      parts.append(Part(arguments: ["-object", backend], location: nil))
      items.append(("memory-backend", "vfiogate-ram"))
    }
    guard !items.isEmpty || !shorts.isEmpty else { return }
    let place = machine.machineType?.location ?? machine.machine.first?.location
    parts.append(Part(arguments: ["-machine", OptionText.keyval(items) + shorts.joined()], location: place, properties: kept))
  }

  /// The size of the guest's memory where QEMU would allocate it itself: the rehearsal's backend reserves none.
  private func memory(of machine: MachineConfig) -> UInt64? {
    // Nodes have memory of their own.
    let hasNodes = machine.options.contains { $0.name == "numa" && ($0.value.string ?? "").contains("mem") }
    if hasNodes { return nil }
    let sizes = machine.options.filter { $0.name == "m" }.flatMap { OptionText.items($0.value.string ?? "", implied: "size") }
    guard let text = sizes.last(where: { $0.name == "size" })?.value, let size = OptionText.memorySize(text), size > 0,
      // QEMU rounds up to pages (QEMU system/vl.c).
      size % 8192 == 0
    else { return nil }
    return size
  }
}
