extension Host {
  /// Whether the kernel runs VT-d in scalable mode where the hardware has it: `intel_iommu=sm_on` or `sm_off`,
  /// else the kernel's default (linux/drivers/iommu/intel/iommu.c: intel_iommu_setup).
  public var scalableMode: Known<Bool> {
    kernelCommandLine.flatMap { line in
      for option in line.split(separator: " ").reversed() where option.hasPrefix("intel_iommu=") {
        for value in option.dropFirst("intel_iommu=".count).split(separator: ",").reversed() {
          if value == "sm_on" { return .known(true) }
          if value == "sm_off" { return .known(false) }
        }
      }
      let name = "CONFIG_INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON"
      return kernelConfig.flatMap { config in
        config[name].map { .known($0 == "y") } ?? .unknown(name, "not in the kernel configuration")
      }
    }
  }

  /// Whether a VT-d unit can nest a guest's first-stage tables on the host's second-stage ones: in scalable mode
  /// with NEST (VT-d 4.1 §11.4.3: ECAP bits 43 and 26; linux drivers/iommu/intel/iommu.h: nested_supported).
  public func nests(_ unit: IOMMUUnit) -> Known<Bool> {
    unit.extendedCapability.flatMap { register in
      register >> 43 & 1 == 1 && register >> 26 & 1 == 1 ? scalableMode : .known(false)
    }
  }
}
