import Facts
import Prediction
import Syntax

/// Decides which devices were unplugged before a plug can go well: one that has its id, and one at its place. Where they were
/// not, QEMU refuses the plug itself.
struct PlugRivals {
  private let place: PlugSite
  /// Whether its bus is that of a port, which has one slot.
  private let isInPort: Bool

  /// - Parameter others: devices among which the port may be.
  init(_ request: DeviceRequest, among others: [DeviceRequest]) {
    let place = PlugSite(request)
    self.place = place
    isInPort = others.contains { PlugSite($0).isPort(behind: place) }
  }

  /// Whether the other device's id or place is the request's.
  func contains(_ device: DeviceRequest) -> Bool {
    let other = PlugSite(device)
    if let id = place.ownID, id == other.ownID { return true }
    guard place.onBus == other.onBus else { return false }
    if let port = place.port, port == other.port { return true }
    guard case .known(let slot) = place.devfn, case .known(let taken) = other.devfn else { return false }
    // A port has slot 0.
    let (first, second) = isInPort ? (slot ?? 0, taken ?? 0) : (slot, taken)
    return first != nil && first == second
  }
}

/// The names of a device and of its place in the guest.
private struct PlugSite {
  let ownID: WireText?
  /// Nil for the machine's own bus, which QEMU chooses where none is named.
  let onBus: WireText?
  /// The port of a USB device.
  let port: WireText?
  /// The slot and the function; nil where QEMU chooses them.
  let devfn: Known<Int?>
  private let driver: WireText

  init(_ device: DeviceRequest) {
    ownID = device.id.map { WireText($0) }
    onBus = device.bus.map { WireText($0) }.flatMap { ["pci.0", "pcie.0"].contains($0) ? nil : $0 }
    port = device.string("port").map { WireText($0) }
    devfn = device.requestedDevfn
    driver = WireText(device.driver ?? "")
  }

  /// Types of ports, behind which there is slot 0 only.
  private static let ports: Set<WireText> = ["pcie-root-port", "ioh3420", "xio3130-downstream", "cxl-rp", "cxl-downstream"]

  func isPort(behind other: PlugSite) -> Bool { ownID != nil && ownID == other.onBus && PlugSite.ports.contains(driver) }

  /// Whether it is on a bus of the other.
  func isBehind(_ other: PlugSite) -> Bool {
    guard let bus = onBus, let id = other.ownID else { return false }
    return bus == id || bus.hasPrefix(WireText(bytes: id.bytes + [UInt8(ascii: ".")]))
  }
}

extension [DeviceRequest] {
  /// The devices without some, and without those on their buses.
  func without(_ isGone: (DeviceRequest) -> Bool) -> [DeviceRequest] {
    var (kept, gone) = (filter { !isGone($0) }, filter(isGone))
    while !gone.isEmpty {
      let places = gone.map(PlugSite.init)
      let isBehind = { (device: DeviceRequest) in places.contains(where: PlugSite(device).isBehind) }
      gone = kept.filter(isBehind)
      kept.removeAll(where: isBehind)
    }
    return kept
  }
}
