import Facts
import Inputs
import Prediction
import Syntax
import XCTest

/// Machines and a host for tests that flip one fact at a time.
enum Machines {
  static let address = PCIAddress("0000:01:00.0").unsafelyUnwrapped
  static let sibling = PCIAddress("0000:01:00.1").unsafelyUnwrapped

  static func parse(_ text: String) -> ParsedInput { .parse(SourceText(name: "test", bytes: Array(text.utf8))) }

  /// `-device …` and other options of a q35, cold.
  static func predict(
    _ options: String, on host: Facts.Host = host(), qemu: QEMUProfile = .released(11, 1, "11.1.3")
  ) -> [RealizePrediction] {
    Predictor(parse("qemu-system-x86_64 -nodefaults -M q35 \(options)").machine, on: host, qemu: qemu).predictions()
  }

  /// One group, number 1: a function bound to vfio-pci, and another that is not bound. Nothing prevents
  /// assigning the first by either backend.
  static func host() -> Facts.Host {
    var host = Facts.Host(nothingKnown: "not in the test", source: "test")
    host.kernelRelease = .known("7.3.4-1-amd64")
    host.kernelCommandLine = .known("quiet")
    host.kernelConfig = .known([:])
    host.user = .known("root")
    host.memlock = .known(nil)
    host.iommufd = .known(.accessible)
    host.vfioContainer = .known(.accessible)
    host.interruptsIsolated = .known(true)
    host.unsafeInterrupts = .known([])
    host.addresses = .known([address, sibling])
    host.iommus = .known(["dmar0": IOMMUUnit("dmar0", capability: .known(47 << 16), extendedCapability: .known(0b100))])
    var group = IOMMUGroup(1, nothingKnown: "not in the test")
    group.members = .known([address, sibling])
    group.node = .known(.accessible)
    group.reservedRegions = .known([])
    host.groups[1] = group
    for one in [address, sibling] {
      var device = HostDevice(one, nothingKnown: "not in the test")
      device.vendor = .known(0x10de)
      device.device = .known(0x2342)
      device.classCode = .known(0x030000)
      device.driver = .known(one == address ? "vfio-pci" : nil)
      device.group = .known(1)
      device.iommu = .known("dmar0")
      device.physicalFunction = .known(nil)
      device.removable = .known(nil)
      device.firmwareATS = .known(true)
      device.users = .known([])
      device.cdev = .known(one == address ? VFIOCdev(name: "vfio0", node: .known(.accessible)) : nil)
      device.config = .known(config())
      host.devices[one] = device
    }
    return host
  }

  /// An endpoint with a standard list of one capability (PCI Express), and an extended list of ATS alone.
  static func config(ats: Bool = true) -> ConfigSpace {
    var bytes = [UInt8](repeating: 0, count: 4096)
    bytes[0] = 0xde
    bytes[1] = 0x10
    bytes[6] = 0x10
    bytes[0x34] = 0x40
    bytes[0x40] = 0x10
    if ats {
      bytes[0x100] = 0x0f
      bytes[0x102] = 0x01
    }
    return ConfigSpace(bytes, size: .known(4096))
  }
}
