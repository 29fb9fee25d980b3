extension Rule {
  /// Refused by the proxy's command filter.
  public static let memoryPlugExceedsLimit = Rule(
    name: "memory-plug-exceeds-limit",
    severity: .error,
    summary: "more guest memory than QEMU may lock for its vfio devices",
    why: """
      All guest memory is locked for vfio devices, also memory that is plugged later. When the kernel refuses because of the limit of \
      locked memory, QEMU crashes with SIGABRT, with either backend.
      """,
    fix: "raise the limit of the running QEMU: `prlimit --pid PID --memlock=BYTES`",
    example: #"{"execute":"device_add","arguments":{"driver":"pc-dimm","memdev":"m1","id":"d1"}}"#,
    references: [
      "QEMU hw/vfio/listener.c: vfio_listener_region_add (observed on 11.1.3)",
      "linux drivers/vfio/vfio_iommu_type1.c: vfio_lock_acct", "linux drivers/iommu/iommufd/pages.c",
    ],
    crashesGuest: true, canBeAllowed: false, check: .command)
}
