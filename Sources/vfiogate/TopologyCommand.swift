import ArgumentParser
import Common
import Inspect

struct TopologyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "topology",
    abstract: "Draw a host's PCI topology, or name the paths between devices.",
    discussion: """
      The picture has NUMA nodes, root buses, bridges, devices, IOMMU groups and IOMMUs. With devices it is a table of the \
      paths between them, named as `nvidia-smi topo -m` does: PIX, PXB, PHB, NODE, SYS. Exit code 2: a path is not known.
      """)

  @Argument(help: "Two or more PCI addresses (0000:01:00.0) whose paths are shown. Default: a picture of the host.",
    completion: .addresses)
  var addresses: [String] = []
  @Option(help: "live, or a recording that `vfiogate probe --record` wrote.", completion: .file())
  var host = "live"
  @Option(help: "Read the host's /sys, /proc and /etc below this folder: a container's /host, or a support archive.",
    completion: .directory)
  var root: String?
  @Option(help: "Kind of picture: text, dot for Graphviz, or svg for a browser.")
  var format = "text"
  @Option(help: "Colour the text: auto, always or never.", completion: .choices(Terminal.Color.self))
  var color = "auto"

  func validate() throws {
    _ = try addresses.map(pciAddress)
    _ = try chosenHost(host, root)
    _ = try Terminal.style(color)
    let format: Topology.Format = try chosen(format, "--format")
    if addresses.count == 1 { throw ValidationError("a path is between two devices: name another.") }
    if !addresses.isEmpty, format != .text { throw ValidationError("paths between devices are text: omit --format.") }
  }

  func run() throws {
    let topology = Topology(
      addresses: try addresses.map(pciAddress), host: try chosenHost(host, root), format: try chosen(format, "--format"),
      style: try Terminal.style(color))
    try Terminal.finish(topology.run())
  }
}
