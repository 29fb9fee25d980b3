import Common
import Facts
import Glibc
import Host
import Report
import Syntax

/// How a host is shown: text for people, JSON, or metrics for the node exporter.
public enum ProbeFormat: String, Sendable, CaseIterable {
  case text, json, prometheus
}

/// `vfiogate probe`: what the host says about its devices.
public struct Probe: Sendable {
  public var addresses: [PCIAddress]
  /// Ask the kernel, which resets the named devices.
  public var binds: Bool
  public var host: HostChoice
  public var record: String?
  public var format: ProbeFormat
  public var style: Style

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

  public func run() -> Answer {
    var facts: Facts.Host
    do throws(RecordingError) { facts = try host.load() } catch { return .couldNotLook(error.description) }
    for address in addresses {
      switch facts.device(at: address) {
      case .known(nil): return .couldNotLook("\(address): the host has no such device")
      case .unknown(let unknown): return .couldNotLook("\(unknown)")
      case .known(.some(let device)): facts.devices[address] = device
      }
    }
    var complaint = ""
    if binds { complaint = bind(&facts) }
    if let record { return self.record(facts, record, complaint) }
    var answer = Answer(output: render(facts), complaint: complaint)
    if !complaint.isEmpty { answer.exit = .couldNotLook }
    return answer
  }

  /// What the kernel answered goes into the facts; why it could not be asked is returned.
  private func bind(_ facts: inout Facts.Host) -> String {
    var complaint = ""
    for address in addresses {
      let answer = KernelATSQuery.ask(address, on: facts)
      facts.devices[address]?.boundATSNotSupported = answer
      if case .unknown(let unknown) = answer { complaint += "vfiogate: \(unknown)\n" }
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
