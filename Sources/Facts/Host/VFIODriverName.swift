/// Names of kernel drivers that assign PCI functions (linux drivers/vfio/pci/*).
public enum VFIODriverName {
  /// Whether both name one driver: the kernel writes `vfio-pci` for the driver and `vfio_pci` for its module.
  public static func areSame(_ a: String, _ b: String) -> Bool { normalized(a) == normalized(b) }

  /// Whether it is the plain `vfio-pci`, and not a variant driver.
  public static func isVFIOPCI(_ name: String) -> Bool { normalized(name) == "vfio_pci" }

  /// Whether it is `vfio-pci` or a variant of it. Variant drivers of the kernel end in `vfio_pci` or `vfio-pci`.
  public static func isVFIO(_ name: String) -> Bool {
    let name = normalized(name)
    return name.hasSuffix("vfio_pci") || name.hasPrefix("vfio_pci")
  }

  private static func normalized(_ name: String) -> String { String(name.map { $0 == "-" ? "_" : $0 }) }
}
