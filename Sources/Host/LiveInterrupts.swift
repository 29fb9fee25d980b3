import Facts

/// Whether a device can forge other devices' interrupts, and whether the kernel assigns it nevertheless.
struct LiveInterrupts {
  let tree: FileTree

  /// The IOMMUs' own interrupts, which no IOMMU ever remaps (linux arch/x86/kernel/apic/msi.c:
  /// dmar_msi_controller; drivers/iommu/amd/init.c: intcapxt_controller).
  private static let ofIOMMUs: Set<Substring> = ["DMAR-MSI", "IOMMU-MSI"]

  /// Derived from the names of the interrupt chips in /proc/interrupts: `IR-PCI-MSI…` is remapped (linux
  /// drivers/iommu/intel/irq_remapping.c, amd/iommu.c), `ITS-…` translated by an Arm ITS. Without
  /// any message-signalled interrupt in use it is unknown.
  var isolated: Known<Bool> {
    let fact = "interrupt remapping"
    let path = "/proc/interrupts"
    switch tree.bytes(path, limit: 4 << 20) {
    case .failed(let reason): return .unknown(fact, reason)
    case .absent: return .unknown(fact, "\(path) is missing")
    case .found(let bytes):
      let text = String(decoding: bytes, as: UTF8.self)
      let chips = text.split(whereSeparator: { $0 == " " || $0 == "\n" })
        .filter { $0.contains("MSI") && !LiveInterrupts.ofIOMMUs.contains($0) }
      if chips.isEmpty { return .unknown(fact, "no message-signalled interrupt is in use") }
      return .known(chips.allSatisfy { $0.hasPrefix("IR-") || $0.hasPrefix("ITS-") })
    }
  }

  /// A module that is not loaded shows no parameter, and may be loaded with it later.
  var unsafe: Known<[String]> {
    var allowed: [String] = []
    for module in ["iommufd", "vfio_iommu_type1"] {
      let fact = "allow_unsafe_interrupts of \(module)"
      switch tree.text("/sys/module/\(module)/parameters/allow_unsafe_interrupts") {
      case .failed(let reason): return .unknown(fact, reason)
      case .absent: return .unknown(fact, "the module is not loaded")
      case .found(let value): if value == "Y" { allowed.append(module) }
      }
    }
    return .known(allowed)
  }
}
