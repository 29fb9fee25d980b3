import Facts

/// Remarks on a predicted outcome: misleading warnings, and commands that determine unknown inputs.
public enum ATSNotes {
  /// The remarks, one line each.
  /// - Parameter host: the device's address, for the commands.
  public static func notes(_ inputs: ATSInputs, _ outcome: PartialATSOutcome, host: String) -> [String] {
    var notes: [String] = []
    if inputs.behaviour.display == .v3, case .known(.some(let warning)) = outcome.warning {
      notes += misleading(inputs, warning)
    }
    if outcome.failure == .known(.notSupported) {
      if inputs.express.display == false || inputs.capability.display == false {
        notes.append("QEMU decides this before it checks the bus and the capability, so it fails although "
          + "the guest would not see ATS anyway")
      }
    }
    if outcome.guestSees.display == true, outcome.checked.display == false {
      notes.append("the kernel was not asked whether ATS works for this device")
    }
    notes += outcome.missing.map { remark($0, inputs, host: host) }
    return notes
  }

  /// The review's remark on v3: the mask warning "will be slightly misleading if dev doesn't have the
  /// ATS CAP at all", and its twin, which tests what is needed and not what was asked for.
  private static func misleading(_ inputs: ATSInputs, _ warning: ATSText) -> [String] {
    switch warning {
    case .masked where inputs.capability.display == false:
      return ["v3's warning misleads: the device has no ATS capability, so there is nothing to mask"]
    case .masked where inputs.express.display == false:
      return ["v3's warning misleads: on this bus the guest would not see ATS anyway"]
    case .noCapability where inputs.setting.display != .some(.on):
      return ["v3's warning misleads: ats=on was not requested"]
    default: return []
    }
  }

  /// The remark on an unknown input, with the command that determines it.
  private static func remark(_ missing: Unknown, _ inputs: ATSInputs, host: String) -> String {
    func isThis<T>(_ input: Known<T>) -> Bool {
      if case .unknown(let unknown) = input { return unknown == missing }
      return false
    }
    let remedy: String
    if isThis(inputs.flagSet) {
      remedy = "`vfiogate probe --bind \(host)` asks the kernel; it resets the device, which must not be in use"
    } else if isThis(inputs.capability) || isThis(inputs.extendedList) || isThis(inputs.standardList) {
      remedy = "read the whole config space as root: `vfiogate probe \(host)`"
    } else if isThis(inputs.behaviour) {
      remedy = "name the QEMU with `--qemu`"
    } else {
      remedy = "say which it is"
    }
    return "unknown: \(missing.fact) (\(missing.reason)); \(remedy)"
  }
}
