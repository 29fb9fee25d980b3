/// Why a recording could not be read.
public struct RecordingError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Problem: Hashable, Sendable {
    /// The file could not be opened or read; the kernel's words for why.
    case unreadable(String)
    /// More bytes than are read.
    case tooLarge(limit: Int)
    /// A line with more bytes than are read.
    case lineTooLong(limit: Int)
    /// The first line is not `vfiogate-host-recording 1`.
    case notARecording
    /// A recording of a format that this program does not know.
    case unsupportedVersion(String)
    case unknownKeyword(String)
    /// The same fact twice.
    case duplicate(String)
    /// A value that is not what the keyword takes.
    case badValue(keyword: String, value: String, expected: String)
  }

  /// The file's path, or what the caller called the text.
  public let source: String
  /// From 1; nil when the problem has no line.
  public let line: Int?
  public let problem: Problem

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
    case .notARecording: return "not a host recording: the first line is not `vfiogate-host-recording 1`"
    case .unsupportedVersion(let version):
      return "host recording of version `\(version)`; this program reads version 1"
    case .unknownKeyword(let keyword): return "unknown keyword `\(keyword)`"
    case .duplicate(let fact): return "`\(fact)` is given twice"
    case .badValue(let keyword, let value, let expected): return "`\(keyword)` takes \(expected), not `\(value)`"
    }
  }
}
