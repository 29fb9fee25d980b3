import Glibc
import Support
import Syntax
import XCTest

/// Definitions as people have them, through the built program: what is not read is never safe.
final class InputKindTests: XCTestCase {
  private func lint(_ name: String, _ more: String...) throws -> Vfiogate {
    try Vfiogate.run(["lint", Fixture.path("inputs/kinds/\(name)"), "--host", "none", "--format", "json"] + more)
  }

  /// Verdict, exit code, and the host functions of the devices that were found.
  private func check(
    _ name: String, _ verdict: String, _ status: Int32, _ hosts: [String], line: UInt = #line
  ) throws {
    let run = try lint(name)
    let definition = try XCTUnwrap(run.json["definitions"]?.array?.first, run.error, line: line)
    XCTAssertEqual(definition["verdict"]?.string, verdict, name, line: line)
    XCTAssertEqual(run.status, status, "\(name): \(run.error)", line: line)
    let found = definition["devices"]?.array?.compactMap { $0["host"]?.string } ?? []
    XCTAssertEqual(found, hosts, name, line: line)
    XCTAssertEqual(definition["findings"]?.array?.filter { $0["severity"]?.string == "error" }.count, 0, name, line: line)
  }

  func testEachKindIsReadOrUndetermined() throws {
    let gpu = "0000:01:00.0"
    try check("shebang-with-option.sh", "undetermined", 0, [gpu])
    try check("systemd-oneline.service", "undetermined", 0, [gpu])
    try check("sudo-bash-c.sh", "undetermined", 2, [])
    try check("text-before-domain.xml", "undetermined", 0, [gpu])
    try check("hmp-device_add.txt", "undetermined", 2, [gpu])
    try check("qemu-readconfig-file.conf", "undetermined", 0, [gpu])
    try check("proxmox-vm.conf", "undetermined", 0, [])
    try check("second-command-taskset-pid.sh", "undetermined", 0, [gpu])
    try check("device-variable.sh", "undetermined", 2, [])
    try check("object-id-variable.sh", "undetermined", 2, [gpu])
    try check("readconfig-of-the-host.qemu", "safe", 0, [])
    try check("compose.yaml", "undetermined", 0, [gpu])
    try check("nomad.hcl", "undetermined", 0, [gpu])
    XCTAssertFalse(try lint("aarch64-no-memballoon.xml").output.contains("balloon-with-vfio"))
  }

  func testADirectoryListsAScriptWhoseShebangHasAnOption() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/vm", try Fixture.text("inputs/kinds/dir-skips-shebang-option.sh"))
    let run = try Vfiogate.run("lint", folder.path, "--host", "none")
    XCTAssert(run.output.contains("\(folder.path)/vm: undetermined"), run.output)
  }

  func testProxmoxPassesEveryFunctionOfASlotOfTheHost() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/100.conf", "hostpci0: 0a:00,pcie=1,x-vga=1\nballoon: 0\nbios: ovmf\nmachine: q35\nmemory: 4096\n")
    let run = try Vfiogate.run("lint", folder.path, "--host", Vfiogate.host("desktop-amd-geforce"), "--format", "json")
    let devices = try XCTUnwrap(run.json["definitions"]?.array?.first?["devices"]?.array)
    XCTAssertEqual(devices.map { $0["host"]?.string }, ["0000:0a:00.0", "0000:0a:00.1"])
    XCTAssertEqual(run.status, 0, run.output)
  }

  func testDocumentsOfOneFileAreDefinitionsThatShareAHost() throws {
    let folder = try TemporaryDirectory()
    let domain = try Fixture.text("inputs/kinds/text-before-domain.xml").split(separator: "\n").drop { !$0.hasPrefix("<domain") }
    let text = domain.joined(separator: "\n")
    try writeFile(folder.path + "/guests.xml", text + "\n" + text.replacing("<name>", with: "<name>second-") + "\n")
    let run = try Vfiogate.run("lint", folder.path + "/guests.xml", "--host", "none")
    XCTAssert(run.output.contains("guests.xml:1: undetermined"), run.output)
    XCTAssert(run.output.contains("guests.xml:\(domain.count + 1): undetermined"), run.output)
    XCTAssert(run.output.contains("is also assigned in `\(folder.path)/guests.xml:1`"), run.output)
    XCTAssertEqual(run.status, 1, run.output)
  }

  func testAFileThatIsNotADefinitionExits2AndNamesTheWayIn() throws {
    let folder = try TemporaryDirectory()
    for (text, part) in [
      ("hello world\n", "text without a QEMU command"), ("# nothing\n", "comments only"),
      ("#!/bin/sh\necho hi\n", "a shell script without"),
      (".Sh EXAMPLES\n.Dl qemu-system-x86_64 -device vfio-pci,host=01:00.0\n", "a manual page"),
      ("apiVersion: kubevirt.io/v1\nkind: VirtualMachine\n", "vfiogate hook kubevirt"), ("{\"a\": 1}\n", "JSON without a QMP command"),
      ("\u{7f}ELF", "`vfiogate run -- PATH ARGUMENT…` judges a command line"),
      ("virsh # attach-disk vm /x vdb --print-xml\n<disk type='file'>\n</disk>\n\nvirsh # echo\n", "a transcript of virsh"),
      ("guest_os=\"linux\"\nextra_args=\"-device vfio-pci,host=01:00.0\"\n", "quickemu"),
      ("config:\n  security.secureboot: \"false\"\ndevices:\n  gpu:\n    gputype: physical\n", "qemu.conf that Incus writes")
    ] {
      try writeFile(folder.path + "/file", text)
      let run = try Vfiogate.run("lint", folder.path + "/file", "--host", "none")
      XCTAssertEqual(run.status, 2, text)
      XCTAssertEqual(run.output, "", text)
      XCTAssert(run.error.contains("file: not a definition: it looks like ") && run.error.contains(part), run.error)
      XCTAssertEqual(run.error.split(separator: "\n").count, 1, run.error)
    }
  }

  func testAMisspeltOptionIsAnError() throws {
    let run = try Vfiogate.run("lint", "-", "--host", "none", input: "qemu-system-x86_64 -devcie vfio-pci,host=01:00.0\n")
    XCTAssertEqual(run.status, 1, run.output)
    XCTAssert(run.output.contains("`-devcie: invalid option`"), run.output)
  }

  /// The content of a file elsewhere never reaches the output, also through a link and in JSON.
  func testADefinitionDoesNotMakeTheProgramPrintOtherFiles() throws {
    let folder = try TemporaryDirectory()
    XCTAssertEqual(mkdir(folder.path + "/vm", 0o755), 0)
    try writeFile(folder.path + "/secret", "root:$6$hash:1::::\n[device \"g\"]\n  driver = \"vfio-pci\"\n")
    XCTAssertEqual(symlink("../secret", folder.path + "/vm/link"), 0)
    for path in ["../secret", folder.path + "/secret", "link", "sub/../../secret"] {
      try writeFile(folder.path + "/vm/a.qemu", "qemu-system-x86_64 -M q35 -readconfig \(path)\n")
      for format in ["text", "json", "sarif"] {
        let run = try Vfiogate.run("lint", folder.path + "/vm/a.qemu", "--host", "none", "--verbose", "--format", format)
        XCTAssertFalse((run.output + run.error).contains("hash"), run.output)
        XCTAssertEqual(run.status, 2, run.output)
      }
    }
    try writeFile(folder.path + "/vm/a.qemu", "qemu-system-x86_64 -M q35 -readconfig ../secret\n")
    let allowed = try Vfiogate.run(
      "lint", folder.path + "/vm/a.qemu", "--host", "none", "--follow-root", folder.path)
    XCTAssert(allowed.output.contains("hash"), "an allowed file is a part of the definition: \(allowed.output)")
  }

  /// The files of a guest's command line are read as those of a definition; what a stream of plugs leaves unread is not
  /// lost when they are added to the guest.
  func testPlugsIntoAGuestKeepWhatWasNotRead() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/vm.cfg", "[device \"r\"]\n  driver = \"pcie-root-port\"\n")
    let plug = "{\"execute\": \"device_add\", \"arguments\": {\"driver\": \"virtio-net-pci\", \"id\": \"n\"}}\n"
    func undetermined(_ guest: String, _ stream: String) throws -> String {
      try writeFile(folder.path + "/guest", "qemu-system-x86_64 -M q35 -readconfig \(guest)\n")
      let arguments = ["lint", "-", "--guest", folder.path + "/guest", "--host", "none", "--verbose"]
      let run = try Vfiogate.run(arguments, input: Array(stream.utf8))
      let lines = run.output.split(separator: "\n")
      return zip(lines, lines.dropFirst()).filter { $0.1.hasPrefix("  missed by: malformed-input") }
        .map { String($0.0) }.joined(separator: "\n")
    }
    XCTAssertEqual(try undetermined("vm.cfg", plug), "")
    XCTAssert(try undetermined("none.cfg", plug).contains("the configuration file `none.cfg`"))
    let unread = plug + "{\"execute\": \"qom-get\", \"arguments\": {\"path\": \"sysfsdev=/sys/bus/pci/devices/0000:01:00.0\"}}\n"
    XCTAssert(try undetermined("vm.cfg", unread).contains("`sysfsdev=` in line 2"))
  }
}
