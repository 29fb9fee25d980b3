import Common
import Facts
import Glibc
import Host
import Report
import Syntax

/// Output formats of `probe`: text for people, JSON, or metrics for the node exporter.
public enum ProbeFormat: String, Sendable, CaseIterable {
  case text, json, prometheus
}

/// `vfiogate probe`: the facts of a host and its devices.
public struct Probe: Sendable {
  /// The functions to show in detail; empty shows all, by IOMMU group.
  public var addresses: [PCIAddress]
  /// Whether to ask the kernel about ATS, which resets the named devices.
  public var binds: Bool
  /// The live host, or a recording.
  public var host: HostChoice
  /// The file to write a recording to, `-` for standard output; nil shows the facts instead.
  public var record: String?
  /// The output format when nothing is recorded.
  public var format: ProbeFormat
  /// Colours and width of the text.
  public var style: Style

  /// Creates a probe.
  public init(
    addresses: [PCIAddress], binds: Bool, host: HostChoice, record: String?, format: ProbeFormat, style: Style
  ) {
    self.addresses = addresses
    self.binds = binds
    self.host = host
    self.record = record
    self.format = format
    self.style = style
  }

  /// Reads the host and renders it.
  /// - Returns: exit code 2 when a named device does not exist, the devices could not be listed, or the kernel could not be asked.
  public func run() -> Answer {
    var facts: Facts.Host
    do throws(RecordingError) { facts = try host.load() } catch { return .couldNotLook(error.description) }
    for address in addresses {
      switch facts.device(at: address) {
      case .known(nil): return .couldNotLook(facts.complaint(aboutAbsent: address))
      case .unknown(let unknown): return .couldNotLook("\(unknown)")
      case .known(.some(let device)): facts.devices[address] = device
      }
    }
    // A recording has the names of the machine that it is of.
    if let root = host.root { facts.readNames(root: root) }
    var complaint = ""
    if binds { complaint = bind(&facts) }
    // No device is shown then, which is not the same as none.
    if facts.devices.isEmpty, case .unknown(let unknown) = facts.addresses { complaint = "vfiogate: \(printable("\(unknown)"))\n" }
    if let record { return self.record(facts, record, complaint) }
    var answer = Answer(output: render(facts), complaint: complaint)
    if !complaint.isEmpty { answer.exit = .couldNotLook }
    return answer
  }

  /// Adds the kernel's answers to the facts.
  /// - Returns: complaints about devices for which it could not be asked; empty when all were answered.
  private func bind(_ facts: inout Facts.Host) -> String {
    var complaint = ""
    for address in addresses {
      if case .unknown(let unknown) = KernelATSQuery.ask(address, on: &facts) { complaint += "vfiogate: \(printable("\(unknown)"))\n" }
    }
    return complaint
  }

  private func render(_ facts: Facts.Host) -> String {
    switch format {
    case .json: return HostJSON.render(facts, only: addresses).text(indented: true) + "\n"
    case .prometheus: return HostMetrics.render(facts, only: addresses)
    case .text: break
    }
    let details = addresses.compactMap { facts.devices[$0] }.map { HostDetail($0, on: facts).text(style) }
    return details.isEmpty ? HostTable(facts, style).render() : details.joined(separator: "\n")
  }

  private func record(_ facts: Facts.Host, _ path: String, _ complaint: String) -> Answer {
    let text = HostRecording.render(facts)
    let exit = complaint.isEmpty ? ExitStatus.clean : .couldNotLook
    if path == "-" { return Answer(output: text, complaint: complaint, exit: exit) }
    do {
      try OutputFile.write(text, to: path)
    } catch {
      return .couldNotLook("\(error)")
    }
    return Answer(output: "recorded \(facts.devices.count) devices in \(path)\n", complaint: complaint, exit: exit)
  }

  /// `probe --config FILE`.
  public static func decode(_ path: String, _ format: ProbeFormat) -> Answer {
    do {
      let source = try InputFile.read(path, limit: ConfigDump.sizeLimit)
      let reports = try ConfigDump.parse(source.bytes).map { ConfigReport(title: $0.title, config: $0.config) }
      switch format {
      case .text, .prometheus: return Answer(output: reports.map(\.text).joined(separator: "\n"))
      case .json:
        let json = JSON.object([.init("devices", .array(reports.map(\.json)))])
        return Answer(output: json.text(indented: true) + "\n")
      }
    } catch let error as ConfigDumpError {
      let place = error.line.map { ":\($0)" } ?? ""
      return Answer(complaint: "\(path)\(place): error[malformed-input]: \(error)\n", exit: .findings)
    } catch {
      return .couldNotLook("\(error)")
    }
  }
}
