import Glibc
import Syntax

/// One line of the log: short, and printable regardless of what clients wrote.
struct LogLine {
  let time: String
  let level: ProxyLog.Level
  let event: String
  let fields: [JSON.Member]

  /// The length of a line in bytes, its end included: what a pipe takes whole (PIPE_BUF of linux/limits.h).
  static let limit = 4096

  /// Lengths of texts in bytes, tried in this order until the line is short enough.
  private static let textLimits = [2048, 512, 96, 16]

  /// Number of items of an array or object that are printed.
  private static let itemLimit = 32

  func bytes(_ format: ProxyLog.Format) -> [UInt8] {
    for limit in LogLine.textLimits {
      let line = LogLine.printable(text(fields.map { .init($0.key, LogLine.short($0.value, limit, depth: 0)) }, format))
      if line.utf8.count < LogLine.limit { return Array((line + "\n").utf8) }
    }
    return Array((LogLine.printable(text([.init("cut", true)], format)) + "\n").utf8)
  }

  private func text(_ fields: [JSON.Member], _ format: ProxyLog.Format) -> String {
    switch format {
    case .json:
      let head = [JSON.Member("time", .string(time)), .init("level", .string(level.rawValue)), .init("event", .string(event))]
      return JSON.object(head + fields).text()
    case .text:
      let texts = fields.map { "\($0.key)=\(LogLine.plain($0.value))" }
      return ([time, level.rawValue, event] + texts).joined(separator: " ")
    }
  }

  /// A value on one line: quoted by JSON's rules where it is not printable ASCII.
  private static func plain(_ value: JSON) -> String {
    guard let text = value.string else { return value.text() }
    let needsNoQuotes = !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") }
    return needsNoQuotes ? text : value.qemuText()
  }

  /// The value with its texts and lists cut, and their full size noted.
  private static func short(_ value: JSON, _ limit: Int, depth: Int) -> JSON {
    switch value {
    case .string(let text) where text.utf8.count > limit:
      return .string(String(decoding: text.utf8.prefix(limit), as: UTF8.self) + "… (\(text.utf8.count) bytes)")
    case .array(let items):
      if depth > 3 { return "…" }
      let rest: [JSON] = items.count > itemLimit ? [.string("… (\(items.count) items)")] : []
      return .array(items.prefix(itemLimit).map { short($0, limit, depth: depth + 1) } + rest)
    case .object(let members):
      if depth > 3 { return "…" }
      let shown = members.prefix(itemLimit).enumerated().map { index, member in
        JSON.Member(member.key.utf8.count > limit ? "… \(index)" : member.key, short(member.value, limit, depth: depth + 1))
      }
      return .object(shown)
    default: return value
    }
  }

  /// Writes control and format characters as JSON does: a terminal obeys some of them, others change the order in which text
  /// is read (C0, DEL, C1, bidirectional controls, line separators). In both formats they occur in quotes only.
  private static func printable(_ text: String) -> String {
    if text.utf8.allSatisfy({ 0x20..<0x7f ~= $0 }) { return text }
    var shown = ""
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate:
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          shown += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      default: shown.unicodeScalars.append(scalar)
      }
    }
    return shown
  }

  /// UTC with milliseconds, RFC 3339.
  static var now: String {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    var parts = tm()
    gmtime_r(&time.tv_sec, &parts)
    let day = [Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday)]
    let date = day.map(two).joined(separator: "-")
    let clock = [Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec)].map(two).joined(separator: ":")
    return "\(date)T\(clock).\(String(1000 + time.tv_nsec / 1_000_000).dropFirst())Z"
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
