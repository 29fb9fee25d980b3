import Common
import Facts
import Host
import Inputs
import Rules
import Support
import Syntax
import XCTest

/// KVM of a live host; no recording has it.
final class KVMTests: XCTestCase {
  private func findings(_ text: String, _ access: NodeAccess, on host: String = "desktop-amd-geforce") throws -> [String] {
    var host = try HostRecording.load(Fixture.path("hosts/\(host).host"))
    host.kvm = .known(access)
    let source = SourceText(name: "definition", bytes: Array(text.utf8))
    let parsed = ParsedInput.parse(source, as: text.hasPrefix("<") ? .xml : text.hasPrefix("machine") ? .proxmox : .shell)
    let report = Judge(host: host, qemu: .released(11, 1, "11.1.3")).check(source, parsed).report
    return report.findings.filter { $0.severity == .error }.map { "\($0.rule): \($0.message): \($0.fix)" }
  }

  func testQEMURefusesAMachineWithoutIt() throws {
    let command = "qemu-system-x86_64 -M q35,accel=kvm -m 4G -nodefaults -device pcie-root-port,id=r,chassis=1 "
      + "-device vfio-pci,host=0000:0a:00.0,bus=r"
    let text = "launch-fails: QEMU refuses the machine: `Could not access KVM kernel module: "
    XCTAssertEqual(try findings(command, .accessible), [])
    XCTAssertEqual(
      try findings(command, .absent),
      [text + "No such file or directory`: enable virtualization in the firmware (VT-x, SVM), and load `kvm_intel` or `kvm_amd`"])
    XCTAssertEqual(
      try findings(command, .denied),
      [text + "Permission denied`: let the user open /dev/kvm: `usermod -aG kvm USER`, and log in again"])
  }

  func testArmsKVMIsPartOfTheKernel() throws {
    let command = "qemu-system-aarch64 -M virt,accel=kvm,gic-version=3 -cpu host -m 4G -nodefaults -device pcie-root-port,id=r,chassis=1 "
      + "-device vfio-pci,host=0008:01:00.0,bus=r"
    XCTAssertEqual(
      try findings(command, .absent, on: "grace-gb200"),
      ["launch-fails: QEMU refuses the machine: `Could not access KVM kernel module: No such file or directory`: "
        + "use a kernel with CONFIG_KVM, which the firmware starts at EL2"])
  }

  /// libvirt's own user opens the node (observed on 9.0).
  func testLibvirtRefusesADomainWithoutIt() throws {
    func domain(_ type: String) -> String {
      """
      <domain type='\(type)'><name>a</name><memory unit='GiB'>4</memory><vcpu>1</vcpu>
      <os><type arch='x86_64' machine='q35'>hvm</type></os>
      <devices><hostdev mode='subsystem' type='pci' managed='yes'><source>
      <address domain='0x0000' bus='0x0a' slot='0x00' function='0x0'/></source></hostdev></devices></domain>
      """
    }
    let refusal = "libvirt-refuses: libvirt refuses the domain: `Emulator '/usr/bin/qemu-system-x86_64' does not support virt type 'kvm'`: "
    XCTAssertEqual(
      try findings(domain("kvm"), .absent),
      [refusal + "enable virtualization in the firmware, and load KVM's module, or write `type='qemu'`"])
    XCTAssertEqual(try findings(domain("kvm"), .denied), [])
    XCTAssertEqual(try findings(domain("qemu"), .absent), [])
  }

  func testProxmoxRefusesAMachineWithoutIt() throws {
    let config = "machine: q35\nmemory: 4096\nballoon: 0\nhostpci0: 0000:0a:00,pcie=1\n"
    let text = "launch-fails: Proxmox refuses the machine: "
      + "`KVM virtualisation configured, but not available. Either disable in VM configuration or enable in BIOS.`: "
    XCTAssertEqual(
      try findings(config, .absent), [text + "enable virtualization in the firmware (VT-x, SVM), and load `kvm_intel` or `kvm_amd`"])
    XCTAssertEqual(try findings(config, .denied), [])
    XCTAssertEqual(try findings(config + "kvm: 0\n", .absent), [])
    XCTAssertTrue(try findings(config + "args: -accel tcg\n", .absent).contains { $0.hasPrefix(text) })
  }
}
