import Common
import Facts
import Prediction
import Rules
import Syntax

/// Requests that crash QEMU regardless of the host and the guest.
enum CrashingRequests {
  static func match(_ request: DeviceRequest) -> BypassRules.Reason? {
    let name = request.plainName
    // Refused too where only another QEMU than 11.1 would crash: the proxy does not know the version yet.
    if QEMUCrash.realizedArgument(request) != .never {
      return BypassRules.Reason(
        rule: .realizedArgument,
        message: "\(name) sets `realized`: QEMU crashes with SIGSEGV, and the guest with it")
    }
    if QEMUCrash.descriptorWithoutID(request, in: nil) != .never {
      return BypassRules.Reason(
        rule: .fdWithoutID,
        message: "\(name) has a descriptor and no id: QEMU crashes with SIGSEGV, and the guest with it; "
          + "give the device an id, and as a string")
    }
    guard let driver = request.driver.map({ WireText($0) }) else { return nil }
    // Devices of virtio may be virtual functions; of the others some crash QEMU, and none works (observed on 11.1.3).
    if request.has("sriov-pf"), !driver.hasPrefix("virtio-") {
      return BypassRules.Reason(
        rule: driver.hasPrefix("vfio") ? .sriovPFOnVFIO : .crashesQEMU,
        message: "\(name) has `sriov-pf`: QEMU crashes with SIGSEGV when it realizes the device, and the guest with it")
    }
    if let crash = QEMUCrash.property(of: request, in: nil) {
      return BypassRules.Reason(
        rule: .crashesQEMU, message: "QEMU crashes with \(crash.signal ?? "a signal") on \(name), and the guest is lost: \(crash.text)")
    }
    // A number that QEMU may read otherwise.
    if driver == "usb-ehci", let frames = request.property("maxframes"), !isNumber(frames.value) {
      return BypassRules.Reason(
        rule: .crashesQEMU, message: "\(name) has a `maxframes` that is not a whole number: QEMU crashes on those below 8 and above 512")
    }
    guard driver.hasPrefix("vfio") else { return nil }
    for key in ["id", "bus"] {
      if request.has(key), request.string(key) == nil {
        return BypassRules.Reason(
          rule: .malformedInput, message: "`\(key)` of \(name) is not a string: QEMU treats it as absent")
      }
    }
    return nil
  }

  private static func isNumber(_ value: PropertyValue) -> Bool {
    switch value {
    case .integer, .unsigned: true
    case .string(let text): WireText(text).number != nil
    default: false
    }
  }
}
