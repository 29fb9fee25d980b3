import Facts
import Syntax

/// A configuration space decoded: header, capability chains, ATS.
public struct ConfigReport: Sendable {
  private let title: String
  private let config: ConfigSpace

  /// - Parameter title: the first line: a file, or the address of a function.
  public init(title: String, config: ConfigSpace) {
    self.title = title
    self.config = config
  }

  /// Text for a terminal.
  public var text: String { ([printable(title)] + lines.map { "  " + $0 }).joined(separator: "\n") + "\n" }

  /// The decoded space, one fact a line.
  var lines: [String] {
    if case .known(true) = config.isDead {
      return ["config space reads all ones: the function does not answer (removed, in D3cold, or hung)"]
    }
    return [identity] + chain("standard capabilities", config.standardChain, Capability.standardName)
      + chain("extended capabilities", config.extendedChain, Capability.extendedName) + [ats]
  }

  private var identity: String {
    let ids = [config.word(0), config.word(2)].map { $0.display?.hexadecimal(digits: 4) ?? "????" }
    let bytes = config.bytes.filter { $0 != nil }.count
    let header = config.headerType.map { ["endpoint", "bridge", "CardBus bridge"].indices.contains(Int($0))
      ? ["endpoint", "bridge", "CardBus bridge"][Int($0)] : "header type \($0)" }
    return "\(ids[0]):\(ids[1]), \(header.display ?? "header unread"), \(bytes) bytes read"
  }

  private func chain(_ name: String, _ chain: CapabilityChain, _ title: (UInt16) -> String?) -> [String] {
    var lines = ["\(name): \(ConfigReport.description(chain.end))"]
    lines += chain.capabilities.map { capability in
      let version = capability.version == 0 ? "" : " v\(capability.version)"
      return "  [0x\(capability.offset.hexadecimal(digits: 3))] \(title(capability.id) ?? "unassigned") (0x"
        + "\(capability.id.hexadecimal(digits: 4)))\(version)"
    }
    if !chain.unaligned.isEmpty {
      lines.append("  unaligned pointers at " + chain.unaligned.map { "0x" + $0.hexadecimal(digits: 3) }.joined(separator: ", "))
    }
    return lines
  }

  static func description(_ end: ChainEnd) -> String {
    switch end {
    case .complete: return "complete"
    case .empty: return "none"
    case .loop(let at): return "broken: a loop back to 0x" + String(at, radix: 16)
    case .outside(let pointer): return "broken: a pointer outside the space, 0x" + String(pointer, radix: 16)
    case .allOnes(let at): return "broken: all ones at 0x" + String(at, radix: 16)
    case .unread(let unknown): return "unknown: \(unknown)"
    }
  }

  private var ats: String {
    switch config.ats {
    case .unknown(let unknown): return "ATS: unknown (\(unknown.reason))"
    case .known(nil): return "ATS: no capability"
    case .known(.some(let ats)):
      func part<T>(_ value: Known<T>) -> String { value.display.map { "\($0)" } ?? "unknown" }
      return "ATS: at 0x\(ats.offset.hexadecimal(digits: 3)), invalidate queue depth \(part(ats.invalidateQueueDepth)), page-aligned "
        + "\(PredictReport.word(ats.pageAligned)), enabled \(PredictReport.word(ats.enabled)), STU "
        + part(ats.smallestTranslationUnit)
    }
  }

  /// Object with the keys of `probe --config --format json`; unread fields are `"undetermined"`.
  public var json: JSON {
    .object([
      .init("title", .string(title)), .init("bytes-read", .integer(Int64(config.bytes.filter { $0 != nil }.count))),
      .init("dead", config.isDead.json),
      .init("vendor", config.word(0).json { .string("0x" + $0.hexadecimal(digits: 4)) }),
      .init("device", config.word(2).json { .string("0x" + $0.hexadecimal(digits: 4)) }),
      .init("standard-capabilities", chainJSON(config.standardChain, Capability.standardName)),
      .init("extended-capabilities", chainJSON(config.extendedChain, Capability.extendedName)),
      .init("ats", config.ats.json(atsJSON)),
    ])
  }

  private func chainJSON(_ chain: CapabilityChain, _ title: (UInt16) -> String?) -> JSON {
    .object([
      .init("end", .string(ConfigReport.description(chain.end))),
      .init("capabilities", .array(chain.capabilities.map { capability in
        .object([
          .init("id", .string("0x" + capability.id.hexadecimal(digits: 4))), .init("name", title(capability.id).map(JSON.string) ?? .null),
          .init("version", .integer(Int64(capability.version))), .init("offset", .integer(Int64(capability.offset))),
        ])
      })),
      .init("unaligned-pointers", .array(chain.unaligned.map { .integer(Int64($0)) })),
    ])
  }

  private func atsJSON(_ ats: ATSCapability?) -> JSON {
    guard let ats else { return .null }
    return .object([
      .init("offset", .integer(Int64(ats.offset))),
      .init("invalidate-queue-depth", ats.invalidateQueueDepth.json { .integer(Int64($0)) }),
      .init("page-aligned", ats.pageAligned.json), .init("enabled", ats.enabled.json),
      .init("smallest-translation-unit", ats.smallestTranslationUnit.json { .integer(Int64($0)) }),
    ])
  }
}
