import ArgumentParser
import Common
import Facts
import Inspect

struct ReadyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ready",
    abstract: "Check whether devices of a host can be given to a guest, without any definition.",
    discussion: """
      The smallest definition of each device is checked by the rules of `lint`. Exit codes: 0 every named device is ready, \
      1 one is not, also because of a device that it can only be assigned together with, 2 a fact is missing. Without a \
      device the exit code is about the host alone.
      """)

  @Argument(help: "PCI addresses (0000:01:00.0). Default: every device that a guest could have.",
    completion: .addresses)
  var addresses: [String] = []
  @Option(help: "live, or a recording that `vfiogate probe --record` wrote.", completion: .file())
  var host = "live"
  @Option(help: "Read the host's /sys, /proc and /etc below this folder: a container's /host, or a support archive.",
    completion: .directory)
  var root: String?
  @Option(help: "The QEMU whose behaviour applies: a version, a program, or qmp:PATH of a running one.",
    completion: .file())
  var qemu = "11.1.3"
  @Option(help: "Output format: text or json.")
  var format = "text"
  @Option(help: "Colour the text: auto, always or never.", completion: .choices(Terminal.Color.self))
  var color = "auto"

  func validate() throws {
    _ = try addresses.map(pciAddress)
    _ = try chosenHost(host, root)
    _ = try Terminal.style(color)
  }

  func run() throws {
    let ready = Ready(
      addresses: try addresses.map(pciAddress), host: try chosenHost(host, root), qemu: try chosenQEMU(qemu),
      format: try chosen(format, "--format"), style: try Terminal.style(color))
    try Terminal.finish(ready.run())
  }
}

/// Parses a device named on the command line.
func pciAddress(_ text: String) throws -> PCIAddress {
  if let address = PCIAddress(text) { return address }
  throw ValidationError("`\(text)` is not a PCI address; write it like 0000:01:00.0.")
}
