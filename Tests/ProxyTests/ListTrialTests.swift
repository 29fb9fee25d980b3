import Common
import Glibc
@testable import Proxy
import QMP
import Support
import Syntax
import XCTest

/// Lists for which QEMU loads its modules or makes an object, tried first on a scratch QEMU.
final class ListTrialTests: XCTestCase {
  /// A QEMU whose modules are of another build prints an error for the first and ends at the second, as this one does.
  func testAListThatEndsAScratchQEMUIsRefused() throws {
    let directory = try TemporaryDirectory()
    let emulator = directory.path + "/emulator"
    let script = """
      #!/bin/bash
      echo '{"QMP": {"version": {"qemu": {"micro": 3, "minor": 1, "major": 11}, "package": ""}, "capabilities": []}}'
      loaded=0
      while read -r line; do
        id="${line##*\\"id\\":}"; id="${id%\\}}"
        case "$line" in
          *qom-list-types*|*qdm*|*other*) kill -ABRT $$ ;;
          *typename*) ((loaded++)) && kill -ABRT $$ ;;
        esac
        echo '{"return": {}, "id": '"$id"'}'
      done

      """
    try writeFile(emulator, script, mode: 0o755)
    func answer(_ text: String, rehearses: Bool = true) throws -> String? {
      let probe = FilterProbe {
        $0.process = getpid()
        $0.emulator = emulator
        $0.rehearses = rehearses
      }
      let message = ClientMessage(bytes: Array(text.utf8), json: try JSON.parse(text), descriptors: [])
      switch probe.filter.inspect(message, from: ProxyPeer(number: 1, process: nil, user: nil)) {
      case .pass: return "passes"
      case .wait(let trial):
        while true {
          switch trial.inspection {
          case .refuse(let error): return error.text
          case .some: return "passes, tried"
          case nil:
            let awaited = try XCTUnwrap(probe.filter.awaited)
            var entry = pollfd(fd: awaited.descriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&entry, 1, Deadline(after: awaited.until - .now).milliseconds)
            probe.filter.awoken()
          }
        }
      default: return nil
      }
    }
    func properties(_ type: String) -> String { FilterProbe.command("device-list-properties", #"{"typename":"\#(type)"}"#) }
    let types = FilterProbe.command("qom-list-types", "{}")
    let crash = "vfiogate: refused: crashes-qemu: a scratch QEMU crashed with SIGABRT on "
    for (text, name) in [
      (types, "`qom-list-types`"), (properties("qxl"), "`device-list-properties`"),
      (FilterProbe.command("qom-list-properties", #"{"typename":"qxl"}"#), "`qom-list-properties`"),
      (FilterProbe.human("info qdm"), "`info qdm`"), (FilterProbe.human("info qdm/x"), "`info qdm`"),
    ] {
      let found = try answer(text) ?? ""
      XCTAssert(found.hasPrefix(crash + name), "\(text): \(found)")
      XCTAssertEqual(try answer(text, rehearses: false), "passes", text)
    }
    for text in [properties("vfio-pci"), FilterProbe.human("info qom-tree"), FilterProbe.command("query-status", "{}")] {
      XCTAssertEqual(try answer(text), "passes", text)
    }
    try writeFile(emulator, script.replacing("kill -ABRT $$", with: "true"), mode: 0o755)
    XCTAssertEqual(try answer(types), "passes, tried")
  }
}
