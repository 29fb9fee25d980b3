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
    let cases = completions.filter(\.isPossible)
    let outcomes = cases.map(\.outcome)
    let missing = missing(cases)
    func part<T: Hashable & Sendable>(_ path: KeyPath<ATSOutcome, T>, _ name: String) -> Known<T> {
      let values = Set(outcomes.map { $0[keyPath: path] })
      if let only = values.first, values.count == 1 { return .known(only) }
      return .unknown(name, "depends on " + missing.map(\.fact).joined(separator: ", "))
    }
    return ATSForecast(
      error: part(\.error, "realize error"), warnings: part(\.warnings, "ATS warnings"),
      guestSees: part(\.guestSees, "guest's view of ATS"),
      checked: part(\.checked, "QEMU's check"), missing: missing)
  }

  private var completions: [ATSCase] {
    var cases = [
      ATSCase(
        behaviour: .shipped, setting: nil, backend: .iommufd, flagSet: false, standardList: true,
        express: true, extendedList: true, capability: true)
    ]
    func branch<T>(_ input: Known<T>, _ all: [T], _ path: WritableKeyPath<ATSCase, T>) {
      cases = cases.flatMap { one in input.choices(all).map { one.with($0, at: path) } }
    }
    branch(behaviour, ATSBehaviour.allCases, \.behaviour)
    branch(setting, settings, \.setting)
    branch(backend, VFIOBackend.allCases, \.backend)
    branch(flagSet, [false, true], \.flagSet)
    branch(standardList, [false, true], \.standardList)
    branch(express, [false, true], \.express)
    branch(extendedList, [false, true], \.extendedList)
    branch(capability, [false, true], \.capability)
    return cases
  }

  private var settings: [ATSSetting?] { ATSSetting.allCases.map { $0 } + [nil] }

  /// An unknown input matters when changing it alone changes the outcome of some possible case.
  private func missing(_ cases: [ATSCase]) -> [Unknown] {
    func matters<T>(_ input: Known<T>, _ all: [T], _ path: WritableKeyPath<ATSCase, T>) -> Unknown? {
      guard case .unknown(let unknown) = input else { return nil }
      let differs = cases.contains { one in
        all.map { one.with($0, at: path) }.contains { $0.isPossible && $0.outcome != one.outcome }
      }
      return differs ? unknown : nil
    }
    return [
      matters(behaviour, ATSBehaviour.allCases, \.behaviour), matters(setting, settings, \.setting),
      matters(backend, VFIOBackend.allCases, \.backend), matters(flagSet, [false, true], \.flagSet),
      matters(standardList, [false, true], \.standardList),
      matters(express, [false, true], \.express),
      matters(extendedList, [false, true], \.extendedList),
      matters(capability, [false, true], \.capability),
    ].compactMap { $0 }
  }
}

extension ATSCase {
  fileprivate func with<T>(_ value: T, at path: WritableKeyPath<ATSCase, T>) -> ATSCase {
    var copy = self
    copy[keyPath: path] = value
    return copy
  }
}

extension Known {
  /// The values that it may have: its own, or all.
  fileprivate func choices(_ all: [Value]) -> [Value] {
    if case .known(let value) = self { return [value] }
    return all
  }
}
