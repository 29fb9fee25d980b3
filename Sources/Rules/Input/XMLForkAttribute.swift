import Facts

extension Rule {
  static let xmlForkAttribute = Rule(
    name: "xml-fork-attribute",
    severity: .warning,
    summary: "a hostdev attribute that only a fork of libvirt reads",
    why: """
      `<driver ats=…>` of a hostdev is from a patch that was posted and not merged, and `vpasidCapOffset` is from a \
      fork. libvirt up to 12.8 silently ignores both, and QEMU's default applies. `ats` in a virtio device's \
      `<driver>` is a different property, which libvirt supports.
      """,
    fix: "pass the property to QEMU with `<qemu:override>`",
    example: "<hostdev mode='subsystem' type='pci'><driver name='vfio' ats='off'/>…</hostdev>",
    references: ["libvirt src/conf/schemas/domaincommon.rng: hostdev", "libvirt docs/drvqemu.rst: override"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  for one in target.machine.unsupportedAttributes where one.name != "ssidSize" {
    let property = one.name == "ats" ? "ats" : "x-vpasid-cap-offset"
    let name = one.id.map { "`\($0)`" } ?? "the device"
    runner.report(
      "\(name) has `\(one.name)`, which libvirt does not read without a patch", at: one.location,
      fix: "write in its place, "
        + LibvirtOverride.text(of: one.id, property, type: property == "ats" ? "string" : "unsigned", one.value))
  }
}
