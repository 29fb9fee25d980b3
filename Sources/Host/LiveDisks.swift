import Facts
import Glibc

/// The host's block devices, the functions that they are on, and their uses.
struct LiveDisks {
  /// The reason why further uses may exist.
  private(set) var gap: String?
  /// The functions that each block device is on, directly or through its parts.
  private var owners: [String: Set<PCIAddress>] = [:]
  /// The parts of each block device.
  private var slaves: [String: [String]] = [:]
  /// Mount points by `8:1`, and by the name of the block device.
  private var mounts: [String: String] = [:]
  private var swaps: Set<String> = []
  /// The number of each block device, as `8:1`.
  private var numbers: [String: String] = [:]
  /// Block devices that belong to a pool of ZFS.
  private var poolMembers: Set<String> = []
  private let tree: FileTree

  init(_ tree: FileTree) {
    self.tree = tree
    gap = tree.namespaceGap("mnt")
    readBlocks()
    readMounts()
    readPools()
  }

  private mutating func readBlocks() {
    let folder = "/sys/class/block"
    guard case .found(let names) = tree.list(folder) else { return gap = gap ?? "\(folder) cannot be read" }
    for name in names {
      guard let target = found(tree.link("\(folder)/\(name)")) else { continue }
      numbers[name] = found(tree.text("\(folder)/\(name)/dev"))
      if let subsystem = target.split(separator: "/").first(where: { $0.hasPrefix("nvme-subsys") && $0 != "nvme-subsystem" }) {
        owners[name] = controllers(of: String(subsystem))
      } else if let owner = PCIAddress(lastIn: target) {
        owners[name] = [owner]
      } else {
        slaves[name] = found(tree.list("\(folder)/\(name)/slaves")) ?? []
        // A loop device is on a file, and that on a mounted file system, or on a block device. One without a file
        // has no `loop` folder.
        if found(tree.list("\(folder)/\(name)/loop")) != nil,
          let file = found(tree.text("\(folder)/\(name)/loop/backing_file")), file.hasPrefix("/dev/")
        {
          slaves[name]?.append(lastComponent(file))
        }
      }
    }
    // A partition of a RAID or of a volume is on the functions of the whole.
    for name in names where slaves[name]?.isEmpty == true {
      guard let target = found(tree.link("\(folder)/\(name)")) else { continue }
      slaves[name] = target.split(separator: "/").dropLast().last.map { [String($0)] }
    }
    spread()
  }

  /// A namespace with several paths belongs to its subsystem, and that to its controllers.
  private mutating func controllers(of subsystem: String) -> Set<PCIAddress> {
    let folder = "/sys/class/nvme-subsystem/\(subsystem)"
    let names = (found(tree.list(folder)) ?? []).filter { $0.hasPrefix("nvme") && Int($0.dropFirst(4)) != nil }
    return Set(names.compactMap { found(tree.link("\(folder)/\($0)")).flatMap { PCIAddress(lastIn: $0) } })
  }

  /// The value, or nil where there is none. That it could not be read is noted: a use of the host's may be missed.
  private mutating func found<Value>(_ result: ReadResult<Value>) -> Value? {
    if case .failed(let reason) = result { gap = gap ?? reason }
    return result.display
  }

  /// Stacks of device-mapper and md are a few layers high; each round climbs one.
  private mutating func spread() {
    for _ in 0..<16 {
      var isChanged = false
      for (name, parts) in slaves {
        let all = parts.reduce(into: owners[name] ?? []) { $0.formUnion(owners[$1] ?? []) }
        if all.count > (owners[name]?.count ?? 0) {
          owners[name] = all
          isChanged = true
        }
      }
      if !isChanged { return }
    }
    gap = gap ?? "block devices are stacked too high to follow"
  }

  /// proc_pid_mountinfo(5): the third field is the device, the fifth the mount point; after the dash
  /// are the type and the source, which identifies the device where its number is a virtual one, as with btrfs.
  private mutating func readMounts() {
    for line in tree.table("/proc/self/mountinfo", gap: &gap) where line.count >= 10 {
      let point = unescapedMountPoint(line[4])
      mounts[String(line[2])] = mounts[String(line[2])] ?? point
      if let dash = line.firstIndex(of: "-"), line.count > dash + 2, line[dash + 2].hasPrefix("/dev/") {
        let path = String(line[dash + 2])
        let name = tree.linkName(path).display ?? lastComponent(path)
        mounts[name] = mounts[name] ?? point
      }
    }
    // These show mounts in every namespace, and all members of a btrfs.
    for kind in ["ext4", "xfs", "f2fs"] {
      for name in found(tree.list("/sys/fs/\(kind)")) ?? [] { mounts[name] = mounts[name] ?? kind }
    }
    for id in found(tree.list("/sys/fs/btrfs")) ?? [] {
      for name in found(tree.list("/sys/fs/btrfs/\(id)/devices")) ?? [] { mounts[name] = mounts[name] ?? "btrfs" }
    }
    for line in tree.table("/proc/swaps", gap: &gap).dropFirst() {
      if let path = line.first, path.hasPrefix("/dev/") { swaps.insert(lastComponent(String(path))) }
    }
  }

  /// ZFS shows its pools in /proc, without their devices.
  private mutating func readPools() {
    let folder = "/proc/spl/kstat/zfs"
    // Without the module there is no /proc/spl, and no pool.
    guard found(tree.list("/proc/spl")) != nil, let names = found(tree.list(folder)) else { return }
    let isPool = { (name: String) in if case .found = tree.list("\(folder)/\(name)") { true } else { false } }
    guard names.contains(where: isPool) else { return }
    guard tree.list("/run/udev/data").display != nil else {
      return gap = gap ?? "a ZFS pool is imported, and udev does not show its devices"
    }
    for (name, number) in numbers {
      let record = found(tree.text("/run/udev/data/b\(number)"))
      if record?.contains("ID_FS_TYPE=zfs_member") == true { poolMembers.insert(name) }
    }
  }

  func uses(of function: PCIAddress) -> [HostUse] {
    var uses: [HostUse] = []
    for (name, functions) in owners.sorted(by: { $0.key < $1.key }) where functions.contains(function) {
      if let point = numbers[name].flatMap({ mounts[$0] }) ?? mounts[name] { uses.append(HostUse(.mount, name, point)) }
      if swaps.contains(name) { uses.append(HostUse(.swap, name)) }
      for whole in slaves.keys.sorted() where slaves[whole]?.contains(name) == true && !isPartition(whole) {
        uses.append(HostUse(.member, name, tree.text("/sys/class/block/\(whole)/dm/name").display ?? whole))
      }
      if poolMembers.contains(name) { uses.append(HostUse(.member, name, "zfs")) }
    }
    return uses
  }

  private func isPartition(_ name: String) -> Bool {
    if case .found = tree.text("/sys/class/block/\(name)/partition") { return true }
    return false
  }
}

/// Blanks in mount points are written as `\040`.
private func unescapedMountPoint(_ text: Substring) -> String {
  var output: [UInt8] = []
  var rest = Array(text.utf8)[...]
  while let byte = rest.popFirst() {
    if byte == UInt8(ascii: "\\"), rest.count >= 3, let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8) {
      output.append(code)
      rest = rest.dropFirst(3)
    } else {
      output.append(byte)
    }
  }
  return String(decoding: output, as: UTF8.self)
}
