import Facts
import Prediction

extension Rule {
  static let iommufdP2P = Rule(
    name: "iommufd-p2p",
    severity: .note,
    summary: "several accelerators on iommufd, which may not map their memory for each other",
    why: """
      With iommufd QEMU maps one device's memory for another only if both the kernel and QEMU support it through \
      dma-buf (Linux 6.19 and newer, CONFIG_VFIO_PCI_DMABUF). Otherwise peer-to-peer transfers fail, or fall back to \
      copies through guest memory; QEMU prints a warning about P2P on its standard error.
      """,
    fix: "if the guest needs peer-to-peer transfers, test them, or use the legacy backend for all of the accelerators",
    example: "-object iommufd,id=iommufd0 -device vfio-pci,host=0000:01:00.0,iommufd=iommufd0 "
      + "-device vfio-pci,host=0000:41:00.0,iommufd=iommufd0",
    references: ["QEMU docs/devel/vfio-iommufd.rst", "QEMU hw/vfio/region.c: vfio_region_mmap"],
    needsRealize: true, check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  var accelerators: [RealizePrediction] = []
  var missed: [Unknown] = []
  for one in runner.assignments(of: target) where one.atsInputs.backend != .known(.legacy) {
    if let host = one.host, accelerators.contains(where: { $0.host == host }) { continue }
    do throws(Unknown) {
      guard try one.atsInputs.backend.value == .iommufd, try isAccelerator(one, target.host) else { continue }
      accelerators.append(one)
    } catch { if !error.isOfAbsentDevice { missed.append(error) } }
  }
  guard accelerators.count >= 2 else {
    if let first = missed.first, accelerators.count + missed.count >= 2 { throw first }
    return
  }
  // Devices of the running machine come first.
  guard let last = accelerators.last, target.isChecked(last.request) else { return }
  runner.report(
    "\(accelerators.map(\.name).joined(separator: ", ")) are in one guest and use iommufd: QEMU may not map their "
      + "memory for each other", at: last.request.location(of: "iommufd"), evidence: paths(accelerators, target.host))
}

/// The paths that peer-to-peer accesses would take on the host, between the first device and each other one.
private func paths(_ accelerators: [RealizePrediction], _ host: Host) -> [String] {
  let topology = PCITopology(host)
  let addresses = accelerators.compactMap(\.host)
  guard let first = addresses.first else { return [] }
  return addresses.dropFirst().map { other in
    "path from \(first) to \(other): \(topology.path(first, other).display?.rawValue ?? "unknown")"
  }
}

/// Base class 03, display controllers, or 12, processing accelerators (PCI Code and ID
/// Assignment 1.16 §1.4, §1.19).
private func isAccelerator(_ one: RealizePrediction, _ host: Host) throws(Unknown) -> Bool {
  guard let address = one.host else {
    throw one.missingHost
  }
  guard let device = try host.device(at: address).value else { throw Unknown(ofAbsentDevice: address) }
  return try [0x03, 0x12].contains(device.classCode.value >> 16)
}
