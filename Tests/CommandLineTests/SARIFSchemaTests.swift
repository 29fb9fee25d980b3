import Glibc
import Support
import XCTest

/// Output of `--format sarif`, held to OASIS's own JSON schema of SARIF 2.1.0, which `scripts/setup --qemu`
/// fetches.
final class SARIFSchemaTests: XCTestCase {
  private static let folder = (getenv("HOME").map { String(cString: $0) } ?? "/root") + "/.cache/vfiogate/python"

  /// Prints what is wrong with the document on standard input. Exits 3 where it cannot tell, also when the schema's
  /// content is not that of OASIS's errata01/os/schemas/sarif-schema-2.1.0.json, whose own bytes have the sha256
  /// c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e: what is fetched differs in white space only.
  private static let validator = """
    import hashlib, json, sys
    try:
        import jsonschema
        schema = json.load(open(sys.argv[1]))
    except (ImportError, OSError) as error:
        sys.exit(print(error) or 3)
    canonical = json.dumps(schema, sort_keys=True).encode()
    if hashlib.sha256(canonical).hexdigest() != "2fecfc36ae845e591f92814e8df9e999f3b1b586b0fbabc96fc2d3fb8bfa19fb":
        sys.exit(print("that is not OASIS's schema") or 3)
    validator = jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())
    errors = [f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(json.load(sys.stdin))]
    sys.exit(print("\\n".join(errors)) or (1 if errors else 0))
    """

  private let python = folder + "/bin/python3"
  private let schema = folder + "/sarif-schema-2.1.0.json"

  override func setUpWithError() throws {
    guard access(python, X_OK) == 0, access(schema, R_OK) == 0 else {
      throw XCTSkip("SKIPPED: there is no \(schema) (scripts/setup --qemu): SARIF was not held to it")
    }
    let (status, output) = try validate("{}")
    if status == 3 { throw XCTSkip("SKIPPED: \(output): SARIF was not held to its schema") }
  }

  private func validate(_ document: String) throws -> (Int32, String) {
    let (status, output, error) = try Child.run(
      python, ["-c", Self.validator, schema], input: Array(document.utf8))
    XCTAssertEqual(String(decoding: error, as: UTF8.self), "")
    return (status, String(decoding: output, as: UTF8.self))
  }

  /// - Returns: nil for a valid document, else what is wrong.
  private func complaint(about document: String) throws -> String? {
    let (status, output) = try validate(document)
    XCTAssert(status == 0 || status == 1, output)
    return status == 0 ? nil : output
  }

  private func sarif(_ arguments: String...) throws -> String {
    try Vfiogate.run(["lint", "--format", "sarif"] + arguments).output
  }

  func testWhatLintWritesIsValid() throws {
    let folder = try TemporaryDirectory()
    let text = String(decoding: try readFile(Vfiogate.example("server-radeon-ats.qemu")), as: UTF8.self)
    try writeFile(folder.path + "/a 100%,<&:\".qemu", text)
    try writeFile(folder.path + "/b.qemu", "# vfiogate: allow=ats-on-kernel-unsupported a \"reason\"\n" + text)
    try writeFile(folder.path + "/broken.xml", "<domain type='kvm'><name>ü</nam></domain>")
    try writeFile(folder.path + "/two.xml", "<domain type='kvm'/><domain type='kvm'/>")
    let host = Vfiogate.host("intel-no-device-tlb")
    let findings = try sarif(folder.path, folder.path + "/none", "--host", host)
    for kind in ["\"suppressions\"", "\"malformed-input\"", "\"level\":\"warning\"", "No such file"] {
      XCTAssert(findings.contains(kind), "\(kind) is not in \(findings)")
    }
    XCTAssertNil(try complaint(about: findings))
    let open = try sarif(Vfiogate.example("server-radeon-ats.qemu"), "--host", "none")
    XCTAssert(open.contains("\"kind\":\"open\""), open)
    XCTAssertNil(try complaint(about: open))
    XCTAssertNil(try complaint(about: try sarif(folder.path + "/none", "--host", "none")))
    XCTAssertNil(try complaint(about: try sarif(Fixture.path("inputs/libvirt"), "--host", host)))
  }

  func testTheSchemaRefusesWhatIsNotSARIF() throws {
    let valid = try sarif(Vfiogate.example("server-radeon-ats.qemu"), "--host", Vfiogate.host("intel-no-device-tlb"))
    for (part, other, named) in [
      ("\"version\": \"2.1.0\"", "\"version\": \"2.0.0\"", "'2.0.0'"),
      ("\"level\":\"error\"", "\"level\":\"fatal\"", "'fatal'"),
      ("\"startLine\":7", "\"startLine\":0", "startLine"),
      ("\"columnKind\": \"unicodeCodePoints\"", "\"columnKind\": \"bytes\"", "'bytes'"),
      ("\"physicalLocation\"", "\"place\"", "'place'"),
    ] {
      let broken = valid.replacing(part, with: other)
      XCTAssertNotEqual(broken, valid, part)
      let complaint = try XCTUnwrap(try complaint(about: broken), "accepted: \(other)")
      XCTAssert(complaint.contains(named), complaint)
    }
  }
}
