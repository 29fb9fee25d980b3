import Facts
import Prediction

/// What several rules about ATS ask.
extension Subject {
  /// Whether `ats=on` is asked for, by the request or by a `-global`, of a QEMU that has it.
  func asksForATS() throws(Unknown) -> Bool {
    guard try question.setting.value == .on else { return false }
    return try question.behaviour.value != .none
  }

  /// QEMU refuses the device because of ATS; another rule says so.
  var isRefusedATS: Bool {
    guard case .known(.some) = question.forecast.error else { return false }
    return true
  }

  /// Whether the guest will see the capability, if the device comes to be.
  var guestSees: Known<Bool> { question.forecast.guestSees }

  /// Where `ats` is asked for: the property, or the `-global` that gives it.
  var atsLocation: Location {
    request.property("ats")?.location ?? request.atsGlobal(in: definition.machine)?.location ?? request.location
  }
}
