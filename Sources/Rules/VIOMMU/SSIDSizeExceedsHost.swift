import Facts
import Prediction

extension Rule {
  static let ssidsizeExceedsHost = Rule(
    name: "ssidsize-exceeds-host",
    severity: .error,
    summary: "the guest's SMMU has more substream ids than the host's",
    why: """
      PASIDs of the device are substream ids of the host's SMMU, so an accelerated `arm-smmuv3` cannot have more of \
      them than the host's. QEMU compares them when the device is added, and refuses it.
      """,
    fix: "set `ssidsize=auto`, or a number that the host supports",
    example: "-device arm-smmuv3,primary-bus=pcie.1,accel=on,ssidsize=20   (on a host whose SMMU has 16 bits)",
    references: ["QEMU hw/arm/smmuv3-accel.c", "Arm IHI 0070 §6.3.2: SMMU_IDR1.SSIDSIZE"],
    explains: [.smmuIncompatible],
    check: .device { context, runner throws(Unknown) in
      try context.compareSMMU("ssidsize", context.hostIOMMU()?.substreamBits, "substream id bits", &runner)
    })
}
