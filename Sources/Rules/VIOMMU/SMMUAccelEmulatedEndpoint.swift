import Facts
import Prediction

extension Rule {
  static let smmuAccelEmulatedEndpoint = Rule(
    name: "smmu-accel-emulated-endpoint",
    severity: .error,
    summary: "an emulated device behind `arm-smmuv3` with `accel=on`",
    why: """
      The host's hardware walks the guest's page tables of an accelerated SMMU, and QEMU does not read them for \
      emulated devices: it refuses these (`Emulated endpoint devices are not allowed when using arm-smmuv3,accel=on`). \
      Bridges and ports are allowed, and devices behind a bridge to a conventional bus, whose own address the SMMU does not \
      see.
      """,
    fix: "move the emulated device to another root complex, or give the SMMU its own `pxb-pcie` as `primary-bus`",
    example: "-device arm-smmuv3,primary-bus=pcie.0,accel=on -device virtio-net-pci,bus=pcie.0",
    references: ["QEMU hw/arm/smmuv3-accel.c: smmuv3_accel_pdev_allowed"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  let units = target.iommus.filter { $0.driver == "arm-smmuv3" }
  guard !units.isEmpty else { return }
  let endpoints = target.checkedRequests.filter { !$0.isVFIO && target.guest.isEndpoint($0) }
  for unit in units where !endpoints.isEmpty {
    guard try target.machine.setting("accel", of: unit).value == "on" else { continue }
    for endpoint in try target.requests(endpoints, behind: unit) where try target.guest.isFoundByRequesterID(endpoint) {
      runner.report(
        "\(endpoint.plainName) (\(endpoint.driver ?? "")) is emulated and behind "
          + "\(unit.plainName), an `arm-smmuv3` with `accel=on`: QEMU refuses it",
        at: endpoint.location(of: "bus"), about: endpoint,
        evidence: ["QEMU: Emulated endpoint devices are not allowed when using arm-smmuv3,accel=on"])
    }
  }
}
