import Facts
import Prediction

extension HostUse {
  /// The use for messages: "`eth0` has the default route".
  public var text: String {
    let through = detail.isEmpty ? "" : " (through `\(detail)`)"
    switch kind {
    case .mount: return "`\(device)` is mounted at `\(detail)`"
    case .swap: return "`\(device)` is swap"
    case .member: return "`\(device)` is part of `\(detail)`"
    case .defaultRoute: return "`\(device)` has the default route\(through)"
    case .address: return "`\(device)` has an address of the host\(through)"
    }
  }
}

extension DeviceContext {
  /// The host functions that are taken from the host for the device: itself, and where Proxmox binds its whole group, the
  /// members that no device of the machine is. The first device of a group has them.
  func takenFunctions() throws(Unknown) -> [PCIAddress] {
    guard let address = prediction.host else { return [] }
    let bound = target.machine.proxmox?.boundWithGroups ?? []
    guard bound.contains(address) else { return [address] }
    let members = try target.hostNow.boundWithGroup(of: address).value
    guard bound.first(where: members.contains) == address else { return [address] }
    return [address] + members.filter { !bound.contains($0) }
  }

  /// The name of a function that is taken from the host for the device: its own, or one that says why.
  func name(ofTaken address: PCIAddress) -> String {
    address == prediction.host ? name : "\(address), which is in one IOMMU group with \(name)"
  }

  /// The program that takes the functions from the host, for messages.
  var taker: String {
    if target.machine.proxmox?.boundWithGroups.isEmpty == false {
      return "Proxmox binds the whole group to vfio-pci when the guest starts"
    }
    let isManaged = request.libvirt?.isManaged == true && target.machine.libvirt != nil
    return isManaged ? "libvirt unbinds it from the host when the guest starts" : "binding it to vfio-pci takes it from the host"
  }

  /// The functions that the host itself uses, with their first use: advice never takes these from the host.
  func usedByHost(_ addresses: [PCIAddress]) -> [(address: PCIAddress, use: HostUse)] {
    addresses.compactMap { address in
      host.devices[address]?.hostUses.display?.first.map { (address, $0) }
    }
  }

  /// Advice to bind functions to vfio-pci, none of which the host is known to use; to pci-stub where vfio-pci refuses.
  /// - Parameter lead: the text before the commands: "bind it".
  func bindAdvice(_ lead: String, _ addresses: [PCIAddress]) -> String {
    if let option = ["CONFIG_VFIO", "CONFIG_VFIO_PCI"].first(where: { host.kernelConfig.display?[$0] == "n" }) {
      return "use a kernel with \(option): this one has no vfio-pci to bind to"
    }
    let unread = addresses.filter { host.devices[$0]?.hostUses.isKnown != true }
    let check = unread.isEmpty
      ? "" : ", after checking that the host does not need " + (addresses.count == 1 ? "it" : unread.list)
    let commands = addresses.map { address in
      let isRefused = host.devices[address].map { VFIODenylist.includes($0, on: host) } == .known(true)
      return "`driverctl set-override \(address) \(isRefused ? "pci-stub" : "vfio-pci")`"
    }
    return lead + check + ": " + commands.joined(separator: ", ")
  }
}

extension [PCIAddress] {
  /// The addresses for messages, separated by commas.
  var list: String { map(\.description).joined(separator: ", ") }
}
