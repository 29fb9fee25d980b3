import Facts
import Inputs
import Syntax
import XCTest

/// `-set` and `-global` that QEMU refuses when it reads them (observed on 11.1.3 and 7.2.22).
final class SetAndGlobalTests: XCTestCase {
  private func messages(_ options: String) -> [String] {
    let text = "qemu-system-x86_64 -M q35 -nodefaults -device vfio-pci,host=01:00.0,id=a " + options + "\n"
    return ParsedInput.parse(SourceText(name: "vm.sh", bytes: Array(text.utf8)), as: .shell).problems.map(\.message)
  }

  func testASetOfAnUnknownGroup() {
    XCTAssertEqual(
      messages("-set nosuch.a.b=c"), ["`-set nosuch.a.b=c`: QEMU stops with `There is no option group 'nosuch'`"])
    for group in ["smbios", "acpi", "memory"] { XCTAssertEqual(messages("-set \(group).a.b=c"), [], group) }
    XCTAssertEqual(messages("-set \"dev$X.a.b=c\""), [])
  }

  func testASetOfADeviceThatOnlyTheShellKnows() {
    for set in ["device.$v.ats=on", "device.a$i.ats=on", "device.a.$p=on"] {
      let text = "qemu-system-x86_64 -M q35 -device vfio-pci,host=01:00.0,id=a -set \(set)\n"
      let parsed = ParsedInput.parse(SourceText(name: "vm.sh", bytes: Array(text.utf8)), as: .shell)
      XCTAssertEqual(parsed.machine.sets.map(\.id), [], set)
      XCTAssertEqual(parsed.machine.unreadParts.map(\.what), ["value of `\(set)`"])
    }
  }

  func testWhatOnlyTheShellKnowsMayBeAnyItemOrAnyDevice() {
    let device = "-device vfio-pci,host=01:00.0,"
    for options in ["-M q35,$OPTS \(device)id=a", "-M q35 \(device)id=$ID -set device.a.rombar=0"] {
      let parsed = ParsedInput.parse(SourceText(name: "vm.sh", bytes: Array("qemu-system-x86_64 \(options)\n".utf8)), as: .shell)
      XCTAssertEqual(parsed.machine.unreadParts.count, 1, options)
      XCTAssertEqual(parsed.machine.machine.map(\.name), ["type"], options)
      XCTAssertEqual(parsed.machine.sets.map(\.id), [], options)
    }
  }

  func testAValueOfASetThatOnlyTheShellKnows() {
    func read(_ set: String) -> MachineConfig {
      let text = "qemu-system-x86_64 -M q35 -device vfio-pci,host=01:00.0,id=a -set \(set)\n"
      return ParsedInput.parse(SourceText(name: "vm.sh", bytes: Array(text.utf8)), as: .shell).machine
    }
    for set in ["device.a.ats=$X", "device.a.ats=${X}", "device.a.ats={{ x }}"] {
      XCTAssertEqual(read(set).devices.first?.value("ats")?.isUnknown, true, set)
    }
    XCTAssertEqual(read("device.a.ats='$X'").devices.first?.value("ats"), .string("$X"))
    // Its driver may be any.
    XCTAssertEqual(read("device.a.driver=$X").unreadParts.map(\.what), ["value of `device.a.driver=$X`"])
    XCTAssertEqual(read("device.a.driver=$X").devices.map(\.driver), ["vfio-pci"])
  }

  func testPlaceholdersInGlobalAndSet() {
    let globals = ["{{ g }}", "@GLOBAL@", "{{ d }}.ats=on", "vfio-pci.{{ p.q }}=on", "vfio-pci.ats=@V@", "vfio-pci.romfile=%s"]
    for (option, texts) in [("-global", globals), ("-set", ["{{ x }}", "@SET@"])] {
      for text in texts {
        let list = "[\"qemu-system-x86_64\",\"-device\",\"vfio-pci,host=01:00.0,id=a\",\"\(option)\",\"\(text)\"]\n"
        let parsed = ParsedInput.parse(SourceText(name: "vm.json", bytes: Array(list.utf8)))
        XCTAssertEqual(parsed.problems.map(\.message), [], text)
        XCTAssertEqual(parsed.machine.globals.map(\.property), [], text)
        XCTAssertEqual(parsed.machine.unreadParts.map(\.what), ["value of `\(text)`"], text)
      }
    }
  }

  func testPlaceholdersAmongTheItemsOfAProcessor() {
    for model in ["{{ cpu }}", "@CPU@", "max,+@FLAG@", "max,@FLAGS@", "max,phys-bits=@BITS@"] {
      let text = "qemu-system-x86_64 -cpu \"\(model)\" -device vfio-pci,host=01:00.0\n"
      let machine = ParsedInput.parse(SourceText(name: "vm.sh", bytes: Array(text.utf8)), as: .shell).machine
      XCTAssertEqual(machine.options.filter { $0.name == "cpu" }.map(\.value.string), ["$(...)"], model)
    }
  }

  /// `%d` is a number of printf and of QEMU's own configuration files.
  func testPlaceholdersAmongMemoryAndProcessors() {
    for (option, text) in [("m", "%dM"), ("m", "size={{ memory }}"), ("smp", "%d"), ("smp", "cpus=@CPUS@,sockets=1")] {
      let list = "[\"qemu-system-x86_64\",\"-device\",\"vfio-pci,host=01:00.0\",\"-\(option)\",\"\(text)\"]\n"
      let machine = ParsedInput.parse(SourceText(name: "vm.json", bytes: Array(list.utf8))).machine
      XCTAssertEqual(machine.options.filter { $0.name == option }.map(\.value.string), ["$(...)"], text)
    }
  }

  func testASetOfWhatNoOptionHasMade() {
    XCTAssertEqual(messages("-set drive.d.if=x"), ["`-set drive.d.if=x`: QEMU stops with `there is no drive \"d\" defined`"])
    XCTAssertEqual(messages("-set drive.d.if=x -drive id=d,if=none").count, 1)
    for options in [
      "-drive id=d,if=none -set drive.d.if=x", "-cdrom d.iso -set drive.ide1-cd0.if=x", "-serial stdio -set chardev.serial0.a=b",
      "-netdev user,id=n -set netdev.n.a=b",
    ] {
      XCTAssertEqual(messages(options), [], options)
    }
    XCTAssertEqual(messages("-set global.a.b=c -global vfio-pci.rombar=0").count, 1)
  }

  /// Some of libvirt's own options, which come first, are key=value text (libvirt 9.0.0: virsh domxml-to-native).
  func testASetOfWhatLibvirtHasMade() {
    func messages(_ set: String) -> [String] {
      let hostdev = "<hostdev mode='subsystem' type='pci'><source><address bus='1'/></source></hostdev>"
      let options = "<q:commandline><q:arg value='-set'/><q:arg value='\(set)'/></q:commandline>"
      let text = "<domain type='kvm' xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><name>g</name><os><type>hvm</type></os>"
        + "<devices>\(hostdev)</devices>\(options)</domain>"
      return ParsedInput.parse(SourceText(name: "g.xml", bytes: Array(text.utf8))).problems.map(\.message)
    }
    for set in ["chardev.charmonitor.path=/m", "mon.monitor.mode=control"] { XCTAssertEqual(messages(set), [], set) }
    XCTAssertEqual(
      messages("netdev.hostnet0.vhost=off"),
      ["`-set netdev.hostnet0.vhost=off`: QEMU stops with `there is no netdev \"hostnet0\" defined`"])
  }

  func testASetWithoutAName() {
    XCTAssertEqual(messages("-set device.a.=1"), ["`-set device.a.=1` is not `group.id.property=value`"])
    XCTAssertEqual(messages("-set device..rombar=1").count, 1)
    XCTAssertEqual(messages("-set device.a.rombar=1"), [])
  }

  func testAnIdAmongTheValuesOfASectionReplacesThatOfItsHead() {
    let file = "[device \"a\"]\n driver = \"vfio-pci\"\n id = \"b\"\n"
    let parsed = ParsedInput.parse(SourceText(name: "t", bytes: Array("qemu-system-x86_64 -readconfig vm.cfg".utf8))) { path in
      path == "vm.cfg" ? .found(SourceText(name: path, bytes: Array(file.utf8))) : .failed("No such file or directory")
    }
    XCTAssertEqual(parsed.machine.devices.map(\.id), ["b"])
  }

  func testAGlobalWithAnotherKey() {
    let text = "driver=vfio-pci,property=rombar,value=0"
    XCTAssertEqual(messages("-global \(text)"), [])
    XCTAssertEqual(messages("-global \(text),foo=1"), ["`-global \(text),foo=1`: QEMU stops with `Invalid parameter 'foo'`"])
    XCTAssertEqual(messages("-global driver=vfio-pci"), ["`-global driver=vfio-pci` does not name a driver, a property and a value"])
  }
}
