import Support
import XCTest

/// The texts of QEMU's code that a launch or a plug of vfio-pci can reach, each with what becomes of it
/// (Fixtures/realizes/texts-11.1.3.tsv).
final class QEMUTextTests: XCTestCase {
  private struct Text {
    let format: String
    let scope: String
    let status: String
    let reason: String
  }

  private func texts() throws -> [Text] {
    try Fixture.text("realizes/texts-11.1.3.tsv").split(separator: "\n").dropFirst().map { line in
      let columns = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      XCTAssertEqual(columns.count, 7, String(line))
      return Text(format: columns[3], scope: columns[4], status: columns[5], reason: columns[6])
    }
  }

  func testEachTextHasAStatusWithAReason() throws {
    let all = try texts()
    XCTAssertEqual(all.count, 641)
    for text in all {
      XCTAssert(["predicted", "rule", "left", "not predictable"].contains(text.status), "\(text.format): \(text.status)")
      XCTAssertFalse(text.reason.isEmpty, text.format)
    }
  }

  /// Each text that is called recorded is in a row: its longest part between two values.
  func testARecordedTextIsInARow() throws {
    let folder = Fixture.path("realizes")
    let names = [
      "believed-11.1.3", "sweep-11.1.3", "refusals-11.1.3", "smmuv3-11.1.3", "recorded-realizes", "lab-intel",
      "lab-intel-39-bits", "lab-intel-first-stage", "lab-intel-no-device-tlb", "lab-intel-noats", "lab-amd",
      "lab-amd-unsafe-interrupts", "lab-virtio", "lab-virtio-unsafe-interrupts", "lab-no-iommu",
    ]
    var rows = ""
    for name in names { rows += try Fixture.text("realizes/\(name).jsonl") }
    XCTAssertFalse(rows.isEmpty, folder)
    let bytes = Array(rows.utf8)
    for text in try texts() where text.reason == "a recorded row" {
      let part = Array(longestPart(text.format).utf8)
      XCTAssert(bytes.contains(part), "no row has the text: \(text.format)")
    }
  }

  func testTheRulesOfTheTableExist() throws {
    for text in try texts() where text.status == "rule" {
      XCTAssertNoThrow(try Fixture.text("rules/\(text.reason).md"), text.format)
    }
  }

  private func longestPart(_ format: String) -> String {
    var parts = [""]
    var rest = format[...]
    while let next = rest.first {
      rest = rest.dropFirst()
      if next == "%" {
        while let digit = rest.first, digit.isNumber || "lhz.-\"".contains(digit) { rest = rest.dropFirst() }
        rest = rest.dropFirst()
        parts.append("")
      } else if next == "\\", let escaped = rest.first {
        // A quotation mark is written with a backslash in C and in JSON alike.
        rest = rest.dropFirst()
        if escaped == "\"" { parts[parts.count - 1] += "\\\"" } else { parts.append("") }
      } else {
        parts[parts.count - 1].append(next)
      }
    }
    return parts.max { $0.utf8.count < $1.utf8.count } ?? ""
  }
}

extension Array where Element == UInt8 {
  /// Whether the bytes occur anywhere.
  fileprivate func contains(_ part: [UInt8]) -> Bool {
    guard let first = part.first, part.count <= count else { return part.isEmpty }
    var at = startIndex
    while at <= count - part.count {
      if self[at] == first, self[at..<at + part.count].elementsEqual(part) { return true }
      at += 1
    }
    return false
  }
}
