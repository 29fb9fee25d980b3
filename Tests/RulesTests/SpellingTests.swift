import Facts
import RuleCases
import Rules
import Syntax
import XCTest

/// One request has many spellings, and rules do not care which.
final class SpellingTests: XCTestCase {
  /// `-device k=v,…` and `-device '{json}'`: QEMU's own texts differ, what rules say does not.
  func testKeyValueTextAndJSONGiveTheSameFindings() throws {
    var compared = 0
    for (one, run) in try CaseRun.all() where one.block("argv") != nil {
      // The words alone have no line ends.
      guard !["crlf-line-ends", "unquoted-value"].contains(one.rule), let json = jsonForm(of: one) else { continue }
      XCTAssertEqual(
        said(try json.run(json.texts(), on: run.target.hostNow)), said(run), "\(one)")
      compared += 1
    }
    XCTAssertGreaterThan(compared, 60)
  }

  /// A device on the command line and the same device plugged into the machine without it.
  func testArgvAndDeviceAddGiveTheSameFindingsAboutTheHost() throws {
    var compared = 0
    for (one, run) in try CaseRun.all() where one.block("argv") != nil {
      guard let plugged = plugForm(of: one) else { continue }
      let host = run.target.hostNow
      // A QEMU that starts needs /dev/iommu for its objects, one that runs only for a device.
      if host.iommufd == .known(.absent) { continue }
      // A live update is about what exists at launch.
      if run.target.machine.isLiveUpdate(of: run.target.qemu) { continue }
      XCTAssertEqual(
        said(try plugged.run(plugged.texts(), on: host), only: SpellingTests.aboutHost),
        said(run, only: SpellingTests.aboutHost), "\(one)")
      compared += 1
    }
    XCTAssertGreaterThan(compared, 60)
  }

  /// Their advice is an option of the command line in one spelling, and a command in the other.
  private static let ofSpelling: Set<String> = ["ats-on-no-iommufd"]

  private static let aboutHost: Set<String> = [
    "ats-on-kernel-unsupported", "ats-on-no-cap", "ats-on-no-iommufd", "ats-auto-old-kernel", "ats-noats-cmdline",
    "ats-known-bad-device", "iommufd-no-cdev", "iommufd-perm", "iommufd-vf-token", "group-not-viable",
    "group-split-across-vms", "not-bound", "device-in-use", "device-gone-0xff",
  ]

  /// Findings of the definition alone: those across definitions name the file.
  private func said(_ run: CaseRun, only rules: Set<String>? = nil) -> [String] {
    run.own.findings.filter { rules?.contains($0.rule) ?? ($0.rule != "realize-fails") }.map { finding in
      let fix = rules != nil && SpellingTests.ofSpelling.contains(finding.rule) ? ""
        // JSON has a literal.
        : finding.fix.replacing("`\"multifunction\": true`", with: "`multifunction=on`")
      return "\(finding.severity)[\(finding.rule)]: \(finding.message); \(fix)"
    }.sorted()
  }

  /// The case's words with each `-device` as JSON; nil when there is something that JSON would say
  /// otherwise.
  private func jsonWords(of one: RuleCase) -> [String]? {
    guard let block = one.block("argv") else { return nil }
    let text = block.lines.joined(separator: "\n")
    // A quote that is never closed would be.
    guard text.count(where: { $0 == "'" }) % 2 == 0 else { return nil }
    var words: [String] = []
    for word in ShellWords(Array(text.utf8)).words {
      // Devices that are JSON already come after the others, and would no longer.
      let isJSON = words.last == "-device" && word.text.hasPrefix("{")
      if word.text == "-set" || word.hasUnknown || isJSON { return nil }
      words.append(words.last == "-device" ? SpellingTests.json(word.text).text() : word.text)
    }
    return words
  }

  private func line(_ words: [String]) -> [String] { [words.map { "'\($0)'" }.joined(separator: " ")] }

  private func jsonForm(of one: RuleCase) -> RuleCase? {
    jsonWords(of: one).map { one.replacing("argv", by: line($0)) }
  }

  /// The case with its vfio device, if it has just one, plugged by QMP.
  private func plugForm(of one: RuleCase) -> RuleCase? {
    guard var words = jsonWords(of: one) else { return nil }
    let places = words.indices.filter { words[$0].hasPrefix("{\"driver\":\"vfio-pci\"") }
    guard places.count == 1, let place = places.first, place > 0 else { return nil }
    let arguments = words[place]
    words.removeSubrange(place - 1...place)
    var plugged = one
    plugged.blocks.removeAll { $0.kind == "argv" }
    plugged.blocks.append(RuleCase.Block(kind: "guest", lines: line(words)))
    plugged.blocks.append(
      RuleCase.Block(kind: "qmp", lines: ["{\"execute\":\"device_add\",\"arguments\":\(arguments)}"]))
    return plugged
  }

  private static let texts: Set<String> = [
    "driver", "id", "bus", "host", "addr", "fd", "iommufd", "sysfsdev", "vf-token",
  ]

  /// Enumerations: their `on`, `off` and numbers are strings.
  private static let enumerations: Set<String> = [
    "ats", "intremap", "eim", "msi", "display", "enable-migration", "oas", "ssidsize", "ril", "cmdqv",
  ]

  /// Values with the types that QEMU wants in JSON.
  private static func json(_ text: String) -> JSON {
    let items = KeyValueText(Array(text.utf8), implied: "driver").items
    return .object(items.map { item in
      if texts.contains(item.key) || enumerations.contains(item.key) { return .init(item.key, .string(item.value)) }
      if let number = Int64(item.value) { return .init(item.key, .integer(number)) }
      return .init(item.key, ["on": .bool(true), "off": .bool(false)][item.value] ?? .string(item.value))
    })
  }
}

extension RuleCase {
  func replacing(_ kind: String, by lines: [String]) -> RuleCase {
    var copy = self
    copy.blocks = blocks.map { $0.kind == kind ? Block(kind: kind, lines: lines) : $0 }
    return copy
  }
}
