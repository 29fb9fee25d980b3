import Facts

extension Rule {
  static let xmlForkAttribute = Rule(
    name: "xml-fork-attribute",
    severity: .warning,
    summary: "a hostdev's attribute that only a fork of libvirt reads",
    why: """
      `<driver ats=…>` of a hostdev is a patch that was posted, and `vpasidCapOffset` is a fork's. Up to \
      12.8 libvirt passes over both without a word, and QEMU's default applies. `ats` of a virtio \
      device's `<driver>` is another property, which libvirt has.
      """,
    fix: "say it to QEMU past libvirt, with `<qemu:override>`",
    example: "<hostdev mode='subsystem' type='pci'><driver name='vfio' ats='off'/>…</hostdev>",
    references: ["libvirt src/conf/schemas/domaincommon.rng: hostdev", "libvirt docs/drvqemu.rst: override"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  for one in target.machine.libvirt?.unsupportedAttributes ?? [] where one.name != "ssidSize" {
    let property = one.name == "ats" ? "ats" : "x-vpasid-cap-offset"
    let name = one.id.map { "`\($0)`" } ?? "the device"
    runner.report(
      "\(name) has `\(one.name)`, which libvirt does not read unless it is patched", at: one.location,
      fix: "with `xmlns:qemu`, `<qemu:override><qemu:device alias='\(one.id ?? "…")'><qemu:frontend><qemu:property "
        + "name='\(property)' type='\(property == "ats" ? "string" : "unsigned")' value='\(one.value)'/>…`")
  }
}
