import RuleCases
import Rules
import XCTest

/// A fix that is text is applied to the command line: the finding goes, and no error comes.
final class FixTests: XCTestCase {
  func testAFixThatIsTextRemovesTheFindingAndBringsNoError() throws {
    var applied = 0
    for (one, run) in try CaseRun.all() {
      guard let block = one.block("argv"), !block.lines.joined().contains(where: { "'\"{$".contains($0) }) else { continue }
      let words = block.lines.joined(separator: " ").split(separator: " ").map(String.init)
      for finding in run.own.findings {
        guard let changed = CommandLineFix(finding).apply(to: words) else { continue }
        applied += 1
        let after = try one.replacing("argv", with: [changed.joined(separator: " ")]).run()
        let what = "\(one): \(finding.rule): \(finding.fix)\n\(changed.joined(separator: " "))"
        XCTAssertLessThan(
          after.own.findings.count { $0.rule == finding.rule }, run.own.findings.count { $0.rule == finding.rule }, what)
        let errors = Set(run.own.findings.filter { $0.severity == .error }.map(\.rule))
        for error in after.own.findings where error.severity == .error && !errors.contains(error.rule) {
          XCTFail("\(what)\nbrings \(error.rule): \(error.message)")
        }
      }
    }
    XCTAssertGreaterThan(applied, 60, "few fixes are text that the test understands")
  }

  func testTheTestUnderstandsFixes() {
    let words = ["qemu", "-cpu", "host", "-device", "intel-iommu,fsts=on", "-device", "vfio-pci,id=a,ats=on"]
    func apply(_ fix: String, at path: String = "-device[1]") -> [String]? { CommandLineFix(fix, path: path).apply(to: words) }
    XCTAssertEqual(apply("remove `ats=on`: it does nothing")?.last, "vfio-pci,id=a")
    XCTAssertEqual(apply("set `ats=off`, or run another kernel")?.last, "vfio-pci,id=a,ats=off")
    XCTAssertEqual(apply("add `phys-bits=39` to `-cpu`")?[2], "host,phys-bits=39")
    XCTAssertEqual(apply("remove `fsts=on`, and set `aw-bits=39`", at: "-device[0]")?[4], "intel-iommu,aw-bits=39")
    XCTAssertEqual(apply("add `a=1,b=2` to `intel-iommu`")?[4], "intel-iommu,fsts=on,a=1,b=2")
    XCTAssertEqual(apply("add `-object x,id=y` and give the device `iommufd=y`")?.suffix(2), ["-object", "x,id=y"])
    XCTAssertEqual(
      apply("put the device on an Express port: `-device p,id=r` before it, and `bus=r` without `ats` for the device")?.suffix(4),
      ["-device", "p,id=r", "-device", "vfio-pci,id=a,bus=r"])
    XCTAssertNil(apply("bind it: `driverctl set-override 0000:01:00.0 vfio-pci`"))
  }
}

/// The first alternative of a fix, as changes to a command line's words.
private struct CommandLineFix {
  private let text: String
  /// The whole fix: a device's new place follows after a colon.
  private let moved: String
  /// The number of the `-device` that the finding is about.
  private let device: Int?

  init(_ finding: Finding) { self.init(finding.fix, path: finding.location.path) }

  init(_ fix: String, path: String) {
    moved = fix
    var text = Substring(fix)
    for end in [", or ", "; ", ": ", " unless ", ", the only "] { text = text.split(separator: end, maxSplits: 1).first ?? text }
    self.text = String(text)
    let number = path.hasPrefix("-device[") ? path.dropFirst("-device[".count).prefix { $0.isNumber } : ""
    device = Int(number)
  }

  /// Nil for a fix that is something else than changes of options.
  func apply(to words: [String]) -> [String]? {
    if moved.hasPrefix("put the device on "), moved.contains("`bus=") { return move(words) }
    var words = words
    var verb = ""
    for clause in text.split(separator: ", and ").flatMap({ $0.split(separator: " and ") }) {
      let parts = clause.split(separator: "`", omittingEmptySubsequences: false).map(String.init)
      // In capitals: the user's own value.
      let isOpen = parts.count > 1 && parts[1].split(whereSeparator: { "=, ".contains($0) }).contains { $0.allSatisfy(\.isUppercase) }
      guard parts.count >= 3, !isOpen else { return nil }
      let lead = parts[0].split(separator: " ").first.map(String.init) ?? verb
      guard ["add", "set", "remove", "give"].contains(lead) else { return nil }
      verb = lead
      guard change(&words, verb, parts[1], named: parts.count > 3 ? parts[3] : nil, joint: parts[2], lead: parts[0]) else { return nil }
    }
    return words
  }

  /// The port before the device, and its bus and slot.
  private func move(_ words: [String]) -> [String]? {
    guard let own = own(words) else { return nil }
    let parts = moved.split(separator: "`", omittingEmptySubsequences: false).map(String.init)
    var properties = words[own].split(separator: ",").map(String.init)
    var ports: [String] = []
    for (lead, part) in zip(parts, parts.dropFirst()) {
      if part.hasPrefix("-device ") { ports += part.split(separator: " ").map(String.init) }
      guard part.hasPrefix("bus=") || lead == " without " else { continue }
      let key = part.split(separator: "=").first.map { $0 + "=" } ?? ""
      properties.removeAll { $0.hasPrefix(key) }
      if part.hasPrefix("bus=") { properties.append(part) }
    }
    return words[..<(own - 1)] + ports + ["-device", properties.joined(separator: ",")] + words[(own + 1)...]
  }

  /// - Parameter joint: the text between the change and the name of what is changed: ` to `.
  private func change(
    _ words: inout [String], _ verb: String, _ change: String, named name: String?, joint: String, lead: String
  ) -> Bool {
    if change.hasPrefix("-") {
      guard verb == "add" else { return false }
      words += change.split(separator: " ").map(String.init)
      return true
    }
    let isNamed = name != nil && ["to", "for", "from"].contains(joint.split(separator: " ").first.map(String.init))
    guard change.contains("=") || verb == "remove", isNamed || ["", "for the device"].contains(joint.trimmed),
      let index = isNamed ? index(named: name ?? "", in: words) : verb == "remove" ? holder(of: change, in: words) : own(words)
    else { return false }
    var properties = words[index].split(separator: ",").map(String.init)
    for property in change.split(separator: ",") {
      let key = property.split(separator: "=").first.map(String.init) ?? ""
      properties.removeAll { $0 == key || $0.hasPrefix(key + "=") }
      if verb != "remove" { properties.append(String(property)) }
    }
    words[index] = properties.joined(separator: ",")
    return true
  }

  /// The device if it has the property, else the option that has it.
  private func holder(of property: String, in words: [String]) -> Int? {
    func has(_ index: Int) -> Bool {
      words[index].split(separator: ",").contains { $0 == property || $0.hasPrefix(property + "=") }
    }
    return own(words).flatMap { has($0) ? $0 : nil } ?? words.indices.last(where: has)
  }

  private func own(_ words: [String]) -> Int? {
    let devices = words.indices.dropFirst().filter { words[$0 - 1] == "-device" }
    return device.flatMap { devices.indices.contains($0) ? devices[$0] : nil }
  }

  /// The option, the driver or the id of that name.
  private func index(named name: String, in words: [String]) -> Int? {
    words.indices.dropFirst().last { index in
      let parts = words[index].split(separator: ",")
      return name.hasPrefix("-") && words[index - 1] == name
        || ["-device", "-object"].contains(words[index - 1]) && (parts.first.map(String.init) == name || parts.contains("id=\(name)"))
    }
  }
}

extension String {
  fileprivate var trimmed: String { split(separator: " ").joined(separator: " ") }
}
