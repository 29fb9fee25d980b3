import Glibc
import Support
import Syntax
import XCTest

/// Many definitions in one run.
final class DirectoryTests: XCTestCase {
  private let gpu = "qemu-system-x86_64 -M q35 -device pcie-root-port,id=rp -device vfio-pci,host=0a:00.0,id=gpu,bus=rp\n"
  private let host = Vfiogate.host("desktop-amd-geforce")

  func testDefinitionsAreJudgedAndOtherFilesPassedOver() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/b.sh", gpu)
    try writeFile(folder.path + "/a.qemu", "qemu-system-x86_64 -M q35\n")
    try writeFile(folder.path + "/README", "How to use qemu-system-x86_64.\n")
    try writeFile(folder.path + "/disk.img", String(repeating: "\0", count: 5 << 20))
    let run = try Vfiogate.run("lint", folder.path, "--host", "none")
    XCTAssertEqual(run.status, 0, run.error)
    let names = run.output.split(separator: "\n").filter { $0.hasPrefix(folder.path) }
    XCTAssertEqual(names.count, 1, "a safe definition is only counted: \(run.output)")
    XCTAssert(names.first?.hasPrefix("\(folder.path)/b.sh: undetermined with QEMU 11.1.3") ?? false, run.output)
    XCTAssert(run.output.contains("\n2 definitions: 1 undetermined, 1 safe; together undetermined; with QEMU 11.1.3"), run.output)
    let verbose = try Vfiogate.run("lint", folder.path, "--host", "none", "--verbose").output
    XCTAssert(verbose.contains("\(folder.path)/a.qemu: safe with QEMU 11.1.3"), verbose)
  }

  func testTheSameDeviceInTwoDefinitionsIsFoundHoweverManyThereAre() throws {
    let folder = try TemporaryDirectory()
    for number in 0..<12 { try writeFile(folder.path + "/plain\(number)", "qemu-system-x86_64 -M q35\n") }
    try writeFile(folder.path + "/one", gpu)
    try writeFile(folder.path + "/two", "\n" + gpu)
    let run = try Vfiogate.run("lint", folder.path, "--host", host)
    XCTAssertEqual(run.status, 1, run.error)
    // Each definition is judged as if it were alone, and a safe one is not listed.
    XCTAssert(run.output.hasPrefix("across definitions:\n"), run.output)
    XCTAssert(run.output.contains("\n14 definitions: 14 safe; together unsafe; 1 error; "), run.output)
    let message = "error[device-in-two-definitions]: `gpu` (0000:0a:00.0) is also assigned in"
    XCTAssertFalse(run.output.contains("\(folder.path)/one:1:73: "), "one failure is reported once: \(run.output)")
    XCTAssert(run.output.contains("\(folder.path)/two:2:73: \(message) `\(folder.path)/one`"), run.output)
  }

  /// A definition's own result does not depend on the others.
  func testOneOfTwoDefinitionsOfADeviceIsAsItIsAlone() throws {
    let folder = try TemporaryDirectory()
    for name in ["one", "two"] { try writeFile("\(folder.path)/\(name)", gpu) }
    let both = try Vfiogate.run("lint", folder.path, "--host", host, "--format", "json").json
    let alone = try Vfiogate.run("lint", folder.path + "/one", "--host", host, "--format", "json").json
    XCTAssertEqual(both["definitions"]?.array?.first, alone["definitions"]?.array?.first)
    XCTAssertEqual(both["across-definitions"]?["findings"]?.array?.count, 1)
    XCTAssertEqual(both["across-definitions"]?["verdict"]?.string, "unsafe")
    XCTAssertEqual(both["summary"]?["verdict"]?.string, "unsafe")
    XCTAssertEqual(alone["across-definitions"]?["findings"]?.array, [])
    XCTAssertEqual(alone["summary"]?["verdict"]?.string, "safe")
  }

  /// A device whose function is not known: no finding, but not safe either.
  func testADeviceThatMayBeAnyOtherDefinitionsKeepsTheRunUndetermined() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/one", gpu)
    try writeFile(folder.path + "/two", "qemu-system-x86_64 -M q35 -device pcie-root-port,id=rp -device vfio-pci,host=$GPU,bus=rp\n")
    let run = try Vfiogate.run("lint", folder.path, "--host", host, "--format", "json")
    XCTAssertEqual(run.status, 2)
    let across = try XCTUnwrap(run.json["across-definitions"])
    XCTAssertEqual(across["findings"]?.array, [])
    XCTAssertEqual(across["undetermined"]?.array?.first?["rule"]?.string, "device-in-two-definitions")
    XCTAssertEqual(across["undetermined"]?.array?.first?["location"]?["source"]?.string, folder.path + "/two")
    XCTAssertEqual(across["verdict"]?.string, "undetermined")
  }

  func testAnAllowedFindingAcrossDefinitionsIsSafeByPolicy() throws {
    let folder = try TemporaryDirectory()
    for name in ["one", "two"] { try writeFile("\(folder.path)/\(name)", gpu) }
    try writeFile(folder.path + "/.vfiogate.conf", "[allow \"device-in-two-definitions\"]\n  reason = \"never both\"\n")
    let run = try Vfiogate.run("lint", folder.path, "--host", host, "--verbose")
    XCTAssertEqual(run.status, 0, run.output)
    XCTAssert(run.output.contains("  reason: never both (\(folder.path)/.vfiogate.conf:1)"), run.output)
    XCTAssert(run.output.contains("\n2 definitions: 2 safe; together safe by policy; 1 allowed; with "), run.output)
  }

  /// Definitions for different hosts do not conflict.
  func testDefinitionsForDifferentHostsAreNotCompared() throws {
    let folder = try TemporaryDirectory()
    for name in ["one", "two"] { try writeFile("\(folder.path)/\(name)", gpu) }
    let other = Vfiogate.host("intel-no-device-tlb")
    try writeFile(
      folder.path + "/.vfiogate.conf",
      "[host \"one\"]\n  recording = \"\(host)\"\n[host \"two\"]\n  recording = \"\(other)\"\n")
    let run = try Vfiogate.run("lint", folder.path, "--format", "json")
    XCTAssertEqual(try run.json["across-definitions"]?["findings"]?.array, [], run.error)
    XCTAssertEqual(try run.json["definitions"]?.array?.map { $0["host"]?.string }, [host, other])
  }

  func testOfManyDefinitionsEachIsJudgedAsItIsAlone() throws {
    let folder = try TemporaryDirectory()
    let text = try Fixture.text("inputs/libvirt/gpu-with-audio.xml")
    let paths = (100..<300).map { "\(folder.path)/vm\($0).xml" }
    for (number, path) in paths.enumerated() {
      let number = String(number + 16, radix: 16)
      let own = text.split(separator: "<address domain='0x0000'", omittingEmptySubsequences: false)
        .joined(separator: "<address domain='0x\(number)'")
      try writeFile(path, own)
    }
    let run = try Vfiogate.run("lint", folder.path, "--host", "none", "--format", "json")
    let all = try XCTUnwrap(JSON.parse(Array(run.output.utf8))["definitions"]?.array)
    XCTAssertEqual(all.map { $0["source"]?.string }, paths)
    XCTAssertEqual(all.map { $0["verdict"]?.string }, paths.map { _ in "undetermined" })
    for index in stride(from: 0, to: paths.count, by: 37) {
      let alone = try Vfiogate.run("lint", paths[index], "--host", "none", "--format", "json")
      let one = try XCTUnwrap(JSON.parse(Array(alone.output.utf8))["definitions"]?.array?.first)
      XCTAssertEqual(one["findings"], all[index]["findings"])
      XCTAssertEqual(try XCTUnwrap(one["devices"]), all[index]["devices"])
    }
  }

  func testWhatAnEarlierDefinitionAsksForIsKnownToALaterOne() throws {
    let folder = try TemporaryDirectory()
    let text = try Fixture.text("inputs/libvirt/gpu-with-audio.xml")
    for number in 100..<300 {
      // The first and the last ask for the same functions, and so do two in the middle.
      let domain = String([299: 100, 180: 170][number] ?? number, radix: 16)
      let own = text.split(separator: "<address domain='0x0000'", omittingEmptySubsequences: false)
        .joined(separator: "<address domain='0x\(domain)'")
        .split(separator: "<name>", omittingEmptySubsequences: false).joined(separator: "<name>n\(number)-")
      try writeFile("\(folder.path)/vm\(number).xml", own)
    }
    for format in ["text", "json"] {
      let run = try Vfiogate.run("lint", folder.path, "--host", "none", "--format", format)
      XCTAssertEqual(run.status, 1, run.error)
      for one in [100, 170] {
        XCTAssert(run.output.contains("is also assigned in `\(folder.path)/vm\(one).xml`"), "\(one) in \(format)")
      }
      let found = run.output.split(separator: "\n").filter { $0.contains(" is also assigned in `") }
      // Text has both functions of a pair in one block.
      XCTAssertEqual(found.count, format == "text" ? 2 : 4, "two functions of two pairs of definitions, in \(format)")
    }
  }

  /// A policy's own mistake is reported once, with the first definition, and not with a file that is not one.
  func testWhatIsWrongWithAPolicyIsToldByTheFirstDefinition() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/.vfiogate.conf", "[allow \"no-such-rule\"]\n  reason = \"x\"\n")
    try writeFile(folder.path + "/a-note", "no definition\n")
    for name in ["b", "c", "d"] { try writeFile("\(folder.path)/\(name)", "qemu-system-x86_64 -M q35\n") }
    let run = try Vfiogate.run("lint", folder.path, "--host", "none")
    XCTAssertEqual(run.output.split(separator: "\n").filter { $0.contains("[policy-unknown-rule]") }.count, 1, run.output)
    let safe = run.output.split(separator: "\n").filter { $0.hasPrefix(folder.path) && $0.contains(": safe with ") }
    XCTAssertEqual(safe.count, 1, run.output)
  }

  func testAMalformedFileIsAFindingAndTheOthersAreJudged() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/a", "qemu-system-x86_64 -device 'vfio-pci\n")
    try writeFile(folder.path + "/b", "qemu-system-x86_64 -M q35\n")
    let run = try Vfiogate.run("lint", folder.path, "--host", "none")
    XCTAssertEqual(run.status, 1)
    XCTAssert(run.output.hasPrefix("\(folder.path)/a:1:28: error[malformed-input]: "), run.output)
    let totals = "\n2 definitions: 1 unsafe, 1 safe; together unsafe; 1 error; with QEMU 11.1.3 as released (assumed)"
    XCTAssert(run.output.contains(totals), run.output)
  }

  func testAnUnreadableFileIsTwoAfterAllOthersWereJudged() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/b", "qemu-system-x86_64 -M q35\n")
    let run = try Vfiogate.run("lint", folder.path + "/a", folder.path, "--host", "none")
    XCTAssertEqual(run.status, 2)
    XCTAssert(run.output.hasPrefix("1 definition: 1 safe; 1 could not be read; with "), run.output)
    XCTAssertEqual(run.error, "vfiogate: \(folder.path)/a: No such file or directory\n")
  }

  func testADirectoryWithoutDefinitionsIsNotSafe() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/README", "nothing\n")
    let run = try Vfiogate.run("lint", folder.path, "--host", "none")
    XCTAssertEqual(run.status, 2)
    XCTAssertEqual(run.error, "vfiogate: \(folder.path): holds no definition\n")
  }

  func testAFileThatIsSkippedAndMentionsADeviceIsNamed() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/a", "qemu-system-x86_64 -M q35\n")
    try writeFile(folder.path + "/b.fish", "#!/usr/bin/fish\nqemu-system-x86_64 -device vfio-pci,host=01:00.0\n")
    let run = try Vfiogate.run("lint", folder.path, "--host", "none")
    XCTAssertEqual(run.status, 0)
    XCTAssertEqual(
      run.error, "vfiogate: a file mentions a host device and is not a definition: \(folder.path)/b.fish:2; name a file to check it\n")
  }

  func testStandardInputIsReadOnce() throws {
    let run = try Vfiogate.run("lint", "-", "--host", "none", "--format", "json", input: gpu)
    XCTAssertEqual(try run.json["definitions"]?.array?.count, 1)
    XCTAssertEqual(try run.json["unreadable"]?.array?.count, 0)
  }
}
