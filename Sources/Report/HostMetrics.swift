import Facts
import Prediction

/// A host as metrics in Prometheus' text format, for the node exporter's textfile collector
/// (prometheus.io/docs/instrumenting/exposition_formats). What is not known has no sample, and is
/// counted by name in `vfiogate_unknown`: a missing fact is never a 0.
public struct HostMetrics {
  private var families: [(name: String, help: String, samples: [String])] = []

  /// - Parameter addresses: the functions to include; all of them when empty.
  public static func render(_ host: Host, only addresses: [PCIAddress]) -> String {
    var metrics = HostMetrics()
    metrics.host(host)
    let shown = addresses.isEmpty ? host.devices.keys.sorted() : addresses
    metrics.devices(shown.compactMap { host.devices[$0] }, on: host)
    return metrics.families.filter { !$0.samples.isEmpty }.map { family in
      "# HELP \(family.name) \(family.help)\n# TYPE \(family.name) gauge\n"
        + family.samples.map { "\(family.name)\($0)\n" }.joined()
    }.joined()
  }

  private mutating func host(_ host: Host) {
    add("vfiogate_host_info", "The host that was inspected.", [
      labels([("kernel", word(host.kernelRelease) { $0 }), ("user", word(host.user) { $0 })]) + " 1"
    ])
    add("vfiogate_iommufd_accessible", "Whether /dev/iommu can be opened.", sample(host.iommufd) { $0 == .accessible })
    add("vfiogate_vfio_container_accessible", "Whether /dev/vfio/vfio can be opened.",
      sample(host.vfioContainer) { $0 == .accessible })
    add("vfiogate_interrupts_isolated", "Whether interrupts of devices are remapped.",
      sample(host.interruptsIsolated) { $0 })
  }

  private mutating func devices(_ devices: [HostDevice], on host: Host) {
    var info: [String] = []
    var capability: [String] = []
    var kernel: [String] = []
    var unknown: [String] = []
    for device in devices {
      let address = ("address", device.address.description)
      info.append(labels([address] + facts(device)) + " 1")
      let ats = device.ats
      let verdict = KernelATS.verdict(device, on: host)
      capability += ats.display.map { [labels([address]) + " \($0 == nil ? 0 : 1)"] } ?? []
      kernel += verdict.display.map { [labels([address]) + " \($0 ? 1 : 0)"] } ?? []
      for (fact, isKnown) in [
        ("ats-capability", ats.isKnown), ("kernel-ats", verdict.isKnown), ("driver", device.driver.isKnown),
        ("group", device.group.isKnown), ("cdev", device.cdev.isKnown),
      ] where !isKnown {
        unknown.append(labels([address, ("fact", fact)]) + " 1")
      }
    }
    add("vfiogate_device_info", "A PCI function: its ids, IOMMU group, driver and vfio cdev.", info)
    add("vfiogate_device_ats_capability", "Whether the function has the ATS extended capability.", capability)
    add("vfiogate_device_kernel_ats_unsupported",
      "The kernel's IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED: with 1, QEMU masks the capability.", kernel)
    add("vfiogate_unknown", "A fact of a function that could not be read.", unknown)
  }

  private func facts(_ device: HostDevice) -> [(String, String)] {
    [
      ("vendor", word(device.vendor) { $0.hexadecimal(digits: 4) }),
      ("device", word(device.device) { $0.hexadecimal(digits: 4) }),
      ("class", word(device.classCode) { $0.hexadecimal(digits: 6) }),
      ("group", word(device.group) { $0.map(String.init) ?? "" }), ("driver", word(device.driver) { $0 ?? "" }),
      ("iommu", word(device.iommu) { $0 ?? "" }), ("cdev", word(device.cdev) { $0?.name ?? "" }),
    ]
  }

  private mutating func add(_ name: String, _ help: String, _ samples: [String]) {
    families.append((name, help, samples))
  }

  private func sample<T>(_ fact: Known<T>, _ isTrue: (T) -> Bool) -> [String] {
    fact.display.map { [isTrue($0) ? " 1" : " 0"] } ?? []
  }

  private func word<T>(_ fact: Known<T>, _ render: (T) -> String) -> String { fact.display.map(render) ?? "unknown" }

  private func labels(_ pairs: [(String, String)]) -> String {
    let texts = pairs.map { name, value in
      let escaped = value.map { character -> String in
        switch character {
        case "\\": return "\\\\"
        case "\"": return "\\\""
        case "\n", "\r\n": return "\\n"
        default: return String(character)
        }
      }
      return "\(name)=\"\(escaped.joined())\""
    }
    return "{" + texts.joined(separator: ",") + "}"
  }
}
