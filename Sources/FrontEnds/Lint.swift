import Facts
import Host
import Inputs
import Prediction
import Report
import Rules
import Syntax

/// `vfiogate lint`: definitions in, findings out.
public struct Lint: Sendable {
  /// What an undetermined verdict does to the exit code.
  public enum OnUnknown: String, Sendable, CaseIterable {
    case refuse, warn
  }

  public var files: [String]
  /// The command line of the running guest that hot plugs go into.
  public var guest: String?
  public var input: InputFormat?
  public var host: HostChoice
  public var descriptors = PassedDescriptors()
  public var qemu: QEMUChoice
  public var behaviour: ATSBehaviour?
  public var failOn: Severity
  /// Nil: refuse, unless the user asked not to look at a host.
  public var onUnknown: OnUnknown?
  public var format: OutputFormat
  public var isVerbose: Bool
  public var style: Style

  public init(
    files: [String], guest: String?, input: InputFormat?, host: HostChoice, qemu: QEMUChoice,
    behaviour: ATSBehaviour?, failOn: Severity, onUnknown: OnUnknown?, format: OutputFormat,
    isVerbose: Bool, style: Style
  ) {
    self.files = files
    self.guest = guest
    self.input = input
    self.host = host
    self.qemu = qemu
    self.behaviour = behaviour
    self.failOn = failOn
    self.onUnknown = onUnknown
    self.format = format
    self.isVerbose = isVerbose
    self.style = style
  }

  public func run() -> Answer {
    var parsed: [(SourceText, ParsedDefinition)] = []
    var unreadable: [String] = []
    for file in files {
      do {
        let source = try InputFile.read(file, limit: ParsedDefinition.maximumSize)
        parsed.append((source, ParsedDefinition.parse(source, as: input)))
      } catch {
        unreadable.append("\(error)")
      }
    }
    do {
      let running = try guestMachine()
      let results = judge(parsed, running, on: try load(parsed, running), qemu: try profile())
      return answer(results, unreadable)
    } catch let error as RecordingError {
      return .couldNotLook(error.description)
    } catch let error as QMPFailure {
      return .couldNotLook(error.description)
    } catch {
      return .couldNotLook("\(error)")
    }
  }

  private func guestMachine() throws -> MachineRequest? {
    try guest.map { ParsedDefinition.parse(try InputFile.read($0, limit: ParsedDefinition.maximumSize)).machine }
  }

  private func profile() throws(QMPFailure) -> QEMUProfile {
    let profile = try qemu.profile()
    return behaviour.map { profile.with(behaviour: $0) } ?? profile
  }

  /// Of a live host only what the definitions name is read.
  private func load(
    _ parsed: [(SourceText, ParsedDefinition)], _ running: MachineRequest?
  ) throws(RecordingError) -> Facts.Host {
    let addresses = parsed.flatMap { source, read in
      let passed = passed(to: read, from: source, running)
      return requests(read, running).compactMap { $0.hostAddress(passed) }
    }
    let host = try host.load(only: Set(addresses))
    return host.without(Set((files + [guest ?? ""]).compactMap(Lint.process)).union(descriptors.carriers))
  }

  private func requests(_ read: ParsedDefinition, _ running: MachineRequest?) -> [DeviceRequest] {
    read.machine.devices + read.plugs + (running?.devices ?? [])
  }

  /// Descriptors are this machine's, and say nothing about a recorded host.
  private func passed(
    to read: ParsedDefinition, from source: SourceText, _ running: MachineRequest?
  ) -> [String: Known<PCIAddress?>] {
    guard host == .live else { return [:] }
    let process = Lint.process(read.plugs.isEmpty ? source.name : guest ?? "")
    return descriptors.functions(of: requests(read, running), process: process)
  }

  /// The process whose own command line a file is: /proc/PID/cmdline.
  private static func process(_ file: String) -> Int? {
    let parts = file.split(separator: "/")
    return parts.count == 3 && parts[0] == "proc" && parts[2] == "cmdline" ? Int(parts[1]) : nil
  }

  private func judge(
    _ parsed: [(SourceText, ParsedDefinition)], _ running: MachineRequest?, on host: Facts.Host, qemu: QEMUProfile
  ) -> [LintResult] {
    let definitions = parsed.map { source, read in
      Definition(
        machine: read.joined(to: running), plugs: read.plugs, problems: read.problems, host: host, qemu: qemu,
        descriptors: passed(to: read, from: source, running))
    }
    return zip(parsed, definitions.indices).map { pair, index in
      var definition = definitions[index]
      definition.others = definitions.indices.filter { $0 != index }.map {
        (definitions[$0].machine.source, definitions[$0].predictions)
      }
      return LintResult(source: pair.0, definition: definition, judgement: .judge(definition))
    }
  }

  private func answer(_ results: [LintResult], _ unreadable: [String]) -> Answer {
    var answer = Answer(exit: exit(results, unreadable))
    switch format {
    case .json: answer.output = LintJSON.render(results, unreadable: unreadable).text(indented: true) + "\n"
    case .text:
      let text = LintText(style: style, verbose: isVerbose)
      answer.output = results.map(text.render).joined(separator: "\n")
    }
    answer.complaint = unreadable.map { "vfiogate: \($0)\n" }.joined()
    if unreadable.isEmpty, answer.exit == .couldNotLook {
      answer.complaint = "vfiogate: undetermined, because something could not be looked at; --on-unknown warn accepts that\n"
    }
    return answer
  }

  private func exit(_ results: [LintResult], _ unreadable: [String]) -> ExitStatus {
    if !unreadable.isEmpty { return .couldNotLook }
    if results.contains(where: { $0.judgement.findings.contains { $0.severity >= failOn } }) { return .findings }
    let refuses = (onUnknown ?? (host == .none ? .warn : .refuse)) == .refuse
    return refuses && results.contains { $0.verdict == .undetermined } ? .couldNotLook : .clean
  }
}

extension Facts.Host {
  /// The host as it is for these processes themselves: what they hold is not in another's use.
  fileprivate func without(_ processes: Set<Int>) -> Facts.Host {
    var host = self
    for (address, device) in devices {
      host.devices[address]?.users = device.users.map { $0.filter { !processes.contains($0.pid) } }
    }
    return host
  }
}

extension ParsedDefinition {
  /// A plug's machine: the running guest's command line, with what the stream itself creates.
  fileprivate func joined(to running: MachineRequest?) -> MachineRequest {
    guard var machine = running, !plugs.isEmpty else { return self.machine }
    machine.objects += self.machine.objects
    return machine
  }
}
