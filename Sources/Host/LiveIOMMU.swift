import Facts
import Glibc

extension FileTree {
  /// /sys/class/iommu: every unit that the kernel drives, with the registers that sysfs shows.
  var iommuUnits: Known<[String: IOMMUUnit]> {
    let path = "/sys/class/iommu"
    return list(path)
      .known("IOMMU units", absent: .unknown("IOMMU units", "\(path): \(errnoText(ENOENT))"))
      .map { names in Dictionary(names.map { ($0, iommuUnit($0)) }, uniquingKeysWith: { first, _ in first }) }
  }

  private func iommuUnit(_ name: String) -> IOMMUUnit {
    // linux/drivers/iommu/intel/iommu.c: intel_iommu_groups; linux/drivers/iommu/amd/init.c:
    // amd_iommu_groups. Other drivers have no attributes.
    let kind = IOMMUUnit(name, capability: .known(0), extendedCapability: .known(0)).kind
    switch kind {
    case .intel:
      return IOMMUUnit(
        name, capability: register(name, "intel-iommu/cap"),
        extendedCapability: register(name, "intel-iommu/ecap"))
    case .amd:
      return IOMMUUnit(
        name, capability: register(name, "amd-iommu/cap"),
        extendedCapability: register(name, "amd-iommu/features"))
    case .smmuv3, .virtio, .other:
      let reason = "its driver shows no registers in sysfs"
      return IOMMUUnit(
        name, capability: .unknown("capabilities of \(name)", reason),
        extendedCapability: .unknown("extended capabilities of \(name)", reason))
    }
  }

  /// Hexadecimal without `0x`. AMD's `features` has a second number after a colon since Linux 6.7.
  private func register(_ unit: String, _ attribute: String) -> Known<UInt64> {
    let path = "/sys/class/iommu/\(unit)/\(attribute)"
    let fact = "\(attribute) of \(unit)"
    return text(path)
      .map { text in text.split(separator: ":").first.flatMap { number("0x" + $0) } }
      .known(fact, absent: .unknown(fact, "\(path): \(errnoText(ENOENT))"))
  }

  /// One IOMMU group: its members, the access to its node, and its reserved regions.
  func iommuGroup(_ number: Int) -> IOMMUGroup {
    var group = IOMMUGroup(number, nothingKnown: "not read")
    let directory = "/sys/kernel/iommu_groups/\(number)"
    let members = "\(directory)/devices", regions = "\(directory)/reserved_regions"
    func missing<T>(_ fact: String, _ path: String) -> Known<T> {
      .unknown("\(fact) of group \(number)", "\(path): \(errnoText(ENOENT))")
    }
    group.members = list(members)
      .map { names in
        // Platform devices can be in a group too; they have no PCI address.
        names.compactMap { PCIAddress($0) }.sorted()
      }
      .known("members of group \(number)", absent: missing("members", members))
    group.reservedRegions = text(regions)
      .map { $0.split(separator: "\n").map(String.init) }
      .known("reserved regions of group \(number)", absent: missing("reserved regions", regions))
    group.node = access(to: "/dev/vfio/\(number)")
    return group
  }
}
