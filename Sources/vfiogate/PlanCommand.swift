import ArgumentParser
import Common
import Inspect

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Write the smallest definition that assigns devices to a guest.",
    usage: "vfiogate plan <address> ... --for <program> [<options>]",
    discussion: """
      The definition also has the other devices of the IOMMU group that must be assigned with them, and the root \
      ports that they need. Settings that the host needs are comments above it.

      Exit codes: 0 a definition is printed, 1 a device is not ready (`vfiogate ready` says why), 2 a fact is \
      missing, 64 wrong usage. With 1 and 2 no definition is printed.
      """)

  @Argument(help: "PCI addresses (0000:01:00.0).", completion: .addresses)
  var addresses: [String]
  @Option(name: .customLong("for"), help: "The program that runs the guest: libvirt, qemu, proxmox or kubevirt.",
    completion: .choices(PlanTarget.self))
  var target: String
  @Option(help: "Guest memory in GiB.")
  var memory = 4
  @Flag(help: "Give the guest an IOMMU of its own: intel-iommu on x86, virtio-iommu on Arm. Not with --for kubevirt.")
  var viommu = false
  @Flag(help: "Put guest memory on hugepages.")
  var hugepages = false
  @OptionGroup var host: ShownHost
  @Option(help: qemuHelp(), completion: .file())
  var qemu: String?

  func validate() throws {
    _ = try addresses.map(pciAddress)
    let target: PlanTarget = try chosen(target, "--for")
    guard (1...65536).contains(memory) else { throw ValidationError("--memory must be 1 to 65536 GiB") }
    if viommu, !target.hasGuestIOMMU { throw ValidationError("--viommu does not go with --for \(target.rawValue)") }
  }

  func run() throws {
    let plan = Plan(
      addresses: try addresses.map(pciAddress), target: try chosen(target, "--for"), memory: memory,
      hasGuestIOMMU: viommu, hasHugepages: hugepages, host: try host.choice(),
      qemu: try qemu.map(chosenQEMU) ?? .assumed)
    try Terminal.finish(plan.run())
  }
}
