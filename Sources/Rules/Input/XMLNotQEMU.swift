import Facts

extension Rule {
  static let xmlNotQEMU = Rule(
    name: "xml-not-qemu",
    severity: .note,
    summary: "the domain's hypervisor is not QEMU, so its host devices are not checked",
    why: """
      libvirt drives other hypervisors with the same XML. Xen and others assign devices with their own code, which \
      vfiogate does not model: the absence of findings does not mean that the definition works.
      """,
    fix: "check it with that hypervisor's own tools",
    example: "<domain type='xen'><devices><hostdev mode='subsystem' type='pci'>…</hostdev></devices></domain>",
    references: ["libvirt docs/formatdomain.rst: General metadata"],
    checksText: true,
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  guard let domain = target.machine.libvirt, let name = domain.hypervisor, let first = domain.nonQEMUDevices.first
  else { return }
  runner.report(
    "a domain of `\(name)` has \(domain.nonQEMUDevices.count) PCI device"
      + (domain.nonQEMUDevices.count == 1 ? "" : "s") + ", which vfiogate does not check: QEMU does not run it",
    at: first)
}
