import Facts
import Syntax

/// `/etc/pve/mapping/pci.cfg`: names for host devices, one list for each node of the cluster
/// (pve-guest-common PVE/Mapping/PCI.pm).
struct ProxmoxMapping: Sendable {
  static let path = "/etc/pve/mapping/pci.cfg"

  /// One `map` line: a device, or several that make one, on one node.
  struct Device: Sendable {
    let node: String
    let functions: [ProxmoxHostPCI.Function]
  }

  private var devices: [String: [Device]] = [:]
  private(set) var liveMigratable: Set<String> = []

  /// - Parameter follow: reads the file; nil where no file is followed.
  static func read(_ follow: FileFollower?) -> Known<ProxmoxMapping> {
    switch follow?(path) ?? .failed("no file is followed") {
    case .found(let text): .known(ProxmoxMapping(text))
    case .failed(let reason): .unknown(path, reason)
    }
  }

  init(_ source: SourceText) {
    var name = ""
    for line in source.bytes.split(separator: 0x0a) {
      let words = String(decoding: line, as: UTF8.self).split { $0 == " " || $0 == "\t" || $0 == "\r" }
      guard let first = words.first, !first.hasPrefix("#") else { continue }
      if let byte = line.first, byte > 0x20 {
        name = String(first)
        devices[name] = devices[name] ?? []
      } else if first == "map", words.count > 1 {
        if let device = ProxmoxMapping.device(words[1]) { devices[name, default: []].append(device) }
      } else if first == "live-migration-capable", words.count > 1, words[1] == "1" {
        liveMigratable.insert(name)
      }
    }
  }

  /// The alternatives that a name stands for, by node; nil when the name is not in the file.
  func alternatives(_ name: String) -> [Device]? { devices[name] }

  private static func device(_ text: Substring) -> Device? {
    let properties = ProxmoxProperties(Word(Array(text.utf8), at: 0))
    guard let node = properties["node"], let path = properties["path"] else { return nil }
    let functions = path.split(separator: ";").compactMap { ProxmoxHostPCI.function($0) }
    return functions.isEmpty ? nil : Device(node: node, functions: functions)
  }
}
