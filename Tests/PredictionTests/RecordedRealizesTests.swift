import Facts
import Host
import Inputs
import Prediction
import Support
import Syntax
import XCTest

/// Rows with one device request each, cold and hot, with the host known by the lab's name.
final class RecordedRealizesTests: XCTestCase {
  func testEveryRowIsPredicted() throws { try replay("recorded-realizes", atLeast: 16) { try LabRow.host(at: $0) } }

  /// On an arm64 host with an emulated SMMUv3, whose kernel sets the flag for every device.
  func testEveryRowOnArmIsPredicted() throws {
    let host = try HostRecording.load(Fixture.path("realizes/arm-smmuv3.host"))
    try replay("arm-smmuv3-11.1.3", atLeast: 32) { _ in host }
  }

  private func replay(_ file: String, atLeast count: Int, on host: (String) throws -> Facts.Host) throws {
    let rows = try Fixture.text("realizes/\(file).jsonl").split(separator: "\n")
      .map { try JSON.parse(String($0)) }
    XCTAssertGreaterThanOrEqual(rows.count, count)
    for row in rows {
      let lab = row["lab"]?.string ?? ""
      let (cold, hot) = try predictions(row, on: host(lab), isArm: lab.hasPrefix("arm"))
      check(cold, status: row["cold_rc"].flatMap(\.number), row["cold_stderr"], row)
      check(hot, status: row["hot_reply"]?["error"] == nil ? 0 : 1, row["hot_stderr"], row)
      if let said = row["hot_reply"]?["error"]?["desc"]?.string { XCTAssertEqual(hot.failure?.text, said, description(row)) }
    }
  }

  private func description(_ row: JSON) -> String {
    ["lab", "host", "ats", "backend"].map { row[$0]?.text() ?? "" }.joined(separator: " ")
  }

  private func check(_ prediction: RealizePrediction, status: Int?, _ stderr: JSON?, _ row: JSON) {
    let lines = stderr?.array?.compactMap(\.string) ?? []
    XCTAssertEqual(prediction.realize, status == 0 ? .ok : .fails, description(row))
    XCTAssertEqual(prediction.warnings.display, Stderr.warnings(lines), description(row))
    if status == 0, case .bool(let seen)? = row["ats_visible"] {
      XCTAssertEqual(prediction.guestSeesATS.display, seen, description(row))
    }
    if status == 1, !lines.isEmpty, prediction.request.plug == .cold {
      XCTAssertEqual(prediction.failure?.text, Stderr.error(lines), description(row))
    }
  }

  /// The row's request, cold and hot, on the host that its lab was.
  private func predictions(
    _ row: JSON, on host: Facts.Host, isArm: Bool
  ) throws -> (RealizePrediction, RealizePrediction) {
    let device = request(row).text()
    let backend = row["backend"]?.string == "iommufd" ? "-object iommufd,id=iommufd0" : ""
    let ports = "-device pcie-root-port,id=rp,chassis=1 -device pcie-root-port,id=rpb,chassis=2 "
      + "-device pcie-pci-bridge,id=ppb,bus=rpb"
    let global = row["global"]?.string.map { "-global \($0)" } ?? ""
    let program = isArm ? "qemu-system-aarch64 -M virt" : "qemu-system-x86_64 -M q35"
    let guest = "\(program) -nodefaults \(ports) \(backend) \(global)"
    func parse(_ text: String) -> ParsedInput { .parse(SourceText(name: "row", bytes: Array(text.utf8))) }
    let qemu = QEMUProfile.released(11, 1, "11.1.3")
    let cold = Predictor(parse("\(guest) -device '\(device)'").machine, on: host, qemu: qemu).predictions()
    let hot = Predictor(parse(guest).machine, on: host, qemu: qemu).predictions(plugs: parse(device).plugs)
    return (try XCTUnwrap(cold.last), try XCTUnwrap(hot.last))
  }

  private func request(_ row: JSON) -> JSON {
    let bus = ["root-port": "rp", "root-bus": "pcie.0", "conventional-bridge": "ppb"][row["bus"]?.string ?? ""] ?? "rp"
    var members: [JSON.Member] = [.init("driver", "vfio-pci"), .init("id", "d0"), .init("bus", .string(bus))]
    if let host = row["host"] { members.append(.init("host", host)) }
    if let ats = row["ats"], ats != .null { members.append(.init("ats", ats)) }
    if row["backend"]?.string == "iommufd" { members.append(.init("iommufd", "iommufd0")) }
    return .object(members + (row["extra"]?.members ?? []))
  }
}

extension LabRow {
  /// The host of a lab that is named by its IOMMU, `intel-iommu,device-iotlb=off`.
  static func host(at lab: String) throws -> Facts.Host {
    let variant =
      lab.hasPrefix("amd") ? "amd" : lab.hasPrefix("virtio") ? "virtio"
      : lab.contains("device-iotlb=off") ? "intel-no-device-tlb" : "intel"
    let row = try XCTUnwrap(rows(variant).first { $0.name.hasPrefix("matrix") })
    return row.host
  }
}
