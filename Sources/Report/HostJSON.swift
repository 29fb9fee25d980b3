import Facts
import Syntax

/// Host report for programs.
public enum HostJSON {
  /// - Parameter addresses: the functions to include; all of them when empty.
  public static func render(_ host: Host, only addresses: [PCIAddress]) -> JSON {
    let shown = addresses.isEmpty ? host.devices.keys.sorted() : addresses
    func text(_ value: Known<String>) -> JSON {
      switch value {
      case .known(let text): return .string(text)
      case .unknown(let unknown): return .object([.init("unknown", .string(unknown.reason))])
      }
    }
    return .object([
      .init("source", .string(host.source)), .init("kernel-release", text(host.kernelRelease)),
      .init("kernel-cmdline", text(host.kernelCommandLine)), .init("user", text(host.user)),
      .init("memlock", host.memlock.json { $0.map { .integer(Int64(clamping: $0)) } ?? "unlimited" }),
      .init("iommufd", text(host.iommufd.map(HostTable.word))),
      .init("vfio-container", text(host.vfioContainer.map(HostTable.word))),
      .init("interrupts-isolated", host.interruptsIsolated.json),
      .init("unsafe-interrupts", host.unsafeInterrupts.json { .strings($0) }),
      .init("kernel-config", host.kernelConfig.json { options in
        .object(options.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) })
      }),
      .init("iommus", host.iommus.json { .array($0.values.sorted { $0.name < $1.name }.map(unit)) }),
      .init("device-list", text(host.addresses.map { _ in "complete" })),
      .init("devices", .array(shown.compactMap { host.devices[$0] }.map { HostDetail($0, on: host).json })),
    ])
  }

  private static func unit(_ unit: IOMMUUnit) -> JSON {
    .object([
      .init("name", .string(unit.name)), .init("kind", .string(unit.kind.rawValue)),
      .init("device-tlb", unit.servesDeviceTLBs?.json ?? .null),
      .init("address-width", unit.addressWidth?.json { .integer(Int64($0)) } ?? .null),
    ])
  }
}
