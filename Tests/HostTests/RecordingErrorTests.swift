import Facts
import Glibc
import Host
import Support
import XCTest

final class RecordingErrorTests: XCTestCase {
  private func error(_ lines: String..., file: StaticString = #filePath, line: UInt = #line) -> RecordingError? {
    let text = "vfiogate-host-recording 1\n" + lines.joined(separator: "\n")
    return error(of: Array(text.utf8), file: file, line: line)
  }

  private func error(of bytes: [UInt8], file: StaticString = #filePath, line: UInt = #line) -> RecordingError? {
    do {
      _ = try HostRecording.parse(bytes, source: "my.host")
      XCTFail("no error", file: file, line: line)
      return nil
    } catch { return error }
  }

  func testWhatIsNoRecordingIsRefusedByItsFirstLine() {
    for text in ["", "\n", "vfiogate", "{}", "vfiogate-host-recording", " vfiogate-host-recording 1"] {
      XCTAssertEqual(error(of: Array(text.utf8))?.problem, .notARecording, text)
      XCTAssertEqual(error(of: Array(text.utf8))?.line, 1)
    }
  }

  func testAnotherVersionIsNamed() {
    XCTAssertEqual(error(of: Array("vfiogate-host-recording 2\n".utf8))?.problem, .unsupportedVersion("2"))
  }

  func testAnUnknownKeywordIsNamedWithItsLine() {
    let found = error("# a comment", "kernel-relase 7.1")
    XCTAssertEqual(found?.problem, .unknownKeyword("kernel-relase"))
    XCTAssertEqual(found?.line, 3)
    XCTAssertEqual(found?.description, "my.host:3: unknown keyword `kernel-relase`")
    XCTAssertEqual(error("0000:01:00.0 drivr none")?.problem, .unknownKeyword("0000:01:00.0 drivr"))
    XCTAssertEqual(error("group 3 member none")?.problem, .unknownKeyword("group 3 member"))
    XCTAssertEqual(error("iommu dmar0 ecaps 0x0")?.problem, .unknownKeyword("iommu dmar0 ecaps"))
    XCTAssertEqual(error("0000:01:00.0")?.problem, .unknownKeyword("0000:01:00.0 "))
    XCTAssertEqual(error("0000:01:00.8 driver none")?.problem, .unknownKeyword("0000:01:00.8"))
  }

  func testAFactGivenTwiceIsNamed() {
    XCTAssertEqual(error("user root", "user root")?.problem, .duplicate("user"))
    XCTAssertEqual(
      error("0000:01:00.0 driver none", "0000:01:00.0 driver nvme")?.problem, .duplicate("0000:01:00.0 driver"))
    XCTAssertEqual(
      error("0000:01:00.0 driver ? why", "0000:01:00.0 driver nvme")?.problem, .duplicate("0000:01:00.0 driver"))
    XCTAssertEqual(error("group 1 node absent", "group 1 node denied")?.problem, .duplicate("group 1 node"))
    XCTAssertEqual(error("iommu dmar0 cap 0x1", "iommu dmar0 cap 0x1")?.problem, .duplicate("iommu dmar0 cap"))
    XCTAssertEqual(
      error("kernel-config CONFIG_VFIO y", "kernel-config CONFIG_VFIO n")?.problem,
      .duplicate("kernel-config CONFIG_VFIO"))
    XCTAssertEqual(
      error("0000:01:00.0 config ? a", "0000:01:00.0 config ? b")?.problem, .duplicate("0000:01:00.0 config"))
    XCTAssertEqual(
      error("0000:01:00.0 config 0x000 86 80", "0000:01:00.0 config ? b")?.problem, .duplicate("0000:01:00.0 config"))
  }

  func testAnAddressWithoutItsDomainIsTheSameFunction() {
    XCTAssertEqual(error("0000:01:00.0 driver none", "01:00.0 driver nvme")?.problem, .duplicate("0000:01:00.0 driver"))
  }

  func testABadValueIsShownWithWhatIsExpected() {
    let lines = [
      "iommufd maybe", "memlock lots", "memlock -1", "addresses 0000:01:00", "iommu dmar0 cap 12",
      "iommu dmar0 ecap 0x11112222333344445", "group x members none", "group -1 members none", "group 1 members 1",
      "0000:01:00.0 vendor 10de", "0000:01:00.0 vendor 0x10de0", "0000:01:00.0 vendor 0x", "0000:01:00.0 vendor 0x-1",
      "0000:01:00.0 class +1", "0000:01:00.0 group 0x1", "0000:01:00.0 boot-vga true", "0000:01:00.0 numa-node none",
      "0000:01:00.0 driver two words", "0000:01:00.0 driver \\x4", "0000:01:00.0 driver \\n", "0000:01:00.0 driver",
      "0000:01:00.0 users qemu", "0000:01:00.0 users 0:qemu", "0000:01:00.0 users -3:qemu",
      "0000:01:00.0 physical-function 01:00", "0000:01:00.0 region-sizes 16", "0000:01:00.0 kernel-ats yes",
      "0000:01:00.0 firmware-ats supported", "0000:01:00.0 cdev-node here", "0000:01:00.0 config-size big",
      "kernel-config VFIO y", "kernel-config CONFIG_VFIO", "kernel-config CONFIG_VFIO y z",
    ]
    for line in lines {
      guard let found = error(line) else { continue }
      guard case .badValue(_, _, let expected) = found.problem else {
        XCTFail("\(line): \(found)")
        continue
      }
      XCTAssertFalse(expected.isEmpty)
      XCTAssertEqual(found.line, 2, line)
    }
    XCTAssertEqual(
      error("iommufd maybe")?.description,
      "my.host:2: `iommufd` takes `accessible` or `denied` or `absent`, not `maybe`")
  }

  func testAMalformedConfigRowIsRefused() {
    for row in [
      "", "0x000", "0x000 1", "0x000 123", "0x000 zz", "000 00", "0x1000 00", "0xfff 00 00", "0x-1 00", "0x00000000 00",
      "0xffffffffffffffffff 00", "0x000..0xfff", "0x000..0x1000 00", "0x010..0x000 00", "0x000..0x00f 00 00",
      "0x000.0x00f 00", "0x000.. 00", "..0x00f 00", "0x000 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
    ] {
      guard case .badValue(let keyword, _, _)? = error("0000:01:00.0 config \(row)")?.problem else {
        XCTFail(row)
        continue
      }
      XCTAssertEqual(keyword, "config")
    }
  }

  func testAConfigByteGivenTwiceIsRefused() {
    for second in ["0x00f 00", "0x000..0x100 00", "0x000 .. 11"] {
      guard case .badValue? = error("0000:01:00.0 config 0x000..0x00f ff", "0000:01:00.0 config \(second)")?.problem
      else { return XCTFail(second) }
    }
  }

  func testTooMuchTextIsRefusedWithItsLimit() {
    let header = Array("vfiogate-host-recording 1\n".utf8)
    let long = header + Array("user ".utf8) + [UInt8](repeating: 0x61, count: HostRecording.lineLimit)
    XCTAssertEqual(error(of: long)?.problem, .lineTooLong(limit: HostRecording.lineLimit))
    let large = header + [UInt8](repeating: 0x0a, count: HostRecording.sizeLimit)
    XCTAssertEqual(error(of: large)?.problem, .tooLarge(limit: HostRecording.sizeLimit))
  }

  func testAnUnreadableFileGivesThePathAndTheKernelsWords() throws {
    let tree = try FixtureTree()
    for (path, words) in [("\(tree.root)/no.host", "No such file or directory"), (tree.root, "Is a directory")] {
      do {
        _ = try HostRecording.load(path)
        XCTFail("no error for \(path)")
      } catch {
        XCTAssertEqual(error.problem, .unreadable(words))
        XCTAssertEqual(error.description, "\(path): \(words)")
      }
    }
  }

  func testAFileIsLoadedFromItsPath() throws {
    let tree = try FixtureTree()
    tree.file("/a.host", "vfiogate-host-recording 1\nuser root\n")
    let host = try HostRecording.load(tree.root + "/a.host")
    XCTAssertEqual(host.user, .known("root"))
    XCTAssertEqual(host.source, tree.root + "/a.host")
  }

  func testNoBytesTrap() throws {
    var random = SeededGenerator(seed: 11)
    let samples = try RecordingRoundTripTests.fixtures().map { Array($0.text.utf8.prefix(2500)) }
    for round in 0..<200 {
      var bytes = samples[round % samples.count]
      for _ in 0..<(1 + round % 9) {
        bytes[Int.random(in: 26..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      do { _ = HostRecording.render(try HostRecording.parse(bytes, source: "noise")) } catch {
        XCTAssertFalse(error.description.isEmpty)
      }
    }
  }
}
