import Facts

/// Predicts every vfio device of a machine, in the order in which QEMU realizes them.
public struct Predictor {
  private let machine: MachineRequest
  private let host: Host
  private let qemu: QEMUProfile
  private let descriptors: [String: Known<PCIAddress?>]
  private let running: Guest?

  /// - Parameters:
  ///   - descriptors: which host function a passed descriptor is, by the value of `fd`; `.known(nil)`
  ///     is none.
  ///   - running: the topology that the running machine has, where it was asked; it stands in for that
  ///     of `machine` when `plugs` are predicted.
  public init(
    _ machine: MachineRequest, on host: Host, qemu: QEMUProfile, descriptors: [String: Known<PCIAddress?>] = [:],
    running: Guest? = nil
  ) {
    self.descriptors = descriptors
    self.running = running
    self.machine = machine
    self.host = host
    self.qemu = qemu
  }

  /// One prediction for each vfio request, and for each request that only looks like one. Each is
  /// made as if what goes before it succeeds: QEMU stops at the first failure of a cold start, and
  /// the user wants to know all of them.
  /// - Parameter plugs: requests that are plugged into the machine once it runs.
  public func predictions(plugs: [DeviceRequest] = []) -> [RealizePrediction] { run(plugs: plugs).predictions }

  /// The predictions, and the guest's topology when all has been made and plugged.
  public func run(plugs: [DeviceRequest] = []) -> (predictions: [RealizePrediction], guest: Guest) {
    var guest = Guest(machine)
    guest.isOrderKnown = running == nil
    // QEMU makes the devices of key=value text first, whatever the order on the command line
    // (QEMU system/vl.c: qemu_create_cli_devices; observed on 11.1.3).
    let cold = machine.devices.filter { $0.form == .keyval } + machine.devices.filter { $0.form == .json }
    var predictions: [RealizePrediction] = []
    var places: [GuestPlace?] = []
    for (index, request) in (cold + plugs).enumerated() {
      if index == cold.count, let running { guest = running.with(assignmentsOf: guest) }
      var prediction = predict(request, guest)
      let place = guest.add(request)
      prediction?.place = place
      if let prediction {
        predictions.append(prediction)
        places.append(place)
      }
      if request.form == .keyval, let id = request.id { guest.keyvalIDs.insert(id) }
      guard request.isVFIO else { continue }
      let context = context(request, guest)
      if case .known(let backend) = context.backend {
        do throws(Unknown) {
          if try context.hasOwnSpace() { guest.ownSpaces += 1 } else { guest.backends.insert(backend) }
        } catch {
          guest.unplacedBackends.insert(backend)
          guest.ownSpaces += 1
        }
        if let address = context.address { guest.assigned[address] = context.iommufdLink ?? "" }
      }
    }
    for (index, place) in places.enumerated() {
      predictions[index].isReachable = place.map(guest.canReach) ?? .known(true)
    }
    return (predictions, guest)
  }

  private func context(_ request: DeviceRequest, _ guest: Guest) -> RealizeContext {
    RealizeContext(
      request: request, machine: machine, guest: guest, host: host, qemu: qemu, descriptors: descriptors)
  }

  /// - Returns: nil for a device that nobody means for vfio: of those a machine has many, and little is asked.
  private func predict(_ request: DeviceRequest, _ guest: Guest) -> RealizePrediction? {
    if request.isVFIO { return predict(context(request, guest)) }
    guard let failure = DriverName.refusal(request.driver) else { return nil }
    let context = context(request, guest)
    return context.keyvalID == nil ? prediction(context, failure, [], context.question) : nil
  }

  private func predict(_ context: RealizeContext) -> RealizePrediction {
    let question = context.question
    let forecast = question.forecast
    var unknowns: [Unknown] = []
    var failure: RealizeFailure?
    for step in RealizeStep.allCases where failure == nil {
      do throws(Unknown) {
        failure = try context.failure(at: step, forecast, &unknowns)
      } catch {
        unknowns += step == .ats ? forecast.missing : [error]
      }
    }
    return prediction(context, failure, unknowns, question, forecast)
  }

  private func prediction(
    _ context: RealizeContext, _ failure: RealizeFailure?, _ unknowns: [Unknown], _ question: ATSQuestion,
    _ forecast: ATSForecast? = nil
  ) -> RealizePrediction {
    RealizePrediction(
      request: context.request, guest: context.guest, host: context.address, failure: failure,
      unknowns: unknowns.unique, question: question, forecast: forecast ?? question.forecast)
  }
}

extension Array where Element: Equatable {
  /// Without repetitions, in the order of first appearance.
  var unique: [Element] {
    var found: [Element] = []
    // What is unknown of one device is a handful.
    for element in self where !found.contains(element) { found.append(element) }
    return found
  }
}
