import Facts

/// The cap on vfio devices of one definition. Each vfio device is held against every `-global` option, and a hot plug that is
/// refused against every bus, so time grows with the number of vfio devices times that of all devices.
package enum DeviceCap {
  /// A thousand vfio devices among four thousand, far beyond what a guest has buses for.
  private static let pairs = 1 << 22

  /// Removes the vfio devices above the cap.
  /// - Returns: a problem that reports the removal; nil when nothing was removed.
  package static func cut(_ devices: inout [DeviceRequest], plugs: inout [DeviceRequest], globals: Int = 0) -> InputProblem? {
    let total = devices.count + plugs.count + globals
    let limit = pairs / max(total, 1)
    guard total > limit else { return nil }
    let assigned = (devices + plugs).lazy.filter(\.isVFIO)
    guard assigned.count > limit, let first = assigned.dropFirst(limit).first else { return nil }
    let count = assigned.count
    var left = limit
    func isKept(_ request: DeviceRequest) -> Bool {
      guard request.isVFIO else { return true }
      left -= 1
      return left >= 0
    }
    devices = devices.filter(isKept)
    plugs = plugs.filter(isKept)
    return InputProblem(
      message: "\(count) vfio devices among \(total)\(globals > 0 ? " devices and -global options" : "") are more than are judged: "
        + "all from this one on are left out",
      fix: "split the definition: no guest has room for so many", location: first.location)
  }
}
