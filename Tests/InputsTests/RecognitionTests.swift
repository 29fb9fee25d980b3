import Inputs
import XCTest

/// What a directory's file is taken for.
final class RecognitionTests: XCTestCase {
  private func recognise(_ text: String) -> InputFormat? { .recognise(Array(text.utf8)) }

  func testDefinitionsAreRecognised() {
    XCTAssertEqual(recognise("qemu-system-x86_64 -M q35\n"), .shell)
    XCTAssertEqual(recognise("# my guest\nexec sudo -u qemu /usr/libexec/qemu-kvm \\\n -M q35\n"), .shell)
    XCTAssertEqual(recognise("QEMU_AUDIO_DRV=none nice -n 5 qemu-system-aarch64 -M virt\n"), .shell)
    XCTAssertEqual(recognise("#!/bin/sh\nset -e\nmodprobe vfio-pci\nqemu-system-x86_64 -M q35\n"), .shell)
    XCTAssertEqual(recognise("A='b c' qemu-system-x86_64 -M q35\n"), .shell)
    XCTAssertEqual(
      recognise("#!/bin/sh\nPROGRAM= qemu-system-x86_64\nrun_it -device vfio-pci,host=01:00.0\n"), .shell,
      "what starts it is not seen, and it may be a guest")
    XCTAssertEqual(recognise("/usr/bin/qemu-system-x86_64\n-M\nq35\n"), .lines)
    XCTAssertEqual(recognise("-device\nvfio-pci,host=01:00.0\n"), .lines)
    XCTAssertEqual(recognise("/usr/bin/qemu-system-x86_64\0-M\0q35\0"), .nul)
    XCTAssertEqual(recognise("<!-- plug -->\n<interface type='hostdev'><mac address='1'/></interface>"), .xml)
    XCTAssertEqual(recognise(#"{"execute":"qmp_capabilities"}"#), .qmp)
    XCTAssertEqual(recognise(#"{"driver":"vfio-pci","host":"0000:01:00.0"}"#), .qmp)
    XCTAssertEqual(recognise(#"{"execute":"device_add","arguments":{"#), .qmp, "cut short, and still meant to be one")
  }

  func testADomainInUTF16IsRecognisedAlsoWhenCutShort() {
    let text = "\u{feff}<?xml version='1.0'?>\n<domain type='kvm'><name>é😀"
    let bytes = text.utf16.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
    for end in (bytes.count - 4)...bytes.count {
      XCTAssertEqual(InputFormat.recognise(Array(bytes[..<end])), .xml, "\(end)")
    }
  }

  func testEverythingElseIsNot() {
    for text in [
      "", "\n\n", "# Notes\n\nRun qemu-system-x86_64 with care.\n", "- one\n- two\n", "#!/bin/sh\necho hello\n",
      "#!/usr/bin/python3\nprint('qemu-system-x86_64')\n", #"{"name":"package","version":"1.0.0"}"#, "[1,2]",
      "\u{7f}ELF\0\0\0qemu-system-x86_64", "[device \"v\"]\n  driver = \"vfio-pci\"\n", "vfiogate-host-recording 1\n",
      "PATH=/bin ls\n", "#!/bin/bash\nusermod -aG kvm $USER\n", "#!/bin/sh\napt-get install qemu-system-x86\n",
      "#!/sbin/openrc-run\ndescription=\"Virtualization qemu daemon\"\ndepend() {\n  use qemu\n}\n",
      "<html/>", "<interface type='bond' name='bond0'><start mode='none'/></interface>",
    ] {
      XCTAssertNil(recognise(text), text)
    }
  }
}
