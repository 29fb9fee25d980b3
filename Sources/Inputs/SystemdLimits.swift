import Facts
import Syntax

/// The user and the limits that a systemd service gives its command (systemd.exec(5)).
extension SystemdUnit {
  /// The user and the limit of locked memory; nil when the unit sets neither.
  static func limits(_ settings: [String: String]) -> ServiceLimits? {
    var limits = ServiceLimits(user: user(settings), memlock: settings["LimitMEMLOCK"].map(memlock))
    // A capability above the limit.
    if settings["AmbientCapabilities"].map(grantsLocking) == true { limits.memlock = .known(nil) }
    if limits.memlock == nil, let user = limits.user, user != .known("root") {
      limits.memlock = .unknown(
        "memlock limit of the unit", "without `LimitMEMLOCK=` it is the service manager's DefaultLimitMEMLOCK=")
    }
    return limits.user == nil && limits.memlock == nil ? nil : limits
  }

  /// The first setting that may keep the command from the nodes below /dev/vfio (systemd.exec(5), Sandboxing;
  /// systemd.resource-control(5), DevicePolicy=).
  static func sandbox(_ settings: [String: String]) -> String? {
    let folders = ["RootDirectory", "RootImage"].first { settings[$0] != nil }
    let hidden = settings["PrivateDevices"].map(isTrue) == true ? "PrivateDevices" : nil
    let policy = settings["DevicePolicy"].map { $0 != "auto" } == true || settings["DeviceAllow"] != nil ? "DevicePolicy" : nil
    return hidden ?? policy ?? folders
  }

  /// The user who runs the command; nil where the service manager decides.
  private static func user(_ settings: [String: String]) -> Known<String>? {
    let name = settings["User"] ?? (settings["DynamicUser"].map(isTrue) == true ? "a dynamic user" : nil)
    func unknown(_ key: String) -> Known<String> { .unknown("user of the unit", "the effect of `\(key)` is not modelled") }
    let prefix = (settings["ExecStart"] ?? "").prefix { "@-:+!|".contains($0) }
    if name != nil, prefix.contains(where: { "+!".contains($0) }) { return unknown("ExecStart=\(prefix)") }
    let isRoot = name == nil || name == "root" || name == "0"
    if isRoot, let set = settings["CapabilityBoundingSet"], !grantsLocking(set) { return unknown("CapabilityBoundingSet=\(set)") }
    if isRoot, let value = settings["PrivateUsers"], isTrue(value) { return unknown("PrivateUsers=\(value)") }
    guard let name else { return nil }
    if isRoot { return .known("root") }
    if name.contains("%") { return .unknown("user of the unit", "`User=\(name)` has a specifier, whose value only systemd knows") }
    return .known(name.utf8.allSatisfy(\.isASCIIDigit) ? "uid \(name)" : name)
  }

  private static func grantsLocking(_ set: String) -> Bool {
    !set.hasPrefix("~") && set.split(separator: " ").contains { $0.uppercased() == "CAP_IPC_LOCK" }
  }

  private static func isTrue(_ value: String) -> Bool { ["yes", "true", "on", "1", "y", "t"].contains(value.lowercased()) }

  /// A limit in bytes, its soft value where there are two: `64M`, `64M:infinity` (systemd.exec(5), Process Properties).
  private static func memlock(_ text: String) -> Known<UInt64?> {
    let soft = text.prefix { $0 != ":" }
    if soft == "infinity" { return .known(nil) }
    let digits = soft.prefix { $0.isASCII && $0.isNumber }
    let shift: UInt64? = ["": 0, "K": 10, "M": 20, "G": 30, "T": 40, "P": 50, "E": 60][String(soft.dropFirst(digits.count))]
    guard let number = UInt64(digits), let shift, number.leadingZeroBitCount >= shift else {
      return .unknown("memlock limit of the unit", "`LimitMEMLOCK=\(text)` is not a size that is understood")
    }
    return .known(number << shift)
  }

  /// The settings of `[Service]`, the last of each; an empty one takes those before it away.
  static func settings(_ bytes: [UInt8]) -> [String: String] {
    var found: [String: String] = [:]
    var isService = false, isContinued = false
    for line in EmbeddedCommand.lines(bytes) where !isComment(bytes, line) {
      let wasContinued = isContinued
      isContinued = EmbeddedCommand.continues(bytes, line)
      guard !wasContinued, let start = bytes[line].firstIndex(where: { $0 > 0x20 }) else { continue }
      let text = bytes[start..<line.upperBound]
      if text.first == UInt8(ascii: "[") { isService = text.starts(with: "[Service]".utf8) }
      guard isService, let equals = text.firstIndex(of: UInt8(ascii: "=")) else { continue }
      let value = string(text[(equals + 1)...])
      found[string(text[..<equals])] = value.isEmpty ? nil : value
    }
    return found
  }

  private static func string(_ bytes: ArraySlice<UInt8>) -> String {
    guard let start = bytes.firstIndex(where: { $0 > 0x20 }), let end = bytes.lastIndex(where: { $0 > 0x20 }) else { return "" }
    return String(decoding: bytes[start...end], as: UTF8.self)
  }
}
