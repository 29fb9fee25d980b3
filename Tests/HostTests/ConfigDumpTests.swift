import Facts
import Host
import Support
import XCTest

final class ConfigDumpTests: XCTestCase {
  private func parse(_ text: String) throws -> [ConfigDump] { try ConfigDump.parse(Array(text.utf8)) }

  private func problem(_ bytes: [UInt8], line: UInt = #line) -> ConfigDumpError? {
    do {
      _ = try ConfigDump.parse(bytes)
      XCTFail("no error", line: line)
      return nil
    } catch { return error }
  }

  private func problem(_ text: String, line: UInt = #line) -> ConfigDumpError? { problem(Array(text.utf8), line: line) }

  /// The dump of `lspci -xxxx` for these bytes.
  private func rows(_ bytes: [UInt8]) -> String {
    var text = ""
    for at in stride(from: 0, to: bytes.count, by: 16) {
      let offset = String(at, radix: 16)
      text += (offset.utf8.count < 2 ? "0" : "") + offset + ":"
      for byte in bytes[at..<min(at + 16, bytes.count)] {
        text += byte < 16 ? " 0" : " "
        text += String(byte, radix: 16)
      }
      text += "\n"
    }
    return text
  }

  private func endpoint(_ size: Int, express: Bool) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: size)
    bytes.replaceSubrange(0..<8, with: [0xde, 0x10, 0x04, 0x22, 0x06, 0x04, 0x10, 0x00])
    bytes[0x0b] = 0x03
    if size > 0x42 {
      bytes[0x34] = 0x40
      bytes[0x40] = express ? 0x10 : 0x01
    }
    return bytes
  }

  func testARawImageOfAnySizeFrom64To4096IsTaken() throws {
    for size in [64, 65, 100, 128, 255, 256, 257, 4095, 4096] {
      let dumps = try ConfigDump.parse(endpoint(size, express: true))
      XCTAssertEqual(dumps.count, 1)
      XCTAssertEqual(dumps.first?.config.bytes.count, size)
      XCTAssertEqual(dumps.first?.config.size.isKnown, size == 4096, "\(size)")
    }
  }

  func testARawImageOfAnotherSizeIsRefusedWithItsSize() {
    XCTAssertEqual(problem([]).map(\.problem), .empty)
    for size in [1, 63, 4097, 8192] {
      XCTAssertEqual(problem([UInt8](repeating: 0, count: size))?.problem, .rawSize(size))
    }
  }

  func testAllOnesAndAllZeroesAreImages() throws {
    let ones = try ConfigDump.parse([UInt8](repeating: 0xff, count: 256))
    XCTAssertEqual(ones.first?.config.isDead, .known(true))
    let zeroes = try ConfigDump.parse([UInt8](repeating: 0, count: 64))
    XCTAssertEqual(zeroes.first?.config.hasPCIExpress, .known(false))
  }

  func test256BytesAreAllOfAConventionalFunctionAndNotOfAnExpressOne() throws {
    let conventional = try XCTUnwrap(ConfigDump.parse(endpoint(256, express: false)).first).config
    XCTAssertEqual(conventional.size, .known(256))
    XCTAssertEqual(conventional.ats, .known(nil))
    let express = try XCTUnwrap(ConfigDump.parse(endpoint(256, express: true)).first).config
    XCTAssertFalse(express.size.isKnown)
    XCTAssertFalse(express.ats.isKnown)
  }

  func testLspcisTextIsRead() throws {
    for (size, domain) in [(64, ""), (256, "0000:"), (4096, "10000:")] {
      let bytes = endpoint(size, express: true)
      let title = "\(domain)01:00.0 VGA compatible controller: NVIDIA Corporation Device 2204 (rev a1)"
      let dumps = try parse("\(title)\n\(rows(bytes))\n")
      XCTAssertEqual(dumps.map(\.title), [title])
      XCTAssertEqual(dumps.first?.address, PCIAddress("\(domain)01:00.0"))
      XCTAssertEqual(dumps.first?.config.bytes, bytes.map { $0 })
    }
  }

  func testSeveralFunctionsComeInTheirOrder() throws {
    let dump = rows(endpoint(64, express: true))
    let dumps = try parse("00:00.0 Host bridge\n\(dump)\n00:01.0 PCI bridge\n\(dump)00:02.0 VGA\n\(dump)")
    XCTAssertEqual(dumps.map(\.title), ["00:00.0 Host bridge", "00:01.0 PCI bridge", "00:02.0 VGA"])
  }

  func testVerboseTextAndNoiseInBetweenAreSkipped() throws {
    let text = """
      lspci: Unable to load libkmod resources: error -2
      $ sudo lspci -vvvxxx -s 01:00.0
      01:00.0 VGA compatible controller [0300]: NVIDIA Corporation Device (prog-if 00 [VGA controller])
      \tSubsystem: Micro-Star International Co., Ltd. [MSI] Device 3897
      \tRegion 0: Memory at fb000000 (32-bit, non-prefetchable) [size=16M]
      \tCapabilities: [60] Power Management version 3
      \t\tFlags: PMEClk- DSI- D1- D2- AuxCurrent=0mA PME(D0+,D1-,D2-,D3hot+,D3cold-)
      \tKernel driver in use: vfio-pci
      pcilib: sysfs_read_vpd: read failed: No such device

      """
    let dumps = try parse(text + rows(endpoint(256, express: true)))
    XCTAssertEqual(dumps.count, 1)
    XCTAssertEqual(dumps.first?.config.bytes.count, 256)
    XCTAssertEqual(dumps.first?.address, PCIAddress("01:00.0"))
  }

  func testCarriageReturnsTrailingBlanksAndBlankLinesChangeNothing() throws {
    let plain = "01:00.0 VGA\n" + rows(endpoint(256, express: true))
    let mangled = plain.split(separator: "\n").joined(separator: "  \r\n\r\n") + "\r\n"
    XCTAssertEqual(try parse(mangled).map(\.config), try parse(plain).map(\.config))
  }

  func testRowsWithoutAFunctionAreTaken() throws {
    let dumps = try parse(rows(endpoint(64, express: true)) + "\n" + rows(endpoint(64, express: false)))
    XCTAssertEqual(dumps.map(\.title), ["unnamed function", "unnamed function"])
    XCTAssertEqual(dumps.map(\.address), [nil, nil])
  }

  func testATruncatedDumpLeavesTheRestUnknown() throws {
    let whole = rows(endpoint(4096, express: true))
    let cut = try XCTUnwrap(parse("01:00.0 VGA\n" + whole.split(separator: "\n").prefix(17).joined(separator: "\n")).first)
    XCTAssertEqual(cut.config.bytes.count, 0x110)
    XCTAssertFalse(cut.config.size.isKnown)
    let holed = try XCTUnwrap(parse("01:00.0 VGA\n00: de 10\n40: 10 00\n").first)
    XCTAssertFalse(holed.config.byte(0x02).isKnown)
    XCTAssertEqual(holed.config.byte(0x40), .known(0x10))
  }

  func testGarbageInARowIsAnErrorWithItsLine() {
    for (row, found) in [
      ("00: de 10 zz 22", "zz"), ("00: de 1", "1"), ("00: dead", "dead"), ("00: 0x de", "0x"), ("00: +1", "+1"),
      ("00: de 10 84 26\u{1}", "26\u{1}"),
    ] {
      let error = problem("01:00.0 VGA\n\(row)\n")
      XCTAssertEqual(error?.problem, .badRow(text: found), row)
      XCTAssertEqual(error?.line, 2)
    }
    XCTAssertEqual(problem("01:00.0 VGA\n00:\n")?.problem, .badRow(text: "00:"))
    XCTAssertEqual(
      problem("00: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n")?.problem,
      .badRow(text: "00: 00 00 00 00 00 00 00 00 00 00 00 00 "))
  }

  func testARowOutsideOrTwiceIsAnErrorWithItsLine() {
    XCTAssertEqual(problem("01:00.0 VGA\n1000: 00\n")?.problem, .rowOutside(0x1000))
    XCTAssertEqual(problem("01:00.0 VGA\nff1: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n")?.problem, .rowOutside(0xff1))
    let twice = problem("01:00.0 VGA\n00: 00\n10: 00\n10: 00\n")
    XCTAssertEqual(twice?.problem, .rowTwice(0x10))
    XCTAssertEqual(twice?.description, "line 4: row 0x10 is given twice")
  }

  func testTextWithoutRowsIsAnError() {
    XCTAssertEqual(problem("01:00.0 VGA compatible controller\n\tFlags: bus master\n")?.problem, .noRows)
    XCTAssertEqual(problem("hello")?.problem, .noRows)
    XCTAssertEqual(problem(String(repeating: "no rows here ", count: 20))?.problem, .noRows)
  }

  func testNoBytesTrapAndEveryImageEnds() throws {
    var random = SeededGenerator(seed: 5)
    let text = Array(("01:00.0 VGA\n" + rows(endpoint(512, express: true))).utf8)
    for round in 0..<300 {
      let raw = random.bytes(Int.random(in: 0...4200, using: &random))
      var mutated = text
      for _ in 0...round % 5 {
        mutated[Int.random(in: 0..<mutated.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      for bytes in [raw, mutated] {
        do {
          for dump in try ConfigDump.parse(bytes) { _ = (dump.config.standardChain, dump.config.ats) }
        } catch { XCTAssertFalse(error.description.isEmpty) }
      }
    }
  }
}
