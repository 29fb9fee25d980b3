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
  /// The arguments with which libvirt calls the hook, after its name.
  public var arguments: [String]
  /// The check.
  public var policyCheck: LaunchPolicyCheck
  /// The policy's path, or `none`.
  public var policy: String?
  /// Whether the domain's emulator, which libvirt is about to start, is started without a machine and queried.
  public var asksEmulator: Bool

  /// Whether the QEMU is tried with the domain's machine type and PCI devices.
  public var rehearses: Bool

  /// Creates the hook.
  public init(
    arguments: [String], policyCheck: LaunchPolicyCheck, policy: String? = nil, asksEmulator: Bool = false, rehearses: Bool = false
  ) {
    self.rehearses = rehearses
    self.asksEmulator = asksEmulator
    self.arguments = arguments
    self.policyCheck = policyCheck
    self.policy = policy
  }

  /// The check that is made in an operation.
  enum Stage: Sendable {
    /// libvirt has changed nothing yet: everything is checked, and a refusal keeps the guest from starting.
    case prepare
    /// Just before QEMU starts; managed devices are bound by now. Only binding and ownership.
    case start
    /// An error here would kill a running guest, or have no effect.
    case other
  }

  static func stage(_ operation: String, _ suboperation: String) -> Stage {
    switch (operation, suboperation) {
    case ("prepare", "begin"): return .prepare
    case ("start", "begin"): return .start
    default: return .other
    }
  }

  /// A domain, as libvirt writes it.
  public static func standardInput() throws -> SourceText {
    try InputFile.read("-", limit: ParsedInput.maximumSize)
  }

  /// Checks the domain as far as the operation requires.
  /// - Parameter domain: reads standard input; called only where the domain is checked.
  public func run(_ domain: () throws -> SourceText) -> Answer {
    let operation = arguments.count > 1 ? arguments[1] : ""
    let stage = LibvirtHook.stage(operation, arguments.count > 2 ? arguments[2] : "begin")
    guard arguments.count >= 4 else {
      return failed(stage, "libvirt gives its hook 4 arguments, and here were \(arguments.count)")
    }
    guard stage != .other else { return Answer() }
    do {
      let text = try domain()
      return try check(SourceText(name: "domain \(arguments[0])", bytes: text.bytes), stage)
    } catch {
      return failed(stage, "\(error)")
    }
  }

  private func check(_ source: SourceText, _ stage: Stage) throws -> Answer {
    var parsed = ParsedInput.parse(source, as: .xml)
    if let problem = parsed.problems.first, stage == .start {
      return failed(stage, problem.message)
    }
    var policyCheck = policyCheck
    policyCheck.policy = try .chosen(policy)
    if asksEmulator, stage == .prepare, parsed.machine.devices.contains(where: \.isVFIO), let program = parsed.machine.program {
      policyCheck.qemu = .program(program)
    }
    policyCheck.rehearses = rehearses && stage == .prepare
    if stage == .start {
      policyCheck.rules = Rule.all.filter(\.isRecheckedAtStart)
      for index in parsed.machine.devices.indices { parsed.machine.devices[index].libvirt?.isManaged = false }
    }
    return policyCheck.answer(try policyCheck.check(source, parsed))
  }

  /// The answer when the domain could not be checked: it refuses in `prepare`, and succeeds in any other operation.
  private func failed(_ stage: Stage, _ reason: String) -> Answer {
    let refuses = stage == .prepare
    return Answer(
      complaint: "vfiogate: \(refuses ? "refused" : "not checked"): \(printable(reason))\n",
      exit: refuses ? .couldNotLook : .clean)
  }
}
