import Support
import XCTest

/// Plain technical English in sources and documents: CONTRIBUTING.md, "Language".
final class LanguageTests: XCTestCase {
  /// Openings that make a reader wait for the noun.
  private static let openings: Set<String> = [
    "What", "Where", "Whose", "Who", "Whom", "Which", "How", "Why", "Those", "That", "Nobody", "Somebody", "Whoever",
    "Whatever", "Of", "By", "In", "As", "From", "For", "After", "Before", "Between", "Under", "Inside", "Behind",
    "Beyond", "Beside", "To", "With", "Without", "At", "On", "Through", "Until", "Since", "Below", "Above",
  ]

  /// Names that did not say what they named.
  private static let replacedNames: Set<Substring> = [
    "told", "isTold", "ATSQuestion", "ATSForecast", "question", "forecast", "Subject", "Definition", "ParsedDefinition",
    "MachineRequest", "Judgement", "Check", "StartGate", "PlugGate", "ProxyGate", "LaunchGuard", "ProxyDoor",
    "BackDoors", "KillingRequests", "ProxyDebt", "ProxyJob", "ProxyInquiry", "ProxyStep", "SettledInquiry",
    "GuestQuestions", "RunningGuest", "RunningMachine", "RunningTopology", "PCIBusReading", "PlugEvidence",
    "PlugOutcome", "Occupant", "possibleOthers", "GuestPlace", "occupy", "Placement", "requestedFunctionNumber",
    "guestFunction", "Identifier", "DriverName", "Int128Range", "HostShelf", "PolicyShelf", "areTogether",
    "isInQEMUsPlace", "isBrief", "isDeaf", "isNew", "FirstReading", "SecondReading", "LintEntry", "Claims",
    "OpenQuestions", "LibvirtPart", "Parts", "LibvirtForeign", "foreign", "devicesElsewhere", "Looked", "PlainDomain",
    "isPlain", "judge",
  ]

  func testDocCommentsOpenWithANounOrAVerb() throws {
    var hits: [Hit] = []
    for file in try SourceFile.all(below: "Sources") {
      var isInside = false
      for (index, line) in file.lines.enumerated() {
        let text = line.drop { $0 == " " }
        defer { isInside = text.hasPrefix("///") }
        if isInside || !text.hasPrefix("///") { continue }
        let first = text.dropFirst(3).drop { $0 == " " }.prefix { $0.isLetter }
        if LanguageTests.openings.contains(String(first)) {
          hits.append(Hit(path: file.path, line: index + 1, text: String(text)))
        }
      }
    }
    report(hits, "a doc comment opens with a relative clause or a preposition")
  }

  func testTheGlossaryIsKept() throws {
    let phrases = Dictionary(
      grouping: Glossary.phrases.map { $0.phrase.split(separator: " ").map(String.init) }, by: { $0.first ?? "" })
    let instead = Dictionary(Glossary.phrases.map { ($0.phrase, $0.instead) }, uniquingKeysWith: { first, _ in first })
    var isNeeded = [Bool](repeating: false, count: Glossary.exceptions.count)
    var hits: [Hit] = []
    for file in try LanguageTests.texts() {
      // Rows of the glossary in CONTRIBUTING.md.
      let lines = file.lines.map { $0.hasPrefix("| ~~") ? "" : $0 }
      for found in Words(lines).find(phrases) {
        if Glossary.isPlain(found.phrase, before: found.before, after: found.after) { continue }
        let exception = Glossary.exceptions.firstIndex { file.path.contains($0.path) && $0.phrase == found.phrase }
        if let exception {
          isNeeded[exception] = true
        } else {
          hits.append(Hit(path: file.path, line: found.line, text: "`\(found.phrase)`: \(instead[found.phrase] ?? "")"))
        }
      }
    }
    report(hits, "CONTRIBUTING.md has the word to use")
    for (exception, isNeeded) in zip(Glossary.exceptions, isNeeded) where !isNeeded {
      XCTFail("the exception for `\(exception.phrase)` in \(exception.path) is not needed any more: remove it")
    }
  }

  /// Names that said something else than what they named.
  func testNamesThatWereReplacedStayAway() throws {
    var hits: [Hit] = []
    for file in try SourceFile.all(below: "Sources") {
      let lines = file.code
      for (index, line) in lines.enumerated() {
        for name in SourceFile.identifiers(in: SourceFile.withoutText(line)) where LanguageTests.replacedNames.contains(name) {
          hits.append(Hit(path: file.path, line: index + 1, text: "`\(name)`"))
        }
      }
    }
    for file in try SourceFile.all(below: "Sources/CLinux", ending: [".h", ".c"]) {
      for (index, line) in file.lines.enumerated() where line.contains("vfiogate_") {
        hits.append(Hit(path: file.path, line: index + 1, text: "the prefix is clinux_"))
      }
    }
    report(hits, "a name that was replaced")
  }

  func testEveryPublicDeclarationHasADocComment() throws {
    var hits: [Hit] = []
    for file in try SourceFile.all(below: "Sources") {
      let lines = file.lines.map { $0.drop { $0 == " " } }
      for (index, line) in lines.enumerated() where SourceFile.isPublicDeclaration(line) {
        var before = index - 1
        while before >= 0, lines[before].hasPrefix("@") { before -= 1 }
        if before < 0 || !lines[before].hasPrefix("///") {
          hits.append(Hit(path: file.path, line: index + 1, text: String(line)))
        }
      }
    }
    report(hits, "a public declaration without a doc comment")
  }

  private func report(_ hits: [Hit], _ complaint: String, line: UInt = #line) {
    if hits.isEmpty { return }
    let list = hits.prefix(40).map { "\n  \($0)" }.joined()
    XCTFail("\(hits.count): \(complaint)\(list)", line: line)
  }

  /// Everything that a user or a contributor reads.
  private static func texts() throws -> [SourceFile] {
    let documents = ["README", "ARCHITECTURE", "THREATS", "CONTRIBUTING", "CHANGELOG", "RULES"]
    return try SourceFile.all(below: "Sources", ending: [".swift", ".c", ".h"])
      + documents.map { try SourceFile(at: $0 + ".md") }
      + SourceFile.all(below: "docs", ending: [".md"]) + SourceFile.all(below: "examples", ending: [""])
      + SourceFile.all(below: "packaging", ending: [""]) + SourceFile.all(below: "scripts", ending: [""])
  }
}
