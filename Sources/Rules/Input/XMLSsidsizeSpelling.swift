import Facts

extension Rule {
  static let xmlSsidsizeSpelling = Rule(
    name: "xml-ssidsize-spelling",
    severity: .warning,
    summary: "`ssidSize`, which libvirt ignores: the attribute is `ssidsize`",
    why: """
      A fork of libvirt, and definitions written for it, spell the attribute of `<iommu><driver>` with a capital \
      letter. libvirt ignores attributes that it does not know: the domain is defined and starts, and the guest's \
      SMMUv3 has no substream ids, so no device has PASIDs.
      """,
    fix: "write `ssidsize`; `virt-xml-validate FILE domain` finds such attributes",
    example: "<iommu model='smmuv3'><driver pciBus='1' accel='on' ssidSize='20'/></iommu>",
    references: ["libvirt src/conf/schemas/domaincommon.rng: iommu"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  for one in target.machine.unsupportedAttributes where one.name == "ssidSize" {
    runner.report(
      "`\(one.id ?? "iommu")` has `ssidSize`, which libvirt ignores: the attribute is `ssidsize`", at: one.location,
      fix: "write `ssidsize='\(one.value)'`")
  }
}
