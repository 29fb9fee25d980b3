import Facts
import Prediction

extension Rule {
  static let memlockWithoutBARs = Rule(
    name: "memlock-without-bars",
    severity: .warning,
    summary: "the memlock limit covers the guest's memory and not the devices' BARs, which iommufd may count too",
    why: """
      The legacy backend counts guest memory only. With iommufd, kernels that can map device memory for other devices \
      count it against RLIMIT_MEMLOCK as well, and a card with tens of gigabytes fails with `Cannot allocate memory` \
      although it works with the legacy backend.
      """,
    fix: "raise the limit by the size of the BARs",
    example: "-m 16G -device vfio-pci,host=0000:01:00.0,iommufd=iommufd0   (a BAR of 128 GiB, `ulimit -l` of 17 GiB)",
    references: ["https://github.com/NVIDIA/NV-Kernels/issues/249", "linux drivers/iommu/iommufd/pages.c"],
    needsRealize: true, check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  let assignments = runner.assignments(of: target)
  guard assignments.contains(where: { $0.atsInputs.backend != .known(.legacy) }),
    let need = try MemoryNeed(target), need.bytes <= need.limit
  else { return }
  var bars: UInt64 = 0
  var owners: [RealizePrediction] = []
  for one in assignments {
    guard try one.atsInputs.backend.value == .iommufd else { continue }
    guard let address = one.host else {
      throw one.missingHost
    }
    guard let device = try target.host.device(at: address).value else { continue }
    // The last is the ROM.
    let size = try device.regionSizes.value.prefix(6).reduce(0) { $0 &+ $1 }
    if size > 0 { owners.append(one) }
    bars = bars.addingReportingOverflow(size).overflow ? .max : bars + size
  }
  guard bars > need.limit - need.bytes, let last = owners.last else { return }
  let rounded = (bars &+ 0xf_ffff) & ~0xf_ffff
  let size = ByteSize.text(max(bars, rounded))
  let kibibytes = need.limit >> 10 &+ rounded >> 10
  let names = owners.map(\.name).joined(separator: ", ")
  runner.report(
    "the memlock limit of \(ByteSize.text(need.limit)) covers the guest's \(ByteSize.text(need.bytes)), and not also "
      + "the \(size) of BARs of \(names)", at: last.request.location(of: "iommufd"),
    fix: "raise the limit by \(size): `ulimit -l \(kibibytes)`, or `LimitMEMLOCK=\(kibibytes)K` of the unit",
    evidence: ["limit: \(ByteSize.text(need.limit))", "BARs: \(size)"])
}
