/// Second names of device types (QEMU system/qdev-monitor.c: qdev_alias_table; `-device help` of 11.1.3 for x86 and Arm).
public enum DriverAlias {
  /// The type's own name, which QEMU's messages use.
  public static func resolve(_ driver: String) -> String { names[driver] ?? driver }

  private static let names = [
    "ahci": "ich9-ahci", "lsi": "lsi53c895a", "e1000-82540em": "e1000", "ac97": "AC97", "es1370": "ES1370",
    "virtio-9p": "virtio-9p-pci", "virtio-balloon": "virtio-balloon-pci", "virtio-blk": "virtio-blk-pci",
    "virtio-gpu": "virtio-gpu-pci", "virtio-input-host": "virtio-input-host-pci", "virtio-iommu": "virtio-iommu-pci",
    "virtio-keyboard": "virtio-keyboard-pci", "virtio-mouse": "virtio-mouse-pci", "virtio-net": "virtio-net-pci",
    "virtio-rng": "virtio-rng-pci", "virtio-scsi": "virtio-scsi-pci", "virtio-serial": "virtio-serial-pci",
    "virtio-sound": "virtio-sound-pci", "virtio-tablet": "virtio-tablet-pci",
  ]
}
