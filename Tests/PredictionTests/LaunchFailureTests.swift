import Facts
import Host
import Inputs
import Prediction
import Support
import Syntax
import XCTest

/// Refusals of other parts of a machine that no recorded row has, because they need KVM.
final class LaunchFailureTests: XCTestCase {
  private func texts(_ options: String) -> [String] {
    let machine = Machines.parse("qemu-system-x86_64 -nodefaults " + options).machine
    return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run().launchFailures.map(\.failure.text)
  }

  func testAnObjectNeedsAnId() {
    XCTAssertEqual(texts("-M q35 -object rng-random"), ["Parameter 'id' is missing"])
  }

  /// The device's state stays in it (QEMU docs/devel/migration/CPR.rst).
  func testAChannelOfTypeCPRIsALiveUpdate() {
    func isLiveUpdate(_ incoming: String, _ qemu: QEMUProfile = .released(11, 1, "11.1.3")) -> Bool {
      Machines.parse("qemu-system-x86_64 -incoming \(incoming)").machine.isLiveUpdate(of: qemu)
    }
    for text in [
      #"'{"channel-type":"cpr","addr":{"transport":"socket","type":"unix","path":"/c"}}'"#,
      #"'{"addr":{"transport":"socket","type":"unix","path":"/c"}, "channel-type": "cpr"}'"#,
      "channel-type=cpr,addr.transport=socket,addr.type=unix,addr.path=/c",
    ] {
      XCTAssertTrue(isLiveUpdate(text), text)
      XCTAssertFalse(isLiveUpdate(text, .released(10, 0, "10.0.13")), text)
    }
    for text in [
      #"'{"channel-type":"main","addr":{"transport":"socket","type":"unix","path":"/cpr"}}'"#, "tcp:0:44444", "defer",
      "channel-type=main,addr.transport=socket,addr.type=unix,addr.path=cpr",
    ] {
      XCTAssertFalse(isLiveUpdate(text), text)
    }
  }

  /// KVM's whole interrupt controller leaves none to the IOMMU (QEMU hw/i386/x86-iommu.c: x86_iommu_realize).
  func testExtendedInterruptModeNeedsRemapping() {
    let text = ["eim=on cannot be selected without intremap=on"]
    XCTAssertEqual(texts("-M q35,kernel-irqchip=on -accel kvm -device intel-iommu,eim=on"), text)
    XCTAssertEqual(texts("-M q35 -accel kvm -device intel-iommu,eim=on"), text)
    XCTAssertEqual(texts("-M q35,kernel-irqchip=split -accel kvm -device intel-iommu,eim=on"), [])
    XCTAssertEqual(texts("-M q35 -accel tcg -device intel-iommu,eim=on"), [])
    XCTAssertEqual(texts("-M q35 -accel tcg -device intel-iommu,eim=on,intremap=off"), text)
  }

  /// A type that others derive from applies to each of them (`qom-list-types` of 7.2.22). Later releases make one of each network
  /// card, with or without a device (observed on 7.2.22 and 11.1.3).
  func testAGlobalOfABaseAppliesToEveryTypeThatDerivesFromIt() {
    let crash = "qapi/qapi-visit-core.c:116: visit_start_alternate: Assertion `!(v->type & VISITOR_INPUT)' failed."
    func crashes(_ options: String, _ major: Int, _ minor: Int) -> Bool {
      let machine = Machines.parse("qemu-system-x86_64 -nodefaults -M q35 " + options).machine
      let result = Predictor(machine, on: Machines.host(), qemu: .released(major, minor, "\(major).\(minor).0")).run()
      return result.launchFailures.map(\.failure.text).contains(crash)
    }
    for (base, drivers) in [
      ("virtio-pci", [
        "virtio-net-pci", "virtio-net-pci-transitional", "virtio-net-pci-non-transitional", "virtio-vga", "virtio-vga-gl",
        "vhost-user-vga", "vhost-vsock-pci", "vhost-vsock-pci-non-transitional", "vhost-scsi-pci-transitional", "vhost-user-fs-pci",
      ]),
      ("virtio-net-pci-base", ["virtio-net-pci", "virtio-net-pci-transitional", "virtio-net-pci-non-transitional"]),
      ("virtio-gpu-pci-base", ["virtio-gpu-pci", "vhost-user-gpu-pci"]), ("virtio-vga-base", ["virtio-vga", "vhost-user-vga"]),
      ("virtio-input-pci", ["virtio-keyboard-pci", "virtio-input-host-pci"]), ("virtio-iommu-pci-base-type", ["virtio-iommu-pci"]),
      ("e1000-base", ["e1000", "e1000-82544gc", "e1000-82545em"]), ("pci-xhci", ["qemu-xhci", "nec-usb-xhci"]), ("pci-vga", ["VGA"]),
      ("pci-uhci-usb", ["ich9-usb-uhci1", "piix3-usb-uhci"]), ("pci-ehci-usb", ["usb-ehci"]), ("megasas-base", ["megasas-gen2"]),
    ] {
      for driver in drivers { XCTAssert(crashes("-global \(base).addr=1 -device \(driver)", 7, 2), driver) }
      for driver in ["e1000e", "edu"] { XCTAssertFalse(crashes("-global \(base).addr=1 -device \(driver)", 7, 2), driver) }
      XCTAssertEqual(crashes("-global \(base).addr=1", 11, 1), ["virtio-pci", "virtio-net-pci-base", "e1000-base"].contains(base), base)
    }
    for base in ["virtio-pci", "e1000-base"] {
      XCTAssertEqual(
        texts("-M q35 -global \(base).rombar=abc"), ["can't apply global \(base).rombar=abc: Parameter 'rombar' expects int64"])
    }
  }

  /// 7.2 has it with KVM alone, and machine types up to 2.7 without a check.
  func testExtendedInterruptModeOf7_2() {
    func old(_ options: String) -> [String] {
      let machine = Machines.parse("qemu-system-x86_64 -nodefaults " + options).machine
      return Predictor(machine, on: Machines.host(), qemu: .released(7, 2, "7.2.22")).run().launchFailures.map(\.failure.text)
    }
    let text = ["eim=on requires accel=kvm,kernel-irqchip=split"]
    for machine in ["q35 -accel tcg", "q35", "q35,accel=kvm,kernel-irqchip=off", "pc-q35-2.12", "q35,kernel-irqchip=split"] {
      XCTAssertEqual(old("-M \(machine) -device intel-iommu,eim=on"), text, machine)
    }
    for machine in ["q35,accel=kvm,kernel-irqchip=split", "pc-q35-2.7"] {
      XCTAssertEqual(old("-M \(machine) -device intel-iommu,eim=on"), [], machine)
    }
    XCTAssertEqual(old("-M q35 -device intel-iommu,eim=on,x-buggy-eim=on"), [])
  }

  /// Observed on 7.2.22, 10.0.13 and 11.1.3.
  func testTwoWaysToChooseTheAccelerator() {
    let text = ["The -accel and \"-machine accel=\" options are incompatible"]
    for options in [
      "-M q35 -enable-kvm -accel kvm", "-M q35 -accel tcg -enable-kvm", "-M q35,accel=kvm -accel kvm", "-accel tcg -M microvm,accel=tcg",
    ] {
      XCTAssertEqual(texts(options), text, options)
    }
    XCTAssertEqual(texts("-M q35,accel=kvm -enable-kvm"), [])
    XCTAssertEqual(texts("-M q35 -enable-kvm -enable-kvm"), [])
  }

  /// Observed on 7.2.22, 10.0.13 and 11.1.3.
  func testTheBridgeInAnExpanderHasItsNumberAsChassis() {
    let text = ["Bridge chassis not specified. Each bridge is required to be assigned a unique chassis id > 0."]
    for options in ["pxb", "pxb,id=x", "pxb,bus_nr=0", "pxb -global pci-bridge.chassis_nr=7"] {
      XCTAssertEqual(texts("-M pc -device " + options), text, options)
    }
    for options in ["pc -device pxb,bus_nr=9", "q35 -device pxb-pcie"] { XCTAssertEqual(texts("-M " + options), [], options) }
  }

  func testABusBehindABridgeHasItsIdAlone() {
    let expander = "-M q35 -device pxb-pcie,id=p,bus_nr=20 -device pcie-root-port,id=rp,bus="
    XCTAssertEqual(texts(expander + "p.0"), ["Bus 'p.0' not found"])
    XCTAssertEqual(texts(expander + "p"), [])
    XCTAssertEqual(texts("-M q35 -device pcie-pci-bridge,id=b -device e1000,bus=b.0,addr=1"), ["Bus 'b.0' not found"])
  }

  func testSpeedsOfPorts() {
    func refusals(_ value: String, _ major: Int, _ minor: Int) -> [String] {
      let machine = Machines.parse("qemu-system-x86_64 -M q35 -nodefaults -device pcie-root-port,id=rp,x-speed=" + value).machine
      return Predictor(machine, on: Machines.host(), qemu: .released(major, minor, "\(major).\(minor).0")).run().launchFailures
        .map(\.failure.text)
    }
    XCTAssertEqual(refusals("32", 7, 2), ["Parameter 'x-speed' does not accept value '32'"])
    XCTAssertEqual(refusals("64", 10, 0), [])
    XCTAssertEqual(refusals("16", 7, 2), [])
    XCTAssertEqual(refusals("128", 11, 1), ["Parameter 'x-speed' does not accept value '128'"])
  }

  /// A value or a machine that only the shell knows refuses nothing.
  func testWhatIsNotKnownIsNotRefused() {
    XCTAssertEqual(texts("-M q35 -device pcie-root-port,id=a,chassis=$n -device pcie-root-port,id=b,chassis=1"), [])
    XCTAssertEqual(texts("-M $machine -device pcie-root-port,id=a -device pcie-root-port,id=b"), [])
  }

  /// A hot plug into a port reports the device before the bus.
  func testADisplayIsNotPlugged() {
    let machine = Machines.parse("qemu-system-x86_64 -M q35 -nodefaults").machine
    func refusal(_ driver: String) -> [String] {
      let text = "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"\(driver)\"}}"
      let plugs = ParsedInput.parse(SourceText(name: "qmp", bytes: Array(text.utf8)), as: .qmp).plugs
      return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run(plugs: plugs).launchFailures
        .map(\.failure.text)
    }
    XCTAssertEqual(refusal("virtio-gpu-pci"), ["Device 'virtio-gpu-pci' does not support hotplugging"])
    XCTAssertEqual(refusal("virtio-net-pci"), ["Bus 'pcie.0' does not support hotplugging"])
  }
}

/// Options that QEMU refuses by their text, or because nothing makes the part that they name. The texts are rows of
/// believed-11.1.3.jsonl too; here is what must not be refused.
final class OptionCheckTests: XCTestCase {
  private func texts(_ options: String, _ major: Int = 11, _ minor: Int = 1) -> [String] {
    let machine = Machines.parse("qemu-system-x86_64 -M q35 -nodefaults " + options).machine
    return Predictor(machine, on: Machines.host(), qemu: .released(major, minor, "\(major).\(minor).0")).run().launchFailures
      .map(\.failure.text)
  }

  func testAnOptionIsRefusedByTheReleasesThatDoNotHaveIt() {
    XCTAssertEqual(texts("-soundhw hda"), ["-soundhw: invalid option"])
    XCTAssertEqual(texts("-soundhw hda", 7, 2), ["-soundhw: invalid option"])
    XCTAssertEqual(texts("-no-hpet"), ["-no-hpet: invalid option"])
    XCTAssertEqual(texts("-no-hpet", 10, 0), ["-no-hpet: invalid option"])
    XCTAssertEqual(texts("-no-hpet", 7, 2), [])
    XCTAssertEqual(texts("-runas qemu"), ["-runas: invalid option"])
    XCTAssertEqual(texts("-runas qemu", 10, 0), ["-runas: invalid option"])
    XCTAssertEqual(texts("-runas qemu", 9, 2), [], "not dated")
    XCTAssertEqual(texts("-run-with user=qemu"), [])
    XCTAssertEqual(texts("-run-with user=qemu", 7, 2), ["-run-with: invalid option"])
  }

  func testANameThatNothingMakesIsRefused() {
    XCTAssertEqual(
      texts("-netdev user,id=n -device virtio-net-pci,netdev=m"), ["Property 'virtio-net-device.netdev' can't find value 'm'"])
    // Observed on 7.2.22, 10.0.13 and 11.1.3.
    XCTAssertEqual(texts("-device e1000e,netdev="), ["Property 'e1000e.netdev' can't find value ''"])
    for options in [
      "-netdev user,id=n -device virtio-net-pci,netdev=n", #"-netdev '{"type":"user","id":"n"}' -device e1000e,netdev=n"#,
      "-netdev user,id=$N -device e1000e,netdev=n", #"-netdev "{\"type\":\"user\",\"id\":\"$N\"}" -device e1000e,netdev=n"#,
      "-nic user,id=n", "-device e1000e,netdev=$N", "-drive file=/a,id=d,if=none -device virtio-blk-pci,drive=d",
      "-drive file=/a,,b,if=none,id=d -device virtio-blk,drive=d", "-blockdev file,filename=/a,node-name=d -device ide-hd,drive=d",
      "-drive if=none,file=/a -device virtio-blk-pci,drive=none0", "-object rng-random,id=r,filename=/r -device virtio-rng-pci,rng=r",
      "-blockdev driver=qcow2,node-name=q,file.driver=file,file.filename=/a,file.node-name=f -device ide-hd,drive=f",
      "-serial stdio -device virtio-serial -device virtconsole,chardev=serial0",
      "-chardev stdio,id=c,mux=on -mon c -mon chardev=c,mode=control",
      "-object iothread,id=$i -device virtio-scsi-pci,iothread=i",
      "-fsdev local,id=f,path=/,security_model=none -device virtio-9p-pci,fsdev=f,mount_tag=x", "$MORE -device e1000e,netdev=n",
      "-tpmdev emulator,id=t,chardev=c -chardev socket,id=c,path=/t -device tpm-tis,tpmdev=t", "-readconfig /a -device e1000e,netdev=n"
    ] {
      XCTAssertEqual(texts(options), [], options)
    }
  }

  /// 7.2 warns. Without its own APIC a processor needs none of KVM's.
  func testInterruptControllersOutsideOfKVM() {
    let text = ["KVM does not support userspace APIC"]
    for options in [
      "-M q35,kernel-irqchip=off -accel kvm", "-M pc -accel kvm,kernel-irqchip=off", "-M q35,kernel_irqchip=off -enable-kvm"
    ] {
      XCTAssertEqual(texts(options), text, options)
      XCTAssertEqual(texts(options, 10, 0), text, options)
      XCTAssertEqual(texts(options, 7, 2), [], options)
    }
    for options in [
      "-M q35,kernel-irqchip=off -accel tcg", "-M q35,kernel-irqchip=split -accel kvm",
      "-M q35,kernel-irqchip=off -accel kvm -cpu qemu64,-apic",
      "-M q35,kernel-irqchip=off -accel kvm -cpu $C"
    ] {
      XCTAssertEqual(texts(options), [], options)
    }
    let old = Machines.parse("qemu-system-x86_64 -M pc-q35-4.0 -accel kvm").machine
    XCTAssertEqual(old.kernelIrqchip, .known("split"))
    XCTAssertEqual(Machines.parse("qemu-system-x86_64 -M pc-q35-4.0.1 -accel kvm").machine.kernelIrqchip, .known(nil))
  }

  func testAnObjectMayBeNamedByItsPath() {
    let object = "-m 512M -object memory-backend-ram,id=mm,size=512M"
    for options in [
      "-M q35,memory-backend=/objects/mm \(object)", "-M q35 \(object) -numa node,memdev=/objects/mm",
      "-M q35,memory-backend=objects/mm \(object)"
    ] {
      XCTAssertEqual(texts(options), [], options)
    }
    XCTAssertEqual(texts("-M q35,memory-backend=/objects/nn \(object)"), ["Memory backend '/objects/nn' not found"])
  }

  /// KVM's maximum, and that of old SMBIOS tables, is left to QEMU.
  func testManyProcessorsAreNotChecked() {
    func unchecked(_ options: String) -> [String] {
      Machines.parse("qemu-system-x86_64 -M q35 \(options)").machine.uncheckedOptions(.released(11, 1, "11.1.3"))
    }
    XCTAssertEqual(unchecked("-smp 254"), [])
    XCTAssertEqual(unchecked("-smp 1,maxcpus=1025"), ["-smp"])
  }

  func testTopologiesOfProcessors() {
    for options in [
      "4", "4,sockets=2", "4,sockets=1,cores=2,threads=2", "cpus=2,maxcpus=8,sockets=2,cores=2,threads=2", "8,cores=4",
      "8,dies=2,cores=2,sockets=2", "4,sockets=1,cores=4", "4,threads=2", "$N,sockets=3", "4,sockets=$S",
      "4,sockets=1,dies=1,clusters=1,cores=4,threads=1", "cores=4,threads=2"
    ] {
      XCTAssertEqual(texts("-smp " + options), [], options)
    }
    let text = "Invalid CPU topology: product of the hierarchy must match maxcpus: sockets (2) * dies (1) * "
    XCTAssertEqual(texts("-smp 4,sockets=2,cores=2,threads=2"), [text + "modules (1) * cores (2) * threads (2) != maxcpus (4)"])
    XCTAssertEqual(texts("-smp 4,sockets=2,cores=2,threads=2", 7, 2), [text + "cores (2) * threads (2) != maxcpus (4)"])
  }

  func testTheHostsProcessorNeedsAnAccelerator() {
    let text = ["CPU model 'host' requires KVM or HVF"]
    XCTAssertEqual(texts("-cpu host"), text)
    for options in [
      "-accel tcg", "-accel tcg -accel kvm", "-machine accel=tcg:kvm", "-enable-kvm -machine accel=tcg", "-accel hvf -accel tcg",
    ] {
      XCTAssertEqual(texts(options + " -cpu host,migratable=off"), text, options)
    }
    for options in [
      "-accel kvm -cpu host", "-enable-kvm -cpu host", "-machine accel=tcg -enable-kvm -cpu host", "-accel hvf -cpu host",
      "-accel $A -cpu host", "-cpu $C"
    ] {
      XCTAssertEqual(texts(options), [], options)
    }
    let named = Machines.parse("/usr/libexec/qemu-kvm -M q35 -cpu host").machine
    XCTAssertEqual(Predictor(named, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run().launchFailures.count, 0)
  }

  /// The texts of 11.1.3 under TCG.
  func testAConfidentialGuestNeedsKVM() {
    func failures(_ options: String) -> [String] { texts(options.replacing("M=", with: "-machine confidential-guest-support=")) }
    let needed = ": KVM required", sev = "-object sev-guest,id=c,cbitpos=47,reduced-phys-bits=1"
    XCTAssertEqual(failures("M=c -object tdx-guest,id=c"), ["cannot set up private guest memory for tdx-guest" + needed])
    XCTAssertEqual(
      failures("M=c " + sev.replacing("sev", with: "sev-snp")), ["cannot set up private guest memory for sev-snp-guest" + needed])
    XCTAssertEqual(failures("M=c " + sev), ["accelerator does not support confidential guest sev-guest"])
    XCTAssertEqual(
      failures("-accel tcg -object tdx-guest,id=c"),
      ["tdx-guest needs KVM: KVM_STATE: Object 0x… is not an instance of type kvm-accel"])
    for options in ["-accel kvm M=c -object tdx-guest,id=c", "-accel $A -object tdx-guest,id=c", sev, "M=$C -object tdx-guest,id=c"] {
      XCTAssertEqual(failures(options), [], options)
    }
  }

  /// Texts of 7.2.22 and 10.0.13.
  func testConfidentialGuestsOfOlderReleases() {
    func refused(_ type: String) -> [String] { ["Parameter 'qom-type' does not accept value '\(type)'"] }
    for (type, major, minor) in [("tdx-guest", 7, 2), ("tdx-guest", 10, 0), ("sev-snp-guest", 7, 2)] {
      XCTAssertEqual(texts("-accel kvm -object \(type),id=c", major, minor), refused(type), "\(major).\(minor)")
    }
    XCTAssertEqual(texts("-accel kvm -object sev-snp-guest,id=c,reduced-phys-bits=1", 10, 0), [])
    XCTAssertEqual(texts("-accel kvm -object sev-snp-guest,id=c", 10, 0), ["Parameter 'reduced-phys-bits' is missing"])
    let sev = "-machine confidential-guest-support=c -object sev-guest,id=c,cbitpos=47,reduced-phys-bits=1"
    XCTAssertEqual(texts(sev, 7, 2), ["qemu_machine_creation_done: Assertion `machine->cgs->ready' failed."])
    XCTAssertEqual(texts(sev, 10, 0), ["accelerator does not support confidential guest sev-guest"])
  }

  /// Texts of QEMU 11.1.3 for Arm.
  func testPropertiesOfArmsSMMU() {
    func refusals(_ property: String) -> [String] {
      let machine = Machines.parse("qemu-system-aarch64 -M virt -nodefaults -device arm-smmuv3,primary-bus=pcie.0," + property).machine
      return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run().launchFailures.map(\.failure.text)
    }
    for (property, text) in [
      ("pasid=on", "Property 'arm-smmuv3.pasid' not found"), ("oas=x", "Parameter 'oas' does not accept value 'x'"),
      ("ssidsize=21", "Parameter 'ssidsize' does not accept value '21'"), ("ril=x", "Parameter 'ril' does not accept value 'x'"),
      ("bus_num=256", "Parameter 'bus_num' expects uint8_t"), ("accel=x", "Parameter 'accel' expects 'on' or 'off'"),
      ("hotplugged=on", "Property 'arm-smmuv3.hotplugged' is not writable"),
    ] {
      XCTAssertEqual(refusals(property), [text], property)
    }
    for property in ["identifier=1", "msi-gpa=1", "stage=1", "smmu_per_bus=on", "oas=44", "oas=$OAS"] {
      XCTAssertEqual(refusals(property), [], property)
    }
  }

  func testMemoryModulesNeedACPI() {
    let module = "-m 256,slots=2,maxmem=1G -object memory-backend-ram,id=m,size=128M -device pc-dimm,memdev=m,id=d"
    let text = ["memory hotplug is not enabled: missing acpi device or acpi disabled"]
    XCTAssertEqual(texts("-machine acpi=off " + module), text)
    XCTAssertEqual(texts("-machine acpi=off " + module.replacing("pc-dimm", with: "nvdimm")), text)
    XCTAssertEqual(texts("-no-acpi " + module, 7, 2), text)
    XCTAssertEqual(texts(module), [])
    XCTAssertEqual(texts("-machine acpi=$A " + module), [])
  }

  func testFramesThatCrashQEMU() {
    let text = ["maxframes is not a number of 8 to 512"]
    func crashes(_ frames: String) -> [String] { texts("-device usb-ehci,maxframes=" + frames) }
    for frames in ["0", "7", "513", "0x7", "010000", "4294967295"] { XCTAssertEqual(crashes(frames), text, frames) }
    for frames in ["8", "512", "0x10", "$F"] { XCTAssertEqual(crashes(frames), [], frames) }
  }

  func testKVMIsThatOfTheHostsProcessor() throws {
    func texts(_ command: String, _ host: String) throws -> [String] {
      let machine = Machines.parse(command + " -nodefaults").machine
      let host = try HostRecording.load(Fixture.path("hosts/\(host).host"))
      return Predictor(machine, on: host, qemu: .released(11, 1, "11.1.3")).run().launchFailures.map(\.failure.text)
    }
    let x86 = "qemu-system-x86_64 -M q35", arm = "qemu-system-aarch64 -M virt"
    let refusal = ["invalid accelerator kvm"]
    for option in [" -accel kvm", " -enable-kvm", ",accel=kvm"] {
      XCTAssertEqual(try texts(x86 + option, "grace-gb200"), refusal)
      XCTAssertEqual(try texts(arm + option, "intel-server-ats"), refusal)
      XCTAssertEqual(try texts(x86 + option, "intel-server-ats"), [])
      XCTAssertEqual(try texts(x86 + option, "desktop-amd-geforce"), [])
      XCTAssertEqual(try texts(arm + option, "grace-gb200"), [])
      XCTAssertEqual(try texts(x86 + option, "container-partial-sys"), [])
    }
    XCTAssertEqual(try texts(x86 + " -accel kvm -accel tcg", "grace-gb200"), [])
    XCTAssertEqual(try texts(x86 + ",accel=kvm:tcg", "grace-gb200"), [])
    XCTAssertEqual(try texts(x86, "grace-gb200"), [])
  }

  /// Recorded on 7.2.22 and 11.1.3, without /dev/kvm and as a user who may not open it.
  func testKVMThatTheHostDoesNotHave() throws {
    func texts(_ options: String, _ access: NodeAccess?) throws -> [String] {
      let machine = Machines.parse("qemu-system-x86_64 -nodefaults " + options).machine
      var host = try HostRecording.load(Fixture.path("hosts/desktop-amd-geforce.host"))
      XCTAssertFalse(host.kvm.isKnown)
      if let access { host.kvm = .known(access) }
      return Predictor(machine, on: host, qemu: .released(11, 1, "11.1.3")).run().launchFailures.map(\.failure.text)
    }
    let text = "Could not access KVM kernel module: "
    for options in [
      "-M q35 -accel kvm", "-M q35 -enable-kvm", "-M q35,accel=kvm", "-M q35,accel=kvm -cpu host", "-M q35,accel=kvm -enable-kvm",
      "-M q35 -enable-kvm -enable-kvm", "-M q35 -accel kvm -accel kvm", "-M q35,accel=tcg -enable-kvm", "-M q35,accel=kvm:hvf",
      "-M q35,accel=foo:kvm", "-M q35 -accel hvf -accel kvm", "-M q35,accel=tcg -M accel=kvm"
    ] {
      XCTAssertEqual(try texts(options, .absent), [text + "No such file or directory"], options)
      XCTAssertEqual(try texts(options, .denied), [text + "Permission denied"], options)
      XCTAssertEqual(try texts(options, .accessible), [], options)
      XCTAssertEqual(try texts(options, nil), [], options)
    }
    for options in ["-M q35,accel=kvm:tcg", "-M q35 -accel kvm -accel tcg"] {
      XCTAssertEqual(try texts(options, .absent), [], options)
      XCTAssertEqual(try texts(options + " -cpu host,topoext=on", .absent), ["CPU model 'host' requires KVM or HVF"], options)
    }
    for options in [
      "-M q35", "-M q35 -accel tcg", "-M q35 -accel kvm,device=/dev/other", "-M q35 -accel $A",
      "-M q35 -enable-kvm -M accel=tcg", "-M q35,accel=kvm:xen",
    ] {
      XCTAssertEqual(try texts(options, .absent), [], options)
    }
    // A program of that name tries KVM first.
    var host = try HostRecording.load(Fixture.path("hosts/desktop-amd-geforce.host"))
    host.kvm = .known(.absent)
    for (options, expected) in [("", []), (" -cpu host", ["CPU model 'host' requires KVM or HVF"])] {
      let machine = Machines.parse("qemu-kvm -nodefaults -M q35" + options).machine
      let failures = Predictor(machine, on: host, qemu: .released(11, 1, "11.1.3")).run().launchFailures
      XCTAssertEqual(failures.map(\.failure.text), expected)
    }
  }
}
