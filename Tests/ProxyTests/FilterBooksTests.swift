import Facts
import Glibc
import Inputs
import QMP
import Syntax
import XCTest

@testable import Proxy

/// The filter's records, handed to a program that continues the session.
final class FilterBooksTests: XCTestCase {
  private func filter() -> QMPCommandFilter { QMPCommandFilter(.init(), log: ProxyLog()) }

  private func primary(_ text: String) throws -> HiddenPrimary {
    try XCTUnwrap(PlugRequest.read(JSON.parse(text), source: "device_add").flatMap(HiddenPrimary.init))
  }

  func testEachRecordIsHandedOver() throws {
    let address = try XCTUnwrap(PCIAddress("0000:01:00.0"))
    let before = filter()
    // Two names that are one Swift string.
    before.ledger.keep(WireText("e\u{301}"), .init(function: .known(address), isIOMMUFD: false, isVhostNet: false))
    before.ledger.keep(WireText("\u{e9}"), .init(function: .known(nil), isIOMMUFD: true, isVhostNet: true))
    before.ledger.keep("7", .init(function: .unknown("it", "for a reason"), isIOMMUFD: false, isVhostNet: nil))
    before.ledger.numbersInUse = [7: "/machine/peripheral/v", 9: ""]
    before.owners = [WireText("e\u{301}"): 2]
    before.plugged = ["v": address]
    before.hidden = [
      "p": try primary(
        #"{"driver":"vfio-pci","id":"p","host":"0000:01:00.0","failover_pair_id":"n","iommufd":"i","bootindex":3,"ats":true}"#)
    ]
    let after = filter()
    try after.restore(JSON.parse(before.books.canonicalBytes))
    XCTAssertEqual(after.ledger.entries.count, 3)
    XCTAssertEqual(after.ledger.entries[WireText("e\u{301}")]?.function, .known(address))
    XCTAssertEqual(after.ledger.entries[WireText("\u{e9}")]?.function, .known(nil))
    XCTAssertEqual(after.ledger.entries[WireText("\u{e9}")]?.isIOMMUFD, true)
    XCTAssertEqual(after.ledger.entries["7"]?.function.isKnown, false, "what was not known is not known")
    XCTAssertEqual(["e\u{301}", "\u{e9}", "7"].map { after.ledger.entries[WireText($0)]?.isVhostNet }, [false, true, nil])
    XCTAssertEqual(after.ledger.numbersInUse, before.ledger.numbersInUse)
    XCTAssertEqual(after.owners, before.owners)
    XCTAssertEqual(after.plugged, before.plugged)
    let hidden = try XCTUnwrap(after.hidden["p"])
    XCTAssertEqual(hidden.pair, "n")
    XCTAssertEqual(hidden.request.string("iommufd"), "i")
    XCTAssertEqual(hidden.request.value("bootindex"), .integer(3))
    XCTAssertEqual(hidden.request.value("ats"), .bool(true))
    XCTAssertFalse(hidden.request.has("failover_pair_id"))
  }

  func testDamagedRecordsAreAnError() throws {
    let whole = filter().books
    for key in try XCTUnwrap(whole.members).map(\.key) {
      let rest = (whole.members ?? []).filter { $0.key != key }
      for damaged in [JSON.object(rest), .object(rest + [JSON.Member(key, 5)])] {
        // Earlier releases did not hand over the plugs, the objects, the released and the unplugged devices.
        if ["tried", "objects", "released", "unplugging"].contains(key), damaged[key] == nil {
          XCTAssertNoThrow(try filter().restore(damaged))
        } else {
          XCTAssertThrowsError(try filter().restore(damaged)) { XCTAssert("\($0)".contains("`\(key)`"), "\($0)") }
        }
      }
    }
  }

  func testPlugsAreHandedOverInTheirOrderAndForm() throws {
    func filter() -> QMPCommandFilter {
      var options = QMPCommandFilter.Options()
      options.process = getpid()
      return QMPCommandFilter(options, log: ProxyLog())
    }
    let before = filter(), after = filter()
    let text = #"{"driver":"nvme","id":"a","serial":"x","cmb_size_mb":9223372036854775807,"addr":4,"#
      + #""max":18446744073709551615,"list":[1],"none":null}"#
    let human = try XCTUnwrap(HMPCommand(Word(Array("device_add e1000e,id=b,addr=3,addr=4".utf8), at: 0)))
    for request in [try PlugRequest.read(JSON.parse(text), source: "device_add"), PlugRequest.read(human, source: "device_add")] {
      before.scratch?.hasCreated(try XCTUnwrap(request))
    }
    try after.restore(JSON.parse(before.books.canonicalBytes))
    let plugs = try XCTUnwrap(after.scratch?.history)
    XCTAssertEqual(plugs.map(\.id), ["a", "b"])
    XCTAssertEqual(plugs.map(\.form), [.json, .keyval])
    XCTAssertEqual(plugs[1].properties.map(\.name), ["driver", "id", "addr"])
    XCTAssertEqual(plugs[1].string("addr"), "4")
    XCTAssertEqual(plugs[0].properties.map(\.name), ["driver", "id", "serial", "cmb_size_mb", "addr", "max", "none"])
    XCTAssertEqual(plugs[0].value("cmb_size_mb"), .integer(.max))
    XCTAssertEqual(plugs[0].value("addr"), .integer(4))
    XCTAssertEqual(plugs[0].value("max"), .unsigned(.max))
  }
}
