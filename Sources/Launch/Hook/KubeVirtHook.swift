import Common
import Facts
import Inputs
import Report
import Syntax

/// `onDefineDomain --vmi JSON --domain XML`, KubeVirt's contract with a hook sidecar (kubevirt
/// cmd/sidecars/sidecar-shim): the domain goes to standard output, here always unchanged, and an exit
/// code other than 0 keeps the guest from starting.
public struct KubeVirtHook: Sendable {
  /// The VirtualMachineInstance as JSON; only its name is used.
  public var vmi: String
  /// The domain as libvirt XML.
  public var domain: String
  /// The check; device nodes, limits and processes are treated as unknown.
  public var policyCheck: LaunchPolicyCheck
  /// The policy's path, or `none`.
  public var policy: String?

  /// Creates the hook.
  public init(vmi: String, domain: String, policyCheck: LaunchPolicyCheck, policy: String? = nil) {
    self.policy = policy
    self.vmi = vmi
    self.domain = domain
    self.policyCheck = policyCheck
    // A sidecar has device nodes, limits and processes of its own; QEMU runs in another container.
    self.policyCheck.sharesQEMUNamespace = false
  }

  /// Checks the domain.
  /// - Returns: the domain as output, unchanged, or a refusal without output.
  public func run() -> Answer {
    let name: String
    do {
      name = try KubeVirtHook.name(of: JSON.parse(vmi))
    } catch {
      return Answer(complaint: "vfiogate: refused: --vmi: \(printable("\(error)"))\n", exit: .couldNotLook)
    }
    let source = SourceText(name: name.isEmpty ? "the domain" : "domain \(name)", bytes: Array(domain.utf8))
    do {
      var policyCheck = policyCheck
      policyCheck.policy = try .chosen(policy)
      var answer = policyCheck.answer(try policyCheck.check(source, ParsedInput.parse(source, as: .xml)))
      if answer.exit == .clean { answer.output = domain }
      return answer
    } catch {
      return Answer(complaint: "vfiogate: refused: \(printable("\(error)"))\n", exit: .couldNotLook)
    }
  }

  /// `namespace/name` of the VirtualMachineInstance; empty where it has neither.
  private static func name(of vmi: JSON) -> String {
    let metadata = vmi["metadata"]
    return [metadata?["namespace"]?.string, metadata?["name"]?.string].compactMap { $0 }.joined(separator: "/")
  }
}
