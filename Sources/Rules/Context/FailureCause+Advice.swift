import Facts
import Prediction

extension FailureCause {
  /// Advice for a failure that no rule explains; nil where only QEMU's message says what to change.
  /// - Parameter qemu: nil where its release does not matter.
  func advice(on host: Host, with qemu: QEMUProfile? = nil) -> String? {
    if self == .noGroup {
      return host.isIOMMUOff == .known(false) ? "assign a different device: no IOMMU of the host serves this one" : host.iommuAdvice
    }
    if self == .containerDenied, host.vfioContainer == .known(.absent) {
      let other = host.hasNoIOMMUFD || qemu?.hasNoIOMMUFD == true ? "" : "; or use iommufd"
      return "load /dev/vfio/vfio with `modprobe vfio-pci`, of a kernel with CONFIG_VFIO_CONTAINER" + other
    }
    return FailureCause.advices[self]
  }

  private static let advices: [FailureCause: String] = [
    .badID: "begin the id with a letter, and use letters, digits, `-`, `.` and `_`",
    .noDriver: "use `vfio-pci`",
    .unknownDriver: "use `vfio-pci`",
    .abstractDriver: "use `vfio-pci`",
    .busNotFound: "name a bus that the machine has: the id of a `pcie-root-port`, or the machine's own: `pcie.0` of q35, `pci.0` of pc",
    .wrongBusType: "put the device on a PCI bus",
    .noPCIBus: "put the device on a PCI bus",
    .classNotHotpluggable: "plug `vfio-pci`, or create the device at launch",
    .busNotHotpluggable: "name an empty `pcie-root-port`: `bus=ID`",
    .badGlobal: "correct or remove the `-global`",
    .slotTaken: "use a different port or a different `addr`",
    .noSlot: "use a different port or a different `addr`",
    .functionZeroTaken: "use a different port or a different `addr`",
    .notMultifunction: "add `multifunction=on` to function 0 of the slot",
    .slotNotHotpluggable: "use a slot from 1 on: `addr=1`",
    .migrating: "wait until the migration ends",
    .noHostGiven: "name a host device: `host=0000:01:00.0`",
    .noSuchHostDevice: "name a function of the host, spelt as `lspci -D` lists them",
    .noVGARegion: "remove `x-vga`: \(vgaRegion)",
    .badIDOverride: "write a number up to 0xffff",
    .displayRequired: "remove `ramfb`, which needs a device with a display of its own",
    .balloonNotMediated: "remove `x-balloon-allowed`",
    .groupNodeDenied: "let the user that runs QEMU open the node that QEMU names",
    .containerDenied: "let the user that runs QEMU open the node that QEMU names",
    .badToken: "bind the physical function to its host driver, or pass the token that its holder has set",
    .groupOfAcceleratedSMMU: "assign one function of the group alone, or none of it behind an `arm-smmuv3` with `accel=on`",
    .groupInSeveralSpaces:
      "put the functions of the group behind one `pcie-pci-bridge`, so that they share an address space, or remove the guest's IOMMU",
    .iommuWithoutNotifier: "remove the guest's IOMMU, or use `virtio-iommu-pci`",
    .cachingModeOff: "add `caching-mode=on` to `intel-iommu`",
    .addressWidthExceeded: "set `aw-bits=39` for `intel-iommu`",
    .firstStageWithoutIOMMUFD: "set `iommufd=` for the device",
    .firstStageBelowBridge: "put the device on an Express port",
    .badFailover: "remove `failover_pair_id`, which is for network cards on a `pcie-root-port`, and `virtio-net-pci` with `failover=on`",
    .bootIndexTaken: "give each device a `bootindex` of its own",
    .acpiIndexTaken: "give each device an `acpi-index` of its own",
    .discardRefused: "use QEMU 9.2 or newer",
    .noDisplay: "remove `display`",
    .duplicateObjectID: "give each object an id of its own",
    .unsafeInterrupts: "enable interrupt remapping in the firmware, and boot the host with `intremap=on`",
    .bindFails: "use one iommufd object for all functions of the group, and no other process for any of them",
    .inUse: "use one iommufd object for all functions of the group, and no other process for any of them",
  ]
}
