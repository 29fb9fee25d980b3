import Facts
import Prediction

extension Rule {
  static let confidentialLegacyBackend = Rule(
    name: "confidential-legacy-backend",
    severity: .warning,
    summary: "a confidential guest with the legacy backend, which runs out of DMA mappings",
    why: """
      An SEV-SNP or TDX guest converts memory between private and shared in pieces of 4 KiB, and each shared piece is a \
      mapping of its own. The legacy backend has a limit of 65,535 mappings for a container (`dma_entry_limit`); beyond \
      it DMA fails with `VFIO_MAP_DMA failed: No space left on device`. iommufd has no such limit.
      """,
    fix: "use iommufd, or \(raiseLimit)",
    example: "-object sev-snp-guest,id=cg0,… -machine q35,confidential-guest-support=cg0 -device vfio-pci,host=0000:01:00.0",
    references: [
      "linux drivers/vfio/vfio_iommu_type1.c: dma_entry_limit", "https://github.com/kata-containers/kata-containers/issues/11721",
      "https://github.com/NVIDIA/nvtrust/issues/46",
    ],
    needsRealize: true, check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let guest = context.target.machine.privateMemoryGuest, try context.backend() == .legacy else { return }
  let words = (context.host.kernelCommandLine.display ?? "").split(separator: " ")
  if words.contains(where: { $0.hasPrefix("vfio_iommu_type1.dma_entry_limit=") }) { return }
  runner.report(
    "\(context.name) uses the legacy backend in a guest of `\(guest.type ?? "")`, whose conversions of memory use up its DMA mappings",
    at: context.hostLocation,
    fix: context.useIOMMUFD.map { "\($0), or \(raiseLimit)" } ?? raiseLimit)
}

private let raiseLimit = "boot the host with the limit raised: `vfio_iommu_type1.dma_entry_limit=4294967295`"
