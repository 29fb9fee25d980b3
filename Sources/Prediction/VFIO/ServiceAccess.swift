import Facts

extension Host {
  /// The host for a user and limits that a definition gives QEMU. Root may open every node; what another user may
  /// open was not inspected.
  func seen(by service: ServiceLimits) -> Host {
    var host = self
    if let memlock = service.memlock { host.memlock = memlock }
    guard let user = service.user, user != self.user else { return host }
    host.user = user
    func access(_ node: Known<NodeAccess>, _ name: String) -> Known<NodeAccess> {
      guard case .known(let found) = node, found != .absent else { return node }
      if user == .known("root") { return .known(.accessible) }
      return .unknown(
        "access to \(name)",
        "\(user.display ?? "another user") runs QEMU, and the host was inspected by \(self.user.display ?? "another user")")
    }
    host.iommufd = access(host.iommufd, "/dev/iommu")
    host.vfioContainer = access(host.vfioContainer, "/dev/vfio/vfio")
    for (number, group) in groups { host.groups[number]?.node = access(group.node, "/dev/vfio/\(number)") }
    for (address, device) in devices {
      guard case .known(.some(let cdev)) = device.cdev else { continue }
      host.devices[address]?.cdev = .known(VFIOCdev(name: cdev.name, node: access(cdev.node, cdev.path), hasNumber: cdev.hasNumber))
    }
    return host
  }
}
