import ArgumentParser
import Common
import Facts
import Inspect

struct ReadyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ready",
    abstract: "Check whether devices of a host can be given to a guest, without any definition.",
    usage: "vfiogate ready [<options>] [<address> ...]",
    discussion: """
      For each device the smallest definition that assigns it is checked by the rules of `lint`. Answers: yes, when \
      a guest can have the device after the steps that are printed as "first:" (driver, permissions, limit of locked \
      memory); only together with other devices; no, with the reason and its remedy; or unknown.

      Exit codes with addresses: 0 every named device is ready, even where steps remain; 1 one is not, or is so only \
      together with a device that is not; 2 a fact is missing, or the host has no such device. Without an address \
      all devices are shown, and the exit code says whether the host is set up for passthrough (IOMMU, VFIO, \
      interrupt remapping, KVM), regardless of its devices: 0 yes, 1 no, 2 a fact is missing.
      """)

  @Argument(help: "PCI addresses (0000:01:00.0). Default: show every device that a guest could have.",
    completion: .addresses)
  var addresses: [String] = []
  @OptionGroup var host: ShownHost
  @Option(help: qemuHelp(), completion: .file())
  var qemu: String?
  @Option(help: "Output format: text or json.", completion: .choices(OutputFormat.self))
  var format = "text"
  @Option(help: "Colour the text: auto, always or never.", completion: .choices(Terminal.Color.self))
  var color = "auto"

  func validate() throws {
    _ = try addresses.map(pciAddress)
    _ = try Terminal.style(color)
  }

  func run() throws {
    let ready = Ready(
      addresses: try addresses.map(pciAddress), host: try host.choice(), qemu: try qemu.map(chosenQEMU) ?? .assumed,
      format: try chosen(format, "--format"), style: try Terminal.style(color))
    try Terminal.finish(ready.run())
  }
}

/// Parses a device named on the command line.
func pciAddress(_ text: String) throws -> PCIAddress {
  if let address = PCIAddress(text) { return address }
  throw ValidationError(PCIAddress.complaint(about: text))
}
