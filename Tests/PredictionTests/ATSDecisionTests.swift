import Facts
import XCTest

@testable import Prediction

/// The decision row by row, as the table of the ats semantics has it, for v3 and 11.1.
final class ATSDecisionTests: XCTestCase {
  private enum Says: Hashable { case fails, visible, unchecked, hidden, masks, requested }

  private struct Row {
    let setting: ATSSetting?
    let backend: VFIOBackend
    let flag: Bool
    let capability: Bool
    let shipped: Says
    let v3: Says
  }

  private let table: [Row] =
    [true, false].flatMap { flag in
      [true, false].flatMap { capability in
        VFIOBackend.allCases.map { backend in
          Row(setting: .off, backend: backend, flag: flag, capability: capability, shipped: .hidden, v3: .hidden)
        }
      }
    } + [
      Row(setting: .on, backend: .iommufd, flag: true, capability: true, shipped: .fails, v3: .fails),
      Row(setting: .on, backend: .iommufd, flag: true, capability: false, shipped: .fails, v3: .fails),
      Row(setting: .on, backend: .iommufd, flag: false, capability: true, shipped: .visible, v3: .visible),
      Row(setting: .on, backend: .iommufd, flag: false, capability: false, shipped: .requested, v3: .requested),
      Row(setting: .on, backend: .legacy, flag: false, capability: true, shipped: .unchecked, v3: .unchecked),
      Row(setting: .on, backend: .legacy, flag: true, capability: true, shipped: .unchecked, v3: .unchecked),
      Row(setting: .on, backend: .legacy, flag: false, capability: false, shipped: .requested, v3: .requested),
    ]
    + [ATSSetting.auto, nil].flatMap { setting in
      [
        Row(setting: setting, backend: .iommufd, flag: true, capability: true, shipped: .masks, v3: .masks),
        Row(setting: setting, backend: .iommufd, flag: true, capability: false, shipped: .hidden, v3: .masks),
        Row(setting: setting, backend: .iommufd, flag: false, capability: true, shipped: .visible, v3: .visible),
        Row(setting: setting, backend: .iommufd, flag: false, capability: false, shipped: .hidden, v3: .requested),
        Row(setting: setting, backend: .legacy, flag: false, capability: true, shipped: .unchecked, v3: .unchecked),
        Row(setting: setting, backend: .legacy, flag: false, capability: false, shipped: .hidden, v3: .requested),
        Row(setting: setting, backend: .legacy, flag: true, capability: false, shipped: .hidden, v3: .requested),
      ]
    }

  func testEveryRowOfTheTable() {
    for row in table {
      for (behaviour, expected) in [(ATSBehaviour.shipped, row.shipped), (.v3, row.v3)] {
        XCTAssertEqual(
          says(ats(row, behaviour).outcome), expected, "\(behaviour) \(row.setting?.rawValue ?? "unset") "
            + "\(row.backend) flag \(row.flag) capability \(row.capability)")
      }
    }
  }

  func testWithoutExpressOrExtendedListNothingIsVisibleAndOnlyTheEarlyStepsSpeak() {
    for row in table {
      for path in [\ATSCase.express, \ATSCase.extendedList] {
        for behaviour in [ATSBehaviour.shipped, .v3] {
          var one = ats(row, behaviour)
          one[keyPath: path] = false
          let fails = row.setting == .on && row.backend == .iommufd && row.flag
          let isAuto = row.setting == .auto || row.setting == nil
          let masks = behaviour == .v3 && isAuto && row.backend == .iommufd && row.flag
          XCTAssertEqual(says(one.outcome), fails ? .fails : masks ? .masks : .hidden)
        }
      }
    }
  }

  func testWithoutStandardListThereIsNoDecisionAtAll() {
    for row in table {
      for behaviour in [ATSBehaviour.shipped, .v3] {
        var one = ats(row, behaviour)
        one.standardList = false
        XCTAssertEqual(one.outcome, ATSOutcome())
      }
      var one = ats(row, .none)
      (one.setting, one.standardList) = (nil, false)
      XCTAssertEqual(one.outcome, ATSOutcome())
    }
  }

  func testWithoutThePropertyGivingItFailsAndTheCapabilityPassesThrough() {
    for row in table {
      var one = ats(row, .none)
      XCTAssertEqual(one.outcome.error?.rawValue, row.setting == nil ? nil : "Property 'vfio-pci.ats' not found")
      one.setting = nil
      XCTAssertEqual(one.outcome, ATSOutcome(guestSees: row.capability))
    }
  }

  private func ats(_ row: Row, _ behaviour: ATSBehaviour) -> ATSCase {
    ATSCase(
      behaviour: behaviour, setting: row.setting, backend: row.backend, flagSet: row.flag, standardList: true,
      express: true, extendedList: true, capability: row.capability)
  }

  private func says(_ outcome: ATSOutcome) -> Says? {
    if let error = outcome.error {
      XCTAssertEqual(error.rawValue, "vfio-pci: ATS requested but not supported by kernel")
      return outcome.warning == nil && !outcome.guestSees ? .fails : nil
    }
    switch (outcome.guestSees, outcome.warning?.rawValue) {
    case (true, nil): return outcome.checked ? .visible : .unchecked
    case (false, nil): return .hidden
    case (false, "vfio-pci: host kernel reports ATS unsupported; ATS capability will be masked"): return .masks
    case (false, "vfio-pci: ats=on requested, but host device has no ATS extended capability"): return .requested
    default: return nil
    }
  }
}
