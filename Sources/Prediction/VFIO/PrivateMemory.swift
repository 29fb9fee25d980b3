import Facts

extension MachineConfig {
  /// The object of a confidential guest that converts memory between private and shared, `sev-snp-guest` or `tdx-guest`;
  /// nil for other guests (QEMU backends/confidential-guest-support.c).
  public var privateMemoryGuest: ObjectRequest? {
    guard let id = machineOption("confidential-guest-support") else { return nil }
    return objects.last { $0.id == id && ["sev-snp-guest", "tdx-guest"].contains($0.type) }
  }
}

extension RealizeContext {
  /// The refusal of QEMU before 9.2: private memory relies on discarding RAM, which a vfio device forbids (QEMU
  /// hw/vfio/common.c: vfio_ram_block_discard_disable; kubevirt issue 16407).
  func discardRefused(after prefix: String) throws(Unknown) -> RealizeFailure? {
    guard machine.privateMemoryGuest != nil else { return nil }
    guard try qemu.release.value < QEMURelease(9, 2) else { return nil }
    return fails(
      .discardRefused, prefix + "Cannot set discarding of RAM broken: Device or resource busy")
  }
}
