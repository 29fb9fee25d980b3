import ArgumentParser
import Common
import Facts
import Inspect
import Prediction

struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Say what QEMU does about ATS, from nothing but these arguments.")

  enum KernelATSArgument: String, ExpressibleByArgument, CaseIterable { case supported, unsupported, unknown }
  enum Presence: String, ExpressibleByArgument, CaseIterable { case present, absent, unknown }
  enum Bus: String, ExpressibleByArgument, CaseIterable { case express, conventional, unknown }
  enum Backend: String, ExpressibleByArgument, CaseIterable { case iommufd, legacy, unknown }

  @Option(help: "The device's ats property; without this it is not given, which QEMU takes for auto.")
  var ats: ATSSetting?
  @Option(help: "iommufd exactly when the device has an iommufd= link.")
  var backend = Backend.unknown
  @Option(help: "What the kernel's IOMMU_GET_HW_INFO says (Linux 7.1); `supported` is a clear flag.")
  var kernelAts = KernelATSArgument.unknown
  @Option(help: "The ATS extended capability of the host device.")
  var capability = Presence.unknown
  @Option(help: "Whether the device is PCI Express on an Express guest bus.")
  var bus = Bus.unknown
  @Option(help: "The standard capability list of the host device.")
  var capabilityList = Presence.present
  @Option(help: "The extended capability list of the host device.")
  var extendedList = Presence.present
  @Option(help: "The host device, as QEMU's host property.")
  var host: String?
  @Option(help: "v3: as posted; 11.1: as shipped; none: QEMU without the property.")
  var behaviour = ATSBehaviour.shipped
  @Option(help: "The guest device's id.")
  var id: String?
  @Flag(help: "Print the whole decision of the behaviour as a table.")
  var table = false
  @Option(help: "text, json, or markdown for --table.")
  var format = TableFormat.text

  func validate() throws {
    if table { return }
    if format == .markdown { throw ValidationError("--format markdown goes with --table.") }
    guard let host else { throw ValidationError("--host is missing: which device is asked about?") }
    guard QEMUHostAddress.parse(host) != nil else {
      throw ValidationError("--host `\(host)` is no PCI address: Property 'vfio-pci.host' doesn't take value '\(host)'")
    }
  }

  func run() throws {
    if table { return try Terminal.finish(Predict.table(behaviour, format)) }
    guard let host = host.flatMap(QEMUHostAddress.parse)?.description else { return }
    let question = ATSInputs(
      behaviour: .known(behaviour), setting: .known(ats),
      backend: backend == .unknown ? unsaid("backend") : .known(backend == .iommufd ? .iommufd : .legacy),
      flagSet: kernelAts == .unknown ? unsaid("kernel's ATS flag") : .known(kernelAts == .unsupported),
      standardList: known(capabilityList, "standard capability list"),
      express: bus == .unknown ? unsaid("guest bus") : .known(bus == .express),
      extendedList: known(extendedList, "extended capability list"),
      capability: known(capability, "ATS capability"))
    let predict = Predict(
      question: question, host: host, id: id, format: format == .json ? .json : .text, style: Terminal.style)
    try Terminal.finish(predict.run())
  }

  private func known(_ presence: Presence, _ name: String) -> Known<Bool> {
    presence == .unknown ? unsaid(name) : .known(presence == .present)
  }

  private func unsaid<T>(_ name: String) -> Known<T> { .unknown(name, "not told") }
}

extension ATSSetting: ExpressibleByArgument {}
extension ATSBehaviour: ExpressibleByArgument {}
