import Common
import Facts

/// Requests that kill QEMU whatever the host and the guest are like.
enum CrashingRequests {
  static func judge(_ request: DeviceRequest) -> BypassRules.Reason? {
    let name = request.id.map { "`\($0)`" } ?? request.driver.map { "`\($0)`" } ?? "a device"
    // QEMU 7.2 takes strings and numbers for booleans: only what is off in every reading is harmless.
    if let realized = request.property("realized"), QEMUBool(realized.value) != .off {
      return BypassRules.Reason(
        rule: .realizedArgument,
        message: "\(name) is given `realized`: QEMU dies of SIGSEGV, and the guest with it")
    }
    guard let driver = request.driver, driver.hasPrefix("vfio") else { return nil }
    if request.has("fd"), request.id == nil {
      return BypassRules.Reason(
        rule: .fdWithoutID,
        message: "\(name) is given a descriptor and no id: QEMU dies of SIGSEGV, and the guest with it; "
          + "give the device an id, and as a string")
    }
    for key in ["id", "bus"] {
      if let property = request.property(key), property.value.string == nil {
        return BypassRules.Reason(
          rule: .malformedInput, message: "`\(key)` of \(name) is no string: QEMU takes it for absent")
      }
    }
    return nil
  }
}
