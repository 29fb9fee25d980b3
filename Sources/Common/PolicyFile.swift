import Facts
import Glibc
import Inputs
import Syntax

/// Which policy applies: `--policy FILE|none`, or what stands beside the definitions.
public enum PolicyChoice: Sendable, Hashable {
  /// `.vfiogate.conf` in the definition's folder; of a directory that was named, the nearest from
  /// there up to the directory itself. Outside of what was named nothing is looked for.
  case beside
  case none
  case file(String)

  public init(_ text: String) { self = text == "none" ? .none : .file(text) }
}

/// A policy with the text that it is from, which excerpts of findings about it need.
///
/// A front end that has no definition file loads one and hands it on:
/// `Judge(host: …, qemu: …, policy: try PolicyFile.chosen(text))`. A policy that cannot be read whole is
/// a refusal, so there is nothing to go on with after the error; without a policy it is `.none`.
public struct PolicyFile: Sendable {
  public static let name = ".vfiogate.conf"
  /// Larger ones are not read.
  private static let maximumSize = 1 << 20

  public var policy: Policy
  package let source: SourceText?

  public static let none = PolicyFile(policy: .none, source: nil)

  /// - Parameter source: the text that the policy was parsed from.
  package init(policy: Policy, source: SourceText?) {
    self.policy = policy
    self.source = source
  }

  /// What `--policy` names where nothing can stand beside a definition: a file, or `none`.
  public static func chosen(_ text: String?) throws(PolicyError) -> PolicyFile {
    guard let text, case .file(let path) = PolicyChoice(text) else { return .none }
    return try load(path)
  }

  /// - Throws: the path with errno's text, or the place with what is wrong there.
  public static func load(_ path: String) throws(PolicyError) -> PolicyFile {
    let source: SourceText
    do { source = try InputFile.read(path, limit: maximumSize) } catch {
      throw PolicyError(place: path, reason: error.reason)
    }
    return PolicyFile(policy: try .parse(source, today: today), source: source)
  }

  /// The date in UTC.
  private static var today: Day {
    var now = time(nil)
    var parts = tm()
    // SAFETY: gmtime_r fills the structure that it is given.
    gmtime_r(&now, &parts)
    return Day(year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday))
  }
}
