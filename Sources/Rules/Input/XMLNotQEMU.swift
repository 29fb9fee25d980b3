import Facts

extension Rule {
  static let xmlNotQEMU = Rule(
    name: "xml-not-qemu",
    severity: .note,
    summary: "the domain's hypervisor is not QEMU, and its host devices are not judged",
    why: """
      libvirt drives other hypervisors with the same XML. Xen and the others assign devices with code of \
      their own, of which vfiogate knows nothing: that nothing is reported does not mean that it works.
      """,
    fix: "judge it with that hypervisor's own tools",
    example: "<domain type='xen'><devices><hostdev mode='subsystem' type='pci'>…</hostdev></devices></domain>",
    references: ["libvirt docs/formatdomain.rst: General metadata"],
    checksText: true,
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  guard let domain = target.machine.libvirt, let name = domain.hypervisor, let first = domain.nonQEMUDevices.first
  else { return }
  runner.report(
    "a domain of `\(name)` is given \(domain.nonQEMUDevices.count) PCI device"
      + (domain.nonQEMUDevices.count == 1 ? "" : "s") + ", which vfiogate does not judge: QEMU does not run it",
    at: first)
}
