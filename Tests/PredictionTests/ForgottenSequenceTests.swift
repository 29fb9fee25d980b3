import Facts
import Host
import Prediction
import Support
import XCTest

/// Recorded sequences of plugs against recordings from which facts are missing: what is certain without them is what QEMU did. The
/// sizes of files are in no recording, so that each plug with `romfile` is one that is not decided.
final class ForgottenSequenceTests: XCTestCase {
  func test11_1() throws { try forget("believed-11.1.3", .released(11, 1, "11.1.3")) }
  func test10_0() throws { try forget("believed-10.0", .released(10, 0, "10.0.13")) }
  func test7_2() throws { try forget("believed-7.2", .released(7, 2, "7.2.22")) }

  private func forget(_ file: String, _ qemu: QEMUProfile) throws {
    let hosts = try forgetfulHosts()
    var certain = 0, tried = 0
    for row in try BelievedRow.all(file) where row.plugs.count > 1 {
      for offset in 0..<4 {
        let (host, missing) = hosts[offset == 0 ? 0 : tried % hosts.count]
        tried += 1
        let outcome = Predictor(row.machine, on: host, qemu: qemu).run(plugs: row.plugs)
        for (one, happened) in zip(outcome.predictions.filter { $0.request.plug == .hot }, row.replies) {
          let what = "\(row.name)\n\(one.request.id ?? "") without \(missing)\n\(happened)"
          switch one.realize {
          case .undetermined: break
          case .ok: XCTAssert(one.unknowns.isEmpty && happened.isOK, what)
          case .fails, .crashes: XCTAssert(!happened.isOK, "\(what)\n\(one.failure?.text ?? "")")
          }
          if one.realize != .undetermined { certain += 1 }
          if case .died = happened { break }
        }
      }
    }
    XCTAssertGreaterThan(certain, 300, "nothing was decided")
    XCTAssertGreaterThan(tried, 300, "no sequences were read")
  }

  /// The whole recording, and forty without one to ten lines by chance.
  private func forgetfulHosts() throws -> [(Facts.Host, [String])] {
    let lines = try Fixture.text("realizes/make-believe.host").split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
    var chance = SeededGenerator(seed: 15)
    return try (0...40).map { number in
      var rest = lines, missing: [String] = []
      for _ in 0..<(number == 0 ? 0 : Int.random(in: 1...10, using: &chance)) {
        missing.append(rest.remove(at: Int.random(in: 1..<rest.count, using: &chance)))
      }
      return (try HostRecording.parse(Array(rest.joined(separator: "\n").utf8), source: "host"), missing)
    }
  }
}
