import Facts

extension MachineConfig {
  /// The defaults of machine types up to virt-11.0 for the properties of `arm-smmuv3` that are `auto` since QEMU 11.1 (QEMU
  /// hw/core/machine.c: hw_compat_11_0).
  private static let fixedSMMU = ["ats": "off", "ril": "on", "ssidsize": "0", "oas": "44"]

  /// The value of `ats`, `ril`, `ssidsize` or `oas` of an `arm-smmuv3`: the one that is given, or the machine type's default.
  public func smmuSetting(_ name: String, of unit: DeviceRequest, _ qemu: QEMUProfile) throws(Unknown) -> String {
    if let given = try setting(name, of: unit).value { return given }
    guard let fixed = MachineConfig.fixedSMMU[name] else { return "auto" }
    if qemu.isBefore(11, 1) { return fixed }
    if let version = version(after: "virt-") { return version <= (11, 0) ? fixed : "auto" }
    guard let type = machineType else { return "auto" }
    if type.value.string == "virt" { return "auto" }
    throw Unknown("\(name) of `arm-smmuv3`", reason: "the default is that of a machine type, which is not known")
  }
}
