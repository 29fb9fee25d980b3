import Facts
import Prediction

/// One machine definition with its predictions: what rules look at. Each is made once, and handed to all of them.
public final class LintTarget: Sendable {
  public let machine: MachineConfig
  /// `device_add` requests into the running machine.
  public let plugs: [DeviceRequest]
  public let problems: [InputProblem]
  /// Of the requests that are judged: with plugs these, and not the machine that they go into.
  public let predictions: [RealizePrediction]
  /// Of the vfio devices that the running machine has already, when there are plugs.
  public let running: [RealizePrediction]
  /// Every vfio device of the machine, what runs already first, then in the order of the text.
  public let assignments: [RealizePrediction]
  /// The IOMMUs that the machine is given. Most are given none, and rules by the dozen ask.
  let iommus: [DeviceRequest]
  /// The guest's PCI topology when all requests have been made and plugged.
  public let guest: Guest
  /// The host as QEMU will find it: libvirt prepares what a domain of its names.
  public let host: Host
  /// The host as it is now.
  public let hostNow: Host
  public let qemu: QEMUProfile
  /// What the other definitions that are judged in the same run ask for.
  public let others: OtherDefinitions
  /// What is decided about findings: of a file, and of comments in the definition.
  public let policy: Policy

  /// - Parameters:
  ///   - descriptors: which host function a passed descriptor is, by the value of `fd`.
  ///   - topology: what a running QEMU says of its topology; without it that of `machine` is modelled.
  public init(
    machine: MachineConfig, plugs: [DeviceRequest], problems: [InputProblem], host: Host, qemu: QEMUProfile,
    descriptors: [String: Known<PCIAddress?>] = [:], running topology: Guest? = nil,
    others: OtherDefinitions = .none, policy: Policy = .none
  ) {
    self.others = others
    self.policy = policy
    self.machine = machine
    self.plugs = plugs
    self.problems = problems
    iommus = machine.devices.filter { $0.driver.map(Guest.isIOMMU) ?? false }
    hostNow = host
    let host = host.prepared(by: machine, plugs: plugs)
    self.host = host
    self.qemu = qemu
    let predictor = Predictor(machine, on: host, qemu: qemu, descriptors: descriptors, running: topology)
    let (all, guest) = predictor.run(plugs: plugs)
    self.guest = guest
    let isRunning = !plugs.isEmpty
    predictions = all.filter { !isRunning || $0.request.plug == .hot }
    running = all.filter { isRunning && $0.request.plug == .cold }
    assignments = running.filter(\.request.isVFIO)
      + predictions.filter(\.request.isVFIO)
      .sorted { ($0.request.location.range?.lowerBound ?? 0) < ($1.request.location.range?.lowerBound ?? 0) }
  }

  /// Whether there is anything for this program to say. A libvirt domain's other devices are libvirt's
  /// affair; on a command line a device may be meant for vfio and misspelt.
  var hasPassthrough: Bool {
    guard let libvirt = machine.libvirt, !libvirt.hasOwnOptions else { return true }
    return requests.contains(where: \.isVFIO)
  }

  /// Every device request, in the order of the text; those of a running machine first.
  public var requests: [DeviceRequest] { plugs.isEmpty ? machine.devices : machine.devices + plugs }

  /// The requests that are judged.
  public var judgedRequests: [DeviceRequest] { plugs.isEmpty ? machine.devices : plugs }

  /// Whether a request is part of what is judged, and not of the machine that runs already.
  func isJudged(_ request: DeviceRequest) -> Bool { plugs.isEmpty || request.plug == .hot }

  /// - Throws: why the machine is not whole, as the reason for not knowing `fact`.
  func needsWholeMachine(for fact: String) throws(Unknown) {
    if let missing = machine.missingPart { throw Unknown(fact, reason: missing) }
  }

  public var contexts: [DeviceContext] { contexts { _ in true } }

  /// The vfio devices that are judged, and that are such.
  func contexts(where isWanted: (RealizePrediction) -> Bool) -> [DeviceContext] {
    predictions.filter { $0.request.isVFIO && isWanted($0) }.map { DeviceContext(target: self, prediction: $0) }
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
      hostDevice = .unknown("host device of \(prediction.name)", "the request does not say which it is")
    }
  }

  /// The request that creates it.
  public var request: DeviceRequest { prediction.request }
  /// The inputs of QEMU's `ats` decision for it.
  public var question: ATSInputs { prediction.question }
  /// The host as QEMU will find it.
  public var host: Host { target.host }

  /// Name for messages: "`hostdev0` (0000:01:00.0)".
  public var name: String { prediction.name }

  /// The host function.
  /// - Throws: why it is unknown, or that the host has no such device (`Unknown.isOfAbsentDevice`).
  public func device() throws(Unknown) -> HostDevice {
    guard let device = try hostDevice.value else {
      throw prediction.host.map { Unknown(ofAbsentDevice: $0) }
        ?? Unknown("host device of \(name)", reason: "the request names none")
    }
    return device
  }

  /// The device's group; nil when it has none.
  public func group() throws(Unknown) -> IOMMUGroup? {
    guard let number = try device().group.value else { return nil }
    return target.host.group(number)
  }

  /// Where the request says which host function it is for.
  var hostLocation: Location {
    (request.property("sysfsdev") ?? request.property("host"))?.location ?? request.location
  }

  public func backend() throws(Unknown) -> VFIOBackend { try question.backend.value }

  /// The iommufd object that the request names, if it is described.
  var iommufdObject: ObjectRequest? {
    guard let link = request.string("iommufd") else { return nil }
    return target.machine.objects.last { object in
      object.id.map { $0 == link || "/objects/\($0)" == link } ?? false
    }
  }
}
