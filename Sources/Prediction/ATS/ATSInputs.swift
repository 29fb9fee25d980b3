import Facts

/// The decision's inputs, each possibly unknown. `ATSCase` describes them.
public struct ATSInputs: Sendable {
  /// The code that decides.
  public var behaviour: Known<ATSBehaviour>
  /// `.known(nil)`: `ats` is not given.
  public var setting: Known<ATSSetting?>
  /// The backend that attaches the device.
  public var backend: Known<VFIOBackend>
  /// The kernel's flag: true is "not supported".
  public var flagSet: Known<Bool>
  /// The device has a standard capability list.
  public var standardList: Known<Bool>
  /// The device and its guest bus are Express.
  public var express: Known<Bool>
  /// The device has an extended capability list.
  public var extendedList: Known<Bool>
  /// The extended list has the ATS capability.
  public var capability: Known<Bool>

  /// Inputs of one device.
  public init(
    behaviour: Known<ATSBehaviour>, setting: Known<ATSSetting?>, backend: Known<VFIOBackend>,
    flagSet: Known<Bool>, standardList: Known<Bool>, express: Known<Bool>,
    extendedList: Known<Bool>, capability: Known<Bool>
  ) {
    self.behaviour = behaviour
    self.setting = setting
    self.backend = backend
    self.flagSet = flagSet
    self.standardList = standardList
    self.express = express
    self.extendedList = extendedList
    self.capability = capability
  }
}
