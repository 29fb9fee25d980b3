import Facts
import Syntax
import XCTest

@testable import Inputs

/// Host functions that QEMU's block layer attaches itself: none may be missed.
final class HostStorageTests: XCTestCase {
  private func unread(_ text: String, as format: InputFormat? = nil) -> [String] {
    ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8)), as: format, extent: .passthrough).machine.unreadParts.map(\.what)
  }

  func testEverySpellingIsFound() {
    let plain = [
      "-drive file=nvme://0000:05:00.0/1,if=none,id=d", "-blockdev driver=nvme,device=0000:05:00.0,namespace=1,node-name=n",
      "-blockdev nvme,device=0000:05:00.0,namespace=1,node-name=n",
      #"-blockdev '{"driver":"raw","node-name":"r","file":{"driver":"nvme","device":"0000:05:00.0","namespace":1}}'"#,
      "-drive file.driver=nvme,file.device=0000:05:00.0,file.namespace=1,if=none",
      #"-drive 'file=json:{"driver":"nvme",,"device":"0000:05:00.0",,"namespace":1}'"#,
      "-drive driver=qcow2,file.filename=nvme://0000:05:00.0/1", "-hda nvme://0000:05:00.0/1", "nvme://0000:05:00.0/1",
      "-blockdev driver=virtio-blk-vfio-pci,path=/sys/bus/pci/devices/0000:05:00.0,node-name=n"
    ]
    for text in plain {
      let found = unread("qemu-system-x86_64 -M q35 " + text)
      XCTAssertEqual(found.count, 1, text)
      XCTAssert(found.first?.contains("0000:05:00.0") ?? false, "\(text): \(found)")
    }
    XCTAssertEqual(unread("[drive \"d\"]\n  file = \"nvme://0000:05:00.0/1\"\n  if = \"none\"\n").count, 1)
    let added = #"{"execute":"blockdev-add","arguments":{"driver":"nvme","device":"0000:05:00.0","namespace":1}}"#
    XCTAssertEqual(unread(added).count, 1)
    XCTAssertEqual(unread("device_add edu\ndrive_add 0 file=nvme://0000:05:00.0/1,if=none\n").count, 1)
    let source = """
      <source type='pci' managed='yes' namespace='1'><address domain='0x0000' bus='0x05' slot='0x00' function='0x0'/></source>
      """
    for disk in [
      "<disk type='nvme' device='disk'>\(source)<target dev='vda' bus='virtio'/></disk>",
      "<disk type='file'><source file='/a'/><backingStore type='nvme'>\(source)</backingStore></disk>",
      "<disk type='file'><backingStore type='file'><backingStore type='nvme'>\(source)</backingStore></backingStore></disk>"
    ] {
      XCTAssertEqual(unread("<domain type='kvm'><name>a</name><devices>\(disk)</devices></domain>").count, 1, disk)
    }
    // libvirt's numbers are decimal without `0x`.
    let decimal = "<disk type='nvme'><source type='pci' managed='yes'><address domain='0' bus='10' slot='0' function='0'/></source></disk>"
    let found = unread("<domain type='kvm'><name>a</name><devices>\(decimal)</devices></domain>")
    XCTAssertEqual(found, ["host function of the disk `0000:0a:00.0`"])
  }

  func testEmulatedControllersAndOtherDisksAreNotMeant() {
    for text in [
      "-device nvme,drive=d,serial=x", #"-device '{"driver":"nvme","serial":"x"}'"#, "-drive file=/dev/nvme0n1,if=none,format=raw",
      "-drive file=nvme.img,format=raw", "-blockdev driver=file,filename=/vm/nvme,node-name=n", "-nic user,model=nvme"
    ] {
      XCTAssertEqual(unread("qemu-system-x86_64 -M q35 " + text), [], text)
    }
  }
}
