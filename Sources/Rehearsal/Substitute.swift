/// The device that takes the place of one that connects to the host.
struct Substitute {
  let driver: String
  /// Properties that both have.
  let properties: Set<String>

  /// Types that the definition does not name.
  static let drivers = [PlannedDevice.substitute, "usb-tablet", "scsi-hd"]
  /// One on a PCI bus.
  static let ofPCI = Substitute(driver: PlannedDevice.substitute, properties: PlannedDevice.placement)

  private init(driver: String, properties: Set<String>) {
    self.driver = driver
    self.properties = properties
  }

  /// Nil for a device on a bus that has none.
  init?(for driver: String) {
    switch driver {
    case "usb-host", "usb-mtp", "u2f-passthru": self.init(driver: "usb-tablet", properties: ["id", "bus", "port"])
    case "scsi-block", "scsi-generic":
      self.init(driver: "scsi-hd", properties: ["id", "bus", "channel", "scsi-id", "lun", "bootindex", "drive"])
    case _ where driver.contains("-pci") || driver.hasSuffix("-vga") || driver == "ivshmem-doorbell": self = .ofPCI
    default: return nil
    }
  }
}
