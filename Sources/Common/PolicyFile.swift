import Facts
import Glibc
import Inputs
import Syntax

/// The policy that applies: `--policy FILE|none`, or the file next to the definitions.
public enum PolicyChoice: Sendable, Hashable {
  /// `.vfiogate.conf` in the definition's folder; below a directory that was named, the nearest one from
  /// there up to the directory itself. Folders above it are not searched.
  case beside
  case none
  case file(String)

  /// Parses the value of `--policy`; any text but `none` is a path.
  public init(_ text: String) { self = text == "none" ? .none : .file(text) }
}

/// A policy with its text, which excerpts of findings about it need.
///
/// A front end without a definition file loads one and passes it:
/// `Judge(host: …, qemu: …, policy: try PolicyFile.chosen(text))`. A policy that cannot be read whole is
/// an error, and nothing is checked then; without a policy it is `.none`.
public struct PolicyFile: Sendable {
  /// The name of a policy file next to definitions.
  public static let name = ".vfiogate.conf"
  /// Size limit in bytes; larger files are not read.
  private static let maximumSize = 1 << 20

  /// The decisions in the file.
  public var policy: Policy
  /// The text of the file; nil without a policy.
  package let source: SourceText?

  /// No policy.
  public static let none = PolicyFile(policy: .none, source: nil)

  /// Creates a policy file.
  /// - Parameter source: the text that the policy was parsed from.
  package init(policy: Policy, source: SourceText?) {
    self.policy = policy
    self.source = source
  }

  /// Loads the value of `--policy` where there is no definition file: a path, or `none`; nil is none too.
  public static func chosen(_ text: String?) throws(PolicyError) -> PolicyFile {
    guard let text, case .file(let path) = PolicyChoice(text) else { return .none }
    return try load(path)
  }

  /// Loads a policy file.
  /// - Throws: the path with errno's text, or the location with the error there.
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
