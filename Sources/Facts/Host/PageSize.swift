extension Host {
  /// Size of the processor's pages in bytes: 4096 on x86, and what the kernel was built with on Arm (linux arch/arm64/Kconfig).
  public var pageSize: Known<UInt64> {
    if isArm == false { return .known(4096) }
    let options = kernelConfig.display ?? [:]
    for (name, size) in [("4K", 4096), ("16K", 16_384), ("64K", 65_536)] as [(String, UInt64)]
    where options["CONFIG_ARM64_\(name)_PAGES"] == "y" {
      return .known(size)
    }
    return .unknown("page size of the host's kernel", "its configuration does not show CONFIG_ARM64_4K_PAGES, 16K or 64K")
  }
}
