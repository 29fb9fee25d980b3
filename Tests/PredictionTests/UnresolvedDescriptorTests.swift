import Facts
import Inputs
import Prediction
import Syntax
import XCTest

/// A descriptor's name that only the monitor knows, beside a property that fails for certain.
final class UnresolvedDescriptorTests: XCTestCase {
  private func prediction(_ properties: String) throws -> RealizePrediction {
    let command = #"{"execute": "device_add", "arguments": {"driver": "vfio-pci", \#(properties)}}"#
    let plugs = ParsedInput.parse(SourceText(name: "qmp", bytes: Array(command.utf8)), as: .qmp).plugs
    let argv = ["qemu-system-x86_64", "-machine", "q35", "-device", "pcie-root-port,id=rp", "-object", "iommufd,id=i"]
    let bytes = argv.flatMap { Array($0.utf8) + [UInt8(0)] }
    let machine = ParsedInput.parse(SourceText(name: "argv", bytes: bytes), as: .nul).machine
    let host = Facts.Host(nothingKnown: "not looked at", source: "none")
    return try XCTUnwrap(
      Predictor(machine, on: host, qemu: .released(11, 1, "11.1.3")).predictions(plugs: plugs).last)
  }

  func testWithoutIDQEMUMayDieBeforeItComesToTheFailure() throws {
    let prediction = try prediction(#""fd": "dev0", "ats": "bogus", "iommufd": "i", "bus": "rp""#)
    XCTAssertEqual(prediction.failure?.text, "Parameter 'ats' does not accept value 'bogus'")
    XCTAssertEqual(prediction.unknowns.map(\.fact), ["descriptor `dev0`"])
  }

  func testTheDescriptorOfAnObjectThatOnlyTheShellKnows() {
    let line = "-object iommufd,id=i,fd=$FD -device vfio-pci,host=0000:01:00.0,iommufd=i"
    XCTAssertEqual(Machines.predict(line).last?.unknowns, [Unknown("descriptor of `i`", reason: "written as $FD")])
  }
}
