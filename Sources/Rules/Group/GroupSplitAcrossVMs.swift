import Facts
import Prediction

extension Rule {
  static let groupSplitAcrossVMs = Rule(
    name: "group-split-across-vms",
    severity: .error,
    summary: "a function of the device's IOMMU group is used by another guest or process",
    why: """
      The functions of a group can access each other's memory without the IOMMU seeing it, so the kernel gives the \
      whole group to one owner. If a second guest or another process uses a function of the group, the later of the \
      two fails. Definitions that are linted together are assumed to run at the same time.
      """,
    fix: "assign all functions of the group to one guest",
    example: "a.args: -device vfio-pci,host=0000:0a:00.0; b.args: -device vfio-pci,host=0000:0a:00.1",
    references: [
      "linux drivers/iommu/iommu.c: iommu_group_claim_dma_owner", "linux Documentation/driver-api/vfio.rst",
    ],
    explains: [.bindFails, .inUse], acrossDefinitions: check, check: .device(check))
}

/// Reports a member of the group that an earlier definition requests. A group that is not known may have such a member.
private func check(_ own: DefinitionClaims, _ others: OtherDefinitions, _ runner: inout RuleRunner) {
  if others.isEmpty { return }
  let assigned = Set(own.devices.compactMap(\.host))
  for device in own.devices {
    // device-in-two-definitions reports a function that both have.
    guard let address = device.host, others.device(at: address) == nil else { continue }
    do throws(Unknown) {
      guard let group = try device.group.value else { continue }
      // Each other definition once, although it may have several functions of the group.
      var named: Set<String> = []
      for member in group.members where !assigned.contains(member) {
        guard let other = others.device(at: member), named.insert(other.source).inserted else { continue }
        runner.report(
          "\(device.name) is in IOMMU group \(group.number) with \(member), which `\(other.source)` assigns",
          at: device.location, of: device.label, evidence: ["\(member) is in group \(group.number) with \(address)"])
      }
    } catch {
      runner.cannotDetermine(error, of: device.label, at: device.location)
    }
  }
}

/// Reports a process that holds a member of the group.
private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let address = context.prediction.host else {
    throw context.prediction.missingHost
  }
  guard let group = try context.group() else { return }
  let device = try context.device()
  let own = Set(context.target.assignments.compactMap(\.host))
  var missed: Unknown?
  for member in try group.members.value where member != address {
    if own.contains(member) { continue }
    do throws(Unknown) {
      guard let holder = try context.holder(of: member, besides: device) else { continue }
      runner.report(
        "\(context.name) is in IOMMU group \(group.number) with \(member), which `\(holder.name)` (pid "
          + "\(holder.pid)) holds", at: context.hostLocation,
        evidence: ["\(member) is in group \(group.number) with \(address)"])
    } catch {
      missed = missed ?? error
    }
  }
  if let missed { throw missed }
}

extension DeviceContext {
  /// A process that holds a member of the group. One that holds the device itself is reported by device-in-use.
  fileprivate func holder(of member: PCIAddress, besides device: HostDevice) throws(Unknown) -> ProcessReference? {
    guard let sibling = try host.device(at: member).value else { return nil }
    if sibling.isEndpoint == .known(false) { return nil }
    let own = (device.users.display ?? []).map(\.pid)
    return try otherUsers(of: sibling).first { !own.contains($0.pid) }
  }
}
