import Support
import XCTest

@testable import Syntax

final class XMLTests: XCTestCase {
  private func tree(_ text: String) throws -> XMLTree { try XMLTree.parse(Array(text.utf8)) }

  private func slice(_ text: String, _ range: Range<Int>) -> String {
    String(decoding: Array(text.utf8)[range], as: UTF8.self)
  }

  private func failure(_ text: String, file: StaticString = #filePath, line: UInt = #line) -> SyntaxError? {
    do { _ = try tree(text) } catch let error as SyntaxError { return error } catch {}
    XCTFail("was accepted", file: file, line: line)
    return nil
  }

  func testEveryPartOfAnElementHasItsExactRange() throws {
    let text = "<?xml version='1.0'?>\n<!-- a > b -->\n<domain type='kvm'  id = \"3>2\" >\n"
      + "  <name>g &amp; h</name>\n  <on_crash/>é<empty  a='1'/></domain>\n"
    let root = try tree(text).root
    XCTAssertEqual(slice(text, root.tagRange), "<domain type='kvm'  id = \"3>2\" >")
    XCTAssertTrue(slice(text, root.range).hasSuffix("</domain>"))
    let attributes = root.attributes
    XCTAssertEqual(attributes.map(\.name), ["type", "id"])
    XCTAssertEqual(attributes.map { slice(text, $0.range) }, ["type='kvm'", "id = \"3>2\""])
    XCTAssertEqual(attributes.map { slice(text, $0.valueRange) }, ["kvm", "3>2"])
    XCTAssertEqual(root["id"]?.value, "3>2")
    XCTAssertNil(root["typ"])
    XCTAssertEqual(root.children.map(\.name), ["name", "on_crash", "empty"])
    let name = try XCTUnwrap(root.child("name"))
    XCTAssertEqual(slice(text, name.range), "<name>g &amp; h</name>")
    XCTAssertEqual(slice(text, name.contentRange), "g &amp; h")
    XCTAssertEqual(name.text, "g & h")
    let empty = try XCTUnwrap(root.child("empty"))
    XCTAssertEqual(slice(text, empty.range), "<empty  a='1'/>")
    XCTAssertEqual(slice(text, empty.tagRange), "<empty  a='1'/>")
    XCTAssertEqual(empty.contentRange.count, 0)
    XCTAssertEqual(empty.parent?.name, "domain")
  }

  func testTextLeavesOutCommentsInstructionsAndInnerElements() throws {
    let root = try tree("<a>1<!-- <x> -->2<?pi <?>3<b>no</b><![CDATA[<4&amp;]]>&#x35;&#54;\n</a>").root
    XCTAssertEqual(root.text, "123<4&amp;56\n")
  }

  func testAttributeValuesHaveReferencesReplacedAndBlanksMadePlain() throws {
    let text = "<a v='&lt;&gt;&quot;&apos;&amp;&#10;é\t\n\r\n.'/>"
    let root = try tree(text).root
    XCTAssertEqual(root["v"]?.value, "<>\"'&\né   .")
    let word = try XCTUnwrap(root.word("v"))
    XCTAssertEqual(word.text, root["v"]?.value)
    XCTAssertEqual(slice(text, word.range(of: 2..<3)), "&")
    XCTAssertEqual(word.range(of: 2..<3).lowerBound, 14)
  }

  func testNamespacesGoByWhatThePrefixStandsFor() throws {
    let root = try tree(
      "<domain xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><q:commandline><q:arg value='-S'/></q:commandline>"
        + "<r:x/><y xmlns='urn:y'><z xmlns=''/></y></domain>").root
    let children = Array(root.children)
    XCTAssertEqual(children.map(\.name), ["commandline", "x", "y"])
    XCTAssertEqual(children[0].qualifiedName, "q:commandline")
    XCTAssertEqual(children.map(\.namespace), ["http://libvirt.org/schemas/domain/qemu/1.0", nil, "urn:y"])
    XCTAssertEqual(children[0].children.map(\.namespace), ["http://libvirt.org/schemas/domain/qemu/1.0"])
    XCTAssertEqual(children[2].children.map(\.namespace), [nil])
    XCTAssertNil(root.namespace)
    XCTAssertNil(root.child("commandline"))
  }

  func testCommentsAreListedWithWhatFollowsThem() throws {
    let text = "<!--a--><d><!-- b --><e/><f><!---->x</f></d><!--c-->"
    let tree = try tree(text)
    XCTAssertEqual(tree.comments.map { slice(text, $0.range) }, ["<!--a-->", "<!-- b -->", "<!---->", "<!--c-->"])
    XCTAssertEqual(tree.comments.map(\.text), ["a", " b ", "", "c"])
    XCTAssertEqual(tree.comments.map { tree.sibling(after: $0)?.name }, ["d", "e", nil, nil])
    XCTAssertEqual(tree.comments.map { tree.parent(of: $0)?.name }, [nil, "d", "f", nil])
  }

  func testADocumentTypeIsRefusedBeforeAnyEntityGrows() {
    let bomb = "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]><d>&b;</d>"
    XCTAssertEqual(failure(bomb), SyntaxError(message: "a document type (DTD) with declarations is not accepted, for safety", offset: 0))
    XCTAssertEqual(failure("\n<!DOCTYPE d SYSTEM 'http://127.0.0.1:1/x'><d/>")?.offset, 1)
    XCTAssertEqual(failure("\n<!DOCTYPE d PUBLIC 'a' 'b' ><d/>")?.offset, 1)
    XCTAssertEqual(failure(" <!DOCTYPE d [<!ATTLIST d a CDATA 'b'>]><d/>")?.offset, 1)
    XCTAssertEqual(try tree("<!DOCTYPE d ><d a='b'/>").root["a"]?.value, "b")
    XCTAssertEqual(failure("<d>&undeclared;</d>")?.message, "undefined entity")
  }

  func testMalformedTextIsAnErrorWithItsPlace() {
    XCTAssertEqual(failure("<a>\n  <b>\n</a>"), SyntaxError(message: "mismatched tag", offset: 12))
    XCTAssertEqual(failure("<a x='1' x='2'/>")?.message, "duplicate attribute")
    XCTAssertEqual(failure("")?.message, "no element found")
    XCTAssertEqual(failure("<a/><b/>")?.message, "junk after document element")
    XCTAssertEqual(failure("<a>\u{1}</a>")?.offset, 3)
  }

  func testDepthAndNumbersOfElementsAndAttributesAreCapped() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth)
    }
    XCTAssertEqual(try tree(nested(256)).root.name, "a")
    XCTAssertEqual(failure(nested(257))?.message, "nested deeper than 256 levels")
    XCTAssertEqual(failure("<a></b>" + nested(300))?.message, "mismatched tag")
    let many = "<a>" + String(repeating: "<b/>", count: XMLTree.maximumElements) + "</a>"
    XCTAssertEqual(failure(many)?.message, "more than 1048576 elements")
    let element = "<b" + ["a", "b", "c", "d", "e", "f", "g", "h"].map { " \($0)=''" }.joined() + "/>"
    let most = "<a>" + String(repeating: element, count: XMLTree.maximumAttributes / 8)
    XCTAssertEqual(try tree(most + "</a>").root.children.count, XMLTree.maximumAttributes / 8)
    XCTAssertEqual(
      failure(most + "<c i=''/></a>"), SyntaxError(message: "more than 1048576 attributes", offset: most.utf8.count))
  }

  func testEncodingsThatAreReadAndThoseThatAreNot() throws {
    let latin = Array("<?xml version='1.0' encoding='ISO-8859-1'?><a t='".utf8) + [0xe9] + Array("'>".utf8) + [0xe8]
      + Array("<!---->&#233;</a>".utf8)
    let root = try XMLTree.parse(latin).root
    XCTAssertEqual(root["t"]?.value, "é")
    XCTAssertEqual(root.text, "èé")
    XCTAssertEqual(try tree("\u{feff}<a/>").root.range, 3..<7)
    for name in ["koi8-r", "windows-1252", "GB2312", "ISO-8859-15"] {
      let start = "<?xml version='1.0' encoding='\(name)'?><a n='"
      let a = try XMLTree.parse(Array(start.utf8) + [0xb2, 0xe2] + Array("' bus='0x1'/>".utf8)).root
      XCTAssertEqual(a["bus"]?.value, "0x1", name)
      XCTAssertEqual(a["n"]?.range.lowerBound, start.utf8.count - 3, name)
    }
    for name in ["iso-2022-jp", "utf-7", "ebcdic-cp-us"] {
      let text = "<?xml version='1.0' encoding='\(name)'?><a/>"
      XCTAssertEqual(failure(text)?.message, "encoding \(name) is not supported; use UTF-8")
    }
    XCTAssertThrowsError(try XMLTree.parse([0xff, 0xfe] + "<a/>".utf16.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }))
  }

  private func utf16(_ text: String, isLittle: Bool = true) -> [UInt8] {
    "\u{feff}\(text)".utf16.flatMap { unit in
      let pair = [UInt8(unit & 0xff), UInt8(unit >> 8)]
      return isLittle ? pair : pair.reversed()
    }
  }

  func testUTF16IsReadAsTheUTF8ThatItStandsFor() throws {
    for declared in ["UTF-16", "utf-16LE", "UTF-8"] {
      let text = "<?xml version='1.0' encoding='\(declared)'?>\n<a t='é😀'/>"
      for isLittle in [true, false] {
        let source = SourceText(name: "t", bytes: utf16(text, isLittle: isLittle))
        let value = try XCTUnwrap(try XMLTree.parse(source.bytes).root["t"])
        XCTAssertTrue(source.isTranscoded)
        XCTAssertEqual(value.value, "é😀")
        XCTAssertEqual(source.position(of: value.range.lowerBound).line, 2)
        XCTAssertEqual(source.position(of: value.range.lowerBound).column, 4)
        XCTAssertEqual(source.bytes.count, text.utf8.count)
      }
    }
  }

  func testBrokenUTF16StaysAsItIsAndIsRefused() {
    let text = utf16("<a/>")
    for broken in [text + [0], text + [0x00, 0xd8], Array(text.dropFirst(2))] {
      let source = SourceText(name: "t", bytes: broken)
      XCTAssertFalse(source.isTranscoded)
      XCTAssertEqual(source.bytes, broken)
      XCTAssertThrowsError(try XMLTree.parse(source.bytes))
    }
    // Other texts that begin so are none of it.
    XCTAssertFalse(SourceText(name: "t", bytes: utf16("qemu")).isTranscoded)
  }

  func testEveryTruncationAndRandomChangeIsReadOrRefused() throws {
    let text = Array("<?xml version='1.0'?><!--c--><d x:y='&amp;1' xmlns:x='u'><a b = 'c>'>t&#65;<![CDATA[]]]></a><e/></d>".utf8)
    for end in text.indices { visit(Array(text[..<end])) }
    var chance = SeededGenerator(seed: 7)
    for _ in 0..<4000 {
      var changed = text
      for _ in 0..<Int.random(in: 1...3, using: &chance) {
        let at = Int.random(in: changed.indices, using: &chance)
        switch Int.random(in: 0..<3, using: &chance) {
        case 0: changed[at] = UInt8.random(in: 0...255, using: &chance)
        case 1: changed.remove(at: at)
        default: changed.insert(text.randomElement(using: &chance) ?? 0, at: at)
        }
      }
      visit(changed)
    }
  }

  /// Bytes that are not a document must not trap.
  private func visit(_ bytes: [UInt8]) {
    if let tree = try? XMLTree.parse(bytes) { visit(tree) }
  }

  /// Asks for everything that a tree can tell; nothing may trap.
  private func visit(_ tree: XMLTree) {
    let bytes = tree.bytes
    var open = [tree.root]
    while let element = open.popLast() {
      for attribute in element.attributes {
        XCTAssertEqual(element.word(attribute.name)?.text, attribute.value)
        XCTAssertTrue(element.tagRange.contains(attribute.range.upperBound - 1))
      }
      XCTAssertTrue(element.range.upperBound <= bytes.count)
      _ = (element.text, element.namespace, element.name)
      open += element.children
    }
    for comment in tree.comments { _ = (tree.parent(of: comment), tree.sibling(after: comment)) }
  }
}
