import Facts

/// The ats decision as text, one line a step, derived from the trace of the decision (`ATSCase.decide`).
public enum ATSExplanation {
  /// The steps in QEMU's order, ending where QEMU stops.
  public static func steps(_ inputs: ATSInputs) -> [String] {
    guard case .known(let behaviour) = inputs.behaviour else {
      return ["which QEMU reads this is not known, and the three behaviours differ"]
    }
    if behaviour == .none { return untouched(inputs) }
    let outcome = inputs.outcome
    var steps = [list(inputs)]
    guard let need = outcome.steps.need else { return steps }
    steps += ["2. the standard capabilities are added", self.need(need, inputs, behaviour)]
    guard let walks = outcome.steps.walks else { return steps }
    steps.append(place(walks, inputs))
    if walks == .known(false) { return steps }
    return steps + [walk(inputs, outcome), messages(outcome)]
  }

  private static func list(_ inputs: ATSInputs) -> String {
    switch inputs.standardList {
    case .known(true): return "1. the device has a standard capability list: continue"
    case .known(false): return "1. the device has no standard capability list: no ATS decision at all, no message"
    case .unknown(let why): return "1. whether there is a standard capability list is unknown (\(why.reason))"
    }
  }

  private static func need(_ need: Known<ATSNeed>, _ inputs: ATSInputs, _ behaviour: ATSBehaviour) -> String {
    guard case .known(let given) = inputs.setting else { return "3. the value of ats is unknown" }
    let setting = given.map { "3. ats is \($0.rawValue)" } ?? "3. ats is not given, so it is auto"
    switch need {
    case .known(.off): return "\(setting): ATS is not needed"
    case .known(.unchecked): return "\(setting), and the legacy backend cannot ask the kernel: ATS is needed, unchecked"
    case .known(.supported): return "\(setting), and the kernel does not say that ATS is unsupported: ATS is needed"
    case .known(.unsupported):
      let early = behaviour == .v3 ? ", and v3 warns here, regardless of the device" : ""
      return "\(setting), and the kernel says that ATS is unsupported: ATS is not needed\(early)"
    case .known(.refused):
      return "\(setting), and the kernel says that ATS is unsupported: realize FAILS, before QEMU "
        + "checks the bus or the capability"
    case .unknown:
      guard inputs.backend.isKnown, case .unknown(let why) = inputs.flagSet else {
        return "\(setting), and the backend is unknown"
      }
      return "\(setting), and QEMU asks the kernel through iommufd; its answer is unknown (\(why.reason))"
    }
  }

  private static func place(_ walks: Known<Bool>, _ inputs: ATSInputs) -> String {
    switch walks {
    case .known(true): return "4. the guest bus is Express and there is an extended list: continue"
    case .known(false) where inputs.express == .known(false):
      return "4. the device or its guest bus is not Express: stop here, nothing is visible, no further message"
    case .known(false):
      return "4. there is no extended capability list: stop here, nothing is visible, no further message"
    case .unknown: return "4. whether the bus is Express and there is an extended list is not known"
    }
  }

  private static func walk(_ inputs: ATSInputs, _ outcome: PartialATSOutcome) -> String {
    switch (inputs.capability, outcome.guestSees) {
    case (.known(false), _): return "5. the chain is walked: no ATS capability in it, the guest sees none"
    case (.known(true), .known(true)): return "5. the chain is walked: ATS is there and needed, the guest sees it"
    case (.known(true), .known(false)): return "5. the chain is walked: ATS is there and not needed, it is masked"
    default: return "5. the chain is walked: whether the guest sees ATS cannot be determined"
    }
  }

  private static func messages(_ outcome: PartialATSOutcome) -> String {
    switch outcome.warnings {
    case .unknown: return "6. which warnings appear cannot be determined"
    case .known([]): return "6. no warning"
    case .known(let texts): return "6. on QEMU's standard error: " + texts.joined(separator: "; ")
    }
  }

  private static func untouched(_ inputs: ATSInputs) -> [String] {
    switch inputs.setting {
    case .known(.some): return ["this QEMU has no ats property: giving it is an error"]
    default: return ["this QEMU has no ats property: an ATS capability passes through untouched, unchecked"]
    }
  }
}
