import Facts

/// Devices that do not work without ATS: the kernel keeps it on for them (linux drivers/pci/ats.c: pci_ats_required;
/// drivers/pci/quirks.c). Distributions have the change in older kernels, so the release does not matter.
public enum RequiredATS {
  /// Whether the function is one of them.
  public static func includes(_ device: HostDevice) -> Known<Bool> {
    device.vendor.flatMap { vendor in
      device.device.flatMap { id in
        // NVIDIA's GB20B (GB10, N1X) and ConnectX-10 on NVLink-C2C.
        if vendor == 0x10de, (0x2e00...0x2e3f).contains(id) { return .known(true) }
        if vendor == 0x15b3, id == 0x2101 { return .known(true) }
        return cachesHostMemory(device)
      }
    }
  }

  /// Whether a CXL device may cache the host's memory: the Designated Vendor-Specific capability (PCIe 6.0 §7.9.6, id
  /// 0x23) with vendor 0x1e98 and id 0 has Cache_Capable (CXL 3.1 §8.1.3.1, bit 0 of the word at 0xa).
  private static func cachesHostMemory(_ device: HostDevice) -> Known<Bool> {
    device.config.flatMap { config in
      let chain = config.extendedChain
      for capability in chain.capabilities where capability.id == 0x23 {
        let isCache = config.word(capability.offset + 4).flatMap { vendor in
          vendor != 0x1e98 ? .known(false) : config.word(capability.offset + 8).flatMap { id in
            id != 0 ? .known(false) : config.word(capability.offset + 0xa).map { $0 & 1 == 1 }
          }
        }
        if isCache != .known(false) { return isCache }
      }
      // A chain that was not read to its end may have one.
      switch chain.end {
      case .unread(let unknown): return .unknown(unknown)
      case .allOnes: return .unknown("CXL capability of \(device.address)", "config space reads all ones")
      case .complete, .empty, .loop, .outside: return .known(false)
      }
    }
  }
}
