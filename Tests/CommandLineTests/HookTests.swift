import Glibc
import Support
import XCTest

/// The hooks of libvirt and KubeVirt, called as these call them.
final class HookTests: XCTestCase {
  private let host = Vfiogate.host("intel-no-device-tlb")
  private let operations = [
    "prepare", "start", "started", "stopped", "release", "migrate", "restore", "reconnect", "attach", "new-one",
  ]

  /// A domain with one hostdev.
  private func domain(_ address: String = "bus='0x7f' slot='0x1f'", managed: String = "no") -> String {
    """
    <domain type='kvm'><name>g</name><memory>1048576</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>
    <devices><hostdev mode='subsystem' type='pci' managed='\(managed)'>
    <source><address domain='0x0000' \(address) function='0x0'/></source></hostdev></devices></domain>

    """
  }

  private func libvirt(_ operation: String, _ input: String, options: [String] = []) throws -> Vfiogate {
    try Vfiogate.run(
      ["hook", "libvirt", "--host", host] + options + ["g", operation, "begin", "-"], input: Array(input.utf8))
  }

  func testOnlyPrepareRefusesAMissingDevice() throws {
    for operation in operations {
      let run = try libvirt(operation, domain())
      XCTAssertEqual(run.output, "", operation)
      if operation == "prepare" {
        XCTAssertEqual(run.status, 1)
        XCTAssert(run.error.hasPrefix("vfiogate: refused: "), run.error)
        XCTAssert(run.error.split(separator: "\n")[0].contains("0000:7f:1f.0"), run.error)
      } else {
        XCTAssertEqual(run.status, 0, operation + run.error)
      }
    }
  }

  func testTheDomainsEmulatorIsAskedWhereThatIsWanted() throws {
    guard let program = Child.find("qemu-system-x86_64") else {
      throw XCTSkip("SKIPPED: qemu-system-x86_64 is not installed, so no emulator was asked")
    }
    // QEMU 7.2 has no iommufd; a later one accepts it.
    let with = domain("bus='0x01' slot='0x00'").replacing("managed='no'>", with: "managed='no'><driver name='vfio' iommufd='yes'/>")
      .replacing("<devices>", with: "<devices><emulator>\(program)</emulator>")
    let isOld = try Child.run(program, ["--version"]).output.starts(with: Array("QEMU emulator version 7.".utf8))
    let asked = try libvirt("prepare", with, options: ["--qemu", "emulator"])
    XCTAssertEqual(asked.error.contains("Property 'vfio-pci.iommufd' not found"), isOld, asked.error)
    XCTAssertFalse(try libvirt("prepare", with).error.contains("Property 'vfio-pci.iommufd' not found"))
    // Rules about the device's users and driver only; whether QEMU realizes it was answered before.
    for onUnknown in ["warn", "refuse"] {
      let start = try libvirt("start", with, options: ["--qemu", "emulator", "--on-unknown", onUnknown])
      XCTAssertEqual(start.status, 0, start.error)
    }
    let missing = with.replacing(program, with: "/nonexistent/qemu")
    XCTAssertEqual(try libvirt("prepare", missing, options: ["--qemu", "emulator"]).status, 0, "libvirt reports that itself")
    let kubevirt = try Vfiogate.run("hook", "kubevirt", "--qemu", "emulator", "--vmi", "{}", "--domain", domain())
    XCTAssertEqual(kubevirt.status, 64)
    let unknown = try Vfiogate.run("hook", "libvirt", "--qemu", "emulater", "guest", "prepare", "begin", "-")
    XCTAssert(unknown.error.contains("qmp:PATH, emulator or none"), unknown.error)
  }

  func testADeviceOnAHostDriverIsBoundByLibvirtOnlyWhenManaged() throws {
    let free = "bus='0x01' slot='0x00'"
    let folder = try TemporaryDirectory()
    let lines = try Fixture.text("hosts/intel-no-device-tlb.host").split(separator: "\n", omittingEmptySubsequences: false)
    let onHost = lines.map { line in
      guard line.hasPrefix("0000:01:00.") else { return line }
      if line.dropFirst(13).hasPrefix("cdev ") { return line.prefix(13) + "cdev none" }
      return line.hasSuffix(" driver vfio-pci") ? line.dropLast(8) + "nouveau" : line
    }
    XCTAssertNotEqual(onHost, lines)
    let path = folder.path + "/on-host.host"
    try writeFile(path, onHost.joined(separator: "\n"))
    func status(_ operation: String, managed: String) throws -> Int32 {
      try Vfiogate.run(
        ["hook", "libvirt", "--host", path, "g", operation, "begin", "-"], input: Array(domain(free, managed: managed).utf8)
      ).status
    }
    XCTAssertEqual(try status("prepare", managed: "no"), 1)
    // Just before QEMU starts libvirt has bound what it manages; what is not bound by then never will be.
    XCTAssertEqual(try status("start", managed: "yes"), 1)
    XCTAssertEqual(try status("start", managed: "no"), 1)
    XCTAssertEqual(try status("reconnect", managed: "no"), 0)
  }

  func testWhatCannotBeReadRefusesInPrepareOnly() throws {
    for input in ["", "<domain", "no XML"] {
      for operation in operations {
        let run = try libvirt(operation, input)
        XCTAssertEqual(run.output, "")
        XCTAssertEqual(run.status == 0, operation != "prepare", "\(operation) \(input): \(run.error)")
      }
    }
    let short = try Vfiogate.run("hook", "libvirt", "g", "prepare")
    XCTAssertEqual(short.status, 2)
    XCTAssertEqual(try Vfiogate.run("hook", "libvirt", "g", "reconnect").status, 0)
    XCTAssertEqual(try Vfiogate.run("hook", "libvirt").status, 0)
  }

  func testAWrongOptionInTheScriptKillsNoRunningGuest() throws {
    for option in [["--nonsense"], ["--fail-on", "bad"], ["--host", "/nonexistent"], ["--qemu", "bad"]] {
      XCTAssertNotEqual(try libvirt("prepare", domain(), options: option).status, 0, option.joined())
      for operation in operations where operation != "prepare" {
        let run = try libvirt(operation, domain(), options: option)
        XCTAssertEqual(run.status, 0, "\(operation) \(option): \(run.error)")
        XCTAssertEqual(run.output, "")
      }
    }
    // A guest may have any name.
    XCTAssertEqual(try Vfiogate.run("hook", "libvirt", "--nonsense", "prepare", "reconnect", "begin", "-").status, 0)
  }

  func testThePolicyAllowsForOneGuest() throws {
    let folder = try TemporaryDirectory()
    let policy = folder.path + "/policy"
    try writeFile(policy, "[guest \"g\"]\n  allow = \"realize-fails\"\n  reason = \"the card comes later\"\n")
    XCTAssertEqual(try libvirt("prepare", domain(), options: ["--policy", policy]).status, 0)
    let other = domain().replacing("<name>g</name>", with: "<name>other</name>")
    XCTAssertEqual(try libvirt("prepare", other, options: ["--policy", policy]).status, 1)
    XCTAssertEqual(try libvirt("prepare", domain(), options: ["--policy", "none"]).status, 1, "not a file of that name")
  }

  func testAnUnreadablePolicyRefusesInPrepareOnly() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/bad", "[allow \"realize-fails\"]\n")
    for policy in [folder.path + "/bad", folder.path + "/missing"] {
      for operation in operations {
        let run = try libvirt(operation, domain(), options: ["--policy", policy])
        XCTAssertEqual(run.status, operation == "prepare" ? 2 : 0, operation + run.error)
        XCTAssertEqual(run.output, "")
      }
    }
  }

  func testAGuestWithoutPassthroughStartsWithoutAWord() throws {
    let plain = try Fixture.text("inputs/libvirt/no-passthrough.xml")
    for operation in operations {
      let run = try libvirt(operation, plain)
      XCTAssertEqual([run.output, run.error], ["", ""])
      XCTAssertEqual(run.status, 0)
    }
  }

  func testAProgramThatIsNoQEMURefusesNothing() throws {
    let slot = "<address type='pci' domain='0' bus='0' slot='7' function='0'/>"
    let text = domain("bus='0x01' slot='0x00'").replacing("</hostdev>", with: slot + "</hostdev><memballoon model='none'/>")
    let run = try libvirt("prepare", text, options: ["--qemu", "/bin/cat", "--rehearse", "--on-unknown", "refuse"])
    XCTAssertEqual(run.status, 2)
    XCTAssert(run.error.contains("rehearsal: unknown: /bin/cat"), run.error)
    XCTAssertFalse(run.error.contains("rehearsal-fails"), run.error)
  }

  func testLibvirtsHookRehearsesWhereThatIsWanted() throws {
    guard let program = Child.find("qemu-system-x86_64") else {
      throw XCTSkip("SKIPPED: qemu-system-x86_64 is not installed, so nothing was rehearsed")
    }
    let slot = "<address type='pci' domain='0' bus='0' slot='7' function='0'/>"
    // A fault of another device, which the prediction does not know.
    let wrong = domain("bus='0x01' slot='0x00'").replacing("<devices>", with: "<devices><emulator>\(program)</emulator>")
      .replacing("</hostdev>", with: slot + "</hostdev><memballoon model='none'/>")
      .replacing("<domain type='kvm'>", with: "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>")
      .replacing("</domain>", with: """
        <qemu:commandline><qemu:arg value='-device'/><qemu:arg value='virtio-rng-pci,max-bytes=x'/></qemu:commandline></domain>
        """)
    for options in [["--qemu", "emulator"], ["--qemu", program]] {
      let run = try libvirt("prepare", wrong, options: options + ["--rehearse"])
      XCTAssert(run.error.contains("max-bytes"), run.error)
      XCTAssertEqual([run.status, Int32(run.output.utf8.count)], [1, 0])
      XCTAssertFalse(try libvirt("prepare", wrong, options: options).error.contains("max-bytes"))
      XCTAssertEqual(try libvirt("start", wrong, options: options + ["--rehearse"]).status, 0)
    }
    for qemu in [[], ["--qemu", "11.1"], ["--qemu", "none"]] {
      let folder = try TemporaryDirectory()
      XCTAssertEqual(try Vfiogate.run(["hook", "install", "--dir", folder.path, "--rehearse"] + qemu).status, 64, qemu.joined())
    }
    let folder = try TemporaryDirectory()
    XCTAssertEqual(
      try Vfiogate.run("hook", "install", "--dir", folder.path, "--host", host, "--qemu", "emulator", "--rehearse").status, 0)
    let refused = try Child.run(folder.path + "/qemu.d/50-vfiogate", ["g", "prepare", "begin", "-"], input: Array(wrong.utf8))
    XCTAssertEqual(refused.status, 1)
    XCTAssert(String(decoding: refused.error, as: UTF8.self).contains("max-bytes"))
  }

  func testTheInstalledScriptCallsThisProgram() throws {
    let folder = try TemporaryDirectory()
    let install = try Vfiogate.run("hook", "install", "--dir", folder.path + "/hooks", "--host", host)
    XCTAssertEqual(install.status, 0, install.error)
    let script = folder.path + "/hooks/qemu.d/50-vfiogate"
    let refused = try Child.run(script, ["g", "prepare", "begin", "-"], input: Array(domain().utf8))
    XCTAssertEqual(refused.status, 1)
    XCTAssertEqual(try Child.run(script, ["g", "release", "end", "from snapshot"]).status, 0)
    XCTAssertEqual(try Vfiogate.run("hook", "install", "--dir", "/proc/nowhere").status, 2)
  }

  /// libvirt runs the script in a folder of its own, where a file that is not found refuses every guest.
  func testAnInstalledScriptHasAbsolutePathsOnly() throws {
    let folder = try TemporaryDirectory()
    for options in [["--policy", ".vfiogate.conf"], ["--host", "my.host"], ["--qemu", "./qemu-system-x86_64"], ["--qemu", "qmp:vm.qmp"]] {
      let run = try Vfiogate.run(["hook", "install", "--dir", folder.path + "/hooks"] + options)
      XCTAssertEqual(run.status, 64, run.output)
      XCTAssert(run.error.contains("is not an absolute path"), run.error)
    }
    for options in [["--policy", "/etc/vfiogate.conf"], ["--host", "none", "--qemu", "11.1"], ["--qemu", "qmp:/run/vm.qmp"]] {
      XCTAssertEqual(try Vfiogate.run(["hook", "install", "--dir", folder.path + "/hooks"] + options).status, 0)
    }
  }

  func testKubeVirtGetsItsDomainBackUnchanged() throws {
    let text = domain("bus='0x01' slot='0x00'").replacing("\n", with: "\r\n") + "<!-- ü -->"
    let run = try Vfiogate.run("hook", "kubevirt", "--host", host, "--vmi", #"{"metadata":{"name":"a"}}"#, "--domain", text)
    XCTAssertEqual(run.status, 0, run.error)
    XCTAssertEqual(run.output, text)
  }

  func testKubeVirtIsRefusedWithoutADomain() throws {
    let vmi = #"{"metadata":{"name":"a","namespace":"n"}}"#
    let run = try Vfiogate.run("hook", "kubevirt", "--host", host, "--vmi", vmi, "--domain", domain())
    XCTAssertEqual(run.status, 1)
    XCTAssertEqual(run.output, "")
    XCTAssert(run.error.contains("domain n/a:"), run.error)
    let nameless = try Vfiogate.run("hook", "kubevirt", "--host", host, "--vmi", "{}", "--domain", domain())
    XCTAssert(nameless.error.contains("\nthe domain:"), nameless.error)
    XCTAssert(nameless.error.contains("\nthe domain: unsafe"), nameless.error)
    XCTAssertEqual(try Vfiogate.run("hook", "kubevirt", "--vmi", "{\"a\":1,\"a\":2}", "--domain", domain()).status, 2)
    XCTAssertEqual(try Vfiogate.run("hook", "kubevirt", "--vmi", "{}").status, 64)
  }

  func testASidecarsOwnDeviceNodesSayNothing() throws {
    // The recording says that /dev/iommu and the group's node are absent: of the sidecar.
    let folder = try TemporaryDirectory()
    let lines = try Fixture.text("hosts/intel-no-device-tlb.host").split(separator: "\n", omittingEmptySubsequences: false)
    let blind = lines.map { line in
      line.hasPrefix("group ") && line.hasSuffix(" node accessible") ? line.dropLast(10) + "absent" : line
    }
    XCTAssertNotEqual(blind, lines)
    try writeFile(folder.path + "/blind.host", blind.joined(separator: "\n"))
    let run = try Vfiogate.run(
      "hook", "kubevirt", "--host", folder.path + "/blind.host", "--vmi", "{}", "--domain",
      domain("bus='0x01' slot='0x00'"))
    XCTAssertEqual(run.status, 0, run.error)
  }

  /// A recording in which a process holds the device, the memlock limit is too low, and iommufd is not accessible.
  private func occupied(_ folder: TemporaryDirectory) throws -> String {
    let lines = try Fixture.text("hosts/intel-no-device-tlb.host").split(separator: "\n", omittingEmptySubsequences: false)
    let changed = lines.map { line -> Substring in
      if line == "0000:01:00.0 users none" { return "0000:01:00.0 users 4711:group:qemu-system-x86" }
      return line == "memlock unlimited" ? "memlock 65536" : line
    }
    XCTAssertEqual(zip(lines, changed).filter { $0 != $1 }.count, 2)
    try writeFile(folder.path + "/occupied.host", changed.joined(separator: "\n"))
    return folder.path + "/occupied.host"
  }

  /// The processes that a sidecar sees are its own, and not those that may hold the device.
  func testASidecarsProcessesAndLimitsSayNothing() throws {
    let folder = try TemporaryDirectory()
    let (host, text) = (try occupied(folder), domain("bus='0x01' slot='0x00'"))
    let kubevirt = try Vfiogate.run("hook", "kubevirt", "--host", host, "--vmi", "{}", "--domain", text)
    XCTAssertEqual(kubevirt.status, 0, kubevirt.error)
    let strict = try Vfiogate.run(
      "hook", "kubevirt", "--host", host, "--on-unknown", "refuse", "--vmi", "{}", "--domain", text)
    XCTAssertEqual(strict.status, 2, "it is undetermined, and not safe: \(strict.error)")
    let libvirt = try Vfiogate.run(["hook", "libvirt", "--host", host, "g", "prepare", "begin", "-"], input: Array(text.utf8))
    XCTAssertEqual(libvirt.status, 1)
    XCTAssert(libvirt.error.hasPrefix("vfiogate: refused: device-in-use"), libvirt.error)
  }

  /// Between `prepare` and `start` another guest may have taken the device; what `prepare` has let pass, passes.
  func testStartRefusesADeviceThatWasTakenAndNothingElse() throws {
    let folder = try TemporaryDirectory()
    let host = try occupied(folder)
    func run(_ operation: String, _ suboperation: String, _ text: String, host: String) throws -> Vfiogate {
      try Vfiogate.run(
        ["hook", "libvirt", "--host", host, "--fail-on", "note", "g", operation, suboperation, "-"], input: Array(text.utf8))
    }
    let text = domain("bus='0x01' slot='0x00'", managed: "yes")
    let taken = try run("start", "begin", text, host: host)
    XCTAssertEqual(taken.status, 1)
    XCTAssert(taken.error.contains("error[device-in-use]"), taken.error)
    XCTAssertFalse(taken.error.contains("memlock"), taken.error)
    XCTAssertEqual(try run("start", "end", text, host: host).status, 0)
    XCTAssertEqual(try run("prepare", "end", text, host: host).status, 0)
    let free = try run("start", "begin", text, host: self.host)
    XCTAssertEqual(free.status, 0, free.error)
  }

  func testItAnswersToKubeVirtsName() throws {
    let folder = try TemporaryDirectory()
    let link = folder.path + "/onDefineDomain"
    XCTAssertEqual(symlink(try Child.built("vfiogate"), link), 0)
    let text = try Fixture.text("inputs/libvirt/no-passthrough.xml")
    let run = try Child.run(link, ["--vmi", "{}", "--domain", text])
    XCTAssertEqual(run.status, 0)
    XCTAssertEqual(String(decoding: run.output, as: UTF8.self), text)
  }
}
