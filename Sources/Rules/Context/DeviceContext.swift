import Facts
import Prediction

/// One definition with its predictions: the input of all rules. Immutable, and shared by them.
public final class LintTarget: Sendable {
  /// The machine, without the plugs.
  public let machine: MachineConfig
  /// `device_add` requests to the running machine; with any, only these are checked, and not the machine.
  public let plugs: [DeviceRequest]
  /// Errors of the parser.
  public let problems: [InputProblem]
  /// Predictions for the checked requests.
  public let predictions: [RealizePrediction]
  /// Predictions for the vfio devices that the running machine already has; empty without plugs.
  public let running: [RealizePrediction]
  /// Predictions for every vfio device of the machine: running devices first, then in the order of the text.
  public let assignments: [RealizePrediction]
  /// The IOMMUs of the machine, in the order of the text.
  let iommus: [DeviceRequest]
  /// The processor's address width; nil where no option is about it, or its text is not known.
  let width: ProcessorWidth?
  /// The first device behind each `arm-smmuv3`, by the location of that.
  let firstBehind: [Location: RealizePrediction]
  /// The guest's PCI topology with all devices created and plugged.
  public let guest: Guest
  /// The host as QEMU will find it: libvirt binds the managed devices of a domain first.
  public let host: Host
  /// The host at the time of the run.
  public let hostNow: Host
  /// Parts of the machine beside the vfio devices that QEMU refuses.
  public let launchFailures: [LaunchFailure]
  /// Commands about objects that QEMU may refuse, as earlier plugs decide.
  let openFailures: [OpenFailure]
  /// Devices of types that are not modelled at all, each with the fact that is missing.
  let unmodelled: [(request: DeviceRequest, fact: Unknown)]
  /// Other devices with a check that is not decided.
  private let undecided: [DeviceRequest]
  /// The locations of hot plugs that QEMU may refuse.
  private let openPlugs: Set<Location>
  /// Version and properties of the QEMU that will run it.
  public let qemu: QEMUProfile
  /// Allowances and severities, from a file and from comments in the definition.
  public let policy: Policy
  /// Outcome of the rehearsal with the QEMU that will run; nil when it was not asked.
  public let rehearsal: Known<RehearsalResult>?
  /// Failures that were predicted, and that this QEMU did not report. `predictions` and `launchFailures` are without them.
  public let overruled: [OverruledFailure]

  /// - Parameters:
  ///   - descriptors: the host function of each passed descriptor, by the value of `fd`.
  ///   - rehearsal: what the QEMU that will run did with the definition; nil when it was not asked.
  ///   - topology: the PCI topology that a running QEMU reports; without it that of `machine` is modelled.
  public init(
    machine: MachineConfig, plugs: [DeviceRequest], problems: [InputProblem], host: Host, qemu: QEMUProfile,
    descriptors: [String: Known<PCIAddress?>] = [:], running topology: Guest? = nil,
    policy: Policy = .none, rehearsal: Known<RehearsalResult>? = nil
  ) {
    self.policy = policy
    self.rehearsal = rehearsal
    self.machine = machine
    self.plugs = plugs
    self.problems = problems
    iommus = machine.devices.filter { $0.driver.map(Guest.isIOMMU) ?? false }
    width = ProcessorWidth(machine)
    hostNow = host
    let host = host.prepared(by: machine, plugs: plugs)
    self.host = host
    self.qemu = qemu
    let predictor = Predictor(machine, on: host, qemu: qemu, descriptors: descriptors, running: topology)
    let outcome = predictor.run(plugs: plugs)
    let all = outcome.predictions
    guest = outcome.guest
    let isRunning = !plugs.isEmpty
    openFailures = outcome.openFailures
    unmodelled = outcome.unmodelled.filter { !isRunning || $0.request.plug == .hot }
    undecided = outcome.undecided.filter { !isRunning || $0.plug == .hot }
    let launch = outcome.launchFailures.filter { !isRunning || $0.isOfCommand }
    let realizes = all.filter { !isRunning || $0.request.plug == .hot }
    let overruled = rehearsal?.display.map { OverruledFailure.all(realizes, launch, of: machine, by: $0) } ?? []
    self.overruled = overruled
    launchFailures = launch.filter { failure in !overruled.contains { $0.isOf(failure) } }
    predictions = overruled.isEmpty ? realizes : realizes.map { one in
      let own = overruled.filter { $0.isVFIO && $0.location == one.request.location }
      return own.first.map { one.without(own.map(\.failure), because: $0.unknown) } ?? one
    }
    openPlugs = Set(
      predictions.filter { $0.realize == .undetermined }.map(\.request.location) + unmodelled.map(\.request.location)
        + undecided.map(\.location))
    running = all.filter { isRunning && $0.request.plug == .cold }
    assignments = running.filter(\.request.isVFIO)
      + predictions.filter(\.request.isVFIO)
      .sorted { ($0.request.location.range?.lowerBound ?? 0) < ($1.request.location.range?.lowerBound ?? 0) }
    firstBehind = Dictionary(
      assignments.compactMap { one in
        guard let unit = try? one.viommu, unit.driver == "arm-smmuv3" else { return nil }
        return (unit.location, one)
      }, uniquingKeysWith: { first, _ in first })
  }

  /// Whether rules about devices are run. A libvirt domain without vfio devices is left to libvirt; on a command line a
  /// device may be meant for vfio and be misspelt.
  var hasPassthrough: Bool {
    guard let libvirt = machine.libvirt, !libvirt.hasOwnOptions else { return true }
    return requests.contains { $0.driver?.hasPrefix("vfio-") == true }
  }

  /// Whether a host device is passed through, or may be: a guest without one is left to QEMU.
  public var mayPassThrough: Bool {
    !predictions.isEmpty || !running.isEmpty || !unmodelled.isEmpty || !machine.unreadParts.isEmpty || hasAcceleratedSMMU
      || launchFailures.contains(where: \.isOfHostDevice)
  }

  /// The parts of the machine that QEMU refuses, where they are findings: of a guest that is left to QEMU only crashes are.
  var reportedLaunchFailures: [LaunchFailure] {
    mayPassThrough ? launchFailures : launchFailures.filter { $0.failure.cause == .crashingProperty }
  }

  /// Options whose values no QEMU was asked about, and that are not modelled: `-cpu`, `-drive`, in the order of the text; the last
  /// is `devices`, for those besides passthrough. Of a domain of libvirt, which writes them itself, `domain`: its other parts, which
  /// libvirt may refuse. Without a host device it is `machine`: all of it.
  public var unchecked: [String] {
    if let libvirt = machine.libvirt {
      return plugs.isEmpty && libvirt.hypervisor == nil && machine.missingPart == nil ? ["domain"] : []
    }
    if case .known(let result)? = rehearsal, result.isTried { return [] }
    if !mayPassThrough { return ["machine"] }
    let names = plugs.isEmpty ? machine.uncheckedOptions(qemu) : machine.uncheckedCommands
    let isOpen = !undecided.isEmpty || checkedRequests.contains { !$0.isVFIO && !LintTarget.isModelled($0) }
    return isOpen ? names + ["devices"] : names
  }

  /// Ports, bridges and IOMMUs, of which all options but a ROM's file are modelled.
  private static func isModelled(_ request: DeviceRequest) -> Bool {
    guard let driver = request.driver, (request.string("romfile") ?? "").isEmpty else { return false }
    return ["pcie-root-port", "pcie-pci-bridge", "pci-bridge", "pxb-pcie"].contains(driver) || Guest.isIOMMU(driver)
  }

  /// Every device request: those of a running machine first, then in the order of the text.
  public var requests: [DeviceRequest] { plugs.isEmpty ? machine.devices : machine.devices + plugs }

  /// The requests that are checked: the plugs, or without any the machine's devices.
  public var checkedRequests: [DeviceRequest] { plugs.isEmpty ? machine.devices : plugs }

  /// Whether QEMU refuses a device when it starts the machine, and so never comes to those that depend on it.
  func isRefusedAtLaunch(_ request: DeviceRequest) -> Bool { launchFailures.contains { $0.request?.location == request.location } }

  /// Whether QEMU refuses a text when it starts the machine.
  func isRefusedAtLaunch(_ text: Location) -> Bool { launchFailures.contains { $0.location == text } }

  /// Whether a request is checked, and not part of a machine that is already running.
  func isChecked(_ request: DeviceRequest) -> Bool { plugs.isEmpty || request.plug == .hot }

  /// The fact that is missing about all that depends on a hot plug that QEMU may refuse; nil for any other request.
  func openPlug(_ request: DeviceRequest) -> Unknown? {
    guard request.plug == .hot, openPlugs.contains(request.location) else { return nil }
    return Unknown("plug of \(request.plainName)", reason: "it is not decided")
  }

  /// - Throws: `fact` is unknown, because a part of the machine is missing.
  func requireWholeMachine(for fact: String) throws(Unknown) {
    if let missing = machine.missingPart { throw Unknown(fact, reason: missing) }
  }

  /// The vfio devices that are checked.
  public var contexts: [DeviceContext] {
    predictions.filter(\.request.isVFIO).map { DeviceContext(target: self, prediction: $0) }
  }
}

/// One vfio device of a definition, as rules check it.
public final class DeviceContext: Sendable {
  /// The definition that it is part of.
  public let target: LintTarget
  /// The prediction for its realize.
  public let prediction: RealizePrediction
  /// Nil when the host has no such device.
  private let hostDevice: Known<HostDevice?>

  init(target: LintTarget, prediction: RealizePrediction) {
    self.target = target
    self.prediction = prediction
    if let address = prediction.host {
      hostDevice = target.host.device(at: address)
    } else {
      hostDevice = .unknown(prediction.missingHost)
    }
  }

  /// The request that creates it.
  public var request: DeviceRequest { prediction.request }
  /// The inputs of QEMU's `ats` decision for it.
  public var atsInputs: ATSInputs { prediction.atsInputs }
  /// The host as QEMU will find it.
  public var host: Host { target.host }

  /// Name for messages: "`hostdev0` (0000:01:00.0)".
  public var name: String { prediction.name }

  /// The host function.
  /// - Throws: why it is unknown, or that the host has no such device (`Unknown.isOfAbsentDevice`).
  public func device() throws(Unknown) -> HostDevice {
    guard let device = try hostDevice.value else {
      throw prediction.host.map { Unknown(ofAbsentDevice: $0) }
        ?? prediction.missingHost
    }
    return device
  }

  /// The device's IOMMU group; nil when it has none.
  public func group() throws(Unknown) -> IOMMUGroup? {
    guard let number = try device().group.value else { return nil }
    return target.host.group(number)
  }

  /// The processes that hold a function, without the QEMU that passes it to this one in a live update.
  func otherUsers(of device: HostDevice) throws(Unknown) -> [ProcessReference] {
    let isPassed = request.plug == .cold && target.machine.isLiveUpdate(of: target.qemu)
    return try device.users.value.filter { !isPassed || !$0.isQEMU }
  }

  /// Location of the property that names the host function.
  var hostLocation: Location {
    (request.property("sysfsdev") ?? request.property("host"))?.location ?? request.location
  }

  /// The backend that the device attaches with.
  public func backend() throws(Unknown) -> VFIOBackend { try atsInputs.backend.value }
}
