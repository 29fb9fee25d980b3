import Support
import XCTest

@testable import Syntax

final class TextTests: XCTestCase {
  private func items(_ text: String, implied: String? = "driver") -> [String] {
    KeyValueText(Array(text.utf8), implied: implied).items.map { "\($0.key)=\($0.value)" }
  }

  func testPlacesInALargeTextAreThoseOfOneThatIsCountedThrough() {
    for separator in [UInt8(0x0a), 0] {
      var chance = SeededGenerator(seed: 7)
      let bytes = (0..<70_000).map { _ in chance.next() % 300 == 0 ? separator : UInt8(ascii: "a") } + [separator]
      let text = SourceText(name: "text", bytes: bytes)
      let blocks = [0, 1 << 14, 2 << 14, 4 << 14, bytes.count].flatMap { [$0 - 1, $0, $0 + 1] }
      for offset in blocks + Array(stride(from: 0, to: bytes.count, by: 997)) {
        let before = bytes.prefix(max(0, offset))
        let start = before.lastIndex(of: separator).map { $0 + 1 } ?? 0
        let place = text.position(of: offset)
        XCTAssertEqual(place.line, 1 + before.count { $0 == separator }, "\(offset)")
        XCTAssertEqual(place.column, before.count - start + 1, "\(offset)")
        XCTAssertEqual(text.line(around: offset).start, start, "\(offset)")
      }
    }
  }

  func testColumnsCountBytesOrScalars() {
    let text = SourceText(name: "text", bytes: Array("a\n\u{e9}\u{1f600}b".utf8))
    XCTAssertEqual(text.position(of: 8).column, 7)
    XCTAssertEqual(text.scalarPosition(of: 8).column, 3)
    XCTAssertEqual(text.scalarPosition(of: 8).line, 2)
    XCTAssertEqual(text.scalarPosition(of: 1).column, 2)
  }

  func testKeyValueTextAsQEMUReadsIt() {
    XCTAssertEqual(items("vfio-pci,host=01:00.0,ats"), ["driver=vfio-pci", "host=01:00.0", "ats=on"])
    XCTAssertEqual(items("vfio-pci,noats"), ["driver=vfio-pci", "ats=off"])
    XCTAssertEqual(items("driver=a,romfile=/x,,y,z=1"), ["driver=a", "romfile=/x,y", "z=1"])
    XCTAssertEqual(items("vfio-pci,,host=1"), ["driver=vfio-pci,host=1"])
    XCTAssertEqual(items(" {\"a\":1}"), ["driver= {\"a\":1}"])
    XCTAssertEqual(items("a,b=,c= d "), ["driver=a", "b=", "c= d "])
    XCTAssertEqual(items(""), [])
    XCTAssertEqual(items("q35,accel=kvm", implied: "type"), ["type=q35", "accel=kvm"])
  }

  func testShellWordsAsAShellSplitsThem() {
    func words(_ text: String) -> [String] { ShellWords(Array(text.utf8)).words.map(\.text) }
    XCTAssertEqual(words("a 'b c' \"d e\" f\\ g h\\\n  i"), ["a", "b c", "d e", "f g", "h", "i"])
    XCTAssertEqual(words("-device '{\"a\":\"b\"}'"), ["-device", "{\"a\":\"b\"}"])
    XCTAssertEqual(words("a# b # c\nd"), ["a#", "b", "d"])
    XCTAssertEqual(words("\"\\$x \\\" \\a\""), ["$x \" \\a"])
    XCTAssertEqual(words("a''b \"\""), ["ab", ""])
  }

  func testWhatOnlyTheShellKnowsIsMarked() {
    let words = ShellWords(Array("a $B 'c$d' \"e$F\" \\$g `h`".utf8)).words
    XCTAssertEqual(words.map(\.hasUnknown), [false, true, false, true, false, true])
  }

  func testWhatTheShellReplacesIsOnePiece() {
    func words(_ text: String) -> [String] {
      let shell = ShellWords(Array(text.utf8))
      XCTAssertEqual(shell.problems, [], text)
      return shell.words.map(\.text)
    }
    XCTAssertEqual(words("-smp $(nproc) -m ${RAM}G $X"), ["-smp", "$(nproc)", "-m", "${RAM}G", "$X"])
    XCTAssertEqual(words("a=$(f \"$(g ')')\" | h) b"), ["a=$(...)", "b"])
    XCTAssertEqual(words("\"x $(dirname \"$0\")/y\" $((1 + (2 << 3)))G"), ["x $(...)/y", "$(...)G"])
    XCTAssertEqual(words("${A:-b c} ${A#\"x}\"} ${A[@]:1} \"${A[@]}\""), ["${...}", "${...}", "${A[@]:1}", "${A[@]}"])
    XCTAssertEqual(words("a `b c` `d`e"), ["a", "`...`", "`d`e"])
    XCTAssertEqual(words("a `# -device no` b=`#x`c <<<\"d e\""), ["a", "b=c"])
    XCTAssertEqual(ShellWords(Array("a `# no` $(x)".utf8)).words.map(\.hasUnknown), [false, true])
    XCTAssertEqual(words("a{b,c}d {1..3} 0{1..3}:0 {a..c}"), ["a${...}d", "${...}", "0${...}:0", "${...}"])
    XCTAssertEqual(words("{a} {a.b} {1.2} x.{y} {} {a\\,b}"), ["{a}", "{a.b}", "{1.2}", "x.{y}", "{}", "{a,b}"])
    let text = "x $(a b)y"
    let word = ShellWords(Array(text.utf8)).words[1]
    XCTAssertEqual(word.range, 2..<9)
    XCTAssertEqual(word.range(of: 6..<7), 8..<9)
  }

  /// QEMU monitor/fds.c: monitor_fd_param.
  func testANumberOfADescriptorHasDecimalDigitsOnly() {
    let rows: [(WireText, Int32?)] = [
      ("0", 0), ("000", 0), ("07", 7), ("2147483647", .max), ("0002147483647", .max), ("2147483648", nil), ("12345678901", nil), ("", nil),
      ("-1", nil), ("+1", nil), (" 1", nil), ("1a", nil), ("0x1", nil),
    ]
    for (text, number) in rows { XCTAssertEqual(text.number, number, "\(text)") }
  }

  /// A value that a file name could match is only known in quotes.
  func testAValueWithAPatternIsUnknownWithoutQuotes() {
    func words(_ text: String) -> [Word] { ShellWords(Array(text.utf8)) { _, _ in Array("a*b".utf8) }.words }
    XCTAssertEqual(words("\"$V\"").map(\.text), ["a*b"])
    XCTAssertEqual(words("\"$V\"").map(\.hasUnknown), [false])
    XCTAssertEqual(words("$V").map(\.text), ["$V"])
    XCTAssertEqual(words("$V").map(\.hasUnknown), [true])
  }

  /// QEMU would cut it: its buffer has 1024 bytes, with the NUL at the end.
  func testAWordOfTheHumanMonitorFitsQEMUsBuffer() {
    for quote in ["", "\""] {
      func word(_ count: Int) -> Word? {
        Word(Array((quote + String(repeating: "a", count: count) + quote).utf8), at: 0).hmpWord?.word
      }
      XCTAssertEqual(word(1023)?.bytes.count, 1023)
      XCTAssertNil(word(1024))
    }
  }

  func testWhatIsNeverClosedIsNoPiece() {
    XCTAssertEqual(ShellWords(Array("a $(b c".utf8)).problems.map(\.range), [3..<4])
    XCTAssertEqual(ShellWords(Array("a ${b c `".utf8)).words.map(\.text), ["a", "${b", "c", "`"])
    for piece in ["$(", "${", "\"${", "`${", "\"$("] {
      let deep = Array(String(repeating: piece, count: 300_000).utf8)
      XCTAssertFalse(ShellWords(deep).words.isEmpty && ShellWords(deep).problems.isEmpty, piece)
    }
  }

  func testAHereDocumentIsReportedAndItsMarkIsNoArgument() {
    let words = ShellWords(Array("a <<-'E' b".utf8))
    XCTAssertEqual(words.words.map(\.text), ["a", "b"])
    XCTAssertEqual(words.documents, [2..<4])
    XCTAssertEqual(words.problems, [])
    XCTAssertEqual(ShellWords(Array("a <<<b c".utf8)).documents, [])
  }

  func testOpenQuotesAndOperatorsAreProblemsWithAPlace() {
    for (text, range) in [("a 'b", 2..<4), ("a \"b", 2..<4), ("a | qemu", 2..<3), ("a; kvm", 1..<2), ("(a)", 0..<1)] {
      XCTAssertEqual(ShellWords(Array(text.utf8)).problems.map(\.range), [range], text)
    }
  }

  func testWhereOutputGoesIsNoPartOfTheCommand() {
    for text in ["a >x b", "a > x b", "a b 2>&1", "a >>'x y' b", "a </dev/null b &", "a b | tee c", "a b 2>/dev/null; echo d"] {
      let words = ShellWords(Array(text.utf8))
      XCTAssertEqual(words.words.map(\.text), ["a", "b"], text)
      XCTAssertEqual(words.problems, [], text)
    }
    // Only digits right before it are its number.
    XCTAssertEqual(ShellWords(Array("a b2>x".utf8)).words.map(\.text), ["a", "b2"])
  }

  func testPlacesInTheSource() {
    let source = SourceText(name: "x", bytes: Array("ab\ncd\n\nef".utf8))
    XCTAssertEqual(source.position(of: 0).line, 1)
    XCTAssertEqual(source.position(of: 4).line, 2)
    XCTAssertEqual(source.position(of: 4).column, 2)
    XCTAssertEqual(source.position(of: 8).line, 4)
    XCTAssertEqual(source.line(around: 4).text, "cd")
    XCTAssertEqual(source.line(around: 99).text, "ef")
    XCTAssertEqual(source.line(around: 6).text, "")
  }

  func testARangeInsideAQuotedWordPointsAtItsBytesInTheSource() {
    let text = "x 'a,\"b\"=c'\\d"
    let word = ShellWords(Array(text.utf8)).words[1]
    XCTAssertEqual(word.text, "a,\"b\"=cd")
    XCTAssertEqual(word.range(of: 2..<5), 5..<8)
    XCTAssertEqual(word.range.lowerBound, 3)
  }

  func testNothingTrapsOnAnyBytesAndEveryRangeLiesInTheText() {
    var chance = SeededGenerator(seed: 7)
    let alphabet = Array("ab ,=no'\"\\$`#\n\r|;{}()<\u{e9}-".utf8) + [0, 0xff]
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0..<30, using: &chance)).map { _ in
        alphabet[Int.random(in: 0..<alphabet.count, using: &chance)]
      }
      let shell = ShellWords(bytes)
      for range in shell.words.map(\.range) + shell.problems.map(\.range) {
        XCTAssertTrue(range.lowerBound >= 0 && range.upperBound <= bytes.count, "\(bytes)")
      }
      for item in KeyValueText(bytes, implied: "driver").items {
        XCTAssertTrue(item.keyRange.upperBound <= bytes.count && item.valueRange.upperBound <= bytes.count)
      }
      let source = SourceText(name: "", bytes: bytes)
      for offset in -1...bytes.count + 1 { _ = (source.position(of: offset), source.line(around: offset)) }
    }
  }
}
