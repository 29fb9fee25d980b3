import Facts

/// Devices that vfio-pci does not bind (linux drivers/vfio/pci/vfio_pci.c: vfio_pci_dev_in_denylist): QAT and DSA devices
/// that can access memory of others.
public enum VFIODenylist {
  private static let intelDevices: Set<UInt16> = [0x0435, 0x0443, 0x19e2, 0x19e3, 0x37c8, 0x37c9, 0x0b25, 0x0cfe]

  /// Whether vfio-pci refuses the function.
  public static func includes(_ device: HostDevice, on host: Host) -> Known<Bool> {
    device.vendor.flatMap { vendor in
      guard vendor == 0x8086 else { return .known(false) }
      return device.device.flatMap { id in
        intelDevices.contains(id) ? isDisabled(on: host).map { !$0 } : .known(false)
      }
    }
  }

  /// Whether the module's parameter `disable_denylist` is set on the kernel's command line. A setting in modprobe.d shows
  /// in a device that is bound already.
  private static func isDisabled(on host: Host) -> Known<Bool> {
    host.kernelCommandLine.map { line in
      line.split(whereSeparator: { $0 == " " || $0 == "\n" }).contains { word in
        let parts = word.split(separator: "=", maxSplits: 1)
        guard let name = parts.first, name == "vfio_pci.disable_denylist" || name == "vfio-pci.disable_denylist"
        else { return false }
        return parts.count == 1 || ["1", "y", "Y", "on"].contains(parts[1])
      }
    }
  }
}
