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
/// `Check(host: …, qemu: …, policy: try PolicyFile.chosen(text))`. A policy that cannot be read whole is
/// a refusal, so there is nothing to go on with after the error; without a policy it is `.none`.
public struct PolicyFile: Sendable {
  public static let name = ".vfiogate.conf"
  /// Larger ones are not read.
  private static let maximumSize = 1 << 20

  public var policy: Policy
  let source: SourceText?

  public static let none = PolicyFile(policy: .none, source: nil)

  private init(policy: Policy, source: SourceText?) {
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

/// The policies of a run, each read once.
struct PolicyShelf {
  private let choice: PolicyChoice
  /// By path; nil where there is none.
  private var read: [String: Result<PolicyFile?, PolicyError>] = [:]
  /// Those whose own problems have been reported.
  private var told: Set<String> = []
  /// What was found last beside a file: the next is most often in the same folder.
  private var last: (own: String, named: String?, policy: PolicyFile)?

  init(_ choice: PolicyChoice) { self.choice = choice }

  /// - Throws: a policy that applies cannot be used.
  mutating func policy(of file: DefinitionFiles.File) throws(PolicyError) -> PolicyFile {
    switch choice {
    case .none: return .none
    case .file(let path): return try at(path, mustExist: true) ?? .none
    case .beside:
      if file.path == "-" { return .none }
      let own = PolicyShelf.folder(of: file.path)
      if let last, last.own == own, last.named == file.folder { return last.policy }
      let policy = try nearest(from: own, to: file.folder)
      last = (own, file.folder, policy)
      return policy
    }
  }

  /// - Parameters:
  ///   - own: the definition's folder; it ends in `/`, or is empty.
  ///   - named: the one that the user named, and where the search ends.
  private mutating func nearest(from own: String, to named: String?) throws(PolicyError) -> PolicyFile {
    let top = named.map { $0.hasSuffix("/") ? $0 : $0 + "/" } ?? own
    var folder = own
    while true {
      if let policy = try at(folder + PolicyFile.name, mustExist: false) { return policy }
      if folder.utf8.count <= top.utf8.count { return .none }
      folder = PolicyShelf.folder(of: String(folder.dropLast()))
    }
  }

  /// What is wrong with a policy itself is reported with the first definition of a run.
  mutating func firstTelling(_ policy: PolicyFile) -> PolicyFile {
    var policy = policy
    if let source = policy.source { policy.policy.isTold = !told.insert(source.name).inserted }
    return policy
  }

  private mutating func at(_ path: String, mustExist: Bool) throws(PolicyError) -> PolicyFile? {
    if let known = read[path] { return try known.get() }
    let result: Result<PolicyFile?, PolicyError>
    if !mustExist, access(path, F_OK) != 0, errno == ENOENT || errno == ENOTDIR {
      result = .success(nil)
    } else {
      do throws(PolicyError) { result = .success(try PolicyFile.load(path)) } catch { result = .failure(error) }
    }
    read[path] = result
    return try result.get()
  }

  private static func folder(of path: String) -> String {
    path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? ""
  }
}
