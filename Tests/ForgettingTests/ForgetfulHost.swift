import Facts
import Host
import RuleCases

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

  /// Lines that are about the same: a function's config space, its other facts, a group; each other line
  /// is one of its own.
  var blocks: [[Int]] {
    bySubject.sorted { $0.key < $1.key }.flatMap { subject, indices -> [[Int]] in
      if subject.isEmpty { return indices.map { [$0] } }
      let rows = indices.filter { lines[$0].hasPrefix("\(subject) config 0x") }
      let others = indices.filter { !rows.contains($0) }
      return [rows, others].filter { !$0.isEmpty }
    }
  }

  /// The host of the recording without those lines, all about the same.
  func without(all block: [Int]) throws -> Facts.Host {
    try host(without: Set(block), of: ForgetfulHost.subject(lines[block[0]]))
  }

  /// The host of the recording without that line.
  func without(_ index: Int) throws -> Facts.Host {
    if let host = known[index] { return host }
    let subject = ForgetfulHost.subject(lines[index])
    if let host = try withoutConfigRow(index, of: subject) { return host }
    let host = try host(without: [index], of: subject)
    known[index] = host
    return host
  }

  private func host(without gone: Set<Int>, of subject: String) throws -> Facts.Host {
    let others = (bySubject[subject] ?? []).filter { !gone.contains($0) }.map { lines[$0] }
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
