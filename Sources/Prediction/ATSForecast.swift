import Facts

/// The decision's inputs, some of them perhaps unknown.
public struct ATSQuestion: Sendable {
  public var behaviour: Known<ATSBehaviour>
  public var setting: Known<ATSSetting?>
  public var backend: Known<VFIOBackend>
  public var flagSet: Known<Bool>
  public var standardList: Known<Bool>
  public var express: Known<Bool>
  public var extendedList: Known<Bool>
  public var capability: Known<Bool>

  public init(
    behaviour: Known<ATSBehaviour>, setting: Known<ATSSetting?>, backend: Known<VFIOBackend>,
    flagSet: Known<Bool>, standardList: Known<Bool>, express: Known<Bool>,
    extendedList: Known<Bool>, capability: Known<Bool>
  ) {
    self.behaviour = behaviour
    self.setting = setting
    self.backend = backend
    self.flagSet = flagSet
    self.standardList = standardList
    self.express = express
    self.extendedList = extendedList
    self.capability = capability
  }
}

/// What can be said about the outcome: each part is known when every completion of the unknown
/// inputs agrees on it.
public struct ATSForecast: Sendable {
  /// `.known(nil)`: realize does not fail here.
  public let error: Known<String?>
  public let warnings: Known<[String]>
  public let guestSees: Known<Bool>
  public let checked: Known<Bool>
  /// The unknown inputs on which some part depends.
  public let missing: [Unknown]

  public var isDetermined: Bool { missing.isEmpty }
}

extension ATSQuestion {
  /// Tries every completion of what is unknown: at most 3 × 4 × 2^6 cases.
  public var forecast: ATSForecast {
    let cases = completions.filter(\.isPossible).map { (inputs: $0, outcome: $0.outcome) }
    let missing = missing(cases)
    func part<T: Equatable & Sendable>(_ name: String, _ part: (ATSOutcome) -> T) -> Known<T> {
      if let only = (cases.first?.outcome).map(part), cases.allSatisfy({ part($0.outcome) == only }) { return .known(only) }
      return .unknown(name, "depends on " + missing.map(\.fact).unique.joined(separator: ", "))
    }
    return ATSForecast(
      error: part("realize error") { $0.error }, warnings: part("ATS warnings") { $0.warnings },
      guestSees: part("guest's view of ATS") { $0.guestSees }, checked: part("QEMU's check") { $0.checked },
      missing: missing)
  }

  private var completions: [ATSCase] {
    var cases = [
      ATSCase(
        behaviour: .shipped, setting: nil, backend: .iommufd, flagSet: false, standardList: true,
        express: true, extendedList: true, capability: true)
    ]
    func branch<T>(_ input: Known<T>, _ all: [T], _ set: (inout ATSCase, T) -> Void) {
      if case .known(let value) = input {
        for index in cases.indices { set(&cases[index], value) }
      } else {
        cases = cases.flatMap { one in all.map { one.with($0, set) } }
      }
    }
    branch(behaviour, ATSBehaviour.allCases) { $0.behaviour = $1 }
    branch(setting, settings) { $0.setting = $1 }
    branch(backend, VFIOBackend.allCases) { $0.backend = $1 }
    branch(flagSet, [false, true]) { $0.flagSet = $1 }
    branch(standardList, [false, true]) { $0.standardList = $1 }
    branch(express, [false, true]) { $0.express = $1 }
    branch(extendedList, [false, true]) { $0.extendedList = $1 }
    branch(capability, [false, true]) { $0.capability = $1 }
    return cases
  }

  private var settings: [ATSSetting?] { ATSSetting.allCases.map { $0 } + [nil] }

  /// An unknown input matters when changing it alone changes the outcome of some possible case.
  private func missing(_ cases: [(inputs: ATSCase, outcome: ATSOutcome)]) -> [Unknown] {
    func matters<T>(_ input: Known<T>, _ all: [T], _ set: (inout ATSCase, T) -> Void) -> Unknown? {
      guard case .unknown(let unknown) = input else { return nil }
      let differs = cases.contains { one in
        all.contains { value in
          let other = one.inputs.with(value, set)
          return other.isPossible && other.outcome != one.outcome
        }
      }
      return differs ? unknown : nil
    }
    return [
      matters(behaviour, ATSBehaviour.allCases) { $0.behaviour = $1 },
      matters(setting, settings) { $0.setting = $1 },
      matters(backend, VFIOBackend.allCases) { $0.backend = $1 },
      matters(flagSet, [false, true]) { $0.flagSet = $1 },
      matters(standardList, [false, true]) { $0.standardList = $1 },
      matters(express, [false, true]) { $0.express = $1 },
      matters(extendedList, [false, true]) { $0.extendedList = $1 },
      matters(capability, [false, true]) { $0.capability = $1 },
    ].compactMap { $0 }
  }
}

extension ATSCase {
  fileprivate func with<T>(_ value: T, _ set: (inout ATSCase, T) -> Void) -> ATSCase {
    var copy = self
    set(&copy, value)
    return copy
  }
}
