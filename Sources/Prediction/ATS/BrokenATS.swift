import Facts

/// Devices with broken ATS, for which Linux switches it off when it finds them (linux
/// drivers/pci/quirks.c: quirk_amd_harvest_no_ats, quirk_intel_e2000_no_ats).
public enum BrokenATS {
  /// Whether the function is one of them.
  public static func includes(_ device: HostDevice) -> Known<Bool> {
    device.vendor.flatMap { vendor in
      switch vendor {
      case 0x1002: return device.device.flatMap { amd($0, device) }
      case 0x8086: return device.device.flatMap { intel($0, device) }
      default: return .known(false)
      }
    }
  }

  /// Harvested graphics processors: Stoney, Iceland, Navi 10, Navi 14.
  private static let amdDevices: Set<UInt16> = [
    0x98e4, 0x6900, 0x7310, 0x7312, 0x7318, 0x7319, 0x731a, 0x731b, 0x731e, 0x731f, 0x7340, 0x7341, 0x7347,
    0x734f,
  ]

  private static func amd(_ id: UInt16, _ device: HostDevice) -> Known<Bool> {
    guard id == 0x15d8 else { return .known(amdDevices.contains(id)) }
    // Raven only on one maker's boards.
    return device.config.flatMap { config in
      config.byte(0x08).flatMap { revision in
        config.word(0x2c).flatMap { vendor in
          config.word(0x2e).map { board in
            revision == 0xcf && vendor == 0xea50 && [0xce19, 0xcc10, 0xcc08].contains(board)
          }
        }
      }
    }
  }

  /// IPU E2000 before stepping C0.
  private static let intelDevices: Set<UInt16> = [
    0x1451, 0x1452, 0x1453, 0x1454, 0x1455, 0x1457, 0x1459, 0x145a, 0x145c,
  ]

  private static func intel(_ id: UInt16, _ device: HostDevice) -> Known<Bool> {
    guard intelDevices.contains(id) else { return .known(false) }
    return device.config.flatMap { $0.byte(0x08).map { $0 < 0x20 } }
  }
}
