import ArgumentParser
import Common
import Facts
import Inspect

struct ProbeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Show a host's PCI devices as passthrough sees them, or decode a config-space image.",
    discussion: """
      Reads only, except with --bind, which queries the kernel about the named devices through an iommufd. This \
      RESETS them: it is done only for a device that is bound to a vfio driver and that no process uses.
      """)

  @Argument(help: "PCI addresses to show in detail (0000:01:00.0). Default: a table of all devices.",
    completion: .addresses)
  var addresses: [String] = []
  @Flag(help: "Query the kernel whether ATS is supported. Resets the named devices.")
  var bind = false
  @Option(help: "live, or a recording that --record wrote.", completion: .file())
  var host = "live"
  @Option(help: "Write a recording of the host to this file; - is standard output.", completion: .file())
  var record: String?
  @Option(help: "Decode a config-space image instead: raw bytes, or lspci -xxx/-xxxx text; - is standard input.",
    completion: .file())
  var config: String?
  @Option(help: "Output format: text, json, or prometheus for the node exporter's textfile collector.")
  var format = ProbeFormat.text

  @Option(help: "Colour the text: auto, always or never.", completion: .choices(Terminal.Color.self))
  var color = "auto"

  func validate() throws {
    _ = try Terminal.style(color)
    if let bad = addresses.first(where: { PCIAddress($0) == nil }) {
      throw ValidationError("`\(bad)` is not a PCI address; write it like 0000:01:00.0.")
    }
    if bind, addresses.isEmpty { throw ValidationError("--bind resets devices: name them.") }
    if bind, host != "live" { throw ValidationError("--bind queries the live kernel; it cannot be used with --host.") }
    if config != nil, format == .prometheus { throw ValidationError("--format prometheus cannot be used with --config.") }
    if config != nil, bind || record != nil || !addresses.isEmpty {
      throw ValidationError("--config decodes a file; it cannot be used with devices, --bind or --record.")
    }
  }

  func run() throws {
    let probe = Probe(
      addresses: addresses.compactMap { PCIAddress($0) }, binds: bind, host: HostChoice(host), record: record,
      format: format, style: try Terminal.style(color))
    try Terminal.finish(config.map { Probe.decode($0, format) } ?? probe.run())
  }
}
