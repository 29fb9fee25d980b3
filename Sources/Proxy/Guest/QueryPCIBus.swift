import Common
import Syntax

/// One bus of a `query-pci`.
struct QueryPCIBus {
  struct ListedDevice {
    let id: String
    let description: String
  }

  let name: String
  let parent: String?
  /// The devices by devfn: slot times 8 plus function.
  var occupants: [Int: ListedDevice] = [:]

  static func read(_ pci: JSON?, root: String?) -> [QueryPCIBus] {
    guard let all = pci?.array, let root else { return [] }
    var found: [QueryPCIBus] = []
    // The machine's own bus is number 0; those of pxb-pcie have higher ones.
    for bus in all where bus["bus"] == .integer(0) { found += read(bus["devices"], name: root, parent: nil) }
    return found
  }

  private static func read(_ devices: JSON?, name: String, parent: String?, depth: Int = 0) -> [QueryPCIBus] {
    var bus = QueryPCIBus(name: name, parent: parent)
    var below: [QueryPCIBus] = []
    for device in devices?.array ?? [] {
      guard case .integer(let slot)? = device["slot"], case .integer(let function)? = device["function"],
        0..<32 ~= slot, 0..<8 ~= function
      else { continue }
      let id = device["qdev_id"]?.string ?? ""
      bus.occupants[Int(slot * 8 + function)] = ListedDevice(
        id: id, description: device["class_info"]?["desc"]?.string ?? "device")
      if device["pci_bridge"] != nil, !id.isEmpty, depth < 32 {
        below += read(device["pci_bridge"]?["devices"], name: id, parent: name, depth: depth + 1)
      }
    }
    return [bus] + below
  }
}
