import Facts
import Host

/// A recording of which single lines can be left out. Every line is about one function, one group, or
/// the host as a whole, so only the lines about the same are read again.
final class ForgetfulHost {
  private let lines: [String]
  private let whole: Facts.Host
  /// Lines by what they are about.
  private var bySubject: [String: [Int]] = [:]
  private var known: [Int: Facts.Host] = [:]
  private static let header = "vfiogate-host-recording 1"

  init(_ lines: [String]) throws {
    self.lines = lines
    whole = try RuleCase.host(lines)
    for index in lines.indices.dropFirst() { bySubject[ForgetfulHost.subject(lines[index]), default: []].append(index) }
  }

  /// An address, `group 12`, or nothing.
  private static func subject(_ line: String) -> String {
    let words = line.split(separator: " ", maxSplits: 2)
    guard let first = words.first else { return "" }
    if PCIAddress(String(first)) != nil { return String(first) }
    return first == "group" && words.count > 1 ? "group \(words[1])" : ""
  }

  /// The host of the recording without that line.
  func without(_ index: Int) throws -> Facts.Host {
    if let host = known[index] { return host }
    let subject = ForgetfulHost.subject(lines[index])
    if let host = try withoutConfigRow(index, of: subject) { return host }
    let others = (bySubject[subject] ?? []).filter { $0 != index }.map { lines[$0] }
    let part = try RuleCase.host([ForgetfulHost.header] + others)
    var host = whole
    if let address = PCIAddress(subject) {
      host.devices[address] = part.devices[address]
    } else if let number = subject.split(separator: " ").last.flatMap({ Int($0) }) {
      host.groups[number] = part.groups[number]
    } else {
      host = part
      host.devices = whole.devices
      host.groups = whole.groups
    }
    known[index] = host
    return host
  }

  /// Most lines are rows of config space, and such a row is nothing but some bytes.
  private func withoutConfigRow(_ index: Int, of subject: String) throws -> Facts.Host? {
    guard lines[index].dropFirst(subject.count).hasPrefix(" config 0x"), let address = PCIAddress(subject),
      case .known(let space)? = whole.devices[address]?.config,
      case .known(let row)? = try RuleCase.host([ForgetfulHost.header, lines[index]]).devices[address]?.config
    else { return nil }
    var bytes = space.bytes
    for (offset, byte) in row.bytes.enumerated() where byte != nil { bytes[offset] = nil }
    while case .some(.none) = bytes.last { bytes.removeLast() }
    var host = whole
    host.devices[address]?.config = .known(ConfigSpace(bytes: bytes, size: space.size))
    known[index] = host
    return host
  }
}
