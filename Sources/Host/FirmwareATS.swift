import Facts

/// Whether the firmware's tables let VT-d serve ATS for a function, decided as the kernel does
/// (linux/drivers/iommu/intel/iommu.c: dmar_ats_supported).
struct FirmwareATS {
  let tree: FileTree
  let table: Known<DMARTable>
  let iommus: Known<[String: IOMMUUnit]>
  /// Whether the kernel runs VT-d in scalable mode where the hardware has it.
  let scalableMode: Known<Bool>

  func covers(_ device: HostDevice) -> Known<Bool> {
    let fact = "firmware's ATS coverage of \(device.address)"
    let named = table.flatMap { table in
      // A virtual function asks its physical function.
      device.physicalFunction.flatMap { physical in
        let address = physical ?? device.address
        return tree.ancestry(of: address).flatMap { decide(table, address, $0, device) }
      }
    }
    guard case .unknown(let unknown) = named else { return named }
    return .unknown(fact, unknown.reason)
  }

  private func decide(
    _ table: DMARTable, _ address: PCIAddress, _ bridges: [PCIAddress], _ device: HostDevice
  ) -> Known<Bool> {
    let path = bridges + [address]
    if let unit = table.integrated.first(where: { unit in
      UInt32(unit.segment) == address.domain && unit.scopes.contains { $0.names(path) }
    }) {
      // In legacy mode the hardware itself switches on an ATC that is required.
      return unit.required ? runsScalable(device) : .known(true)
    }
    for (index, bridge) in bridges.enumerated().reversed() {
      switch portType(of: bridge) {
      case .unknown(let unknown): return .unknown(unknown)
      // No PCIe capability, or a PCIe-to-PCI bridge (PCIe 6.0 §7.5.3.2: device/port type).
      case .known(nil), .known(7): return .known(false)
      case .known(4): return .known(serves(table, Array(path[...index])))
      case .known: continue
      }
    }
    // A function on a root bus is integrated: old kernels allow it, newer ones want it in the
    // SATC when there is one.
    if table.integrated.isEmpty { return .known(true) }
    return .unknown("SATC coverage", "an integrated function outside of the SATC is allowed by some kernels only")
  }

  /// Whether an ATSR of its segment names the root port at the end of `path`, or all ports.
  private func serves(_ table: DMARTable, _ path: [PCIAddress]) -> Bool {
    table.rootPorts.contains { unit in
      guard let port = path.last, UInt32(unit.segment) == port.domain else { return false }
      return unit.allPorts || unit.scopes.contains { $0.names(path) }
    }
  }

  private func runsScalable(_ device: HostDevice) -> Known<Bool> {
    iommus.flatMap { units in
      device.iommu.flatMap { name in
        guard let name, let unit = units[name] else { return .known(false) }
        // SMTS, VT-d 4.1 §11.4.3
        return unit.extendedCapability.flatMap { $0 >> 43 & 1 == 1 ? scalableMode : .known(false) }
      }
    }
  }

  /// The device/port type of a bridge's PCIe capability, nil when it has none.
  private func portType(of bridge: PCIAddress) -> Known<Int?> {
    let sysfs = SysfsDevice(bridge, in: tree)
    let config = sysfs.required("config", fact: "config space") { tree.configSpace($0, of: bridge) }
    return config.flatMap { space in
      let chain = space.standardChain
      return chain.contains(0x10, named: "PCI Express capability of \(bridge)").flatMap { _ in
        guard let found = chain.capabilities.first(where: { $0.id == 0x10 }) else { return .known(nil) }
        return space.word(found.offset + 2).map { Int($0 >> 4 & 0xf) }
      }
    }
  }
}

extension DMARTable.Scope {
  /// Whether the scope names the function at the end of `path`, a way down from a root bus
  /// (linux/drivers/iommu/intel/dmar.c: dmar_match_pci_path, with its fallback for firmware that
  /// gives the function's own bus).
  func names(_ route: [PCIAddress]) -> Bool {
    guard type == 1 || type == 2, let first = route.first, let last = route.last else { return false }
    if first.bus == startBus, route.count == path.count,
      zip(route, path).allSatisfy({ $0.slot == $1.slot && $0.function == $1.function })
    {
      return true
    }
    guard path.count == 1, let step = path.first else { return false }
    return last.bus == startBus && last.slot == step.slot && last.function == step.function
  }
}

extension FileTree {
  /// The bridges above a function, from the root bus down, out of its place in /sys/devices:
  /// `…/pci0000:00/0000:00:01.0/0000:01:00.0`.
  func ancestry(of address: PCIAddress) -> Known<[PCIAddress]> {
    let path = "/sys/bus/pci/devices/\(address)", fact = "bridges above \(address)"
    let place = link(path).known(fact, absent: .unknown(fact, "\(path): it is gone"))
    return place.flatMap { target in
      var bridges: [PCIAddress] = []
      var sawRoot = false
      for part in target.split(separator: "/") {
        // A root bus starts anew: VMD's domain hangs below a function of another one.
        if part.hasPrefix("pci"), part.contains(":") { (bridges, sawRoot) = ([], true) }
        if let function = PCIAddress(part) { bridges.append(function) }
      }
      guard sawRoot, bridges.last == address else { return .unknown(fact, "\(path) points to `\(target)`") }
      return .known(bridges.dropLast())
    }
  }
}
