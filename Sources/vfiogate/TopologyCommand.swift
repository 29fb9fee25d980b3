import ArgumentParser
import Common
import Inspect

struct TopologyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "topology",
    abstract: "Draw a host's PCI topology, or name the paths between devices.",
    usage: "vfiogate topology [<options>] [<address> ...]",
    discussion: """
      The picture has NUMA nodes, root buses, bridges, devices, IOMMU groups and IOMMUs. With addresses it is a \
      table of the paths between these devices, with the words of `nvidia-smi topo -m`: PIX, through one bridge or \
      switch at most; PXB, through several bridges but not the host bridge; PHB, through one host bridge; NODE, \
      between host bridges of one NUMA node; SYS, between NUMA nodes.

      Exit codes: 0 printed, 2 the host or a path is not known, 64 wrong usage.
      """)

  @Argument(help: "Two or more PCI addresses (0000:01:00.0) whose paths are shown. Default: a picture of the host.",
    completion: .addresses)
  var addresses: [String] = []
  @OptionGroup var host: ShownHost
  @Option(help: "Format of the picture: text, dot (Graphviz) or svg (for a browser). The table of paths is text.",
    completion: .choices(Topology.Format.self))
  var format = "text"
  @Option(help: "Colour the text: auto, always or never.", completion: .choices(Terminal.Color.self))
  var color = "auto"

  func validate() throws {
    _ = try addresses.map(pciAddress)
    _ = try Terminal.style(color)
    let format: Topology.Format = try chosen(format, "--format")
    if addresses.count == 1 { throw ValidationError("a path is between two devices: name another.") }
    if !addresses.isEmpty, format != .text { throw ValidationError("paths between devices are text: omit --format.") }
  }

  func run() throws {
    let topology = Topology(
      addresses: try addresses.map(pciAddress), host: try host.choice(), format: try chosen(format, "--format"),
      style: try Terminal.style(color))
    try Terminal.finish(topology.run())
  }
}
