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
    let forecast = question(.off, .iommufd, flag: nil, capability: nil, express: nil).forecast
    XCTAssertTrue(forecast.isDetermined)
    XCTAssertEqual(forecast.guestSees, .known(false))
  }

  func testAnUnknownFlagLeavesRealizeOpenForOn() {
    let forecast = question(.on, .iommufd, flag: nil, capability: true).forecast
    XCTAssertFalse(forecast.error.isKnown)
    XCTAssertEqual(forecast.missing.map(\.fact), ["flag"])
  }

  func testAnUnknownFlagLeavesOnlyTheViewOpenForAuto() {
    let forecast = question(.auto, .iommufd, flag: nil, capability: true).forecast
    XCTAssertEqual(forecast.error, .known(nil))
    XCTAssertFalse(forecast.guestSees.isKnown)
    XCTAssertFalse(forecast.warnings.isKnown)
    XCTAssertEqual(forecast.checked, .known(true))
  }

  func testTheFlagDoesNotMatterToTheLegacyBackend() {
    XCTAssertTrue(question(.on, .legacy, flag: nil, capability: true).forecast.isDetermined)
  }

  func testASetFlagFailsWhateverTheCapability() {
    let forecast = question(.on, .iommufd, flag: true, capability: nil, express: nil).forecast
    XCTAssertEqual(forecast.error, .known("vfio-pci: ATS requested but not supported by kernel"))
    XCTAssertTrue(forecast.isDetermined)
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
          if let seen = asked.forecast.guestSees.display { XCTAssertEqual(full.outcome.guestSees, seen) }
          if case .known(let error) = asked.forecast.error { XCTAssertEqual(full.outcome.error?.rawValue, error) }
        }
      } } }
    }
  }
}
