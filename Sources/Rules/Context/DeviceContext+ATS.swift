import Facts
import Prediction

/// Facts that several rules about ATS use.
extension DeviceContext {
  /// Whether the request or a `-global` sets `ats=on`, and QEMU has the property.
  func asksForATS() throws(Unknown) -> Bool {
    guard try atsInputs.setting.value == .on else { return false }
    return try atsInputs.behaviour.value != .none
  }

  /// Whether QEMU refuses the device because of ATS; ats-on-kernel-unsupported reports that.
  var isRefusedATS: Bool {
    guard case .known(.some) = prediction.atsOutcome.error else { return false }
    return true
  }

  /// Whether the guest will see the capability, if the device is realized.
  var guestSees: Known<Bool> {
    let seen = prediction.atsOutcome.guestSees
    if seen == .known(false) || prediction.isReachable == .known(true) { return seen }
    return prediction.isReachable.flatMap { $0 ? seen : .known(false) }
  }

  /// Whether advice may be to hide ATS: QEMU has the property, and the device works without ATS.
  var canHideATS: Bool { atsInputs.behaviour != .known(.none) && !needsATS }

  /// Whether the device needs ATS, or may: nothing advises to hide it.
  var needsATS: Bool {
    guard let address = prediction.host, let device = host.devices[address] else { return true }
    return RequiredATS.includes(device) != .known(false)
  }

  /// Location of the `ats` setting: the property, or for a cold-plugged device the `-global`; else the request.
  var atsLocation: Location {
    if let property = request.property("ats") { return property.location }
    let global = request.plug == .cold ? request.atsGlobal(in: target.machine, of: target.qemu) : nil
    return global?.location ?? request.location
  }
}
