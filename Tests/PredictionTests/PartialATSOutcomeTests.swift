import Facts
import XCTest

@testable import Prediction

final class ATSForecastTests: XCTestCase {
  private func question(
    _ setting: ATSSetting?, _ backend: VFIOBackend, flag: Bool?, capability: Bool?, express: Bool? = true
  ) -> ATSInputs {
    func known(_ value: Bool?, _ name: String) -> Known<Bool> { value.map { .known($0) } ?? .unknown(name, "test") }
    return ATSInputs(
      behaviour: .known(.shipped), setting: .known(setting), backend: .known(backend),
      flagSet: known(flag, "flag"), standardList: .known(true), express: known(express, "bus"),
      extendedList: .known(true), capability: known(capability, "capability"))
  }

  func testAnUnknownThatDoesNotMatterLeavesTheAnswerDetermined() {
    let outcome = question(.off, .iommufd, flag: nil, capability: nil, express: nil).outcome
    XCTAssertTrue(outcome.isDetermined)
    XCTAssertEqual(outcome.guestSees, .known(false))
  }

  func testAnUnknownFlagLeavesRealizeOpenForOn() {
    let outcome = question(.on, .iommufd, flag: nil, capability: true).outcome
    XCTAssertFalse(outcome.error.isKnown)
    XCTAssertEqual(outcome.missing.map(\.fact), ["flag"])
  }

  func testAnUnknownFlagLeavesOnlyTheViewOpenForAuto() {
    let outcome = question(.auto, .iommufd, flag: nil, capability: true).outcome
    XCTAssertEqual(outcome.error, .known(nil))
    XCTAssertFalse(outcome.guestSees.isKnown)
    XCTAssertFalse(outcome.warnings.isKnown)
    XCTAssertEqual(outcome.checked, .known(true))
  }

  func testTheFlagDoesNotMatterToTheLegacyBackend() {
    XCTAssertTrue(question(.on, .legacy, flag: nil, capability: true).outcome.isDetermined)
  }

  func testASetFlagFailsWhateverTheCapability() {
    let outcome = question(.on, .iommufd, flag: true, capability: nil, express: nil).outcome
    XCTAssertEqual(outcome.error, .known("vfio-pci: ATS requested but not supported by kernel"))
    XCTAssertTrue(outcome.isDetermined)
  }

  func testEveryForecastAgreesWithEveryCompletion() {
    let choices: [Bool?] = [true, false, nil]
    for setting in ATSSetting.allCases.map({ $0 as ATSSetting? }) + [nil] {
      for flag in choices { for capability in choices { for express in choices {
        let asked = question(setting, .iommufd, flag: flag, capability: capability, express: express)
        for concrete in [true, false] {
          let full = ATSCase(
            behaviour: .shipped, setting: setting, backend: .iommufd, flagSet: flag ?? concrete,
            standardList: true, express: express ?? concrete, extendedList: true, capability: capability ?? concrete)
          if let seen = asked.outcome.guestSees.display { XCTAssertEqual(full.outcome.guestSees, seen) }
          if case .known(let error) = asked.outcome.error { XCTAssertEqual(full.outcome.error?.rawValue, error) }
        }
      } } }
    }
  }
}
