import Facts
import Support
import Syntax
import XCTest

@testable import Inputs

/// XML documents that follow each other in one text: each is a definition.
final class SeveralDocumentsTests: XCTestCase {
  private func definitions(_ text: String) -> [ParsedInput] {
    Array(ParsedInputs(SourceText(name: "t", bytes: Array(text.utf8))))
  }

  private func domain(_ name: String, bus: Int, _ head: String = "") -> String {
    """
    \(head)<domain type='kvm'>
      <name>\(name)</name>
      <devices>
        <hostdev mode='subsystem' type='pci'><source><address domain='0' bus='\(bus)' slot='0' function='0'/></source></hostdev>
      </devices>
    </domain>

    """
  }

  private func names(_ all: [ParsedInput]) -> [String] { all.map { $0.machine.libvirt?.name ?? "-" } }
  private func lines(_ all: [ParsedInput]) -> [Int?] { all.map(\.firstLine) }

  private let declaration = "<?xml version='1.0' encoding='UTF-8'?>\n"

  func testEachIsADefinitionWithItsOwnLines() throws {
    let text = domain("a", bus: 1, declaration) + domain("b", bus: 2, "\n" + declaration) + domain("c", bus: 3)
    let all = definitions(text)
    XCTAssertEqual(names(all), ["a", "b", "c"])
    XCTAssertEqual(lines(all), [2, 10, 16])
    let source = SourceText(name: "t", bytes: Array(text.utf8))
    for (index, one) in all.enumerated() {
      XCTAssertEqual(one.problems, [])
      let device = try XCTUnwrap(one.machine.devices.first { $0.isVFIO })
      let range = try XCTUnwrap(device.location(of: "host").range)
      XCTAssertEqual(source.position(of: range.lowerBound).line, [5, 13, 19][index])
      XCTAssertEqual(device.string("host"), "0000:0\(index + 1):00.0")
    }
  }

  func testOneAloneHasNoLine() {
    XCTAssertEqual(lines(definitions(domain("a", bus: 1, declaration) + "<!-- the end -->\n")), [nil])
  }

  func testACommentBelongsToTheDocumentThatFollows() {
    let all = definitions(domain("a", bus: 1) + "<!-- vfiogate: allow=not-bound test -->\n" + domain("b", bus: 2))
    XCTAssertEqual(all.map(\.allowances.count), [0, 1])
  }

  func testTextOfATranscriptIsIgnored() {
    let text = "# virsh dumpxml a\n" + domain("a", bus: 1) + "# virsh dumpxml b\n" + domain("b", bus: 2, "\n" + declaration) + "host # \n"
    let all = definitions(text)
    XCTAssertEqual(names(all), ["a", "b"])
    XCTAssertEqual(all.flatMap(\.problems), [])
    XCTAssertEqual(all.flatMap(\.machine.unreadParts), [])
  }

  func testADeviceInTheTextBetweenIsNotMissed() {
    let all = definitions(domain("a", bus: 1) + "  one more: <hostdev mode='subsystem'>\n" + domain("b", bus: 2))
    XCTAssertEqual(names(all), ["a", "b"])
    XCTAssertEqual(all.map(\.machine.unreadParts.count), [0, 1])
  }

  func testTextBehindTheOnlyDocumentIsAnError() {
    for tail in ["garbage\n", "</domain>\n", "a\nb\n", "&x;"] {
      let all = definitions(domain("a", bus: 1) + tail)
      XCTAssertEqual(all.count, 1, tail)
      XCTAssertEqual(all.first?.problems.count, 1, tail)
    }
  }

  func testADocumentThatIsNotClosedIsAnErrorOfItsOwn() {
    let all = definitions(domain("a", bus: 1) + "<domain>\n")
    XCTAssertEqual(all.map(\.problems.count), [0, 1])
    XCTAssertEqual(lines(all), [1, 7])
  }

  func testADocumentThatCannotBeParsedIsAnErrorBesideADomain() {
    for root in ["<doma~n", "<dom", "<<domain", "<html"] {
      let all = definitions(domain("a", bus: 1) + domain("b", bus: 2).replacing("<domain", with: root))
      XCTAssertEqual(all.map(\.problems.count), [0, 1], root)
    }
  }

  func testOtherDocumentsAreSkippedBesideADomain() {
    let network = "<network><name>n</name><domain name='example.org'/></network>\n"
    XCTAssertEqual(names(definitions(network + domain("a", bus: 1) + network)), ["a"])
    let alone = definitions(network + network)
    XCTAssertEqual(alone.map(\.problems.count), [0])
    XCTAssert(alone.first?.unrecognised?.contains("`<network>`") == true)
  }

  func testWhereOneIsExpectedSeveralAreAnError() {
    let text = SourceText(name: "t", bytes: Array((domain("a", bus: 1) + domain("b", bus: 2)).utf8))
    XCTAssertEqual(ParsedInput.parse(text).problems.map(\.message), ["the text holds several XML documents, where one is expected"])
  }

  func testTheNumberOfDocumentsIsCapped() {
    let text = SourceText(name: "t", bytes: Array("<disk/><disk/><disk/><disk/>".utf8))
    var documents = LibvirtDocuments(text, .all, maximum: 2)
    XCTAssertEqual(documents.next()?.problems, [])
    XCTAssertEqual(documents.next()?.problems, [])
    XCTAssertEqual(documents.next()?.problems.map(\.message), ["more than 2 documents: the rest was not read"])
    XCTAssertNil(documents.next())
  }

  /// Ten times as many documents may take forty times as long: it would be a hundred times if each cost the whole text.
  func testTimeIsLinear() {
    let few = (0..<200).map { domain("a\($0)", bus: $0 % 200, declaration) }.joined()
    let many = (0..<2000).map { domain("a\($0)", bus: $0 % 200, declaration) }.joined()
    XCTAssertEqual(definitions(many).count, 2000)
    _ = definitions(few)
    func time(_ text: String) -> Double {
      let time = ProcessorTime()
      _ = definitions(text)
      return time.seconds
    }
    XCTAssertLessThan(time(many), 40 * time(few))
  }

  /// Nothing says what reads such a document, and a text with more devices than were found is never safe.
  func testADeviceInADocumentThatIsNotLibvirtsIsUnread() {
    let device = "<hostdev mode='subsystem' type='pci'><source><address bus='1' slot='0' function='0'/></source></hostdev>"
    let domain = "<domain type='kvm'><name>a</name><memory>1</memory><os><type machine='q35'>hvm</type></os><devices/></domain>"
    for text in [
      "<os>\(device)</os>\(domain)", "\(domain)\n<os>\(device)</os>", "\(domain)\n<os>\(device)</os>\n\(domain)",
      "<interface type='user'/><metadata>\(device)</metadata>", "<os/><os>\(device)</os>\(domain)<os/>"
    ] {
      var inputs = ParsedInputs(SourceText(name: "t", bytes: Array(text.utf8)))
      let parts = IteratorSequence(AnyIterator { inputs.next() }).flatMap(\.machine.unreadParts).map(\.what)
      XCTAssertEqual(parts.filter { $0.hasPrefix("`<hostdev` in line") }.count, 1, text)
    }
    var plain = ParsedInputs(SourceText(name: "t", bytes: Array("<os/>\(domain)<os/>".utf8)))
    XCTAssertEqual(plain.next()?.machine.unreadParts, [])
    XCTAssertNil(plain.next())
  }
}
