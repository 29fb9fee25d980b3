import Glibc
import Support
import Syntax
import XCTest

/// Output of `--format json`, held to the schemas in share/schema that programs may rely on. `scripts/setup --qemu` installs the
/// validator.
final class JSONSchemaTests: XCTestCase {
  private static let validator = """
    import json, sys
    try:
        import jsonschema
    except ImportError as error:
        sys.exit(print(error) or 3)
    schema = json.load(open(sys.argv[1]))
    jsonschema.Draft7Validator.check_schema(schema)
    errors = [f"{list(e.absolute_path)}: {e.message}" for e in jsonschema.Draft7Validator(schema).iter_errors(json.load(sys.stdin))]
    sys.exit(print("\\n".join(errors)) or (1 if errors else 0))
    """

  private let python = (getenv("HOME").map { String(cString: $0) } ?? "/root") + "/.cache/vfiogate/python/bin/python3"

  override func setUpWithError() throws {
    guard access(python, X_OK) == 0, try complaint(about: "{}", "lint").status != 3 else {
      throw XCTSkip("SKIPPED: there is no jsonschema in \(python) (scripts/setup --qemu): JSON was not held to its schema")
    }
  }

  private func complaint(about document: String, _ schema: String) throws -> (status: Int32, text: String) {
    let path = Fixture.path("../share/schema/\(schema).schema.json")
    let (status, output, error) = try Child.run(python, ["-c", Self.validator, path], input: Array(document.utf8))
    XCTAssertEqual(String(decoding: error, as: UTF8.self), "")
    return (status, String(decoding: output, as: UTF8.self))
  }

  private func lint(_ arguments: String...) throws -> String {
    try Vfiogate.run(["lint", "--format", "json"] + arguments).output
  }

  func testWhatLintWritesIsValid() throws {
    let folder = try TemporaryDirectory()
    let text = String(decoding: try readFile(Vfiogate.example("server-radeon-ats.qemu")), as: UTF8.self)
    try writeFile(folder.path + "/a.qemu", text)
    try writeFile(folder.path + "/b.qemu", "# vfiogate: allow=ats-on-kernel-unsupported a reason\n" + text)
    try writeFile(folder.path + "/broken.xml", "<domain type='kvm'><name>ü</nam></domain>")
    try writeFile(folder.path + "/two.xml", "<domain type='kvm'/><domain type='kvm'/>")
    let findings = try lint(folder.path, folder.path + "/none", "--host", Vfiogate.host("intel-no-device-tlb"))
    for kind in ["\"allowed\"", "malformed-input", "device-in-two-definitions", "No such file", "\"line\": 1"] {
      XCTAssert(findings.contains(kind), "\(kind) is not in \(findings)")
    }
    for document in [
      findings, try lint(Vfiogate.example("pod-gpu.qemu"), "--host", Vfiogate.host("container-partial-sys")),
      try lint(Vfiogate.example("desktop-geforce.qemu"), "--host", "none"),
      try lint(Fixture.path("inputs/libvirt"), "--host", Vfiogate.host("ugly"), "--qemu", "none"),
      try lint(Vfiogate.example("grace-hotplug-ats.qmp"), "--host", Vfiogate.host("grace-gb200")),
    ] {
      let found = try complaint(about: document, "lint")
      XCTAssertEqual(found.status, 0, found.text)
    }
    let fleet = try complaint(about: try lint(Vfiogate.example("desktop-geforce.qemu"), "--host", Fixture.path("hosts")), "fleet")
    XCTAssertEqual(fleet.status, 0, fleet.text)
  }

  func testTheSchemaRefusesOtherDocuments() throws {
    let valid = try lint(Vfiogate.example("server-radeon-ats.qemu"), "--host", Vfiogate.host("intel-no-device-tlb"))
    for (part, other, named) in [
      ("\"line\": 7", "\"line\": \"7\"", "'7'"), ("\"severity\": \"error\"", "\"severity\": \"fatal\"", "'fatal'"),
      ("\"host\": \"0000:01:00.0\"", "\"host\": \"01:00.0\"", "01:00.0"), ("\"evidence\": [", "\"facts\": [", "facts"),
      ("\"errors\": 1", "\"errors\": \"1\"", "'1'"), ("\"qemu-assumed\": true", "\"qemu-assumed\": 1", "1 is not"),
    ] {
      let broken = valid.replacing(part, with: other)
      XCTAssertNotEqual(broken, valid, part)
      let found = try complaint(about: broken, "lint")
      XCTAssertEqual(found.status, 1, other)
      XCTAssert(found.text.contains(named), found.text)
    }
  }

  /// A finding says in fields, and not only in its message, which device it is about.
  func testEachFindingNamesItsDevice() throws {
    let run = try Vfiogate.run(
      "lint", Vfiogate.example("server-radeon-ats.qemu"), "--host", Vfiogate.host("intel-no-device-tlb"), "--format", "json")
    let finding = try XCTUnwrap(try run.json["definitions"]?.array?.first?["findings"]?.array?.first)
    XCTAssertEqual(finding["device"]?["id"]?.string, "gpu")
    XCTAssertEqual(finding["device"]?["host"]?.string, "0000:01:00.0")
  }
}
