import ArgumentParser
import Common
import Inspect

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Write the smallest definition that gives devices to a guest, with what must go along.",
    discussion: """
      The settings that the host needs are comments above the definition. Nothing is written for a device that `vfiogate \
      ready` says no to (exit code 1), or about which a fact is missing (2).
      """)

  @Argument(help: "PCI addresses (0000:01:00.0).", completion: .addresses)
  var addresses: [String]
  @Option(name: .customLong("for"), help: "The program that runs the guest: libvirt, qemu, proxmox or kubevirt.")
  var target: String
  @Option(help: "live, or a recording that `vfiogate probe --record` wrote.", completion: .file())
  var host = "live"
  @Option(help: "Read the host's /sys, /proc and /etc below this folder: a container's /host, or a support archive.",
    completion: .directory)
  var root: String?
  @Option(help: "The QEMU whose behaviour applies: a version, a program, or qmp:PATH of a running one.",
    completion: .file())
  var qemu = "11.1.3"

  func validate() throws {
    _ = try addresses.map(pciAddress)
    _ = try chosenHost(host, root)
    let _: PlanTarget = try chosen(target, "--for")
  }

  func run() throws {
    let plan = Plan(
      addresses: try addresses.map(pciAddress), target: try chosen(target, "--for"), host: try chosenHost(host, root),
      qemu: try chosenQEMU(qemu))
    try Terminal.finish(plan.run())
  }
}
