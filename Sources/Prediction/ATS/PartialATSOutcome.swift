import Facts

/// The outcome as far as the inputs determine it: a part is known when all completions of the unknown inputs agree.
public struct PartialATSOutcome: Sendable {
  /// `.known(nil)`: realize does not fail here.
  let failure: Known<ATSText?>
  let warning: Known<ATSText?>
  /// Whether the guest finds the capability.
  public let guestSees: Known<Bool>
  /// Whether QEMU asks the kernel.
  public let checked: Known<Bool>
  /// The unknown inputs on which some part depends.
  public let missing: [Unknown]

  /// The way that the decision takes, for `ATSExplanation`.
  let steps: Steps

  /// Each step of an `ATSTrace`: nil where no completion gets to it, else known when all that do agree.
  struct Steps: Sendable {
    let hasList: Known<Bool>?
    let need: Known<ATSNeed>?
    let walks: Known<Bool>?
  }

  /// Whether no unknown input matters.
  public var isDetermined: Bool { missing.isEmpty }

  /// The error's message text; `.known(nil)` when realize does not fail here.
  public var error: Known<String?> { failure.map { $0?.rawValue } }
  /// The warning's message text; there is at most one.
  public var warnings: Known<[String]> { warning.map { $0.map { [$0.rawValue] } ?? [] } }
}

extension ATSInputs {
  /// The outcome over all completions of the unknown inputs: at most 3 × 4 × 2^6 cases.
  public var outcome: PartialATSOutcome {
    let completions = completions
    let decisions = completions.decisions
    let outcomes = decisions.map { $0?.outcome }
    let missing = completions.missing(outcomes)
    lazy var reason = "depends on " + missing.map(\.fact).unique.joined(separator: ", ")
    /// The value that all possible cases with one agree on; nil where none has one.
    func agreed<T: Equatable & Sendable>(_ name: String, _ value: (ATSOutcome, ATSTrace) -> T?) -> Known<T>? {
      var only: T?
      for case .some(let decision) in decisions {
        guard let value = value(decision.outcome, decision.trace) else { continue }
        if let only, only != value { return .unknown(name, reason) }
        only = value
      }
      return only.map { .known($0) }
    }
    func part<T: Equatable & Sendable>(_ name: String, _ part: (ATSOutcome) -> T) -> Known<T> {
      agreed(name) { outcome, _ in part(outcome) } ?? .unknown(name, "no case of it is possible")
    }
    func step<T: Equatable & Sendable>(_ step: (ATSTrace) -> T?) -> Known<T>? {
      agreed("step of the ats decision") { _, trace in step(trace) }
    }
    return PartialATSOutcome(
      failure: part("realize error") { $0.error }, warning: part("ATS warnings") { $0.warning },
      guestSees: part("guest's view of ATS") { $0.guestSees }, checked: part("QEMU's check") { $0.checked },
      missing: missing, steps: .init(hasList: step(\.hasList), need: step(\.need), walks: step(\.walks)))
  }

  private var completions: Completions {
    var completions = Completions(inputs: 8)
    completions.branch(behaviour, ATSBehaviour.allCases) { $0.behaviour = $1 }
    completions.branch(setting, ATSSetting.allCases + [nil]) { $0.setting = $1 }
    completions.branch(backend, VFIOBackend.allCases) { $0.backend = $1 }
    completions.branch(flagSet, [false, true]) { $0.flagSet = $1 }
    completions.branch(standardList, [false, true]) { $0.standardList = $1 }
    completions.branch(express, [false, true]) { $0.express = $1 }
    completions.branch(extendedList, [false, true]) { $0.extendedList = $1 }
    completions.branch(capability, [false, true]) { $0.capability = $1 }
    return completions
  }
}

/// All assignments of the unknown inputs, in mixed-radix order: the input that branched last varies fastest.
private struct Completions {
  private var cases = [
    ATSCase(
      behaviour: .shipped, setting: nil, backend: .iommufd, flagSet: false, standardList: true, express: true,
      extendedList: true, capability: true)
  ]
  /// The unknown inputs, and how many values each has.
  private var open: [(unknown: Unknown, values: Int)] = []

  init(inputs: Int) { open.reserveCapacity(inputs) }

  mutating func branch<T>(_ input: Known<T>, _ all: @autoclosure () -> [T], _ set: (inout ATSCase, T) -> Void) {
    switch input {
    case .known(let value):
      for index in cases.indices { set(&cases[index], value) }
    case .unknown(let unknown):
      let all = all()
      open.append((unknown, all.count))
      var more: [ATSCase] = []
      more.reserveCapacity(cases.count * all.count)
      for var one in cases {
        for value in all {
          set(&one, value)
          more.append(one)
        }
      }
      cases = more
    }
  }

  /// One decision for each case, nil for a case that is not possible.
  var decisions: [(outcome: ATSOutcome, trace: ATSTrace)?] { cases.map { $0.isPossible ? $0.decide() : nil } }

  /// An unknown input matters when changing it alone changes the outcome of some possible case.
  func missing(_ outcomes: [ATSOutcome?]) -> [Unknown] {
    var period = outcomes.count
    var missing: [Unknown] = []
    for (unknown, values) in open {
      let next = period / values
      let differs = stride(from: 0, to: outcomes.count, by: period).contains { start in
        (start + next..<start + period).contains { index in
          guard let outcome = outcomes[index], let other = outcomes[index - next] else { return false }
          return outcome != other
        }
      }
      if differs { missing.append(unknown) }
      period = next
    }
    return missing
  }
}
