import Common
import Facts
import QMP
import Syntax

/// A running guest, by QEMU's answers to `GuestQuery`.
struct QOMSnapshot {
  typealias Answer = GuestQuery.Answer

  struct Device {
    let path: String
    let id: String?
    let type: String

    var isVFIO: Bool { type.hasPrefix("vfio-pci") }
    var isVFIOUser: Bool { type.hasPrefix("vfio-user-pci") }
    var isIOMMU: Bool { ["intel-iommu", "amd-iommu", "virtio-iommu-pci", "arm-smmuv3"].contains(type) }
    var isExpander: Bool { type.hasPrefix("pxb") }
    var isBridge: Bool {
      QOMSnapshot.ports.contains(type) || type.hasSuffix("bridge") || isExpander || type.hasSuffix("-upstream")
    }
  }

  static let ports: Set<String> = [
    "pcie-root-port", "ioh3420", "xio3130-downstream", "cxl-rp", "cxl-downstream",
  ]

  /// Maximum number of devices; each question takes QEMU about half a millisecond. Beyond it, the topology is unknown.
  static let deviceLimit = 128

  /// The questions of the first round; `init` expects the answers in this order.
  static let listings: [Command] = [
    Command("device-list-properties", ["typename": "vfio-pci"]), Command("query-pci"), Command("query-migrate"),
    Command("qom-list", ["path": "/machine/peripheral"]),
    Command("qom-list", ["path": "/machine/peripheral-anon"]),
    Command("qom-list", ["path": "/objects"]), Command("qom-get", ["path": "/machine", "property": "type"]),
    Command("query-name"), Command("qom-get", ["path": "/machine", "property": "default-bus-bypass-iommu"]),
    Command("query-version"),
  ]

  /// The properties of vfio-pci.
  let listing: Answer
  /// The answer of `query-version`; nil when there is none.
  let version: JSON?
  let pci: JSON?
  let migration: JSON?
  private(set) var devices: [Device] = []
  /// Ids of iommufd objects.
  let objects: [String]
  let machineType: String?
  let name: String?
  let bypassesIOMMU: Bool
  /// The reason why not all devices are known.
  let missing: Unknown?
  /// The properties that QEMU reported, by path.
  var properties: [String: [String: JSON]] = [:]

  init(_ answers: [Answer]) {
    func value(_ index: Int) -> JSON? { index < answers.count ? try? answers[index].get() : nil }
    listing = answers.first ?? .failure(CommandError(errorClass: "GenericError", text: "no answer"))
    pci = value(1)
    migration = value(2)
    for (index, container) in [(3, "peripheral"), (4, "peripheral-anon")] {
      for (name, type) in QOMSnapshot.children(value(index)) {
        let isNamed = container == "peripheral"
        devices.append(Device(path: "/machine/\(container)/\(name)", id: isNamed ? name : nil, type: type))
      }
    }
    objects = QOMSnapshot.children(value(5)).filter { $0.type == "iommufd" }.map(\.name)
    machineType = value(6)?.string
    name = value(7)?["name"]?.string
    bypassesIOMMU = value(8) == .bool(true)
    version = value(9)
    missing =
      [3, 4, 5].contains { value($0) == nil }
      ? Unknown("guest's devices", reason: "QEMU did not list them") : nil
  }

  /// `child<vfio-pci>` entries of a `qom-list`.
  private static func children(_ list: JSON?) -> [(name: String, type: String)] {
    (list?.array ?? []).compactMap { item in
      guard let name = item["name"]?.string, let type = item["type"]?.string, type.hasPrefix("child<") else {
        return nil
      }
      return (name, String(type.dropFirst(6).dropLast()))
    }
  }

  var rootBus: String? {
    guard let machineType else { return nil }
    if machineType.hasPrefix("pc-q35-") || machineType.hasPrefix("virt-") { return "pcie.0" }
    return machineType.hasPrefix("pc-i440fx-") ? "pci.0" : nil
  }

  func path(ofBus name: String) -> String {
    guard name == rootBus else { return "/machine/peripheral/\(name)/\(name)" }
    return machineType?.hasPrefix("pc-i440fx-") == true ? "/machine/i440fx/\(name)" : "/machine/q35/\(name)"
  }

  /// vfio devices whose host function QEMU does not report, because they were given by descriptor.
  var vfioByDescriptor: [String?] {
    devices.filter { $0.isVFIO && isByDescriptor($0) }.map(\.id)
  }

  func isByDescriptor(_ device: Device) -> Bool {
    let known = properties[device.path]
    return (known?["host"]?.string ?? "ffff:ff:ff.f") == "ffff:ff:ff.f"
      && (known?["sysfsdev"]?.string ?? "").isEmpty
  }
}
