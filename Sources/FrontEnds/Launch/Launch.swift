import CLinux
import Facts
import Glibc
import Inputs
import Report
import Syntax

/// `vfiogate run`: judges a QEMU command line and becomes that QEMU, or refuses.
public struct Launch {
  public typealias Arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

  /// The program and its arguments as the kernel handed them over; nil at the end.
  public let arguments: Arguments
  /// Whose QEMU does not count where `qemu` is nil.
  public var gate = StartGate(qemu: .none)
  /// Nil asks the program that is started.
  public var qemu: QEMUChoice?
  public var isAnnotated = false
  public var isDryRun = false

  public init(arguments: Arguments) { self.arguments = arguments }

  /// Returns only when nothing was started.
  public func run() -> Answer {
    guard let program = arguments[0] else { return .couldNotLook("no program is named") }
    guard isDryRun || Launch.mayConcern(arguments) else { return execute() }
    let source = LaunchSource(arguments)
    let parsed = ParsedDefinition.parse(source.text, as: .nul, follow: InputFile.follower(from: ""))
    let isProbe = Launch.isProbe(parsed.machine)
    var answer = Answer()
    if !isProbe {
      do { answer = try judge(source.text, parsed, String(cString: program)) } catch { return .couldNotLook("\(error)") }
    }
    guard answer.exit == .clean, !isDryRun else { return planned(answer) }
    Descriptor.write(Array(answer.complaint.utf8), to: STDERR_FILENO)
    if isAnnotated, !isProbe, let failure = annotate(source, parsed.machine) { return failure }
    return execute()
  }

  /// Whether an argument can make the command line one that there is something to say about. Most guests
  /// have no passthrough, and wait for nothing.
  private static func mayConcern(_ arguments: Arguments) -> Bool {
    var next = arguments
    while let argument = next.pointee {
      // SAFETY: argv's strings end with NUL.
      if strstr(argument, "vfio") != nil || strstr(argument, "iommufd") != nil || strstr(argument, "readconfig") != nil {
        return true
      }
      next += 1
    }
    return false
  }

  /// A QEMU without a machine, started to be asked what it can do, as libvirt does.
  private static func isProbe(_ machine: MachineRequest) -> Bool {
    machine.machineType?.value.string == "none" || ["version", "help", "h"].contains(where: machine.hasOption)
  }

  private func judge(_ text: SourceText, _ parsed: ParsedDefinition, _ program: String) throws -> Answer {
    var gate = gate
    gate.qemu = qemu ?? .program(Executable.find(program) ?? program)
    gate.descriptors.isInherited = true
    return gate.answer(try gate.judge(text, parsed))
  }

  private func planned(_ answer: Answer) -> Answer {
    guard isDryRun else { return answer }
    let program = arguments[0].map { printable(String(cString: $0)) } ?? ""
    let outcome = answer.exit == .clean ? "would start" : "would not start"
    return Answer(complaint: answer.complaint + "vfiogate: \(outcome) `\(program)`\n", exit: answer.exit)
  }

  /// Puts a process of its own between QEMU's standard error and ours.
  /// - Returns: why that could not be done.
  private func annotate(_ source: LaunchSource, _ machine: MachineRequest) -> Answer? {
    let devices = machine.devices.filter(\.isVFIO).compactMap { device -> (argument: String, name: String)? in
      guard let index = device.location.range.flatMap({ source.index(of: $0.lowerBound) }) else { return nil }
      let name = [device.id.map { "`\($0)`" }, device.string("host").map { "(\($0))" }].compactMap { $0 }
      return (source.argument(index), name.isEmpty ? "an unnamed device" : name.joined(separator: " "))
    }
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return .couldNotLook("a pipe for standard error: \(String(cString: strerror(errno)))") }
    // SAFETY: the array's own count is given; this process has one thread.
    let detached = clinux_detach([ends[0], STDERR_FILENO], 2, "vfiogate-note")
    if detached == 0 {
      clinux_retitle(CommandLine.unsafeArgv, "vfiogate: annotates standard error")
      var annotator = Annotator(devices: devices)
      annotator.run(from: ends[0], to: STDERR_FILENO)
      _exit(0)
    }
    guard detached > 0 else { return .couldNotLook("cannot annotate: \(String(cString: strerror(-detached)))") }
    dup2(ends[1], STDERR_FILENO)
    close(ends[0])
    close(ends[1])
    return nil
  }

  private func execute() -> Answer {
    guard let program = arguments[0] else { return .couldNotLook("no program is named") }
    // SAFETY: strings that end with NUL, the last pointer nil.
    execvp(program, arguments)
    return .couldNotLook("\(printable(String(cString: program))): cannot be started: \(String(cString: strerror(errno)))")
  }
}
