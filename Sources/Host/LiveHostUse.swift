import Facts
import Glibc

/// Uses of devices by the host: file systems, swap, RAIDs and volumes on them, and the network
/// through them. One pass over the host for any number of functions.
struct LiveHostUse {
  private let disks: LiveDisks
  private let network: LiveNetwork

  init(_ tree: FileTree) {
    disks = LiveDisks(tree)
    network = LiveNetwork(tree)
  }

  /// Every use of the function itself, not of its virtual functions or of devices behind a bridge. A use
  /// that was found counts even if others could not be read; that there is none is known only when
  /// everything could be read.
  func uses(of device: HostDevice) -> Known<[HostUse]> {
    // Without a driver, or with one that only keeps the device, there is nothing to use.
    if case .known(let driver) = device.driver, driver.map(LiveHostUse.isPlaceholder) ?? true { return .known([]) }
    let found = disks.uses(of: device.address) + network.uses(of: device.address)
    if !found.isEmpty { return .known(found) }
    let isNetwork = device.classCode.map { $0 >> 16 == 0x02 }
    if isNetwork != .known(false), !network.hasInterface(device.address) {
      return .unknown(
        "host's use of \(device.address)", network.gap ?? "no network interface of it can be seen, which may be in use elsewhere")
    }
    if let gap = disks.gap ?? network.gap { return .unknown("host's use of \(device.address)", gap) }
    return .known([])
  }

  private static func isPlaceholder(_ driver: String) -> Bool {
    driver == "pci-stub" || VFIODriverName.isVFIO(driver)
  }
}

extension PCIAddress {
  /// The function that a target of a link into /sys/devices belongs to: the last address on its path.
  init?(lastIn target: String) {
    guard let address = target.split(separator: "/").reversed().lazy.compactMap({ PCIAddress(String($0)) }).first
    else { return nil }
    self = address
  }
}

extension FileTree {
  /// The reason why this process does not see the host's own namespace of that kind; nil when it does. The first
  /// process is in it, if the process ids are the host's.
  func namespaceGap(_ kind: String) -> String? {
    switch link("/proc/self/ns/pid") {
    case .found(ProcessScan.firstNamespace): break
    default: return "this is not the host's first PID namespace"
    }
    guard case .found(let own) = link("/proc/self/ns/\(kind)") else { return "/proc/self/ns/\(kind) cannot be read" }
    switch link("/proc/1/ns/\(kind)") {
    case .found(own): return nil
    case .found: return "this is not the host's first \(kind) namespace"
    case .absent: return "/proc/1/ns/\(kind): \(errnoText(ENOENT))"
    case .failed(let reason): return reason
    }
  }

  /// Lines of a file, each cut at blanks; none, with the reason put into `gap`, when it cannot be read.
  /// - Parameter mayBeAbsent: a host without the file has no such lines.
  func table(_ path: String, mayBeAbsent: Bool = false, gap: inout String?) -> [[Substring]] {
    switch bytes(path, limit: 4 << 20) {
    case .found(let bytes):
      return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        .map { $0.split(whereSeparator: { $0 == " " || $0 == "\t" }) }
    case .absent: if !mayBeAbsent { gap = gap ?? "\(path): \(errnoText(ENOENT))" }
    case .failed(let reason): gap = gap ?? reason
    }
    return []
  }
}
