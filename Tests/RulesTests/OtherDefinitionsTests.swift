import Facts
import XCTest

@testable import Rules

final class OtherDefinitionsTests: XCTestCase {
  private let address = PCIAddress("0000:01:00.0")

  private func claims(_ source: String, _ host: String?) -> RunAssignments.Claims {
    var machine = MachineConfig(source: source, emulator: nil)
    let place = Location(source: source, range: nil, path: "")
    let values = [("driver", "vfio-pci"), ("id", "a")] + (host.map { [("host", $0)] } ?? [])
    machine.devices = [
      DeviceRequest(
        form: .json, plug: .cold, properties: values.map { Property(name: $0.0, value: .string($0.1), location: place) },
        location: place)
    ]
    return RunAssignments.Claims(machine, plugs: [])
  }

  func testAnAnswerThatWasAssumedIsConfirmedWhenNobodyElseAsksForTheDevice() throws {
    let address = try XCTUnwrap(address)
    for (host, isConfirmed) in [("0000:01:00.0", false), ("0000:02:00.0", true), (nil, true)] {
      let questions = OpenQuestions()
      XCTAssertNil(OtherDefinitions.unread(questions).device(at: address))
      var run = RunAssignments()
      let own = run.add(claims("a", "0000:01:00.0"))
      XCTAssertTrue(run.confirms(questions, of: own))
      _ = run.add(claims("b", host))
      XCTAssertEqual(run.confirms(questions, of: own), isConfirmed, host ?? "none")
    }
  }

  func testADeviceThatMayBeAnyIsNoAnswerThatWasAssumed() {
    let questions = OpenQuestions()
    XCTAssertNil(OtherDefinitions.unread(questions).unresolved)
    var run = RunAssignments()
    let own = run.add(claims("a", nil))
    XCTAssertTrue(run.confirms(questions, of: own))
    _ = run.add(claims("b", nil))
    XCTAssertFalse(run.confirms(questions, of: own))
  }

  func testThatThereAreOthersIsAssumedToo() {
    let questions = OpenQuestions()
    XCTAssertTrue(questions.isEmpty)
    XCTAssertFalse(OtherDefinitions.unread(questions).isEmpty)
    XCTAssertFalse(questions.isEmpty)
    var run = RunAssignments()
    let own = run.add(claims("a", nil))
    XCTAssertFalse(run.confirms(questions, of: own))
    _ = run.add(claims("b", "0000:02:00.0"))
    XCTAssertTrue(run.confirms(questions, of: own))
  }
}
