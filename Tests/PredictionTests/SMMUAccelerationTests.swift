import Facts
import XCTest

@testable import Prediction

/// arm-smmuv3 against the host's SMMUv3, one register bit at a time.
final class SMMUAccelerationTests: XCTestCase {
  /// An SMMUv3 with all that QEMU asks for (Arm IHI 0070 §6.3).
  private static let good: [UInt32] = [0x0840_041b, 0x0000_0520, 0, 0x0000_0500, 0, 0x0000_0075]

  private func text(
    _ registers: [UInt32]?, _ smmu: String = "accel=on", backend: String = ",iommufd=io0", implementer: UInt32? = 0,
    canwbs: Bool? = nil, machine: String = "virt"
  ) -> String? {
    let host = host(registers, implementer: implementer, canwbs: canwbs)
    let command = "qemu-system-aarch64 -machine \(machine) -nodefaults -object iommufd,id=io0 "
      + "-device arm-smmuv3,primary-bus=pcie.0,id=s,\(smmu) "
      + "-device vfio-pci,host=0000:01:00.0,bus=pcie.0,addr=3\(backend)"
    let one = Predictor(Machines.parse(command).machine, on: host, qemu: .released(11, 1, "11.1.3")).predictions().last
    return one?.failure?.text ?? one?.unknowns.first?.fact
  }

  private func host(_ registers: [UInt32]?, implementer: UInt32? = 0, canwbs: Bool? = nil) -> Facts.Host {
    var host = Machines.host()
    var unit = IOMMUUnit("smmu3.0x0000000009050000", capability: .known(0), extendedCapability: .known(0))
    if let registers { unit.identification = .known(registers) }
    if let implementer { unit.implementer = .known(implementer) }
    host.iommus = .known([unit.name: unit])
    host.devices[Machines.address]?.iommu = .known(unit.name)
    if let canwbs { host.devices[Machines.address]?.rootComplex = .known(RootComplex(.iort, ats: true, canwbs: canwbs)) }
    return host
  }

  private func with(_ index: Int, _ value: UInt32) -> [UInt32] {
    var registers = SMMUAccelerationTests.good
    registers[index] = value
    return registers
  }

  func testEachRegisterIsCompared() {
    let good = SMMUAccelerationTests.good
    XCTAssertNil(text(good))
    XCTAssertNil(text(good, "accel=on,ats=on,ril=on,ssidsize=20,oas=48"))
    func refused(_ registers: [UInt32], _ smmu: String, _ expected: String) {
      XCTAssertEqual(text(registers, smmu), "vfio 0000:01:00.0: Failed to set vIOMMU: Host SMMUv3 " + expected)
    }
    XCTAssertEqual(text(with(0, good[0] & ~1)), "vfio 0000:01:00.0: Failed to allocate hwpt: Operation not supported")
    XCTAssertEqual(text(with(0, good[0] & ~2)), "vfio 0000:01:00.0: Failed to allocate hwpt: Operation not supported")
    refused(with(0, good[0] & ~(3 << 27)), "accel=on", "Stream Table format mismatch (host STLEVEL=0, QEMU STLEVEL=1)")
    refused(with(0, good[0] | 3 << 21), "accel=on", "doesn't support Little-endian translation table")
    refused(with(0, good[0] & ~8), "accel=on", "doesn't support AArch64 translation table format")
    refused(with(1, good[1] & ~0x3f | 8), "accel=on", "SIDSIZE not compatible (host=8, QEMU=16)")
    refused(with(1, 0x20), "accel=on,ssidsize=20", "SSIDSIZE not compatible (host=0, QEMU=20)")
    refused(with(3, 0x100), "accel=on,ril=on", "doesn't support Range Invalidation")
    refused(with(5, 0x74), "accel=on,oas=48", "supports only 44-bit IPA, but the vSMMU OAS implies 48-bit IPA")
    refused(with(0, good[0] & ~0x400), "accel=on,ats=on", "doesn't support Address Translation Services")
    refused(with(5, 0x55), "accel=on", "doesn't support 16K translation granule")
  }

  /// A value that the guest's SMMU does not fix is the host's, and facts that nobody reads stay open.
  func testWhatIsNotComparedOrNotKnown() {
    XCTAssertNil(text(with(1, 0x20)))
    XCTAssertNil(text(with(0, SMMUAccelerationTests.good[0] & ~0x400)))
    XCTAssertEqual(text(with(3, 0x400)), "root complex of 0000:01:00.0")
    XCTAssertEqual(text(nil), "identification registers of smmu3.0x0000000009050000")
    XCTAssertEqual(text(SMMUAccelerationTests.good, "accel=on,cmdqv=on"), "command queues of the host's SMMUv3")
  }

  /// Machine types up to virt-11.0 have ril=on and oas=44 (the properties of each type of 11.1.3).
  func testDefaultsOfOlderMachineTypesAreCompared() {
    let (noRange, small) = (with(3, 0x100), with(5, 0x72))
    let start = "vfio 0000:01:00.0: Failed to set vIOMMU: Host SMMUv3 "
    for machine in ["virt-11.0", "virt-10.2", "virt-9.0"] {
      XCTAssertEqual(text(noRange, machine: machine), start + "doesn't support Range Invalidation")
      XCTAssertEqual(text(small, machine: machine), start + "supports only 40-bit IPA, but the vSMMU OAS implies 44-bit IPA")
      XCTAssertNil(text(noRange, "accel=on,ril=off", machine: machine))
      XCTAssertNil(text(small, "accel=on,oas=auto", machine: machine))
    }
    for machine in ["virt", "virt-11.1"] {
      XCTAssertNil(text(noRange, machine: machine))
      XCTAssertNil(text(small, machine: machine))
    }
    XCTAssertEqual(text(noRange, machine: "virt-rhel9.8.0"), "ssidsize of `arm-smmuv3`")
  }

  /// The mask is that of the host's smallest page (QEMU hw/virtio/virtio-iommu.c: check_page_size_mask), on Arm the kernel's choice.
  func testGranuleFollowsThePagesOfTheHost() {
    func text(_ granule: String, _ option: String?, _ registers: [UInt32]? = SMMUAccelerationTests.good) -> String? {
      var host = host(registers)
      host.kernelConfig = .known(option.map { ["CONFIG_ARM64_\($0)_PAGES": "y"] } ?? [:])
      let command = "qemu-system-aarch64 -machine virt -nodefaults -object iommufd,id=io0 "
        + "-device virtio-iommu-pci,granule=\(granule) -device vfio-pci,host=0000:01:00.0,addr=3,iommufd=io0"
      let one = Predictor(Machines.parse(command).machine, on: host, qemu: .released(11, 1, "11.1.3")).predictions().last
      return one?.failure?.text ?? one?.unknowns.first?.fact
    }
    func refused(_ page: String, _ mask: String) -> String {
      "vfio 0000:01:00.0: Failed to set vIOMMU: 0000:01:00.0: virtio-iommu reports a page size mask 0x\(page) incompatible with "
        + "currently supported mask 0x\(mask)"
    }
    XCTAssertEqual(text("64k", "4K"), refused("1000", "ffffffffffff0000"))
    // The smallest page is never left out.
    XCTAssertEqual(text("64k", "4K", nil), refused("1000", "ffffffffffff0000"))
    XCTAssertEqual(text("64k", "16K"), refused("4000", "ffffffffffff0000"))
    for granule in ["8k", "16k", "64k"] {
      XCTAssertNil(text(granule, "64K"), granule)
      XCTAssertEqual(text(granule, nil), "page size of the host's kernel", granule)
    }
    XCTAssertEqual(text("64k", "64K", with(5, 0x35)), "page sizes of smmu3.0x0000000009050000")
    XCTAssertNil(text("4k", nil))
  }

  /// Linux refuses the vIOMMU of a unit without S2FWB below a root complex without CANWBS (recorded, Linux 7.3.4).
  func testCachesMustStayCoherent() {
    let refused = "vfio 0000:01:00.0: Failed to set vIOMMU: IOMMU_VIOMMU_ALLOC failed: Operation not supported"
    XCTAssertEqual(text(with(3, 0x400), canwbs: false), refused)
    XCTAssertNil(text(with(3, 0x400), canwbs: true))
    XCTAssertNil(text(SMMUAccelerationTests.good, canwbs: false))
  }

  /// Products with errata for which Linux does not nest (arm_smmu_device_iidr_probe).
  func testErrataForbidNesting() {
    let refused = "vfio 0000:01:00.0: Failed to allocate hwpt: Operation not supported"
    for bad in [0x4830_043b, 0x4831_f43b, 0x4870_f43b, 0x4871_043b] as [UInt32] {
      XCTAssertEqual(text(SMMUAccelerationTests.good, implementer: bad), refused, bad.hexadecimal(digits: 8))
    }
    for good in [0x4832_043b, 0x4871_143b, 0x4872_043b, 0x4830_0436, 0] as [UInt32] {
      XCTAssertNil(text(SMMUAccelerationTests.good, implementer: good), good.hexadecimal(digits: 8))
    }
    XCTAssertEqual(text(SMMUAccelerationTests.good, implementer: nil), "SMMU_IIDR of smmu3.0x0000000009050000")
  }

  /// Recorded with both backends on Linux 7.3.4 and QEMU 11.1.3: a plain SMMU refuses exactly the devices that it serves.
  func testOnlyDevicesThatThePlainSMMUServesAreRefused() {
    let pxb = "-device pxb-pcie,id=pcie.1,bus_nr=32,bus=pcie.0", port = "-device pcie-root-port,id=rp,chassis=1,bus="
    let refused = ["virt,iommu=smmuv3": port + "pcie.0", "virt-9.0,iommu=smmuv3": port + "pcie.0"].map { ($0.key, $0.value) } + [
      ("virt", "-device arm-smmuv3,primary-bus=pcie.0 \(port)pcie.0"),
      ("virt", "-device arm-smmuv3,primary-bus=pcie.0,stage=nested \(port)pcie.0"),
      ("virt", "\(pxb) -device arm-smmuv3,primary-bus=pcie.1 \(port)pcie.1"),
      ("virt,iommu=smmuv3", "\(pxb) \(port)pcie.1"),
    ]
    let accepted = [
      ("virt", port + "pcie.0"), ("virt,iommu=none", port + "pcie.0"),
      ("virt,iommu=smmuv3,default-bus-bypass-iommu=on", port + "pcie.0"),
      ("virt,iommu=smmuv3", "\(pxb),bypass_iommu=on \(port)pcie.1"),
      ("virt", "\(pxb) -device arm-smmuv3,primary-bus=pcie.1 \(port)pcie.0"),
      ("virt", "\(pxb) -device arm-smmuv3,primary-bus=pcie.0 \(port)pcie.1"),
      ("virt", "-device virtio-iommu-pci,addr=3.0 \(port)pcie.0"),
    ]
    for (isRefused, machines) in [(true, refused), (false, accepted)] {
      for (machine, devices) in machines {
        for backend in ["", ",iommufd=io0"] {
          let command = "qemu-system-aarch64 -machine \(machine) -nodefaults -object iommufd,id=io0 \(devices) "
            + "-device vfio-pci,host=0000:01:00.0,bus=rp\(backend)"
          let one = Predictor(Machines.parse(command).machine, on: host(nil), qemu: .released(11, 1, "11.1.3")).predictions().last
          XCTAssertEqual(one?.realize, isRefused ? .fails : .ok, command)
          XCTAssertEqual(one?.failure?.cause == .iommuWithoutNotifier, isRefused, command)
        }
      }
    }
  }

  /// Recorded on virt and q35: a standard hotplug controller has no slot 0, cold as hot.
  func testSlotZeroBehindAStandardHotplugController() {
    let said = "Unsupported PCI slot 0 for standard hotplug controller. Valid slots are between 1 and 31."
    let acpi = "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"
    for (machine, end, expected) in [
      ("qemu-system-aarch64 -machine virt", "", said), ("qemu-system-aarch64 -machine virt", ",addr=1.0", nil),
      ("qemu-system-x86_64 -machine q35 \(acpi)", "", said), ("qemu-system-x86_64 -machine q35", "", nil),
    ] as [(String, String, String?)] {
      let command = "\(machine) -nodefaults -device pcie-root-port,id=rp,chassis=1 -device pcie-pci-bridge,id=b,bus=rp "
        + "-device vfio-pci,host=0000:01:00.0,bus=b\(end)"
      let one = Predictor(Machines.parse(command).machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).predictions().last
      XCTAssertEqual(one?.failure?.text, expected, command)
    }
  }

  /// Recorded: behind a PCIe-to-PCI bridge the SMMU sees the bridge's requester id.
  func testThePlainSMMUNamesTheRequesterBehindABridge() {
    let command = "qemu-system-aarch64 -machine virt,iommu=smmuv3 -nodefaults -device pcie-root-port,id=rp,chassis=1 "
      + "-device pcie-pci-bridge,id=b,bus=rp -device vfio-pci,host=0000:01:00.0,bus=b,addr=3.0"
    let one = Predictor(Machines.parse(command).machine, on: host(nil), qemu: .released(11, 1, "11.1.3")).predictions().last
    XCTAssertEqual(
      one?.failure?.text, "vfio 0000:01:00.0: failed to setup container for group 1: memory listener initialization failed: Region "
        + "smmuv3-iommu-memory-region-0-0: device 00.00.0 requires iommu MAP notifier which is not currently supported")
  }

  /// Recorded: of a bridge that is not a PCIe-to-PCI bridge the SMMU sees the id, and an accelerated one translates behind it as a plain
  /// one does; it finds a device in slot 0 behind a PCIe-to-PCI bridge itself.
  func testTheAcceleratedSMMUDoesNotFindDevicesBehindABridge() {
    func text(_ bridge: String, slot: String, _ smmu: String, _ backend: String = ",iommufd=io0") -> String? {
      let command = "qemu-system-aarch64 -machine virt -accel kvm -nodefaults -object iommufd,id=io0 "
        + "-device arm-smmuv3,primary-bus=pcie.0,\(smmu) -device pcie-root-port,id=rp,chassis=1 -device \(bridge) "
        + "-device vfio-pci,host=0000:01:00.0,bus=b,addr=\(slot)\(backend)"
      let host = host(SMMUAccelerationTests.good)
      return Predictor(Machines.parse(command).machine, on: host, qemu: .released(11, 1, "11.1.3")).predictions().last?.failure?.text
    }
    func missing(_ devfn: Int, _ place: String) -> String {
      "vfio 0000:01:00.0: memory listener initialization failed: Region smmuv3-iommu-memory-region-\(devfn)-0: device \(place) requires "
        + "iommu MAP notifier which is not currently supported"
    }
    for smmu in ["accel=on", "stage=1"] {
      for slot in ["0.0", "1.0"] { XCTAssertEqual(text("i82801b11-bridge,id=b,addr=3.0", slot: slot, smmu), missing(24, "00.03.0"), smmu) }
      XCTAssertEqual(text("pcie-pci-bridge,id=b,bus=rp", slot: "1.0", smmu), missing(0, "00.00.0"), smmu)
    }
    XCTAssertEqual(
      text("pcie-pci-bridge,id=b,bus=rp", slot: "0.0", "accel=on"),
      "Unsupported PCI slot 0 for standard hotplug controller. Valid slots are between 1 and 31.")
    XCTAssertEqual(
      text("pcie-pci-bridge,id=b,bus=rp", slot: "0.0", "accel=on", ""),
      "vfio-pci endpoint devices without an iommufd backend not allowed when using arm-smmuv3,accel=on")
  }

  /// Guest memory is locked once for all of them. Of a group one function is attached (recorded).
  func testDevicesBehindAcceleratedSMMUsShareAnAddressSpace() {
    func run(_ iommu: String, on host: Facts.Host) -> Predictor.Outcome {
      let command = "qemu-system-aarch64 -machine virt -accel kvm -m 4G -nodefaults -object iommufd,id=io0 \(iommu) "
        + "-device vfio-pci,host=0000:01:00.0,addr=3,iommufd=io0 -device vfio-pci,host=0000:01:00.1,addr=4,iommufd=io0"
      return Predictor(Machines.parse(command).machine, on: host, qemu: .released(11, 1, "11.1.3")).run()
    }
    var host = host(SMMUAccelerationTests.good)
    host.devices[Machines.sibling]?.iommu = .known("smmu3.0x0000000009050000")
    host.devices[Machines.sibling]?.driver = .known("vfio-pci")
    host.devices[Machines.sibling]?.cdev = .known(VFIOCdev(name: "vfio1", node: .known(.accessible)))
    let accelerated = "-device arm-smmuv3,primary-bus=pcie.0,accel=on"
    XCTAssertEqual(run(accelerated, on: host).predictions.map(\.failure?.cause), [nil, .groupOfAcceleratedSMMU])
    XCTAssertEqual(run("", on: host).predictions.map(\.failure?.cause), [nil, nil])
    var group = IOMMUGroup(2, nothingKnown: "not in the test")
    group.members = .known([Machines.sibling])
    group.node = .known(.accessible)
    group.reservedRegions = .known([])
    host.groups[2] = group
    host.groups[1]?.members = .known([Machines.address])
    host.devices[Machines.sibling]?.group = .known(2)
    for (iommu, count) in [(accelerated, 1), ("", 1), ("-device virtio-iommu-pci", 2)] {
      let outcome = run(iommu, on: host)
      XCTAssertEqual(outcome.predictions.map(\.realize), [.ok, .ok], iommu)
      XCTAssertEqual(outcome.guest.addressSpaceCount, count, iommu)
    }
  }

  /// Recorded: since virt-9.2 the machine sets `stage` of its own SMMU, after any `-global`.
  func testTheMachinesOwnSMMUIsNotAccelerated() {
    func text(_ machine: String, _ more: String = "") -> String? {
      let command = "qemu-system-aarch64 -machine \(machine),iommu=smmuv3 -accel kvm -nodefaults -global arm-smmuv3.accel=on \(more)"
      let run = Predictor(Machines.parse(command).machine, on: host(nil), qemu: .released(11, 1, "11.1.3")).run()
      return run.launchFailures.first?.failure.text
    }
    for machine in ["virt", "virt-11.1", "virt-9.2"] {
      XCTAssertEqual(text(machine, "-global arm-smmuv3.stage=1"), "Only stage1 is supported for SMMUv3 with accel=on", machine)
    }
    XCTAssertNil(text("virt-9.1"))
  }

  /// A kernel without the driver of Tegra's command queues says so for any hardware (recorded).
  func testCommandQueuesNeedADriverOfTheKernel() {
    var host = host(SMMUAccelerationTests.good)
    host.kernelConfig = .known(["CONFIG_TEGRA241_CMDQV": "n"])
    let command = "qemu-system-aarch64 -machine virt -accel kvm -nodefaults -object iommufd,id=io0 "
      + "-device arm-smmuv3,primary-bus=pcie.0,accel=on,cmdqv=on -device vfio-pci,host=0000:01:00.0,addr=3,iommufd=io0"
    let one = Predictor(Machines.parse(command).machine, on: host, qemu: .released(11, 1, "11.1.3")).predictions().last
    XCTAssertEqual(one?.failure?.text, "vfio 0000:01:00.0: Failed to set vIOMMU: Failed to get hardware info: Operation not supported")
  }

  /// `qemu-kvm` is the QEMU of the distribution's architecture: its default machine is not known.
  func testTheDefaultMachineOfQEMUKVMIsNotKnown() {
    func bus(_ program: String) -> Known<String?> {
      Guest(Machines.parse("\(program) -nodefaults -m 1G -device e1000").machine, .released(11, 1, "11.1.3")).rootBus
    }
    XCTAssertEqual(bus("qemu-system-x86_64").display, "pci.0")
    XCTAssertEqual(bus("kvm").display, "pci.0")
    XCTAssertFalse(bus("/usr/libexec/qemu-kvm").isKnown)
    XCTAssertFalse(bus("qemu-system-aarch64").isKnown)
  }

  /// Recorded by both backends (Linux 7.3.4, QEMU 11.1.3).
  func testAPlainSMMURefusesEveryDevice() {
    let end = "memory listener initialization failed: Region smmuv3-iommu-memory-region-24-0: device 00.03.0 requires iommu MAP "
      + "notifier which is not currently supported"
    XCTAssertEqual(text(SMMUAccelerationTests.good, "accel=off"), "vfio 0000:01:00.0: " + end)
    XCTAssertEqual(
      text(SMMUAccelerationTests.good, "accel=off", backend: ""), "vfio 0000:01:00.0: failed to setup container for group 1: " + end)
  }
}
