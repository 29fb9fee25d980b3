import Common
import Facts
import Prediction

/// Requests that kill QEMU whatever the host and the guest are like.
enum CrashingRequests {
  static func judge(_ request: DeviceRequest) -> BypassRules.Reason? {
    let name = request.id.map { "`\($0)`" } ?? request.driver.map { "`\($0)`" } ?? "a device"
    // Refused too where only another QEMU than 11.1 would crash: the proxy does not know the version yet.
    if QEMUCrash.realizedArgument(request) != .never {
      return BypassRules.Reason(
        rule: .realizedArgument,
        message: "\(name) is given `realized`: QEMU dies of SIGSEGV, and the guest with it")
    }
    if QEMUCrash.descriptorWithoutID(request) != .never {
      return BypassRules.Reason(
        rule: .fdWithoutID,
        message: "\(name) is given a descriptor and no id: QEMU dies of SIGSEGV, and the guest with it; "
          + "give the device an id, and as a string")
    }
    guard let driver = request.driver, driver.hasPrefix("vfio") else { return nil }
    for key in ["id", "bus"] {
      if let property = request.property(key), property.value.string == nil {
        return BypassRules.Reason(
          rule: .malformedInput, message: "`\(key)` of \(name) is no string: QEMU takes it for absent")
      }
    }
    return nil
  }
}
