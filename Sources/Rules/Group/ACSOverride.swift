import Facts
import Prediction

extension Rule {
  static let acsOverride = Rule(
    name: "acs-override",
    severity: .warning,
    summary: "the host's IOMMU groups are split by `pcie_acs_override`, and not by the hardware",
    why: """
      The patch that adds `pcie_acs_override` makes the kernel treat ports and functions as isolated that are not. The \
      groups look right, and devices of different guests can still access each other's memory without the IOMMU seeing \
      it, or corrupt it by accident.
      """,
    fix: "remove `pcie_acs_override` from the kernel's command line, and assign whole groups; or use slots with ACS",
    example: "-device vfio-pci,host=0000:01:00.0   (and /proc/cmdline has pcie_acs_override=downstream,multifunction)",
    references: ["linux Documentation/driver-api/vfio.rst", "PCIe 6.0 §6.12", "https://lkml.org/lkml/2013/5/30/513"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  guard let first = target.contexts.first else { return }
  let words = try target.host.kernelCommandLine.value.split(whereSeparator: { $0 == " " || $0 == "\n" })
  guard let option = words.last(where: { $0.hasPrefix("pcie_acs_override=") }) else { return }
  runner.report(
    "the host was booted with `\(option)`: the IOMMU group of \(first.name) may not be isolated from others",
    at: first.hostLocation, evidence: ["kernel command line: \(option)"])
}
