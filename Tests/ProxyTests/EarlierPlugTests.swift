import Facts
import Inputs
@testable import Proxy
import QMP
import Support
import Syntax
import XCTest

/// Plugs before the one that is tried.
extension ScratchQEMUTests {
  private func request(_ members: String) throws -> DeviceRequest {
    try XCTUnwrap(PlugRequest.read(try JSON.parse("{\(members)}"), source: "device_add"))
  }

  /// A controller's memory of a petabyte.
  private static let crash = #""driver":"nvme","serial":"x","cmb_size_mb":1073741824,"id":"b""#

  /// Looking up the types of all of them, and the refusal of each vfio device without its host device, would take all the time that one
  /// plug has.
  func testAPlugIsTriedAfterManyOthers() throws {
    let program = try RealQEMU.program()
    let texts = try refusals(
      program, ["-device", "virtio-serial-pci,id=vs,max_ports=200", "-device", "pci-bridge,id=pb,chassis_nr=9"],
      ScratchQEMUTests.crash
    ) { filter in
      for number in 1..<150 {
        filter.scratch?.hasCreated(try self.request(#""driver":"virtserialport","bus":"vs.0","id":"p\#(number)","nr":\#(number)"#))
      }
      for number in 1..<30 {
        filter.scratch?.hasCreated(
          try self.request(#""driver":"vfio-pci","host":"ff:1f.7","bus":"pb","addr":"\#(String(number, radix: 16))","id":"v\#(number)""#))
      }
    }
    XCTAssert(texts[0]?.contains("crashed with SIGTRAP") ?? false, texts[0] ?? "it passes")
  }

  /// The running QEMU may have lost a device without an id that the scratch QEMU then refuses.
  func testAPlugIsTriedAfterOneThatIsRefused() throws {
    let program = try RealQEMU.program()
    let bridge = #""driver":"pci-bridge","chassis_nr":9,"id":"br","addr":"0.0""#
    let texts = try refusals(program, [], bridge, ScratchQEMUTests.crash + #","bus":"br""#) { filter in
      filter.scratch?.hasCreated(try self.request(#""driver":"virtio-rng-pci","bus":"none""#))
    }
    XCTAssertNil(texts[0])
    XCTAssert(texts[1]?.contains("crashed with SIGTRAP") ?? false, texts[1] ?? "it passes")
  }

  /// It is repeated before the next, unless the running QEMU refuses it.
  func testTheNextTrialWaitsForTheRunningQEMUsAnswer() throws {
    let directory = try TemporaryDirectory()
    let program = try RealQEMU.program()
    let qemu = try RealQEMU.start(in: directory, program: program)
    defer { qemu.end() }
    let scratch = ScratchQEMU(process: qemu.processID, emulator: program)
    let trial = scratch.trial(of: .plug(try request(#""driver":"virtio-rng-pci","bus":"rp1","id":"r""#)))
    XCTAssertEqual(trial.wait(), .created)
    XCTAssertFalse(scratch.isFree)
    trial.answered(isAccepted: true)
    XCTAssert(scratch.isFree)
    XCTAssertEqual(scratch.history.map(\.id), ["r"])
  }

  /// QEMU names no id for those behind a hub that have none.
  func testWhatWasBehindADeviceGoesWithIt() throws {
    let scratch = ScratchQEMU(process: 1)
    for members in [
      #""driver":"usb-hub","id":"h","port":"1""#, #""driver":"pci-bridge","id":"br""#, #""driver":"e1000","bus":"br""#,
      #""driver":"nec-usb-xhci","id":"u","bus":"br""#, #""driver":"usb-tablet","bus":"u.0""#, #""driver":"usb-mouse""#,
      #""driver":"virtserialport","bus":"vs.0","id":"vp""#,
    ] { scratch.hasCreated(try request(members)) }
    scratch.hasLost("br")
    XCTAssertEqual(scratch.history.map(\.driver), ["usb-hub", "usb-mouse", "virtserialport"])
    scratch.hasLost(nil)
    XCTAssertEqual(scratch.history.map(\.driver), ["usb-hub", "virtserialport"])
    XCTAssertEqual(scratch.released, [], "the ids of plugs would add up")
    scratch.hasLost("br")
    XCTAssertEqual(scratch.released, ["br"])
  }

  /// Its memory is above the limit of a trial, in which it aborts before the plug.
  func testAPlugIntoALargeMachineIsTried() throws {
    let program = try RealQEMU.program()
    // A size that QEMU rounds up, and so allocates itself.
    let text = try refusals(program, ["-m", "6000001k"], ScratchQEMUTests.crash)[0]
    XCTAssert(text?.contains("crashed with SIGTRAP") ?? false, text ?? "it passes")
  }

  /// The bus that QEMU chooses where none is named is the machine's own.
  func testAPlaceOnTheMachinesOwnBusHasItsNameOrNone() throws {
    let rows: [(plug: String, other: String, isRival: Bool)] = [
      (#""driver":"e1000","addr":"5""#, #""driver":"nvme","bus":"pci.0","addr":"0x5.0""#, true),
      (#""driver":"e1000","bus":"pci.0","addr":"5""#, #""driver":"nvme","addr":"05""#, true),
      (#""driver":"e1000","addr":"5""#, #""driver":"nvme","addr":"5""#, true),
      (#""driver":"e1000","addr":"5""#, #""driver":"nvme","bus":"br","addr":"5""#, false),
      (#""driver":"e1000","addr":"5""#, #""driver":"nvme","addr":"6""#, false),
      (#""driver":"e1000""#, #""driver":"nvme""#, false),
      (#""driver":"usb-mouse","port":"1""#, #""driver":"usb-tablet","port":"1""#, true),
      (#""driver":"usb-mouse","port":"1""#, #""driver":"usb-tablet","port":"2""#, false),
    ]
    for row in rows {
      XCTAssertEqual(PlugRivals(try request(row.plug), among: []).contains(try request(row.other)), row.isRival, "\(row)")
    }
  }
}
