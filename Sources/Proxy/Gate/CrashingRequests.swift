import Common
import Facts
import Prediction
import Rules
import Syntax

/// Requests that crash QEMU regardless of the host and the guest.
enum CrashingRequests {
  static func match(_ request: DeviceRequest) -> BypassRules.Reason? {
    let name = request.id.map { "`\($0)`" } ?? request.driver.map { "`\($0)`" } ?? "a device"
    // Refused too where only another QEMU than 11.1 would crash: the proxy does not know the version yet.
    if QEMUCrash.realizedArgument(request) != .never {
      return BypassRules.Reason(
        rule: .realizedArgument,
        message: "\(name) sets `realized`: QEMU crashes with SIGSEGV, and the guest with it")
    }
    if QEMUCrash.descriptorWithoutID(request) != .never {
      return BypassRules.Reason(
        rule: .fdWithoutID,
        message: "\(name) has a descriptor and no id: QEMU crashes with SIGSEGV, and the guest with it; "
          + "give the device an id, and as a string")
    }
    guard let driver = request.driver.map({ WireText($0) }), driver.hasPrefix("vfio") else { return nil }
    if request.has("sriov-pf") {
      return BypassRules.Reason(
        rule: .sriovPFOnVFIO,
        message: "\(name) has `sriov-pf`: QEMU crashes with SIGSEGV when it attaches the device, and the guest with it")
    }
    for key in ["id", "bus"] {
      if let property = request.property(key), property.value.string == nil {
        return BypassRules.Reason(
          rule: .malformedInput, message: "`\(key)` of \(name) is not a string: QEMU treats it as absent")
      }
    }
    return nil
  }
}
