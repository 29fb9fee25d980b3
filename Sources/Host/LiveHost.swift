import Facts
import Glibc

extension Host {
  /// Reads this host from sysfs, procfs and /dev. Nothing is opened for writing, no device is
  /// bound, and nothing is thrown: a fact that could not be read is unknown, with the reason.
  ///
  /// - Parameters:
  ///   - root: the folder that contains `sys`, `proc`, `dev` and `boot`.
  ///   - only: the functions that matter. Their groups' members and their physical functions are
  ///     read with them; of every other function only the address is known. Nil reads them all.
  public static func live(root: String = "/", only: Set<PCIAddress>? = nil) -> Host {
    let tree = FileTree(root: root)
    var host = Host(nothingKnown: "not read", source: "live")
    let kernel = LiveKernel(tree: tree)
    host.kernelRelease = kernel.release
    host.kernelCommandLine = kernel.commandLine
    host.kernelConfig = kernel.config(release: host.kernelRelease)
    host.user = .known(LiveKernel.user)
    host.memlock = LiveKernel.memlock
    host.physicalAddressBits = tree.physicalAddressBits
    host.iommufd = tree.access(to: "/dev/iommu")
    host.kvm = tree.access(to: "/dev/kvm")
    host.vfioContainer = tree.access(to: "/dev/vfio/vfio")
    let interrupts = LiveInterrupts(tree: tree)
    host.interruptsIsolated = interrupts.isolated
    host.unsafeInterrupts = interrupts.unsafe
    host.iommus = tree.iommuUnits
    host.readFunctions(tree, only: only)
    host.readCdevs(tree)
    host.readUsers(tree)
    host.readFirmware(tree)
    host.readUses(tree, only: only)
    host.sizeOfFile = { tree.size(ofROM: $0) }
    host.fileSystem = { tree.fileSystem(of: $0) }
    host.libvirtMemoryFolder = tree.libvirtMemoryFolder
    host.libvirtNetwork = { tree.libvirtNetwork($0) }
    return host
  }

  /// Reads facts that need a walk over the host, only where they can matter: framebuffers for display
  /// controllers, file systems and routes for functions that are bound to a host driver, modules for functions that
  /// have other vfio drivers. Of functions that are not in `only`, such as the other members of a group, only the host's
  /// use is read.
  private mutating func readUses(_ tree: FileTree, only: Set<PCIAddress>?) {
    var framebuffers: Known<[PCIAddress: String]>?
    var uses: LiveHostUse?
    var modules: LiveModules?
    for (address, device) in devices.sorted(by: { $0.key < $1.key }) {
      if device.isEndpoint == .known(false) { continue }
      if device.driver.map({ $0 == nil || $0?.contains("vfio") == true }) == .known(true) {
        devices[address]?.hostUses = .known([])
      } else {
        let walk = uses ?? LiveHostUse(tree)
        uses = walk
        devices[address]?.hostUses = walk.uses(of: device)
      }
      guard only?.contains(address) ?? true else { continue }
      let baseClass = device.classCode.map { $0 >> 16 }
      if baseClass == .known(0x03) || !baseClass.isKnown {
        let all = framebuffers ?? tree.bootFramebuffers
        framebuffers = all
        devices[address]?.bootFramebuffer = all.map { $0[address] }
      } else {
        devices[address]?.bootFramebuffer = .known(nil)
      }
      let known = modules ?? LiveModules(tree, release: kernelRelease)
      modules = known
      devices[address]?.variantDrivers = known.variants(of: device)
    }
  }

  private mutating func readFunctions(_ tree: FileTree, only: Set<PCIAddress>?) {
    let path = "/sys/bus/pci/devices"
    addresses = tree.list(path)
      .map { Set($0.compactMap { PCIAddress($0) }) }
      .known("list of PCI functions", absent: .unknown("list of PCI functions", "\(path): \(errnoText(ENOENT))"))
    // Without the list, a requested function is still read at its usual path.
    var wanted = (only ?? addresses.display ?? []).sorted()
    while let address = wanted.popLast() {
      if case .known(let all) = addresses, !all.contains(address) { continue }
      if devices[address] != nil { continue }
      let sysfs = SysfsDevice(address, in: tree)
      // Without the list, a function that cannot be seen may not exist at all.
      if !addresses.isKnown, sysfs.listing == nil { continue }
      let device = HostDevice(reading: sysfs)
      devices[address] = device
      if case .known(let number?) = device.group, groups[number] == nil {
        let group = tree.iommuGroup(number)
        groups[number] = group
        wanted += group.members.display ?? []
      }
      if case .known(let parent?) = device.physicalFunction { wanted.append(parent) }
      // Without a reset of its own, the other functions on its bus matter.
      if device.resetMethods == .known([]), case .known(let all) = addresses {
        wanted += all.filter { $0.domain == address.domain && $0.bus == address.bus && address.bus != 0 }
      }
    }
  }

  private mutating func readCdevs(_ tree: FileTree) {
    for address in devices.keys.sorted() {
      let sysfs = SysfsDevice(address, in: tree)
      // A vfio driver creates the directory (linux/drivers/vfio/vfio_main.c), and
      // CONFIG_VFIO_DEVICE_CDEV the `dev` in it, without which there is no node.
      let name: Known<String?> = sysfs.attribute("vfio-dev", fact: "vfio cdev", absent: nil) {
        // An empty directory is a device that is being bound or unbound.
        tree.list($0).map { names in names.first { $0.hasPrefix("vfio") || $0.hasPrefix("noiommu-vfio") }.map { .some($0) } }
      }
      devices[address]?.cdev = name.map { name in
        name.map { VFIOCdev(
            name: $0, node: tree.access(to: "/dev/vfio/devices/\($0)"),
            hasNumber: tree.list(sysfs.path("vfio-dev/\($0)")).map { $0.contains("dev") }
              .known("device number of \($0)", absent: .unknown("device number of \($0)", "it is gone")))
        }
      }
    }
  }

  /// A function is in use when its cdev or its group's node is held open. Where neither node can
  /// exist there is nothing to scan for.
  private mutating func readUsers(_ tree: FileTree) {
    var scan: ProcessScan?
    for (address, device) in devices.sorted(by: { $0.key < $1.key }) {
      let fact = "users of \(address)"
      guard case .known(let cdev) = device.cdev, case .known(let number) = device.group else {
        devices[address]?.users = .unknown(fact, "its cdev or its group is not known")
        continue
      }
      var nodes: [String] = []
      if let cdev { nodes.append(cdev.path) }
      if let number, group(number).node != .known(.absent) { nodes.append("/dev/vfio/\(number)") }
      if nodes.isEmpty {
        devices[address]?.users = .known([])
        continue
      }
      let found = scan ?? ProcessScan(tree)
      scan = found
      devices[address]?.users = found.users(of: nodes, fact: fact)
    }
  }

  private mutating func readFirmware(_ tree: FileTree) {
    let table = tree.dmarTable
    let facts = FirmwareATS(tree: tree, table: table, iommus: iommus, scalableMode: scalableMode)
    var complexes: LiveRootComplexes?
    for (address, device) in devices.sorted(by: { $0.key < $1.key }) {
      devices[address]?.firmwareATS = facts.covers(device)
      guard case .known(let unit?) = device.iommu, IOMMUUnit.kind(of: unit) == .smmuv3 else { continue }
      let all = complexes ?? LiveRootComplexes(tree)
      complexes = all
      devices[address]?.rootComplex = all.above(address)
    }
  }
}
