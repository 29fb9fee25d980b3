import ArgumentParser
import Common
import Facts
import Inspect

struct ProbeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Show what the host says about its PCI devices, or decode a config-space image.",
    discussion: """
      Reads only. With --bind the kernel is asked about the named devices through an iommufd, which \
      RESETS them: it is done only for a device bound to a vfio driver that nobody uses.
      """)

  @Argument(help: "PCI addresses to show in detail (0000:01:00.0). Without any: a table of all.")
  var addresses: [String] = []
  @Flag(help: "Ask the kernel whether ATS is supported. Resets the named devices.")
  var bind = false
  @Option(help: "live, or a recording.")
  var host = "live"
  @Option(help: "Write a recording of the host here; - is standard output.")
  var record: String?
  @Option(help: "Decode a config-space image instead: raw bytes, or lspci -xxx/-xxxx text; - is standard input.")
  var config: String?
  @Option(help: "text, json, or prometheus for the node exporter's textfile collector.")
  var format = ProbeFormat.text

  func validate() throws {
    if let bad = addresses.first(where: { PCIAddress($0) == nil }) {
      throw ValidationError("`\(bad)` is no PCI address; write it like 0000:01:00.0.")
    }
    if bind, addresses.isEmpty { throw ValidationError("--bind resets devices: name those that it is for.") }
    if bind, host != "live" { throw ValidationError("--bind asks the live kernel; it does not go with --host.") }
    if config != nil, format == .prometheus { throw ValidationError("--format prometheus shows a host, not --config.") }
    if config != nil, bind || record != nil || !addresses.isEmpty {
      throw ValidationError("--config decodes a file; it does not go with devices, --bind or --record.")
    }
  }

  func run() throws {
    let probe = Probe(
      addresses: addresses.compactMap { PCIAddress($0) }, binds: bind, host: HostChoice(host), record: record,
      format: format, style: Terminal.style)
    try Terminal.finish(config.map { Probe.decode($0, format) } ?? probe.run())
  }
}
