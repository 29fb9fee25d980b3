import Facts

extension DeviceRequest {
  /// The host function that a vfio request names, nil when it names none.
  /// - Parameter descriptors: which function a passed descriptor is, by the value of `fd`;
  ///   `.known(nil)` is none. A descriptor overrides `host` and `sysfsdev`.
  public func hostAddress(_ descriptors: [String: Known<PCIAddress?>] = [:]) -> PCIAddress? {
    guard isVFIO else { return nil }
    if has("fd") { return libvirt?.source ?? string("fd").flatMap { descriptors[$0]?.display ?? nil } }
    if let path = string("sysfsdev") {
      let parts = SysfsPath.parts(path)
      // Behind a link, `..` is another folder than is written.
      guard path.hasPrefix("/"), parts.first == "sys", !parts.contains(".."), let name = parts.last, let address = PCIAddress(name)
      else { return nil }
      // QEMU opens the path unchanged, and the kernel has one spelling for a function.
      return address.description == name ? address : nil
    }
    return string("host").flatMap(QEMUHostAddress.parse)
  }

  /// The reason why a request does not say which host function it is about.
  public var unnamedHost: String {
    if case .unknown(let text)? = (property("sysfsdev") ?? property("host"))?.value { return "written as \(text)" }
    if has("fd") { return "only the passed descriptor says which it is" }
    return has("sysfsdev") ? "the path names no PCI function: mediated devices are not modelled"
      : "the request does not say which device it is"
  }
}
