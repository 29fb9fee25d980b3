import Facts

/// The decision told step by step, in the order in which QEMU takes it.
public enum ATSExplanation {
  /// One line a step, ending where QEMU stops.
  public static func steps(_ question: ATSInputs) -> [String] {
    guard case .known(let behaviour) = question.behaviour else {
      return ["which QEMU reads this is not known, and the three behaviours differ"]
    }
    if behaviour == .none { return untouched(question) }
    var steps: [String] = []
    guard add(list(question), to: &steps) else { return steps }
    steps.append("2. the standard capabilities are added")
    guard add(request(question, behaviour), to: &steps) else { return steps }
    guard add(place(question), to: &steps) else { return steps }
    steps.append(walk(question))
    steps.append(messages(question, behaviour))
    return steps
  }

  /// A step, and whether QEMU may go on after it.
  private typealias Step = (text: String, goesOn: Bool)

  private static func add(_ step: Step, to steps: inout [String]) -> Bool {
    steps.append(step.text)
    return step.goesOn
  }

  private static func list(_ question: ATSInputs) -> Step {
    switch question.standardList {
    case .known(true): return ("1. the device has a standard capability list: go on", true)
    case .known(false):
      return ("1. the device has no standard capability list: no ATS decision at all, no message", false)
    case .unknown(let why): return ("1. whether there is a standard capability list is unknown (\(why.reason))", true)
    }
  }

  private static func request(_ question: ATSInputs, _ behaviour: ATSBehaviour) -> Step {
    guard case .known(let given) = question.setting else { return ("3. the value of ats is unknown", true) }
    let setting = given ?? .auto
    let named = given == nil ? "ats is not given, so it is auto" : "ats is \(setting.rawValue)"
    if setting == .off { return ("3. \(named): ATS is not needed", true) }
    switch question.backend {
    case .unknown: return ("3. \(named), and the backend is unknown", true)
    case .known(.legacy):
      return ("3. \(named), and the legacy backend cannot ask the kernel: ATS is needed, unchecked", true)
    case .known(.iommufd): return flag(question, setting, named, behaviour)
    }
  }

  private static func flag(
    _ question: ATSInputs, _ setting: ATSSetting, _ named: String, _ behaviour: ATSBehaviour
  ) -> Step {
    switch question.flagSet {
    case .unknown(let why):
      return ("3. \(named), and QEMU asks the kernel through iommufd; its answer is unknown (\(why.reason))", true)
    case .known(false):
      return ("3. \(named), and the kernel does not say that ATS is unsupported: ATS is needed", true)
    case .known(true):
      if setting == .on {
        return ("3. \(named), and the kernel says that ATS is unsupported: realize FAILS, before QEMU "
          + "looks at the bus or at the capability", false)
      }
      let early = behaviour == .v3 ? ", and v3 warns here, whatever the device has" : ""
      return ("3. \(named), and the kernel says that ATS is unsupported: ATS is not needed\(early)", true)
    }
  }

  private static func place(_ question: ATSInputs) -> Step {
    switch (question.express, question.extendedList) {
    case (.known(false), _):
      return ("4. the device or its guest bus is not Express: stop here, nothing is visible, no further message", false)
    case (_, .known(false)):
      return ("4. there is no extended capability list: stop here, nothing is visible, no further message", false)
    case (.known(true), .known(true)): return ("4. the guest bus is Express and there is an extended list: go on", true)
    default: return ("4. whether the bus is Express and there is an extended list is not known", true)
    }
  }

  private static func walk(_ question: ATSInputs) -> String {
    let seen = question.forecast.guestSees
    switch (question.capability, seen) {
    case (.known(false), _): return "5. the chain is walked: no ATS capability in it, the guest sees none"
    case (.known(true), .known(true)): return "5. the chain is walked: ATS is there and needed, the guest sees it"
    case (.known(true), .known(false)): return "5. the chain is walked: ATS is there and not needed, it is masked"
    default: return "5. the chain is walked: whether the guest sees ATS cannot be told"
    }
  }

  private static func messages(_ question: ATSInputs, _ behaviour: ATSBehaviour) -> String {
    switch question.forecast.warnings {
    case .unknown: return "6. which warnings appear cannot be told"
    case .known([]): return "6. no warning"
    case .known(let texts): return "6. on QEMU's standard error: " + texts.joined(separator: "; ")
    }
  }

  private static func untouched(_ question: ATSInputs) -> [String] {
    switch question.setting {
    case .known(.some): return ["this QEMU has no ats property: giving it is an error"]
    default: return ["this QEMU has no ats property: an ATS capability passes through untouched, unchecked"]
    }
  }
}
