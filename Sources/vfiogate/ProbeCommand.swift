import ArgumentParser
import Common
import Facts
import Inspect
import Lint

struct ProbeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Show a host's PCI devices as passthrough sees them, or decode a config-space image.",
    usage: "vfiogate probe [<options>] [<address> ...]",
    discussion: """
      Nothing is written but the file of --record, and nothing changes on the host, except with --bind: it opens the \
      named devices through an iommufd and asks the kernel about them, which RESETS them. It does not change their \
      driver, and refuses a device that is not bound to a vfio driver already or that a process uses.

      Exit codes: 0 printed or recorded, with what could not be read as unknown; 1 the image of --config is \
      malformed, or with --definitions a guest that was safe is unsafe now; 2 a device, the list of devices or a file \
      could not be read or written, --bind got no answer, or a guest that was safe is undetermined now; 64 wrong usage.
      """)

  @Argument(help: "PCI addresses to show in detail (0000:01:00.0). Default: an overview of all devices, by IOMMU group.",
    completion: .addresses)
  var addresses: [String] = []
  @Flag(help: "Ask the kernel through iommufd whether it supports ATS for the named devices. RESETS them.")
  var bind = false
  @OptionGroup var host: ShownHost
  @Option(
    parsing: .upToNextOption, help: "Show what changed between two recordings, the older one first.", completion: .file())
  var diff: [String] = []
  @Option(
    parsing: .singleValue,
    help: "With --diff: report the definitions of this file or folder whose verdict changes.", completion: .file())
  var definitions: [String] = []
  @Option(help: qemuHelp(for: " for --definitions"), completion: .file())
  var qemu: String?
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
    _ = try addresses.map(pciAddress)
    if !diff.isEmpty, diff.count != 2 { throw ValidationError("--diff compares two recordings: --diff OLD NEW.") }
    if diff.isEmpty, !definitions.isEmpty { throw ValidationError("--definitions needs --diff OLD NEW.") }
    if definitions.isEmpty, qemu != nil { throw ValidationError("--qemu is for the verdicts of --definitions.") }
    _ = try qemu.map(chosenQEMU)
    if !diff.isEmpty, bind || record != nil || config != nil || !addresses.isEmpty || format == .prometheus {
      throw ValidationError("--diff cannot be used with devices, --bind, --record, --config or --format prometheus.")
    }
    if bind, host.root != nil { throw ValidationError("--bind queries the live kernel; it cannot be used with --root.") }
    if bind, addresses.isEmpty { throw ValidationError("--bind resets devices: name them.") }
    if bind, host.host != "live" { throw ValidationError("--bind queries the live kernel; it cannot be used with --host.") }
    if config != nil, format == .prometheus { throw ValidationError("--format prometheus cannot be used with --config.") }
    if config != nil, bind || record != nil || !addresses.isEmpty {
      throw ValidationError("--config decodes a file; it cannot be used with devices, --bind or --record.")
    }
  }

  func run() throws {
    if !diff.isEmpty {
      let comparison = HostComparison(
        old: diff[0], new: diff[1], definitions: definitions, qemu: try qemu.map(chosenQEMU) ?? .assumed, isJSON: format == .json,
        style: try Terminal.style(color))
      return try Terminal.finish(comparison.run())
    }
    let probe = Probe(
      addresses: addresses.compactMap { PCIAddress($0) }, binds: bind, host: try host.choice(), record: record,
      format: format, style: try Terminal.style(color))
    try Terminal.finish(config.map { Probe.decode($0, format) } ?? probe.run())
  }
}
