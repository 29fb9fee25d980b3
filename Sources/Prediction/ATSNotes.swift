import Facts

/// What a reader of a forecast should know beside it.
public enum ATSNotes {
  public static func notes(_ question: ATSQuestion, _ forecast: ATSForecast, host: String) -> [String] {
    var notes: [String] = []
    let warnings = (forecast.warnings.display ?? []).compactMap(ATSText.init)
    if question.behaviour.display == .v3 { notes += misleading(question, warnings) }
    if case .known(.some(let error)) = forecast.error, error == ATSText.notSupported.rawValue {
      if question.express.display == false || question.capability.display == false {
        notes.append("QEMU decides this before it looks at the bus and at the capability, so it fails although "
          + "the guest would not see ATS anyway")
      }
    }
    if forecast.guestSees.display == true, forecast.checked.display == false {
      notes.append("nobody asked the kernel whether ATS works for this device")
    }
    notes += forecast.missing.map { settle($0, question, host: host) }
    return notes
  }

  /// The review remark on v3: the mask warning "will be slightly misleading if dev doesn't have the
  /// ATS CAP at all", and its twin, which tests what is needed and not what was asked for.
  private static func misleading(_ question: ATSQuestion, _ warnings: [ATSText]) -> [String] {
    var notes: [String] = []
    if warnings.contains(.masked), question.capability.display == false {
      notes.append("v3's warning misleads: the device has no ATS capability, so there is nothing to mask")
    } else if warnings.contains(.masked), question.express.display == false {
      notes.append("v3's warning misleads: on this bus the guest would not see ATS anyway")
    }
    if warnings.contains(.noCapability), question.setting.display != .some(.on) {
      notes.append("v3's warning misleads: nobody asked for ats=on")
    }
    return notes
  }

  /// Which look would settle an unknown.
  private static func settle(_ missing: Unknown, _ question: ATSQuestion, host: String) -> String {
    func isThis<T>(_ input: Known<T>) -> Bool {
      if case .unknown(let unknown) = input { return unknown == missing }
      return false
    }
    let remedy: String
    if isThis(question.flagSet) {
      remedy = "`vfiogate probe --bind \(host)` asks the kernel; it resets the device, so nobody may be using it"
    } else if isThis(question.capability) || isThis(question.extendedList) || isThis(question.standardList) {
      remedy = "read the whole config space as root: `vfiogate probe \(host)`"
    } else if isThis(question.behaviour) {
      remedy = "name the QEMU with `--qemu`"
    } else {
      remedy = "say which it is"
    }
    return "unknown: \(missing.fact) (\(missing.reason)); \(remedy)"
  }
}
