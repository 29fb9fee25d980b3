import Facts

extension DeviceRequest {
  /// The host function that a vfio request names, nil when it names none or only by descriptor.
  public var hostAddress: PCIAddress? {
    guard isVFIO, property("fd") == nil else { return nil }
    if let path = string("sysfsdev") {
      return path.hasPrefix("/sys/") ? PCIAddress(path.split(separator: "/").last ?? "") : nil
    }
    return string("host").flatMap(QEMUHostAddress.parse)
  }
}
