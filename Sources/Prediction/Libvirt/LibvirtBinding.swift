import Facts

extension Host {
  /// The host when QEMU starts: libvirt binds a domain's managed devices to a vfio driver first, and lets QEMU open the
  /// nodes of all its devices (libvirt src/hypervisor/virhostdev.c: virHostdevPreparePCIDevices). Facts that only the
  /// binding determines are unknown. The user and the limits are those that the machine's definition gives QEMU.
  public func prepared(by machine: MachineConfig, plugs: [DeviceRequest] = []) -> Host {
    if let service = machine.service {
      var rest = machine
      rest.service = nil
      return seen(by: service).prepared(by: rest, plugs: plugs)
    }
    guard !devices.isEmpty else { return self }
    var taken = machine.libvirt?.unassigned ?? [:]
    for request in machine.devices + plugs {
      guard let hostdev = request.libvirt, let address = request.hostAddress() else { continue }
      taken[address] = hostdev
    }
    for address in machine.proxmox?.boundWithGroups ?? [] {
      for member in boundWithGroup(of: address).display ?? [address] {
        taken[member] = LibvirtHostdev(isManaged: true, driverModel: "vfio-pci", source: member)
      }
    }
    if taken.isEmpty, machine.libvirt == nil { return self }
    var host = self
    if machine.libvirt != nil { host.hideNodes(of: machine.devices.filter { $0.libvirt == nil }.compactMap { $0.hostAddress() }) }
    for (address, hostdev) in taken {
      guard var device = devices[address] else { continue }
      // vfio refuses a header that is not an endpoint's.
      let isBound = hostdev.isManaged && device.isEndpoint != .known(false)
      if isBound {
        device.bind(hostdev, on: self)
        host.vfioContainer = containerAfterBinding
      }
      device.grant()
      host.devices[address] = device
      guard case .known(.some(let number)) = device.group, let group = groups[number] else { continue }
      host.groups[number]?.node = group.node.flatMap { node in
        node == .denied || isBound && device.isEndpoint.isKnown ? .known(.accessible) : .known(node)
      }
    }
    return host
  }

  /// Makes the access to nodes unknown: those of devices that libvirt does not know, because only `<qemu:commandline>` or
  /// `<qemu:override>` names them (libvirt src/qemu/qemu_namespace.c: qemuDomainSetupAllHostdevs, src/qemu/qemu_cgroup.c).
  private mutating func hideNodes(of addresses: [PCIAddress]) {
    let reason = "libvirt opens nodes for `<hostdev>` only: for others qemu.conf decides (`user`, `namespaces`, `cgroup_device_acl`)"
    for address in addresses {
      if case .known(.some(let cdev))? = devices[address]?.cdev, cdev.node == .known(.accessible) {
        devices[address]?.cdev = .known(VFIOCdev(name: cdev.name, node: .unknown("access to /dev/vfio/devices/\(cdev.name)", reason)))
      }
      guard case .known(.some(let number))? = devices[address]?.group, groups[number]?.node == .known(.accessible) else { continue }
      groups[number]?.node = .unknown("access to /dev/vfio/\(number)", reason)
    }
  }

  /// /dev/vfio/vfio once a device is bound to vfio-pci. The first binding loads the module that creates the node (linux
  /// drivers/vfio/container.c: vfio_container_init).
  private var containerAfterBinding: Known<NodeAccess> {
    let isLoaded = devices.values.contains { ($0.driver.display ?? nil).map(VFIODriverName.isVFIO) ?? false }
    guard vfioContainer == .known(.absent), !isLoaded else { return vfioContainer }
    switch kernelConfig.display?["CONFIG_VFIO"] {
    // All users may open it.
    case "m": return kernelConfig.display?["CONFIG_VFIO_CONTAINER"] == "n" ? vfioContainer : .known(.accessible)
    case nil: return .unknown("/dev/vfio/vfio", "binding a device to vfio-pci may load the module that creates it")
    default: return vfioContainer
    }
  }

  /// The functions that Proxmox binds to vfio-pci together with one, itself among them: all of its IOMMU group but bridges
  /// (pve-common PVE/SysFSTools.pm: pci_dev_group_bind_to_vfio). A function without a group is alone.
  public func boundWithGroup(of address: PCIAddress) -> Known<[PCIAddress]> {
    device(at: address).flatMap { device in
      guard let device else { return .known([address]) }
      return device.group.flatMap { number in
        number.map { self.group($0).members } ?? .known([address])
      }
    }.map { members in members.filter { devices[$0]?.isEndpoint != .known(false) } }
  }
}

extension HostDevice {
  fileprivate mutating func bind(_ hostdev: LibvirtHostdev, on host: Host) {
    // libvirt leaves a device that is bound to a vfio driver already.
    if case .known(.some(let name)) = driver, VFIODriverName.isVFIO(name) { return }
    if case .known(.some) = cdev { return }
    if case .unknown(let unknown) = isEndpoint {
      driver = .unknown(unknown)
      cdev = .unknown(unknown)
      return
    }
    // vfio-pci does not bind it, and no driver has it then.
    if hostdev.driverModel.map(VFIODriverName.isVFIOPCI) ?? true, VFIODenylist.includes(self, on: host) == .known(true) {
      driver = .known(nil)
      return
    }
    // Without `model` libvirt chooses the variant driver by the kernel's modules.alias.
    driver = .known(hostdev.driverModel ?? VFIODriver.chosenByLibvirt)
    cdev = .unknown("vfio cdev of \(address)", "the device is bound when the guest starts")
  }

  /// Makes the node accessible: libvirt gives it to the user that QEMU runs as.
  fileprivate mutating func grant() {
    guard case .known(.some(let node)) = cdev, node.node == .known(.denied) else { return }
    cdev = .known(VFIOCdev(name: node.name, node: .known(.accessible)))
  }
}
