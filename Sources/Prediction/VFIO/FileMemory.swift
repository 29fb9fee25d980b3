import Facts

/// Guest memory in files that other processes share. Linux does not pin pages of a shared mapping of a file whose changes
/// it writes back: of all file systems but tmpfs, hugetlbfs and ramfs (linux mm/gup.c: writable_file_mapping_allowed, since
/// 6.5).
public enum FileMemory {
  /// A file or folder of guest memory.
  public struct Item: Hashable, Sendable {
    /// The path; nil when libvirt chooses it, below `memory_backing_dir`.
    public let path: String?
    /// The object that names it; nil for a libvirt domain.
    public let object: ObjectRequest?
  }

  /// The shared files of a machine that become guest memory.
  public static func items(of machine: MachineConfig) -> [Item] {
    let isLibvirts = machine.libvirt?.sharesMemoryFile == true
    let used = machine.memoryBackends
    let files = machine.objects.filter { object in
      object.type == "memory-backend-file" && object.isShared && object.id.map(used.contains) == true
    }
    return (isLibvirts ? [Item(path: nil, object: nil)] : []) + files.map { Item(path: $0.string("mem-path"), object: $0) }
  }

  /// The first of them that Linux does not pin, with its path; nil when there is none.
  public static func unpinnable(of machine: MachineConfig, on host: Host) throws(Unknown) -> (path: String, item: Item)? {
    try unpinnable(items(of: machine), on: host)
  }

  /// The same of the items of a machine.
  static func unpinnable(_ items: [Item], on host: Host) throws(Unknown) -> (path: String, item: Item)? {
    for item in items {
      guard try refuses(host) else { return nil }
      let folder = item.object == nil ? host.libvirtMemoryFolder : item.path.map { .known($0) }
      guard let path = try folder?.value else { continue }
      if try host.fileSystem(path).value == .disk { return (path, item) }
    }
    return nil
  }

  private static func refuses(_ host: Host) throws(Unknown) -> Bool {
    let release = try host.kernelRelease.value
    guard let version = KernelVersion(release) else {
      throw Unknown("pinning of shared file mappings", reason: "`\(release)` is not a kernel release")
    }
    return version >= KernelVersion(6, 5)
  }
}

extension ObjectRequest {
  fileprivate var isShared: Bool {
    properties.last { $0.name == "share" }.map { QEMUBool($0.value) } == .on
  }
}

extension MachineConfig {
  /// The ids of the memory backends that the machine uses: as its RAM, of its NUMA nodes, and of DIMMs.
  fileprivate var memoryBackends: Set<String> {
    var ids: Set<String> = []
    for option in machine where option.name == "memory-backend" { ids.insert(option.value.string ?? "") }
    for option in options where option.name == "numa" {
      let parts = (option.value.string ?? "").split(separator: ",")
      for part in parts where part.hasPrefix("memdev=") { ids.insert(String(part.dropFirst("memdev=".count))) }
    }
    for device in devices { if let id = device.string("memdev"), device.driver != "ivshmem-plain" { ids.insert(id) } }
    return ids
  }
}
