import Facts

/// Nodes of `-blockdev`, and the drivers of nodes and drives (QEMU qapi/block-core.json: BlockdevOptions; block.c: bdrv_fill_options;
/// recorded from 7.2.22, 10.0.13 and 11.1.3).
extension MachineConfig {
  /// Drivers that a QEMU may have, Proxmox's with them. The build decides which it has.
  private static let blockDrivers: Set<String> = [
    "alloc-track", "blkdebug", "blklogwrites", "blkreplay", "blkverify", "bochs", "cloop", "compress", "copy-before-write", "copy-on-read",
    "dmg", "file", "ftp", "ftps", "gluster", "gluster+rdma", "gluster+tcp", "gluster+unix", "host_cdrom", "host_device", "http", "https",
    "io_uring", "iscsi", "iser", "luks", "nbd", "nbd+tcp", "nbd+unix", "nfs", "null-aio", "null-co", "nvme", "nvme-io_uring", "parallels",
    "pbs", "preallocate", "qcow", "qcow2", "qed", "quorum", "raw", "rbd", "replication", "sftp", "snapshot-access", "ssh", "throttle",
    "vdi", "vhdx", "virtio-blk-vfio-pci", "virtio-blk-vhost-user", "virtio-blk-vhost-vdpa", "vitastor", "vmdk", "vpc", "vvfat", "zeroinit",
  ]
  /// Drivers of image formats, each of a file that another node is.
  private static let formats: Set<String> = [
    "bochs", "cloop", "copy-on-read", "dmg", "luks", "parallels", "qcow", "qcow2", "qed", "raw", "vdi", "vhdx", "vmdk", "vpc",
  ]

  /// Whether no QEMU has a driver of a name that is written out.
  static func isNoDriver(_ name: String) -> Bool {
    OptionValues.written(.string(name)) != nil && !blockDrivers.contains(name)
  }

  /// The refusals of nodes. A node is known to those behind it alone.
  var blockNodeFailures: [LaunchFailure] {
    var names: Set<String>? = []
    return options.filter { $0.name == "blockdev" }.compactMap { option in
      guard let items = blockItems(option) else {
        names = nil
        return nil
      }
      defer {
        for (key, value) in items where key == "node-name" || key.hasSuffix(".node-name") { value.map { _ = names?.insert($0) } }
      }
      return refusal(ofNode: items, among: names).map { LaunchFailure(RealizeFailure(.badOption, $0), at: option.location) }
    }
  }

  /// The members of a node, without the value of one that is not a text; nil where some are not known.
  private func blockItems(_ option: Property) -> [(key: String, value: String?)]? {
    if let members = jsonMembers[option.location] {
      return members.contains(where: \.value.isUnknown) ? nil : members.map { ($0.name, $0.value.string) }
    }
    guard !shellLocations.contains(option.location), let text = OptionValues.written(option.value) else { return nil }
    return OptionText.items(text, implied: "driver").map { ($0.key, $0.value) }
  }

  private func refusal(ofNode items: [(key: String, value: String?)], among names: Set<String>?) -> String? {
    guard let driver = items.last(where: { $0.key == "driver" }) else { return "Parameter 'driver' is missing" }
    guard let type = driver.value else { return "Invalid parameter type for 'driver', expected: string" }
    for item in items where item.key == "driver" || item.key.hasSuffix(".driver") {
      if let name = item.value, MachineConfig.isNoDriver(name) { return "Parameter 'driver' does not accept value '\(name)'" }
    }
    guard MachineConfig.formats.contains(type) else { return nil }
    if !items.contains(where: { $0.key == "file" || $0.key.hasPrefix("file.") }) { return "Parameter 'file' is missing" }
    guard let name = items.last(where: { $0.key == "file" })?.value, let names, !names.contains(name) else { return nil }
    return "Cannot find device='\(name)' nor node-name='\(name)'"
  }

  /// The refusal of firmware on a drive that nothing makes (QEMU hw/i386/pc_sysfw.c).
  var missingFlash: LaunchFailure? {
    guard proxmox == nil, [.q35, .i440fx].contains(MachineKind(self)), let known = ids(of: .disk) else { return nil }
    for property in machine where property.name == "pflash0" || property.name == "pflash1" {
      guard let id = OptionValues.written(property.value), !known.contains(id), !isOfBoard(id) else { continue }
      return LaunchFailure(RealizeFailure(.badOption, "Property 'cfi.pflash01.drive' can't find value '\(id)'"), at: property.location)
    }
    return nil
  }
}
