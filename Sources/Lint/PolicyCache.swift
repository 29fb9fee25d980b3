import Common
import Facts
import Glibc
import Inputs
import Syntax

/// The policies of a run, each read once.
struct PolicyCache {
  private let choice: PolicyChoice
  /// Policies by path; nil where there is no file.
  private var read: [String: Result<PolicyFile?, PolicyError>] = [:]
  /// Paths of those whose own problems have been reported.
  private var reported: Set<String> = []
  /// The last policy that was found next to a file: the next file is most often in the same folder.
  private var last: (own: String, named: String?, policy: PolicyFile)?

  init(_ choice: PolicyChoice) { self.choice = choice }

  /// - Throws: a policy that applies cannot be used.
  mutating func policy(of file: DefinitionFiles.File) throws(PolicyError) -> PolicyFile {
    switch choice {
    case .none: return .none
    case .file(let path): return try at(path, mustExist: true) ?? .none
    case .beside:
      if file.path == "-" { return .none }
      let own = PolicyCache.folder(of: file.path)
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
      folder = PolicyCache.folder(of: String(folder.dropLast()))
    }
  }

  /// Problems of a policy itself are reported once in a run, with the first definition that the policy applies to.
  mutating func reportingProblemsOnce(_ policy: PolicyFile) -> PolicyFile {
    var policy = policy
    if let source = policy.source { policy.policy.suppressPolicyFindings = !reported.insert(source.name).inserted }
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
