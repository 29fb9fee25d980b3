import Facts

/// The primary of a failover pair, which QEMU keeps back until the guest's driver asks for it (QEMU hw/net/virtio-net.c:
/// failover_hide_primary_device).
extension RealizeContext {
  /// Whether QEMU keeps the device back: a standby with the id that it names is there. With any standby, one that has
  /// no id is refused.
  var isHiddenPrimary: Bool {
    guard let pair = request.string("failover_pair_id") else { return false }
    return guest.standbys.contains(pair) || request.id == nil && !guest.standbys.isEmpty
  }

  /// The failure of a device that is kept back.
  func hiddenPrimaryFailure() -> RealizeFailure? {
    guard let id = request.id else {
      return RealizeFailure(.badFailover, "Device with failover_pair_id needs to have id")
    }
    let pair = request.string("failover_pair_id") ?? ""
    // The same one may be given again.
    if let other = guest.primaries[pair], other != id {
      return RealizeFailure(
        .badFailover, "Cannot attach more than one primary device to '\(pair)': '\(other)' and '\(id)'")
    }
    guard case .some(.some(let bus)) = try? bus(), bus.takesHotplug == .known(false) else { return nil }
    // In 7.2 the handler of q35's root bus appears after the devices of the command line (observed on 7.2.22).
    if qemu.isBefore(8, 0), request.plug == .cold, bus.name == "pcie.0" { return nil }
    return RealizeFailure(.busNotHotpluggable, "Bus '\(bus.name)' does not support hotplugging")
  }
}
