import Facts
import Prediction

/// What several rules about ATS ask.
extension DeviceContext {
  /// Whether `ats=on` is asked for, by the request or by a `-global`, of a QEMU that has it.
  func asksForATS() throws(Unknown) -> Bool {
    guard try question.setting.value == .on else { return false }
    return try question.behaviour.value != .none
  }

  /// QEMU refuses the device because of ATS; another rule says so.
  var isRefusedATS: Bool {
    guard case .known(.some) = prediction.forecast.error else { return false }
    return true
  }

  /// Whether the guest will see the capability, if the device comes to be.
  var guestSees: Known<Bool> {
    let seen = prediction.forecast.guestSees
    if seen == .known(false) || prediction.isReachable == .known(true) { return seen }
    return prediction.isReachable.flatMap { $0 ? seen : .known(false) }
  }

  /// Where `ats` is asked for: the property, or the `-global` that gives it where that is part of what
  /// is judged.
  var atsLocation: Location {
    if let property = request.property("ats") { return property.location }
    let global = request.plug == .cold ? request.atsGlobal(in: target.machine) : nil
    return global?.location ?? request.location
  }
}
