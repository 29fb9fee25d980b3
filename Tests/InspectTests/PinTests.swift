import Common
import Facts
import Host
import Inputs
import Rules
import Syntax
import XCTest

/// Comments that name the expected device.
final class PinTests: XCTestCase {
  private func lint(_ text: String, on host: Facts.Host) -> RuleReport {
    let source = SourceText(name: "text", bytes: Array(text.utf8))
    return Judge(host: host, qemu: .released(11, 1, "11.1.3")).check(source, .parse(source)).report
  }

  private func messages(_ text: String, on host: Facts.Host) -> [String] {
    lint(text, on: host).findings.filter { $0.rule == "unexpected-device" }.map(\.message)
  }

  private func command(_ comment: String, _ second: String = "") -> String {
    """
    qemu-system-x86_64 -machine q35 -nodefaults \\
      -device pcie-root-port,id=rp0,chassis=1 \\
      # vfiogate: \(comment)
      -device vfio-pci,host=0000:0a:00.0,id=gpu,bus=rp0,addr=0.0,multifunction=on \\
      \(second)
      -device vfio-pci,host=0000:0a:00.1,id=audio,bus=rp0,addr=0.1

    """
  }

  func testACommentIsAboutTheDeviceOnItsLine() throws {
    let host = try RecordedHosts.host("desktop-amd-geforce")
    XCTAssertEqual(messages(command("expect=10de:2204"), on: host), [])
    XCTAssertEqual(
      messages(command("expect=10de:1aef"), on: host), ["`gpu` (0000:0a:00.0) is 10de:2204, and 10de:1aef is expected there"])
    XCTAssertEqual(
      messages(command("expect=10de:2204", "# vfiogate: expect=10de:2204"), on: host),
      ["`audio` (0000:0a:00.1) is 10de:1aef, and 10de:2204 is expected there"])
  }

  /// Before the command it is about all devices, of which one must be it.
  func testACommentBeforeTheCommandIsMetByAnyDevice() throws {
    let host = try RecordedHosts.host("desktop-amd-geforce")
    let plain = command("allow=option-rom checked")
    XCTAssertEqual(messages("# vfiogate: expect=10de:1aef\n" + plain, on: host), [])
    XCTAssertEqual(
      messages("# vfiogate: expect=1002:1aef\n" + plain, on: host),
      ["`gpu` (0000:0a:00.0) is 10de:2204, and 1002:1aef is expected among 2 devices"])
  }

  func testACommentInXMLAndInProxmoxIsRead() throws {
    let host = try RecordedHosts.host("desktop-amd-geforce")
    let xml = """
      <domain type='kvm'><name>g</name><memory>1048576</memory><os><type arch='x86_64' machine='q35'>hvm</type></os><devices>
      <!-- vfiogate: expect=10de:2941 -->
      <hostdev mode='subsystem' type='pci' managed='yes'>
      <source><address domain='0x0000' bus='0x0a' slot='0x00' function='0x0'/></source></hostdev>
      </devices></domain>
      """
    XCTAssertEqual(
      messages(xml, on: host), ["`hostdev0` (0000:0a:00.0) is 10de:2204, and 10de:2941 is expected there"])
    let proxmox = "# vfiogate: expect=10de:2941\nhostpci0: 0000:0a:00,pcie=1\nmachine: q35\nmemory: 4096\n"
    XCTAssertEqual(messages(proxmox, on: host).count, 1)
  }

  func testAnUnreadIdIsUndetermined() throws {
    var host = try RecordedHosts.host("desktop-amd-geforce")
    host.devices[try address("0000:0a:00.0")]?.device = .unknown("device id of 0000:0a:00.0", "not read")
    let report = lint(command("expect=10de:2204"), on: host)
    XCTAssertEqual(report.undetermined.filter { $0.rule == "unexpected-device" }.count, 1)
    XCTAssertFalse(report.verdict.isSafe)
  }

  func testATypoIsAProblem() throws {
    let report = lint(command("expect=10de2204"), on: try RecordedHosts.host("desktop-amd-geforce"))
    XCTAssertEqual(
      report.findings.filter { $0.rule == "malformed-input" }.map(\.message),
      ["`expect=10de2204` is not a vendor and device id"])
  }
}
