import Facts

/// Kernel drivers, by their effect on DMA ownership.
public enum VFIODriver {
  /// A placeholder for the driver's name where libvirt chooses the driver.
  static let chosenByLibvirt = "vfio-pci or a variant of it"

  /// Whether the driver sets driver_managed_dma, or never uses DMA (linux: pci-stub, pcieport).
  public static func leavesDMA(_ name: String) -> Bool {
    VFIODriverName.isVFIO(name) || name == "pci-stub" || name == "pcieport" || name == "shpchp"
  }

  /// Whether the device is a VF whose PF is bound to a vfio driver, which then guards it by a token.
  public static func ownsPhysicalFunction(of device: HostDevice, _ host: Host) throws(Unknown) -> Bool {
    guard let physical = try device.physicalFunction.value,
      let owner = try host.device(at: physical).value
    else { return false }
    return try isVFIO(owner)
  }

  /// Whether the function is bound to a vfio driver. One with a vfio cdev is, also when the driver has another name.
  public static func isVFIO(_ device: HostDevice) throws(Unknown) -> Bool {
    if case .known(.some) = device.cdev { return true }
    return try device.driver.value.map { VFIODriverName.isVFIO($0) } ?? false
  }
}
