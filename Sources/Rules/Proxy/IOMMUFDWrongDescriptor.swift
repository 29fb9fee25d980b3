extension Rule {
  /// Refused by the proxy's command filter.
  public static let iommufdWrongDescriptor = Rule(
    name: "iommufd-wrong-descriptor",
    severity: .error,
    summary: "an `iommufd` object around a descriptor that is not /dev/iommu",
    why: """
      QEMU does not check the descriptor that an `iommufd` object is given. The object is created, and every device that \
      uses it fails when it attaches.
      """,
    fix: "open /dev/iommu for reading and writing, and pass that descriptor",
    example: #"{"execute":"object-add","arguments":{"qom-type":"iommufd","id":"iommufd0","fd":"null"}}   (`null` is /dev/null)"#,
    references: ["QEMU backends/iommufd.c: iommufd_backend_set_fd", "QEMU qapi/qom.json: IOMMUFDProperties"],
    canBeAllowed: false, check: .command)
}
