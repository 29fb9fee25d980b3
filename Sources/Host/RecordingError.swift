/// The reason why a recording could not be read.
public struct RecordingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kinds of problem.
  public enum Problem: Hashable, Sendable {
    /// The file could not be opened or read, with errno's text.
    case unreadable(String)
    /// A file above the size limit.
    case tooLarge(limit: Int)
    /// A line above the size limit.
    case lineTooLong(limit: Int)
    /// The first line is not `vfiogate-host-recording 1`.
    case notARecording
    /// A recording of a format that this program does not know.
    case unsupportedVersion(String)
    case unknownKeyword(String)
    /// The same fact twice.
    case duplicate(String)
    /// A value that the keyword does not accept.
    case badValue(keyword: String, value: String, expected: String)
  }

  /// The file's path, or the caller's name for the text.
  public let source: String
  /// Line number from 1; nil when the problem has no line.
  public let line: Int?
  /// The kind of problem.
  public let problem: Problem

  /// Creates an error at a line of `source`.
  public init(source: String, line: Int?, problem: Problem) {
    self.source = source
    self.line = line
    self.problem = problem
  }

  public var description: String {
    let place = line.map { "\(source):\($0)" } ?? source
    return "\(place): \(what)"
  }

  private var what: String {
    switch problem {
    case .unreadable(let reason): return reason
    case .tooLarge(let limit): return "the recording is larger than \(limit) bytes"
    case .lineTooLong(let limit): return "the line is longer than \(limit) bytes"
    case .notARecording:
      return "not a host recording, which `vfiogate probe --record FILE` writes: the first line is not `vfiogate-host-recording 1`"
    case .unsupportedVersion(let version):
      return "host recording of version `\(version)`; this program reads version 1"
    case .unknownKeyword(let keyword): return "unknown keyword `\(keyword)`"
    case .duplicate(let fact): return "`\(fact)` is given twice"
    case .badValue(let keyword, let value, let expected): return "`\(keyword)` takes \(expected), not `\(value)`"
    }
  }
}
