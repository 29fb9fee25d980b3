import Common
import Facts
import Glibc
import Inputs
import Support
import Syntax
import XCTest

@testable import Rehearsal

/// Rehearsals with the QEMUs of this machine.
final class RealRehearsalTests: XCTestCase {
  /// Launches that QEMU 11.1.3 refuses because of another device or option than vfio-pci.
  func testWhatQEMURefusesIsRefusedWithItsText() throws {
    let device = "-device vfio-pci,host=01:00.0"
    let rows: [(line: String, text: String, path: String, isOf11: Bool)] = [
      ("-M q35 -nodefaults -device intel-iommu,caching-mode=on -device intel-iommu \(device)",
        "QEMU does not support multiple vIOMMUs for x86 yet.", "-device[1]", false),
      ("-M q35 -nodefaults -device pcie-root-port,id=rp1 -device pcie-root-port,id=rp2 \(device),bus=rp1",
        "Can't add chassis slot, error -16", "-device[1]", false),
      ("-M q35 -nodefaults -device intel-iommu,caching-mode=on,eim=on,intremap=off \(device)",
        "eim=on cannot be selected without intremap=on", "-device[0]", false),
      ("-M q35 -nodefaults -device intel-iommu,fsts=on \(device)", "fsts is only available in scalable mode", "-device[0]", true),
      ("-M q35 -nodefaults -device pcie-root-port,id=rp1,addr=1f.0 \(device),bus=rp1",
        "PCI: slot 31 function 0 not available for pcie-root-port, in use by ICH9-LPC,id=(null)", "-device[0]", false),
      ("-M q35 -nodefaults -object iommufd,id=i0,fd=x \(device),iommufd=i0",
        "Could not parse remote object fd x:Invalid file descriptor number 'x'", "", true),
      ("-M q35 -nodefaults -object iommufd,id=1a \(device)", "Parameter 'id' expects an identifier", "-object[0]", true),
      ("-M pc-q35-99.0 \(device)", #"unsupported machine type: "pc-q35-99.0""#, "-M[0].type", true),
      ("-M q35 -nodefaults \(device),id=v -set device.w.x-vga=on", #"there is no device "w" defined"#, "-set[0]", false),
      ("-M q35 -nodefaults -device virtio-iommu-pci,aw-bits=65 \(device)", "aw-bits must be within [32,64]", "-device[0]", true),
      // Parts that are replaced.
      ("-M q35 -nodefaults -device usb-host,vendorid=1,productid=2", "No 'usb-bus' bus found for device 'usb-host'", "-device[0]", false),
      ("-M q35 -nodefaults -device usb-host,vendorid=1,productid=2,bus=x.0", "Bus 'x.0' not found", "-device[0]", false),
      ("-M q35 -nodefaults -device vhost-vsock-pci,guest-cid=3,bus=x", "Bus 'x' not found", "-device[0]", false),
      ("-M q35 -nodefaults -drive if=none,id=d -device virtio-blk-pci,drive=d", "Device needs media, but drive is empty",
        "-device[0]", false),
      ("-M q35 -nodefaults -drive if=none,id=d,file=/d,readonly=on -device ide-hd,drive=d", "Block node is read-only",
        "-device[0]", false),
      ("-M q35 -nodefaults -virtfs local,path=/srv,security_model=none", "Usage: -virtfs fsdriver,mount_tag=tag", "-virtfs[0]", false),
      ("-M q35 -nodefaults -virtfs local,path=/a,mount_tag=t -virtfs local,path=/b,mount_tag=t", "duplicate or invalid fsdev id: t",
        "-virtfs[1]", false),
      ("-M q35 -nodefaults -append console=ttyS0", "-append only allowed with -kernel option", "", false),
      ("-M q35 -nodefaults -initrd /boot/i", "-initrd only allowed with -kernel option", "", false),
      // vfio-pci itself, before and after its host device is opened.
      ("-M q35 -nodefaults \(device),x-msix-relocation=bar9", "Parameter 'x-msix-relocation' does not accept value 'bar9'",
        "-device[0]", false),
      ("-M q35 -nodefaults \(device),bus=nope", "Bus 'nope' not found", "-device[0]", false),
      ("-M q35 -nodefaults \(device),romfile=/no/such.rom", #"failed to find romfile "/no/such.rom""#, "-device[0]", false),
      ("-M q35 -nodefaults -device edu,addr=5 \(device),addr=5",
        "PCI: slot 5 function 0 not available for vfio-pci, in use by edu,id=(null)", "-device[1]", false),
    ]
    try each { program, isLab in
      for row in rows where isLab || !row.isOf11 {
        self.assertRefused(try outcome(row.line, program), row.text, at: row.path, row.line)
      }
    }
  }

  /// Not every distribution's package has qtest. A definition without KVM is rehearsed with its own accelerator.
  func testTheAcceleratorIsThatOfTheQEMU() throws {
    try each { program, _ in
      let run = try Child.run(program, ["-accel", "qtest", "-M", "none", "-display", "none", "-device", "nosuch"])
      let isWithout = String(decoding: run.error, as: UTF8.self).contains("invalid accelerator qtest")
      for (start, isOfTCG) in [("-accel kvm", isWithout), ("-enable-kvm", isWithout), ("", true), ("-accel tcg", true)] {
        for options in ["", "-device nosuch", "-device vfio-pci,host=01:00.0,nosuch=x"] {
          let source = SourceText(name: "text", bytes: Array("qemu-system-x86_64 \(start) -M q35 -nodefaults \(options)".utf8))
          let result = try QEMURehearsal(program: program, qemu: program).run(ParsedInput.parse(source, as: .shell).machine).value
          XCTAssertEqual(result.accelerator, isOfTCG ? "tcg" : "qtest", "\(program) \(start) \(options)")
        }
      }
    }
  }

  func testCrashesAreReported() throws {
    try each { program, isLab in
      var rows = ["-M q35 -nodefaults -device vfio-pci,host=01:00.0,realized=on"]
      if isLab { rows += ["-M q35 -nodefaults -object iommufd,id=i -device vfio-pci,fd=9,iommufd=i"] }
      for line in rows {
        guard case .crashed("SIGSEGV", let place, _) = try outcome(line, program) else {
          XCTFail("\(program) \(line): \(try outcome(line, program))")
          continue
        }
        XCTAssertEqual(place.path, "-device[0]")
      }
    }
  }

  func testWhatQEMUStartsIsNotRefused() throws {
    let rows = [
      "-M q35 -cpu host,kvm=off,hv_time,+invtsc,enforce -enable-kvm -smp 4 -m 64G,slots=2,maxmem=128G "
        + "-drive file=/d.qcow2,if=virtio -nic tap,model=virtio-net-pci -vga std -device vfio-pci,host=01:00.0,x-vga=on "
        + "-device vfio-pci,host=01:00.1 -usb -device usb-tablet",
      "-machine pc-q35-7.2,accel=kvm,kernel-irqchip=split,usb=off -m size=1048576k -overcommit mem-lock=on "
        + "-object memory-backend-file,id=ram,size=1G,mem-path=/dev/hugepages,share=on,prealloc=on -machine memory-backend=ram "
        + "-chardev socket,id=s0,path=/x -device isa-serial,chardev=s0 -netdev tap,fd=30,id=n0,vhost=on,vhostfd=31 "
        + "-device virtio-net-pci,netdev=n0,mq=on -device intel-iommu,caching-mode=on -device pcie-root-port,id=p,chassis=9 "
        + "-device vfio-pci,host=0000:41:00.0,bus=p,id=hostdev0 -sandbox on -chardev spicevmc,id=v,name=vdagent "
        + "-device virtio-serial-pci -device virtserialport,chardev=v,name=com.redhat.spice.0",
      "-M pc -drive id=d0,file=/x,if=none -device virtio-blk-pci,drive=d0,bootindex=1 -device vfio-pci,host=01:00.0,bootindex=2 "
        + "-device piix3-usb-uhci -virtfs local,path=/srv,mount_tag=t,security_model=none -cdrom /iso -boot d -rtc base=localtime",
    ]
    try each { program, isOfLab in
      for line in rows {
        // The lab's root has no module of SPICE.
        let line = isOfLab ? line.replacing("spicevmc", with: "pty") : line
        XCTAssertEqual(try outcome(line, program), .started, "\(program) \(line)")
      }
    }
  }

  /// Launches that a replacement could spoil.
  func testReplacementsDoNotCauseARefusal() throws {
    let disk = "-M q35 -nodefaults -drive id=z,if=none,file=/x"
    var rows = [
      "\(disk) -device nvme,id=n,serial=x -device nvme-ns,drive=z,zoned=on",
      "\(disk) -device sdhci-pci -device sd-card,drive=z",
      "-M q35 -nodefaults -global virtio-net-pci.tx_queue_size=1024 -chardev socket,id=c,path=/s "
        + "-netdev vhost-user,id=n,chardev=c -device virtio-net-pci,netdev=n",
      "-M q35 -nodefaults -global vfio-pci.multifunction=on -device vfio-pci,host=01:00.0,addr=5.0 -device vfio-pci,host=01:00.1,addr=5.1",
      "-M q35 -nodefaults -device AC97,audiodev=a -audiodev pa,id=a -usbdevice braille -device qemu-xhci -device usb-kbd,pcap=x",
      "-M q35 -nodefaults -chardev socket,id=m,path=/m -mon chardev=m,mode=control -object secret,id=s,file=/k -name g,process=x",
      "-M q35 -nodefaults -object secret,id=s,file=/k,format=base64 -object secret,id=t,data=aGk=,keyid=s,iv=aGk=,format=base64 "
        + "-object throttle-group,id=g,x-iops-total=9 -drive if=none,id=d,file=/x,throttling.group=g",
      "-M q35 -nodefaults -object memory-backend-file,id=m,size=1M,mem-path=/x,policy=bind,host-nodes=77,align=1M,prealloc=on",
      "-M q35 -nodefaults -object memory-backend-memfd,id=m,size=1M,hugetlb=on,seal=off,merge=on,dump=off,policy=default",
      "-M q35 -nodefaults -drive if=none,id=d,file=/x -set drive.d.format=raw -set drive.d.nosuch=x",
    ]
    try each { program, isLab in
      for line in rows { XCTAssertEqual(try outcome(line, program), .started, "\(program) \(line)") }
      if isLab { rows = ["\(disk) -device sdhci-pci -device emmc,drive=z,boot-partition-size=1048576"] }
      for line in rows { XCTAssertEqual(try outcome(line, program), .started, "\(program) \(line)") }
    }
  }

  /// Refusals about what the rehearsal kept of the parts that it replaced, and of the process.
  func testWhatIsKeptOfAReplacedPartIsRefused() throws {
    let device = "-device vfio-pci,host=01:00.0,addr=5"
    let rows: [(line: String, text: String, path: String)] = [
      ("-M q35 -nodefaults -mon chardev=nope", #"chardev "nope" not found"#, "-mon[0]"),
      ("-M q35 -nodefaults -device nosuch,jsonfile=x", "'nosuch' is not a valid device model name", "-device[0]"),
      ("-M q35 -nodefaults -object secret,id=1s,data=a", "Parameter 'id' expects an identifier", "-object[0]"),
      ("-M q35 -nodefaults \(device) \(device)",
        "PCI: slot 5 function 0 not available for vfio-pci, in use by vfio-pci,id=(null)", "-device[1]"),
      ("-M q35 -cpu host,nosuch=on",
        "can't apply global host-x86_64-cpu.nosuch=on: Property 'host-x86_64-cpu.nosuch' not found", "-cpu[0]"),
      ("-M q35 -nodefaults -drive if=ide,index=20,file=/x", "machine type does not support if=ide,bus=20,unit=0", "-drive[0]"),
      ("-M q35 -nodefaults -global vfio-pci.romfile=/no/such.rom \(device)", #"failed to find romfile "/no/such.rom""#, "-device[0]"),
      ("-M q35 -nodefaults -device virtio-net-pci,romfile=/usr/share/kvm/no.rom",
        #"failed to find romfile "/usr/share/kvm/no.rom""#, "-device[0]"),
      ("-M q35 -nodefaults -drive if=nosuch,file=/x", "unsupported bus type 'nosuch'", "-drive[0]"),
      ("-M q35 -nodefaults -object memory-backend-ram,id=m,size=1M,nosuch=x", "Invalid parameter 'nosuch'", "-object[0]"),
      ("-M q35 -nodefaults -object memory-backend-file,id=m,size=1M,mem-path=/x,policy=nosuch",
        "Parameter 'policy' does not accept value 'nosuch'", "-object[0]"),
      ("-M q35 -nodefaults -object memory-backend-file,id=m,size=1M,mem-path=/x,policy=bind",
        "host-nodes must be set for policy bind", ""),
      ("-M q35 -nodefaults -object secret,id=s,data=x,format=nosuch", "Parameter 'format' does not accept value 'nosuch'", "-object[0]"),
      ("-M q35 -nodefaults -object secret,id=s", "Either 'file' or 'data' must be provided", ""),
      ("-M q35 -nodefaults -object secret,id=s,file=/k,data=x", "'file' and 'data' are mutually exclusive", ""),
      ("-M q35 -nodefaults -object throttle-group,id=t,x-iops-total=9,x-iops-read=5",
        "bps/iops/max total values and read/write values cannot be used at the same time", ""),
    ]
    try each { program, _ in
      for row in rows { assertRefused(try outcome(row.line, program), row.text, at: row.path, row.line) }
    }
  }

  /// A size that QEMU rounds up, and so allocates itself, is above the limit: it is tried again without the limit.
  func testMemoryAboveTheLimitIsNoCrash() throws {
    try each { program, _ in XCTAssertEqual(try outcome("-M pc -m 6000001k", program), .started, program) }
  }

  func testAPlugIsTried() throws {
    let guest = "qemu-system-x86_64 -M q35 -nodefaults -device pcie-root-port,id=rp1,chassis=1 -device pcie-root-port,id=rp2,chassis=2"
    func outcome(_ plugs: String, _ program: String) throws -> RehearsalResult.Outcome {
      let machine = ParsedInput.parse(SourceText(name: "guest", bytes: Array(guest.utf8)), as: .shell).machine
      let parsed = ParsedInput.parse(SourceText(name: "plugs", bytes: Array(plugs.utf8)), as: .qmp)
      return try QEMURehearsal(program: program, qemu: program).run(machine, plugs: parsed.plugs).value.outcome
    }
    try each { program, isLab in
      let good = #"{"driver":"vfio-pci","host":"01:00.0","id":"a","bus":"rp1"}"#
      XCTAssertEqual(try outcome(good + #"{"driver":"e1000e","id":"b","bus":"rp2"}"#, program), .started)
      assertRefused(
        try outcome(good + #"{"driver":"vfio-pci","host":"02:00.0","id":"a","bus":"rp2"}"#, program),
        "Duplicate device ID 'a'", at: "[1]", "duplicate")
      assertRefused(
        try outcome(#"{"driver":"e1000e","id":"b","bus":"rp9"}"#, program), "Bus 'rp9' not found", at: "[0]", "bus")
      guard case .crashed("SIGSEGV", let place, _) = try outcome(#"{"driver":"e1000e","bus":"rp1","realized":true}"#, program) else {
        return XCTFail("\(program): K2 is not a crash")
      }
      XCTAssertEqual(place.path, "[0]")
    }
  }

  /// A type that was looked up for each of them would take all the time of a rehearsal.
  func testManyPlugsAreTried() throws {
    let guest = "qemu-system-x86_64 -M q35 -nodefaults -device virtio-serial-pci,id=vs,max_ports=200"
    let machine = ParsedInput.parse(SourceText(name: "guest", bytes: Array(guest.utf8)), as: .shell).machine
    let text = (1..<200).map { #"{"driver":"virtserialport","bus":"vs.0","id":"p\#($0)"}"# }.joined()
    let plugs = ParsedInput.parse(SourceText(name: "plugs", bytes: Array(text.utf8)), as: .qmp).plugs
    try each { program, _ in
      XCTAssertEqual(try QEMURehearsal(program: program, qemu: program).run(machine, plugs: plugs).value.outcome, .started, program)
    }
  }

  /// `host` needs KVM, and a rehearsal has `max` in its place, at the start and in a plug.
  func testAProcessorOfTheHostIsPlugged() throws {
    let guest = "qemu-system-x86_64 -accel kvm -M q35 -nodefaults -cpu host -smp 1,maxcpus=2,sockets=2"
    let machine = ParsedInput.parse(SourceText(name: "guest", bytes: Array(guest.utf8)), as: .shell).machine
    let text = #"{"driver":"host-x86_64-cpu","id":"c","socket-id":1,"core-id":0,"thread-id":0}"#
    let plugs = ParsedInput.parse(SourceText(name: "plugs", bytes: Array(text.utf8)), as: .qmp).plugs
    try each { program, _ in
      let result = try QEMURehearsal(program: program, qemu: program).run(machine, plugs: plugs).value
      XCTAssertEqual(result.outcome, .started, program)
    }
  }

  /// The rehearsal of one plug behind a root port `rp1`.
  private func plug(_ device: String, _ program: String) throws -> RehearsalResult.Outcome {
    let guest = "qemu-system-x86_64 -M q35 -nodefaults -device pcie-root-port,id=rp1,chassis=1"
    let machine = ParsedInput.parse(SourceText(name: "guest", bytes: Array(guest.utf8)), as: .shell).machine
    let plugs = ParsedInput.parse(SourceText(name: "plugs", bytes: Array(device.utf8)), as: .qmp).plugs
    return try QEMURehearsal(program: program, qemu: program).run(machine, plugs: plugs).value.outcome
  }

  /// A video memory of a terabyte: the running QEMU would exit as well.
  func testAnExitAtAPlugIsReported() throws {
    try each { program, isLab in
      // Of QEMU 11.1 no device is known that exits; it has no qxl here.
      if isLab { return }
      guard try InstalledQEMU.has("qxl", program) else {
        throw XCTSkip("SKIPPED: \(program) has no qxl, so that no device is known that makes it exit")
      }
      let outcome = try plug(#"{"driver":"qxl","vram64_size_mb":1048576,"bus":"rp1"}"#, program)
      guard case .exited("cannot set up guest memory 'qxl.vram': Cannot allocate memory", let place, "`[0]`") = outcome else {
        return XCTFail("\(program): \(outcome)")
      }
      XCTAssertEqual(place.path, "[0]")
    }
  }

  /// A rehearsal has less memory than the running QEMU may have.
  func testMemoryOfAPlugAboveTheLimitIsNoCrash() throws {
    try each { program, _ in
      let nvme = #"{"driver":"nvme","serial":"x","cmb_size_mb":4096,"bus":"rp1"}"#
      XCTAssertEqual(try plug(nvme, program), .started, program)
      let huge = try plug(nvme.replacing("4096", with: "1073741824"), program)
      guard case .crashed = huge else { return XCTFail("\(program): \(huge)") }
    }
  }

  /// A guest is given networks and disks just before the plug, and its command line has none of them.
  func testBackendsOfARunningMachineAreMade() throws {
    let guest = "qemu-system-x86_64 -M q35 -nodefaults -netdev user,id=old -device pcie-root-port,id=rp1,chassis=1 "
      + "-device pcie-root-port,id=rp2,chassis=2 -device virtio-net-pci,netdev=old -device virtio-serial,id=s"
    let machine = ParsedInput.parse(SourceText(name: "guest", bytes: Array(guest.utf8)), as: .shell).machine
    func result(_ plugs: String, _ program: String) throws -> RehearsalResult {
      let parsed = ParsedInput.parse(SourceText(name: "plugs", bytes: Array(plugs.utf8)), as: .qmp)
      return try QEMURehearsal(program: program, qemu: program).run(machine, plugs: parsed.plugs).value
    }
    try each { program, _ in
      let network = #"{"driver":"virtio-net-pci","netdev":"new","bus":"rp1"}"#
      let disk = #"{"driver":"virtio-blk-pci","drive":"d","bus":"rp2"}"#
      let all = try result(network + disk + #"{"driver":"virtconsole","chardev":"c"}"#, program)
      XCTAssertEqual(all.outcome, .started, program)
      XCTAssertEqual(all.changes.suffix(3).map(\.what), ["`netdev` of `[0]`", "`drive` of `[1]`", "`chardev` of `[2]`"])
      XCTAssertEqual(Set(all.accepted.filter { $0.key.path.hasPrefix("[") }.values), [.replaced])
      assertRefused(
        try result(network.replacing("new", with: "old"), program).outcome,
        "Property 'virtio-net-device.netdev' can't take value 'old', it's in use", at: "[0]", "in use")
      guard case .crashed = try result(#"{"driver":"e1000e","netdev":"new","bus":"rp1","realized":true}"#, program).outcome else {
        return XCTFail("\(program): K2 behind a network that the machine has since its start is not a crash")
      }
    }
  }

  /// A relative name leads to no file, in any property.
  func testTheWorkingDirectoryOfAProgramIsEmptyAndNothingCanBeMadeInIt() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/qemu"
    try writeFile(path, "#!/bin/sh\n(: > made-by-a-rehearsal) && echo made >&2\ncat Package.swift >&2\n", mode: 0o755)
    XCTAssertEqual(access("Package.swift", R_OK), 0)
    let (end, error) = try QEMUProcess(path: path, confinement: QEMUProcess.Confinement(data: .max, spares: 0)).finish()
    XCTAssertNotNil(end, error)
    XCTAssertFalse(error.contains("made\n") || error.contains("import PackageDescription"), error)
    XCTAssertNotEqual(access("made-by-a-rehearsal", F_OK), 0)
  }

  /// Devices of JSON are made behind those of key=value text.
  func testWhatQEMUHadNotMadeIsNotAccepted() throws {
    func accepted(_ line: String, _ program: String) throws -> [String] {
      let source = SourceText(name: "text", bytes: Array("qemu-system-x86_64 -M q35 -nodefaults \(line)".utf8))
      let result = try QEMURehearsal(program: program, qemu: program).run(ParsedInput.parse(source, as: .shell).machine).value
      return Set(result.accepted.keys.map(\.path).filter { $0.hasPrefix("-device") && $0.hasSuffix("]") }).sorted()
    }
    try each { program, _ in
      let json = "-device '{\"driver\":\"edu\"BUS}'"
      XCTAssertEqual(
        try accepted("\(json.replacing("BUS", with: "")) -device edu -device e1000e,bus=nope", program), ["-device[1]"], program)
      XCTAssertEqual(
        try accepted("\(json.replacing("BUS", with: ",\"bus\":\"nope\"")) -device edu -device e1000e", program),
        ["-device[1]", "-device[2]"], program)
    }
  }

  func testTheProgramsPathMayBeRelative() throws {
    try each { program, _ in
      let path = String(repeating: "../", count: 40) + program.dropFirst()
      XCTAssertEqual(try outcome("-M q35 -nodefaults", path), .started)
    }
  }

  /// TCG prints more than a pipe holds about the processors of many types; a refusal comes after it.
  func testWarningsDoNotHideARefusalNorStopQEMU() throws {
    let device = "-device vfio-pci,host=01:00.0"
    try each { program, _ in
      for count in [30, 64, 200] {
        let guest = "-M q35 -nodefaults -cpu Skylake-Server -smp \(count)"
        XCTAssertEqual(try outcome("\(guest) \(device)", program), .started, guest)
        assertRefused(try outcome("\(guest) -device nosuch", program), "'nosuch' is not a valid device model name", at: "-device[0]", guest)
      }
    }
  }

  /// Each vfio device with properties of its own is a process.
  func testALimitedNumberOfQEMUsRunsAtOnceAndIsTried() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/qemu", log = directory.path + "/log"
    // Counts those that run beside it: each has a file while it runs.
    let script = """
      #!/bin/sh
      : > \(directory.path)/running.$$
      ls \(directory.path) | grep -c running >> \(log)
      rm \(directory.path)/running.$$
      echo "qemu: -device x: no such host device" >&2
      exit 1

      """
    try writeFile(path, script, mode: 0o755)
    let devices = (0..<40).map { "-device vfio-pci,host=01:00.0,x-pci-sub-device-id=\($0)" }.joined(separator: " ")
    let source = SourceText(name: "text", bytes: Array("qemu-system-x86_64 -M q35 \(devices)".utf8))
    let machine = ParsedInput.parse(source, as: .shell).machine
    let result = try QEMURehearsal(program: path, qemu: path, width: 2).run(machine).value
    let counts = String(decoding: try readFile(log), as: UTF8.self).split(separator: "\n").compactMap { Int($0) }
    XCTAssertEqual(counts.count, 1 + RehearsalPlan.kindLimit)
    XCTAssertLessThanOrEqual(counts.max() ?? 0, 2)
    XCTAssertEqual(result.changes.filter(\.isUntried).count, 40 - RehearsalPlan.kindLimit)
  }

  func testAProgramThatPrintsWithoutAnEndIsGivenUp() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/qemu"
    try writeFile(path, "#!/bin/sh\nwhile :; do echo text; done >&2\n", mode: 0o755)
    let source = SourceText(name: "text", bytes: Array("qemu-system-x86_64 -M q35".utf8))
    let machine = ParsedInput.parse(source, as: .shell).machine
    let result = QEMURehearsal(program: path, qemu: path, patience: .milliseconds(300)).run(machine)
    guard case .unknown(let unknown) = result else { return XCTFail("\(result)") }
    XCTAssert(unknown.reason.contains("within 0.3 s"), unknown.reason)
  }

  func testAProgramThatGivesNoAnswerIsUnknown() throws {
    let directory = try TemporaryDirectory()
    let rows = [
      ("garbage", "#!/bin/sh\necho hello; exec /bin/cat\n"), ("silent", "#!/bin/sh\nexit 0\n"), ("text", "no program\n"),
      ("false", "#!/bin/sh\nexit 1\n"),
    ]
    for (name, script) in rows {
      let path = directory.path + "/" + name
      try writeFile(path, script, mode: name == "text" ? 0o644 : 0o755)
      XCTAssertThrowsError(try outcome("-M q35", path), name) { XCTAssert($0 is Unknown, "\($0)") }
    }
    XCTAssertThrowsError(try outcome("-M q35", "/no/such/qemu"))
  }
}
