import Facts
import Prediction

extension Rule {
  static let smmuAccelEmulatedEndpoint = Rule(
    name: "smmu-accel-emulated-endpoint",
    severity: .error,
    summary: "an emulated device behind `arm-smmuv3` with `accel=on`",
    why: """
      What the guest maps in an accelerated SMMU is walked by the host's hardware, and QEMU does not look \
      into it for emulated devices: it refuses them (`Emulated endpoint devices are not allowed when using \
      arm-smmuv3,accel=on`). Bridges and ports may sit there.
      """,
    fix: "put the emulated device on another root complex, or give the SMMU a `pxb-pcie` of its own as `primary-bus`",
    example: "-device arm-smmuv3,primary-bus=pcie.0,accel=on -device virtio-net-pci,bus=pcie.0",
    references: ["QEMU hw/arm/smmuv3-accel.c: smmuv3_accel_pdev_allowed"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  let units = target.iommus.filter { $0.driver == "arm-smmuv3" }
  guard !units.isEmpty else { return }
  let endpoints = target.judgedRequests.filter { !$0.isVFIO && target.guest.isEndpoint($0) }
  for unit in units where !endpoints.isEmpty {
    guard try target.machine.setting("accel", of: unit).value == "on" else { continue }
    for endpoint in try target.requests(endpoints, behind: unit) {
      runner.report(
        "\(endpoint.plainName) (\(endpoint.driver ?? "")) is emulated, and behind "
          + "\(unit.plainName), an `arm-smmuv3` with `accel=on`: QEMU refuses it",
        at: endpoint.location(of: "bus"), about: endpoint)
    }
  }
}
