import Facts
import Prediction

extension LintTarget {
  /// The guest's arm-smmuv3 units that are checked, and that of `-machine iommu=smmuv3`.
  var checkedSMMUs: [DeviceRequest] {
    iommus.filter { $0.driver == "arm-smmuv3" && isChecked($0) } + (plugs.isEmpty ? [machine.ownSMMU].compactMap { $0 } : [])
  }

  /// The guest's arm-smmuv3 units with `accel=on` that are checked.
  func acceleratedSMMUs() throws(Unknown) -> [DeviceRequest] {
    var units: [DeviceRequest] = []
    for unit in iommus where unit.driver == "arm-smmuv3" && isChecked(unit) {
      if try machine.setting("accel", of: unit).value == "on" { units.append(unit) }
    }
    return units
  }

  /// Whether a unit has `accel=on`: such a guest is made for host devices, which may be plugged later.
  var hasAcceleratedSMMU: Bool { checkedSMMUs.contains { (try? machine.setting("accel", of: $0).value) == "on" } }

  /// Subset of the requests that are on the root complex of a unit.
  func requests(_ requests: [DeviceRequest], behind unit: DeviceRequest) throws(Unknown) -> [DeviceRequest] {
    var behind: [DeviceRequest] = []
    for request in requests where try guest.viommu(for: request, in: machine)?.location == unit.location {
      behind.append(request)
    }
    return behind
  }
}
