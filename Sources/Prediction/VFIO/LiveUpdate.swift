import Facts

extension MachineConfig {
  /// Whether the machine takes over the devices of another QEMU on the same host: `-incoming` with a channel of type
  /// `cpr` (QEMU docs/devel/migration/CPR.rst: cpr-transfer). The other QEMU holds the devices and passes their
  /// descriptors; their state stays in them. Devices of vfio are passed since 10.1
  /// (QEMU qapi/migration.json: cpr-transfer).
  public func isLiveUpdate(of qemu: QEMUProfile) -> Bool { hasLiveChannel && !qemu.isBefore(10, 1) }

  private var hasLiveChannel: Bool {
    options.contains { option in
      guard option.name == "incoming", let text = option.value.string else { return false }
      // QEMU accepts JSON in single quotes, too, and key=value text.
      let plain = String(text.filter { !" \t\n\"'".contains($0) })
      return plain.hasPrefix("{")
        ? plain.contains("channel-type:cpr,") || plain.contains("channel-type:cpr}")
        : plain.split(separator: ",").contains("channel-type=cpr")
    }
  }
}

extension ProcessReference {
  /// Whether the process is a QEMU, by the name that the kernel gives it: `qemu-system-x86`, `qemu-kvm`, `kvm`.
  public var isQEMU: Bool { name.hasPrefix("qemu") || name == "kvm" }
}
