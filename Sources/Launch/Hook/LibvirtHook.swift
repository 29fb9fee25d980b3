import Common
import Facts
import Inputs
import Report
import Rules
import Syntax

/// `vfiogate hook libvirt GUEST OPERATION SUBOPERATION EXTRA`, with the domain on standard input (libvirt
/// docs/hooks.rst). Nothing is ever printed on standard output: for `migrate` and `restore` that would
/// become the domain.
public struct LibvirtHook: Sendable {
  /// What libvirt calls the hook with, after its name.
  public var arguments: [String]
  public var gate: LaunchPolicyCheck
  /// The policy's path, or `none`.
  public var policy: String?

  public init(arguments: [String], gate: LaunchPolicyCheck, policy: String? = nil) {
    self.arguments = arguments
    self.gate = gate
    self.policy = policy
  }

  /// What is done in an operation.
  enum Stage: Sendable {
    /// Before libvirt touches anything: everything is judged, and refusing keeps the guest from starting.
    case gate
    /// Just before QEMU starts; managed devices are bound by now. Only binding and ownership.
    case recheck
    /// An error here would kill a running guest, or help nobody.
    case nothing
  }

  static func stage(_ operation: String, _ suboperation: String) -> Stage {
    switch (operation, suboperation) {
    case ("prepare", "begin"): return .gate
    case ("start", "begin"): return .recheck
    default: return .nothing
    }
  }

  /// A domain, as libvirt writes it.
  public static func standardInput() throws -> SourceText {
    try InputFile.read("-", limit: ParsedInput.maximumSize)
  }

  /// - Parameter domain: reads standard input; called only where the domain is looked at.
  public func run(_ domain: () throws -> SourceText) -> Answer {
    let operation = arguments.count > 1 ? arguments[1] : ""
    let stage = LibvirtHook.stage(operation, arguments.count > 2 ? arguments[2] : "begin")
    guard arguments.count >= 4 else {
      return failed(stage, "libvirt gives its hook 4 arguments, and here were \(arguments.count)")
    }
    guard stage != .nothing else { return Answer() }
    do {
      let text = try domain()
      return try judge(SourceText(name: "domain \(arguments[0])", bytes: text.bytes), stage)
    } catch {
      return failed(stage, "\(error)")
    }
  }

  private func judge(_ source: SourceText, _ stage: Stage) throws -> Answer {
    var parsed = ParsedInput.parse(source, as: .xml)
    if let problem = parsed.problems.first, stage == .recheck {
      return failed(stage, problem.message)
    }
    var gate = gate
    gate.policy = try .chosen(policy)
    if stage == .recheck {
      gate.rules = Rule.all.filter(\.isRecheckedAtStart)
      for index in parsed.machine.devices.indices { parsed.machine.devices[index].libvirt?.isManaged = false }
    }
    return gate.answer(try gate.judge(source, parsed))
  }

  /// Nobody could look: the guest is kept from starting in `prepare`, and left alone anywhere else.
  private func failed(_ stage: Stage, _ reason: String) -> Answer {
    let isGate = stage == .gate
    return Answer(
      complaint: "vfiogate: \(isGate ? "refused" : "could not look"): \(printable(reason))\n",
      exit: isGate ? .couldNotLook : .clean)
  }
}
