import Facts
import Inputs
import Rehearsal
import Syntax
import XCTest

@testable import Rehearsal

/// The command line of a rehearsal, for definitions of each kind.
final class RehearsalPlanTests: XCTestCase {
  private func plan(_ line: String) -> RehearsalPlan {
    let source = SourceText(name: "text", bytes: Array("qemu-system-x86_64 \(line)".utf8))
    return RehearsalPlan(ParsedInput.parse(source, as: .shell).machine, firstSpare: 100, directory: "/here")
  }

  /// The options of the definition as the rehearsal has them.
  private func options(_ line: String) -> [String] {
    let plan = plan(line)
    XCTAssertNil(plan.obstacle)
    return plan.parts.filter { $0.location != nil }.map { $0.arguments.joined(separator: " ") }
  }

  /// QEMU system/vl.c: configure_accelerators.
  func testTheProgramsNameAsksForKVMOnlyWhereNoOptionNamesAnAccelerator() {
    func asks(_ machine: [Property]) -> Bool {
      var config = MachineConfig(source: "t", emulator: "kvm")
      config.machine = machine
      return RehearsalPlan.asksForKVM(config)
    }
    let place = Location(source: "t", range: nil, path: "")
    XCTAssertTrue(asks([]))
    XCTAssertTrue(asks([Property(name: "accel", value: .string("tcg:kvm"), location: place)]))
    XCTAssertFalse(asks([Property(name: "accel", value: .string("tcg"), location: place)]))
  }

  /// It would refuse the machine, and nothing follows from that; the program is not started.
  func testAQEMUOfAnotherTargetIsNotAsked() throws {
    func reason(_ emulator: String) throws -> String? {
      let source = SourceText(name: "text", bytes: Array("\(emulator) -M virt -nodefaults".utf8))
      let machine = ParsedInput.parse(source, as: .shell).machine
      guard case .known(let result) = QEMURehearsal(program: "/none/qemu-system-x86_64", qemu: "q").run(machine),
        case .notRehearsed(let reason) = result.outcome
      else { return nil }
      return reason
    }
    XCTAssertEqual(
      try reason("/usr/bin/qemu-system-aarch64"), "the definition is for qemu-system-aarch64, and /none/qemu-system-x86_64 is another")
    XCTAssertNil(try reason("qemu-system-x86_64"))
  }

  func testWhatDescribesTheMachineIsUnchanged() {
    XCTAssertEqual(
      options("-M pc -smp 4,sockets=2 -nodefaults -device e1000e,addr=5,id=n -device '{\"driver\":\"edu\",\"addr\":\"6\"}'"),
      [
        "-machine type=pc", "-smp 4,sockets=2", "-nodefaults", "-device driver=e1000e,addr=5,id=n",
        #"-device {"driver":"edu","addr":"6"}"#,
      ])
  }

  /// The rehearsal of a libvirt domain with these devices.
  private func domain(_ devices: String, _ rest: String = "") -> RehearsalPlan {
    let text = """
      <domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>g</name><memory>1048576</memory>
      <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
      <controller type='pci' index='0' model='pcie-root'/><memballoon model='none'/>\(devices)</devices>\(rest)</domain>
      """
    let parsed = ParsedInput.parse(SourceText(name: "text", bytes: Array(text.utf8)), as: .xml)
    return RehearsalPlan(parsed.machine, firstSpare: 100, directory: "/here")
  }

  private func hostdev(_ address: String) -> String {
    "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='1' slot='0' function='0'/></source>\(address)</hostdev>"
  }

  func testOfADomainTheMachineAndItsPCIDevicesAreTried() {
    let port = """
      <controller type='pci' index='1' model='pcie-root-port'><target chassis='1' port='0x8'/>
      <address type='pci' domain='0' bus='0' slot='1' function='0'/></controller>
      """
    let disk = """
      <disk type='file' device='disk'><source file='/d'/><target dev='vda' bus='virtio'/>
      <address type='pci' domain='0' bus='0' slot='4' function='0'/></disk>
      """
    let own = "<qemu:commandline><qemu:arg value='-device'/><qemu:arg value='edu,addr=7'/></qemu:commandline>"
    let plan = domain(
      port + disk + hostdev("<address type='pci' domain='0' bus='1' slot='0' function='0'/>") + "<rng model='virtio'><backend/></rng>", own)
    XCTAssertNil(plan.obstacle)
    XCTAssertEqual(plan.parts.filter { $0.arguments.first == "-device" }.map(\.arguments.last), [
      #"{"driver":"pcie-root-port","port":8,"chassis":1,"id":"pci.1","bus":"pcie.0","addr":"0x1"}"#,
      #"{"driver":"virtio-net-pci","id":"virtio-disk0","bus":"pcie.0","addr":"0x4","romfile":""}"#,
      #"{"driver":"virtio-net-pci","id":"hostdev0","bus":"pci.1","addr":"0x0","romfile":""}"#,
      "driver=edu,addr=7",
    ])
    XCTAssertEqual(plan.devices.map(\.own.last), [
      #"{"driver":"vfio-pci","host":"ffff:ff:1f.7","id":"hostdev0","bus":"pci.1","addr":"0x0"}"#
    ])
    let left = plan.changes.first { $0.what.contains("rng") }
    XCTAssertEqual(left?.why, "left out: libvirt chooses its place")
    // The disk's properties are not all there, and the port's are.
    XCTAssertEqual(plan.parts.filter(\.isDevice).map(\.isChanged), [false, true, true, false])
  }

  /// libvirt writes another model where QEMU or the host lacks it.
  func testTheProcessorOfADomainIsNotTried() {
    func processor(_ cpu: String) -> [String] {
      let plan = domain(hostdev("<address type='pci' domain='0' bus='0' slot='7' function='0'/>"), cpu)
      XCTAssertNil(plan.obstacle)
      let part = plan.parts.first { $0.arguments.first == "-cpu" }
      XCTAssertEqual(part?.isChanged, true)
      return part?.arguments ?? []
    }
    XCTAssertEqual(processor("<cpu mode='host-model'/>"), ["-cpu", "max,phys-bits=52"])
    XCTAssertEqual(processor("<cpu mode='host-passthrough'/>"), ["-cpu", "max,phys-bits=52"])
    XCTAssertEqual(
      processor("<cpu mode='custom'><model fallback='allow'>of-no-QEMU</model><maxphysaddr mode='emulate' bits='42'/></cpu>"),
      ["-cpu", "max,phys-bits=42"])
  }

  func testWhatLibvirtChoosesForAHostDeviceOrABridgeIsNotTried() {
    XCTAssertEqual(domain(hostdev("")).obstacle, "libvirt chooses `bus` of `/domain/devices/hostdev[1]`; lint what `virsh dumpxml` prints")
    XCTAssertNotNil(domain("<controller type='pci' index='1' model='pcie-root-port'/>").obstacle)
  }

  /// With qtest QEMU 11.1 for Arm refuses most of the processors of `virt`.
  func testAMachineOfArmHasTCGFirst() {
    func accelerators(_ line: String, program: String? = nil) -> [String]? {
      let source = SourceText(name: "text", bytes: Array(line.utf8))
      return RehearsalPlan(
        ParsedInput.parse(source, as: .shell).machine, firstSpare: 100, directory: "/", program: program).parts.first?.arguments
    }
    let arm = ["-accel", "tcg,tb-size=32", "-accel", "qtest"], x86 = ["-accel", "qtest", "-accel", "tcg,tb-size=32"]
    XCTAssertEqual(accelerators("qemu-system-aarch64 -M virt"), arm)
    XCTAssertEqual(accelerators("kvm -M virt", program: "/usr/bin/qemu-system-aarch64"), arm)
    XCTAssertEqual(accelerators("kvm -M q35", program: "/usr/bin/qemu-system-x86_64"), x86)
  }

  func testBackendsAreReplaced() {
    let null = "driver=null-co,read-zeroes=on,size=17179869184"
    XCTAssertEqual(options("-drive file=/a,,b.img,if=virtio,index=2,cache=none"), ["-drive \(null),if=virtio,index=2,cache=none"])
    XCTAssertEqual(
      options("-blockdev '{\"driver\":\"file\",\"node-name\":\"d0\",\"filename\":\"/disk\"}'"), ["-blockdev \(null),node-name=d0"])
    XCTAssertEqual(options("-chardev socket,id=c0,path=/run/x,server=on"), ["-chardev backend=null,id=c0"])
    XCTAssertEqual(options("-serial unix:/run/x,server"), ["-serial null"])
    XCTAssertEqual(options("-nic tap,ifname=t0,model=e1000e,mac=52:54:00:00:00:01"), [
      "-net type=nic,model=e1000e,macaddr=52:54:00:00:00:01"
    ])
    XCTAssertEqual(options("-fsdev local,id=f,path=/srv"), ["-fsdev fsdriver=synth,id=f"])
    XCTAssertEqual(options("-audiodev pa,id=a,server=/run/x"), ["-audiodev driver=none,id=a"])
    XCTAssertEqual(options("-hda /disk -cdrom /cd"), ["-drive \(null),index=0,media=disk", "-drive \(null),index=2,media=cdrom"])
  }

  func testAnEmptyDriveStaysEmptyAndAReadOnlyOneReadOnly() {
    let null = "driver=null-co,read-zeroes=on,size=17179869184"
    XCTAssertEqual(options("-drive if=none,id=d,media=cdrom,cache=none"), ["-drive if=none,id=d,media=cdrom,cache=none"])
    XCTAssertEqual(options("-drive if=none,id=d,file=,readonly=on"), ["-drive if=none,id=d,readonly=on"])
    XCTAssertEqual(options("-drive if=none,id=d,format=raw"), ["-drive \(null),if=none,id=d"])
    XCTAssertEqual(options("-drive file.filename=/d,id=d,read-only=on"), ["-drive \(null),id=d,read-only=on"])
    XCTAssertEqual(
      options(#"-blockdev '{"driver":"file","node-name":"d","filename":"/d","read-only":true}'"#),
      ["-blockdev \(null),node-name=d,read-only=on"])
  }

  func testDevicesOfTheHostHaveASubstituteOnTheSameBus() {
    XCTAssertEqual(
      options("-device usb-host,vendorid=1,productid=2,bus=x.0,port=3,id=u"), ["-device driver=usb-tablet,bus=x.0,port=3,id=u"])
    XCTAssertEqual(options("-device scsi-block,drive=d,lun=2,share-rw=on"), ["-device driver=scsi-hd,drive=d,lun=2"])
    XCTAssertEqual(options("-device tpm-tis,tpmdev=t"), [])
  }

  func testMemoryIsOfTheSameSizeAndNotReserved() {
    XCTAssertEqual(options("-M q35 -m 4G"), ["-machine type=q35,memory-backend=vfiogate-ram", "-m 4G"])
    XCTAssert(plan("-M q35 -m 4G").arguments().contains("qom-type=memory-backend-ram,id=vfiogate-ram,share=on,reserve=off,size=4294967296"))
    XCTAssertEqual(options("-M q35 -m 4.5G").first, "-machine type=q35,memory-backend=vfiogate-ram")
    XCTAssert(plan("-M q35 -m 4.5G").arguments().contains { $0.hasSuffix("size=4831838208") })
    for (text, size) in [("4194304k", 1 << 32), ("4294967296B", 1 << 32), ("4096", 1 << 32), ("4096M", 1 << 32), ("0.5T", 1 << 39)] {
      XCTAssert(plan("-M q35 -m \(text)").arguments().contains { $0.hasSuffix(",size=\(size)") }, text)
    }
    // QEMU's default size.
    XCTAssertEqual(options("-M q35 -m 0"), ["-machine type=q35", "-m 0"])
    XCTAssertEqual(
      options("-object memory-backend-file,id=m0,size=1G,mem-path=/dev/hugepages,prealloc=on"),
      ["-object qom-type=memory-backend-ram,id=m0,share=on,reserve=off,size=1G"])
    let own = "-object qom-type=memory-backend-ram,id=m0,share=on,reserve=off,size=1G"
    let rows = [
      "ram,prealloc=on,reserve=on,nosuch=x": ",nosuch=x", "ram,merge=off,policy=bind": ",merge=off,policy=bind",
      "ram,policy=bind,host-nodes=7": "", "ram,policy=default,host-nodes=7": ",policy=default,host-nodes=7",
      "ram,host-nodes=7": ",host-nodes=7", "memfd,hugetlb=on,nosuch=x,dump=off": ",dump=off",
    ]
    for (written, kept) in rows { XCTAssertEqual(options("-object memory-backend-\(written),id=m0,size=1G"), [own + kept], written) }
  }

  /// A command line can be read by others.
  func testASecretHasOtherContent() {
    let rows = [
      "data=hidden,format=raw": "data=x,format=raw", "data=aGlkZGVu,format=base64": "data=eA==,format=base64", "file=k": "file=/dev/null",
      "data=aGlkZGVu,keyid=s,iv=aGlkZGVu,nosuch=y": "data=x,nosuch=y", "data=hidden,keyid=nope,iv=aGlk": "data=x,keyid=nope",
    ]
    for (written, kept) in rows { XCTAssertEqual(options("-object secret,id=s,\(written)"), ["-object qom-type=secret,id=s,\(kept)"]) }
    XCTAssertEqual(options("-object secret,id=s,nosuch=/x"), ["-object qom-type=rng-builtin,id=s"])
  }

  /// Whether QEMU has its type and its properties is still asked.
  func testAnObjectThatNamesAFileIsReplaced() {
    let plan = plan("-object iothread,id=t,poll-max-ns=1 -object throttle-group,id=g,x-nosuch=/d/f")
    XCTAssertEqual(
      plan.parts.filter { $0.location != nil }.map { $0.arguments.joined(separator: " ") },
      ["-object qom-type=iothread,id=t,poll-max-ns=1", "-object qom-type=rng-builtin,id=g"])
    XCTAssertEqual(
      plan.changes.map(\.why), ["replaced by an empty object of the same id: `x-nosuch`: it may name a file"])
    XCTAssertEqual(options("-audio pa,model=hda,server=/run/p"), ["-audio driver=none,model=hda"])
  }

  /// KVM's interrupt controller is replaced by the best that QEMU has itself.
  func testTheInterruptControllerOfTheHostIsReplaced() {
    for (version, kept) in [("host", "max"), ("2", "2"), ("3", "3"), ("max", "max")] {
      XCTAssertEqual(options("-M virt,gic-version=\(version) -accel kvm").first, "-machine type=virt,gic-version=\(kept)")
    }
    XCTAssertEqual(options("-M virt,gic-version=host -accel tcg").first, "-machine type=virt,gic-version=host", "QEMU refuses it")
  }

  func testWhatConnectsToTheHostIsLeftOut() {
    let line = """
      -sandbox on -daemonize -pidfile /run/p -kernel /boot/k -append x -vnc :1 -object secret,id=s,file=/key \
      -object tls-creds-x509,id=t,dir=/pki -device usb-host,hostbus=1 -tpmdev emulator,id=t,chardev=c -device tpm-tis,tpmdev=t
      """
    XCTAssertEqual(
      options(line), ["-object qom-type=secret,id=s,file=/dev/null", "-object qom-type=rng-builtin,id=t", "-device driver=usb-tablet"])
    let changes = plan(line).changes.map(\.what)
    XCTAssert(["`-kernel`", "`-object[0]`", "`-device[0]`", "`-tpmdev`"].allSatisfy(changes.contains), "\(changes)")
  }

  /// Nothing is said of them: the verdict is the same with them.
  func testWhatTheRehearsalHasItselfIsLeftOutSilently() {
    let plan = plan("-M q35 -S -nographic -enable-kvm -daemonize -no-shutdown -no-reboot -full-screen -s")
    XCTAssertEqual(plan.changes.map(\.what), [])
    XCTAssertNil(plan.obstacle)
  }

  func testPropertiesThatNameFilesOrConnectionsAreLeftOut() {
    let rows = [
      "uefi-vars-x64,jsonfile=vars.json": "uefi-vars-x64", "ipmi-bmc-sim,frudatafile=fru.bin": "ipmi-bmc-sim",
      "nvme,serial=a/b,spdm_port=2323": "nvme,serial=a/b", "edu,unheard-of=a/b": "edu", "cxl-type3,cdat=t": "cxl-type3",
      "e1000e,romfile=/rom": "e1000e,romfile=/rom",
    ]
    for (written, kept) in rows { XCTAssertEqual(options("-device \(written)"), ["-device driver=\(kept)"]) }
    XCTAssertEqual(options("-global uefi-vars-x64.jsonfile=v -global a.b=/c -global x.sysfsdev=/sys/d"), [
      "-global driver=x,property=sysfsdev,value=/sys/bus/pci/devices/ffff:ff:1f.7"
    ])
    XCTAssertEqual(options("-boot c,splash=s,splash-time=5 -boot splash=s"), ["-boot order=c,splash-time=5"])
    XCTAssertEqual(options("-M q35,boot.splash=s,nosuch=/x -usbdevice braille -usbdevice tablet"), [
      "-machine type=q35", "-usbdevice tablet",
    ])
  }

  /// QEMU would probe the host's sound server.
  func testASoundDeviceWithoutABackendGetsOneUnlessDefaultsAreRuledOut() {
    let global = "driver=AC97,property=audiodev,value=vfiogate-sound"
    XCTAssert(plan("-device ac97").arguments().contains(global))
    XCTAssertFalse(plan("-nodefaults -device AC97").arguments().contains(global))
    XCTAssertFalse(plan("-audiodev none,id=a -device AC97,audiodev=a").arguments().contains(global))
  }

  func testROMsAreRelativeToTheCallersDirectory() {
    XCTAssertEqual(plan("-M q35 -L roms").arguments().prefix(2), ["-L", "/here"])
    XCTAssertEqual(options("-L roms -L /usr/share/qemu"), ["-L /here/roms", "-L /usr/share/qemu"])
  }

  func testADeviceOfTheHostHasASubstituteInItsPlace() {
    XCTAssertEqual(
      options("-device vhost-user-fs-pci,chardev=c,tag=t,bus=rp1,addr=0,id=fs"),
      ["-device driver=virtio-net-pci,bus=rp1,addr=0,id=fs,romfile="])
  }

  func testADisplayOfAnotherProcessHasASubstituteToo() {
    XCTAssertEqual(
      options("-device '{\"driver\":\"vhost-user-vga\",\"id\":\"v\",\"chardev\":\"c\",\"addr\":\"0x2\"}'"),
      [#"-device {"driver":"virtio-net-pci","id":"v","addr":"0x2","romfile":""}"#])
  }

  func testAVFIODeviceIsTriedItselfWithoutItsHostDevice() {
    let plan = plan("-device vfio-pci,host=01:00.0,id=v,bus=rp1,x-vga=on -device edu")
    XCTAssert(plan.arguments().contains("driver=virtio-net-pci,id=v,bus=rp1,romfile="))
    let own = plan.arguments(own: 0)
    XCTAssert(own.contains("driver=vfio-pci,host=ffff:ff:1f.7,id=v,bus=rp1,x-vga=on"), "\(own)")
    XCTAssert(own.contains("driver=edu"))
    XCTAssertFalse(own.contains { $0.contains("virtio-net") })
  }

  func testAValueThatIsTheHostsNeedNotBeKnown() {
    XCTAssertEqual(options("-device virtio-gpu-pci,blob=$BLOB,id=g"), ["-device driver=virtio-gpu-pci,id=g"])
    XCTAssertNotNil(plan("-device virtio-gpu-pci,max_outputs=$COUNT").obstacle)
  }

  func testDescriptorsAreTheRehearsalsOwn() {
    let plan = plan("-object iommufd,id=i0 -object iommufd,id=i1,fd=7 -device vfio-pci,fd=9,id=v,iommufd=i0")
    XCTAssert(plan.arguments(own: 0).contains("driver=vfio-pci,fd=102,id=v,iommufd=i0"))
    XCTAssert(plan.arguments().contains("qom-type=iommufd,id=i0,fd=100"))
    XCTAssert(plan.arguments().contains("qom-type=iommufd,id=i1,fd=101"))
    // A descriptor that QEMU refuses is QEMU's to refuse, also a number of JSON's.
    let number = #"{"driver":"vfio-pci","fd":9,"id":"v","iommufd":"i0"}"#
    XCTAssert(self.plan("-object iommufd,id=i0 -device '\(number)'").arguments(own: 0).contains(number))
    XCTAssert(self.plan("-object iommufd,id=i0,fd=x").arguments().contains("qom-type=iommufd,id=i0,fd=x"))
  }

  func testAMalformedAddressIsQEMUsToRefuse() {
    XCTAssert(plan("-device vfio-pci,host=zz").arguments(own: 0).contains("driver=vfio-pci,host=zz"))
  }

  func testWhatOnlyTheShellKnowsIsNotRehearsed() {
    XCTAssertEqual(plan("-m $RAM").obstacle, "only the shell knows the value of `$RAM`")
    XCTAssertNotNil(plan("-device vfio-pci,host=01:00.0,bus=$BUS").obstacle)
    XCTAssertNil(plan("-name $NAME -device vfio-pci,host=$GPU").obstacle)
    // A replacement without its id would be refused, or would be missing.
    for option in [
      "-netdev", "-chardev", "-drive", "-blockdev", "-fsdev", "-audiodev", "-virtfs", "-audio", "-netdev tap,", "-drive file=x,",
      "-netdev ifname=",
    ] {
      let text = option.contains(" ") ? "\(option)$X" : "\(option) \"$X\""
      XCTAssertNotNil(plan(text).obstacle, text)
    }
    for text in ["-netdev @NET@", "-netdev tap,...", "-drive @DISK@", "-chardev socket,@OPTIONS@"] {
      XCTAssertNotNil(plan(text).obstacle, text)
    }
    let open = plan("-netdev user,id=n,... -netdev tap,id=m,@X@ -chardev socket,id=c,__X__,reconnect=@N@ -chardev socket,id=d,...")
    XCTAssertNil(open.obstacle)
    XCTAssertNil(open.backends.first { $0.parameter != nil })
    XCTAssertEqual(open.parts.filter { $0.arguments[0] == "-chardev" }.map { $0.arguments[1] }, ["backend=null,id=c", "backend=null,id=d"])
    let named = "-netdev user,id=n,$FWD -chardev socket,id=c,reconnect=$N,$X -boot menu=on,splash-time=$T -drive id=d,$X"
    XCTAssertEqual(
      options(named).map { $0.prefix(34) },
      ["-netdev type=hubport,id=n,hubid=2", "-chardev backend=null,id=c", "-boot menu=on", "-drive driver=null-co,read-zeroes="])
    // A text in single quotes is not the shell's.
    XCTAssertEqual(options("-smbios 'type=1,product=US$100' -rtc \"base=utc\""), ["-smbios type=1,product=US$100", "-rtc base=utc"])
  }

  func testOptionsOfTheProcessAreTriedWithoutWhatWouldChangeThisOne() {
    XCTAssertEqual(
      options("-name g,debug-threads=on -overcommit mem-lock=on,x=1 -overcommit cpu-pm=on -msg timestamp=on -mon chardev=m,mode=control"),
      ["-name guest=g,debug-threads=on", "-overcommit x=1", "-mon chardev=m,mode=control"])
    let changes = plan("-display gtk -sandbox on -monitor stdio -gdb tcp::1 -M q35,accel=kvm").changes.map(\.what)
    XCTAssertEqual(changes, ["`accel` of `-machine`", "`-display`", "`-sandbox`", "`-monitor`", "`-gdb`"])
  }

  func testGlobalsOfAVFIODeviceAreThoseOfItsSubstitute() {
    let plan = plan("-global vfio-pci.multifunction=on -global vfio-pci.romfile=/a -device vfio-pci,host=01:00.0,romfile=/b")
    XCTAssert(plan.arguments().contains("driver=virtio-net-pci,romfile=/b,multifunction=on"), "\(plan.arguments())")
  }

  func testMoreQueuesThanAReplacedNetworkHasAreLeftOut() {
    let device = "-device virtio-net-pci,netdev=n,tx_queue_size=1024 -global virtio-net-pci.tx_queue_size=1024"
    for network in ["vhost-user,id=n,chardev=c", "passt,id=n,vhost-user=on"] {
      XCTAssertFalse(options("-netdev \(network) \(device)").contains { $0.contains("tx_queue_size") }, network)
    }
    XCTAssertEqual(options("-netdev user,id=n \(device)").filter { $0.contains("tx_queue_size") }.count, 2)
  }

  /// A path, and a name that the definition has, say nothing about the accelerator.
  func testARefusalIsTheRehearsalsOwnOnlyByItsOwnWords() {
    let devices = "-device e1000e,bus=kvm,id=tcg -device '{\"driver\":\"kvm-x\",\"romfile\":\"/usr/share/kvm/a b.rom\"}'"
    let cause = plan("-M q35 \(devices)").ownCause("qtest")
    let ofKVM = plan("-enable-kvm").ownCause("qtest")
    XCTAssert(ofKVM.explains("phys-bits too low (39)"))
    XCTAssertFalse(ofKVM.explains("can't apply global a.guest-phys-bits=48: Property 'a.guest-phys-bits' not found"))
    for text in [
      #"failed to find romfile "/usr/share/kvm/pxe-virtio.rom""#, "Bus 'kvm' not found", "Bus 'kvmbus' not found",
      "Duplicate device ID 'tcg'", "'kvm-x' is not a valid device model name", #"failed to find romfile "/usr/share/kvm/a b.rom""#,
      "failed to load /usr/share/kvm/x",
    ] { XCTAssertFalse(cause.explains(text), text) }
    for text in [
      "kvm-pic: no in-kernel irqchip", "Invalid CPU: needs KVM", "'kvm' accelerator not found", "x2APIC is not supported",
      "there is no 'vfiogate-ram'", "Could not open 'x': No such file or directory", "Invalid eMMC size: 62 MiB",
      "cannot set up guest memory 'r': Cannot allocate memory",
    ] { XCTAssert(cause.explains(text), text) }
  }

  func testOfEqualOptionsTheSecondIsRefusedForWhatTheFirstHas() {
    let parts = [["-device", "driver=a,addr=5"], ["-device", "driver=a,addr=5"]]
    func part(_ text: String) -> Int? { QEMUMessage("q: -device driver=a,addr=5: \(text)\n", parts: parts, program: "/bin/q")?.part }
    XCTAssertEqual(part("PCI: slot 5 function 0 not available for a, in use by a"), 1)
    XCTAssertEqual(part("'a' is not a valid device model name"), 0)
  }

  func testAPartThatQEMUNamesIsFound() throws {
    let parts = [["-device", "driver=a"], ["-device", "driver=a,id=1"], ["-S"]]
    let error = "q: warning: TCG doesn't\nq: -device driver=a,id=1: Parameter 'id' expects\nIdentifiers consist of\n"
    let message = try XCTUnwrap(QEMUMessage(error, parts: parts, program: "q"))
    XCTAssertEqual(message.part, 1)
    XCTAssertEqual(message.text, "Parameter 'id' expects\nIdentifiers consist of")
    XCTAssertNil(QEMUMessage("q: falling back to tcg\nhello\n", parts: parts, program: "q"))
  }
}
