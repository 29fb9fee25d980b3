import ArgumentParser
import Common
import Facts
import Inspect
import Prediction

struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Predict what QEMU does with the ats property, from facts given as options.",
    usage: "vfiogate predict --host <host> [<options>]\nvfiogate predict --table [--behaviour <behaviour>] [--format <format>]",
    discussion: """
      Neither a definition nor a host is read. The answer is whether realize (QEMU's initialization of the device) \
      succeeds, whether the guest sees Address Translation Services, and the messages that QEMU prints. Where a fact \
      matters that is unknown, the answer is undetermined.

      Exit codes: 0 regardless of the answer, 64 wrong usage.
      """)

  enum KernelATSArgument: String, ExpressibleByArgument, CaseIterable { case supported, unsupported, unknown }
  enum Presence: String, ExpressibleByArgument, CaseIterable { case present, absent, unknown }
  enum Bus: String, ExpressibleByArgument, CaseIterable { case express, conventional, unknown }
  enum Backend: String, ExpressibleByArgument, CaseIterable { case iommufd, legacy, unknown }

  @Option(help: "The device's ats property. Default: not given, which QEMU treats as auto.")
  var ats: ATSSetting?
  @Option(help: "iommufd if the device has an iommufd= link, else legacy.")
  var backend = Backend.unknown
  @Option(
    help: """
      The kernel's answer about ATS: supported, or unsupported (IOMMU_GET_HW_INFO sets the flag PCI_ATS_NOT_SUPPORTED, \
      Linux 7.1).
      """)
  var kernelAts = KernelATSArgument.unknown
  @Option(help: "The ATS extended capability in the configuration space of the host device.")
  var capability = Presence.unknown
  @Option(help: "Guest bus of the device: express (a PCI Express device on a PCI Express bus) or conventional.")
  var bus = Bus.unknown
  @Option(help: "The list of standard capabilities in the host device's configuration space (Status register, bit 4).")
  var capabilityList = Presence.present
  @Option(help: "The list of extended capabilities in the host device's configuration space (from offset 100h).")
  var extendedList = Presence.present
  @Option(
    help: "Host device that the messages name, in the syntax of QEMU's host property. Required without --table.",
    completion: .addresses)
  var host: String?
  @Option(help: "Behaviour of the ats property: v3 (the patch as posted), 11.1 (as released), or none (QEMU without it).")
  var behaviour = ATSBehaviour.shipped
  @Option(help: "The device's id in the guest.")
  var id: String?
  @Flag(help: "Print the decisions for all inputs as a table.")
  var table = false
  @Option(help: "Output format: text or json; with --table also markdown.")
  var format = TableFormat.text

  @Option(help: "Colour the text: auto, always or never.", completion: .choices(Terminal.Color.self))
  var color = "auto"

  func validate() throws {
    _ = try Terminal.style(color)
    if table { return }
    if format == .markdown { throw ValidationError("--format markdown requires --table.") }
    guard let host else { throw ValidationError("--host is missing: name the host device.") }
    guard QEMUHostAddress.parse(host) != nil else {
      throw ValidationError("--host `\(host)` is not a PCI address: Property 'vfio-pci.host' doesn't take value '\(host)'")
    }
  }

  func run() throws {
    if table { return try Terminal.finish(Predict.table(behaviour, format)) }
    guard let host = host.flatMap(QEMUHostAddress.parse)?.description else { return }
    let inputs = ATSInputs(
      behaviour: .known(behaviour), setting: .known(ats),
      backend: backend == .unknown ? unsaid("backend") : .known(backend == .iommufd ? .iommufd : .legacy),
      flagSet: kernelAts == .unknown ? unsaid("kernel's ATS flag") : .known(kernelAts == .unsupported),
      standardList: known(capabilityList, "standard capability list"),
      express: bus == .unknown ? unsaid("guest bus") : .known(bus == .express),
      extendedList: known(extendedList, "extended capability list"),
      capability: known(capability, "ATS capability"))
    let predict = Predict(
      inputs: inputs, host: host, id: id, format: format == .json ? .json : .text, style: try Terminal.style(color))
    try Terminal.finish(predict.run())
  }

  private func known(_ presence: Presence, _ name: String) -> Known<Bool> {
    presence == .unknown ? unsaid(name) : .known(presence == .present)
  }

  private func unsaid<T>(_ name: String) -> Known<T> { .unknown(name, "not given") }
}

extension ATSSetting: ExpressibleByArgument {}
extension ATSBehaviour: ExpressibleByArgument {}
