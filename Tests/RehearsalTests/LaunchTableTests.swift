import Common
import Facts
import Inputs
import QMP
import Rehearsal
import Support
import Syntax
import XCTest

/// Launches that the QEMUs of this machine are asked about twice: started directly with these very arguments, whose backends
/// are harmless, and rehearsed. The rehearsal refuses what QEMU refuses, with its text, and nothing else.
final class LaunchTableTests: XCTestCase {
  private static let device = "-device vfio-pci,host=01:00.0"

  /// Command lines for x86, without the program.
  private static let x86 = [
    // The machine, processors and memory.
    "-M q35 -nodefaults \(device)", "-M pc -nodefaults \(device)", "-M pc-q35-99.0 \(device)", "-M nosuch \(device)",
    "-M q35,nosuch=on -nodefaults \(device)", "-M q35,smm=maybe -nodefaults \(device)", "-M microvm \(device)", "-M isapc \(device)",
    "-M q35 -cpu nosuch \(device)", "-M q35 -cpu qemu64,nosuch=on \(device)", "-M q35 -cpu Skylake-Client,phys-bits=46 \(device)",
    "-M q35 -smp 4,sockets=3 \(device)", "-M pc -smp 300 \(device)", "-M q35 -smp 8,sockets=2,cores=2,threads=2 \(device)",
    "-M q35 -m 1x \(device)", "-M q35 -m 2000G,slots=2,maxmem=1000G \(device)", "-M q35 -m 1G,slots=4,maxmem=8G \(device)",
    "-M q35 -m 1G,slots=2,maxmem=2000G -cpu qemu64 \(device)",
    "-M q35 -m 1G -numa node,nodeid=0,memdev=nope \(device)",
    "-M q35 -m 1G -object memory-backend-ram,id=m0,size=1G -numa node,memdev=m0 \(device)",
    "-M q35 -m 1G -object memory-backend-ram,id=m0,size=2G -numa node,memdev=m0 \(device)",
    "-M q35 -m 1G -object memory-backend-ram,id=m0,size=512M -machine memory-backend=m0 \(device)",
    // Without KVM, as written.
    "-M q35 -cpu host \(device)", "-M q35 -cpu Skylake-Server,enforce \(device)",
    // Words without a value, and types of JSON.
    "-M q35,pit \(device)", "-M q35 -object iothread,id=i,poll-max-ns \(device)",
    "-M q35 -object '{\"qom-type\":\"iothread\",\"id\":\"i\",\"poll-max-ns\":\"5\"}' \(device)",
    "-M q35 -object '{\"qom-type\":\"iothread\",\"id\":\"i\",\"poll-max-ns\":5}' \(device)",
    // Parts of a backend that it has from the definition.
    "-M q35 -netdev user \(device)", "-M q35 -chardev null \(device)", "-M q35 -drive if=sd,driver=null-co \(device)",
    "-M q35 -blockdev null-co,node-name=1d \(device)",
    // Replacements that have no file.
    "-M q35 -boot menu=on,splash-time=-3 \(device)", "-M q35 -boot menu=on,splash-time=5,order=c \(device)",
    // Objects, -set, -global.
    "-M q35 -object authz-list,id=a,policy=maybe \(device)", "-M q35 -object authz-simple,id=a \(device)",
    "-M q35 -object authz-list,id=a,policy=deny,rules.0.match=x,rules.0.policy=allow \(device)",
    "-M q35 -object authz-simple,id=a,identity=O=x/y \(device)", "-M q35 -object secret,id=s,data=a,keyid=nope \(device)",
    "-M q35 -object memory-backend-ram,id=m,size=1M -object rng-builtin,id=m \(device)", "-M q35 -object nosuch,id=m \(device)",
    "-M q35 -object rng-builtin,id=1m \(device)", "-M q35 -object rng-builtin,id=r,nosuch=1 \(device)",
    "-M q35 -set device.w.addr=5 \(device),id=v", "-M q35 -global nosuch.x=1 \(device)",
    // Buses and slots.
    "-M q35 -nodefaults -device pcie-root-port,id=a -device pcie-root-port,id=b \(device),bus=a",
    "-M q35 -nodefaults -device pcie-root-port,id=a,chassis=1 -device pcie-root-port,id=b,chassis=2 \(device),bus=b",
    "-M q35 -nodefaults -device pcie-root-port,id=a,addr=1f.0 \(device),bus=a", "-M q35 -vga std -device edu,addr=1 \(device)",
    "-M q35 -nodefaults -device pcie-root-port,id=a -device e1000e,bus=a,addr=1 \(device)",
    "-M q35 -nodefaults -device pcie-root-port,id=a -device e1000e,bus=a \(device),bus=a,addr=0",
    "-M q35 -nodefaults -device pci-bridge,id=b \(device),bus=b,addr=1",
    "-M pc -device pci-bridge,id=b,chassis_nr=1 \(device),bus=b,addr=1",
    "-M pc -device pci-bridge,id=b,chassis_nr=0 \(device)", "-M q35 -device x3130-upstream,id=u \(device)",
    "-M q35 -device pxb-pcie,id=p,bus_nr=64 -device pcie-root-port,id=a,bus=p \(device),bus=a",
    "-M q35 -device pxb-pcie,id=p,bus_nr=64 -device pxb-pcie,id=o,bus_nr=64 \(device)", "-M pc -device pxb-pcie,id=p,bus_nr=64 \(device)",
    "-M q35 -device e1000e,bus=nope \(device)", "-M q35 -device e1000e,addr=40 \(device)", "-M q35 -device e1000e,addr=5.9 \(device)",
    "-M q35 -device edu,addr=5.1 \(device)", "-M q35 -device edu,addr=5,multifunction=on -device edu,addr=5.1 \(device),addr=5.2",
    "-M q35 -nodefaults -device '{\"driver\":\"edu\",\"addr\":\"5\"}' -device edu,addr=5",
    // IOMMUs.
    "-M q35 -device intel-iommu,caching-mode=on \(device)", "-M q35 -device intel-iommu -device intel-iommu \(device)",
    "-M q35 -device intel-iommu -device virtio-iommu-pci \(device)", "-M pc -device intel-iommu \(device)",
    "-M q35 -device intel-iommu,eim=on,intremap=off \(device)", "-M q35 -device intel-iommu,aw-bits=40 \(device)",
    "-M q35 -device virtio-iommu-pci \(device)", "-M q35 -device amd-iommu \(device)", "-M q35 -device intel-iommu,fsts=on \(device)",
    // Other devices and their backends.
    "-M q35 -device nosuch \(device)", "-M q35 -device e1000e,mac=x \(device)", "-M q35 -device e1000e,nosuch=1 \(device)",
    "-M q35 -device e1000e,romfile=/no/such.rom \(device)", "-M q35 -device e1000e,id=a -device edu,id=a \(device)",
    "-M q35 -device edu,id=1x \(device)", "-M q35 -device virtio-net-pci,netdev=nope \(device)",
    "-M q35 -netdev user,id=n0 -device virtio-net-pci,netdev=n0 \(device)",
    "-M q35 -netdev user,id=n0 -device virtio-net-pci,netdev=n0 -device e1000e,netdev=n0 \(device)",
    "-M q35 -netdev user,id=n0 -device virtio-net-pci,netdev=n0,tx_queue_size=1024 \(device)",
    "-M q35 -device virtio-blk-pci,drive=nope \(device)", "-M q35 -device virtio-blk-pci \(device)",
    "-M q35 -blockdev null-co,node-name=d0 -device virtio-blk-pci,drive=d0,bootindex=1 \(device)",
    "-M q35 -blockdev null-co,node-name=d0 -device virtio-blk-pci,drive=d0,bootindex=1 -device e1000e,bootindex=1 \(device)",
    "-M q35 -blockdev null-co,node-name=d0 -device nvme,drive=d0 \(device)",
    "-M q35 -blockdev null-co,node-name=d0 -device ide-hd,drive=d0,bus=ide.9 \(device)",
    "-M q35 -nodefaults -device usb-tablet \(device)", "-M q35 -device qemu-xhci,id=x -device usb-tablet,bus=x.0,port=9 \(device)",
    "-M q35 -device pc-dimm,memdev=m \(device)", "-M q35 -nodefaults -device virtio-serial-pci -device virtserialport,nr=40 \(device)",
    "-M q35 -nodefaults -device isa-serial,chardev=nope \(device)", "-M q35 -chardev null,id=c -device isa-serial,chardev=c \(device)",
    "-M q35 -chardev null,id=c -device virtio-serial-pci -device virtserialport,chardev=c,name=/dev/x \(device)",
    "-M q35 -device virtio-rng-pci,rng=nope \(device)", "-M q35 -device ich9-intel-hda -device hda-duplex,audiodev=nope \(device)",
    // vfio-pci itself.
    "-M q35 \(device),bus=nope", "-M q35 -device vfio-pci", "-M q35 -device vfio-pci,host=zz", "-M q35 \(device),nosuch=1",
    "-M q35 \(device),addr=40", "-M q35 \(device),x-vga=maybe", "-M q35 \(device),iommufd=nope", "-M q35 -device edu,id=v \(device),id=v",
  ]

  /// Command lines for 64-bit Arm.
  private static let arm = [
    "-M virt \(device)", "-M nosuch \(device)", "-M virt-99.0 \(device)", "-M virt,gic-version=9 \(device)",
    "-M virt,gic-version=2 -smp 9 \(device)", "-M virt,gic-version=3 -smp 9 \(device)", "-M virt -smp 600 \(device)",
    "-M virt -cpu nosuch \(device)", "-M virt -cpu cortex-a57,pmu=off \(device)", "-M virt -cpu cortex-a72 \(device)",
    "-M virt -cpu max,pauth-impdef=on,sve256=on \(device)", "-M virt -cpu max,sve=maybe \(device)",
    "-M virt,iommu=smmuv3 \(device)", "-M virt,iommu=nosuch \(device)", "-M virt,highmem=off -m 8G \(device)",
    "-M virt -device intel-iommu \(device)", "-M virt -device virtio-iommu-pci \(device)", "-M virt,its=off \(device)",
    "-M virt -cpu host \(device)", "-M virt,gic-version=host \(device)", "-M virt -drive if=sd,driver=null-co \(device)",
    "-M virt -device pcie-root-port,id=a -device pcie-root-port,id=b \(device)",
    "-M virt -device pcie-root-port,id=a -device e1000e,bus=a,addr=1 \(device)",
    "-M virt -device pxb-pcie,id=p,bus_nr=64 -device pcie-root-port,id=a,bus=p \(device),bus=a",
    "-M virt -device virtio-net-device -device virtio-blk-device \(device)", "-M virt -device e1000e,mac=x \(device)",
    "-M virt -device ramfb \(device)", "-M virt -device isa-serial \(device)", "-M raspi3b \(device)", "-M sbsa-ref \(device)",
    "-M virt \(device),bus=nope", "-M virt \(device),nosuch=1",
  ]

  private enum Answer: Equatable {
    case started
    case refused(String)
  }

  /// The direct answer of a QEMU.
  private func direct(_ program: String, _ words: [String], accelerators: [String]) throws -> Answer {
    let own = accelerators.flatMap { ["-accel", $0] } + ["-S", "-display", "none", "-monitor", "none", "-serial", "none", "-qmp", "stdio"]
    let process = try QEMUProcess(path: program, arguments: words + own)
    let deadline = Deadline(after: .seconds(60))
    do {
      _ = try process.connection.negotiate(until: deadline)
      _ = try process.connection.execute(Command("query-status"), until: deadline)
      return .started
    } catch {
      let (end, text) = process.finish()
      XCTAssertEqual(end, .exit(1), "\(words)")
      let lines = text.split(whereSeparator: \.isNewline).map(String.init)
      let last = lines.last { $0.hasPrefix("qemu") && !$0.contains(": warning: ") && !$0.contains("invalid accelerator ") }
      // What a device's host decides comes after all that a rehearsal checks.
      if last?.contains("no such host device") == true { return .started }
      return .refused(try XCTUnwrap(last, text))
    }
  }

  private func compare(_ program: String, named name: String, _ lines: [String], accelerators: [String]) throws {
    var (started, refused) = (0, 0)
    for line in lines {
      // JSON is the only word in quotes.
      let words = line.split(separator: " ").map { String($0.drop { $0 == "'" }.prefix { $0 != "'" }) }
      let direct = try direct(program, words, accelerators: accelerators)
      let text = SourceText(name: "text", bytes: Array("\(name) \(line)".utf8))
      let rehearsal = QEMURehearsal(program: program, qemu: program)
      let outcome = try rehearsal.run(ParsedInput.parse(text, as: .shell).machine).value.outcome
      switch (direct, outcome) {
      case (.started, .started): started += 1
      case (.refused(let whole), .refused(let text, _, _)):
        refused += 1
        XCTAssert(whole.hasSuffix(text.split(separator: "\n").first ?? ""), "\(line)\nQEMU: \(whole)\nrehearsal: \(text)")
      default: XCTFail("\(program) \(line)\nQEMU: \(direct)\nrehearsal: \(outcome)")
      }
    }
    print("\(name): \(started) launches start, \(refused) are refused")
    XCTAssertGreaterThan(started, lines.count / 5)
    XCTAssertGreaterThan(refused, lines.count / 3)
  }

  func testLaunchesOfX86() throws {
    let directory = try TemporaryDirectory()
    let all = try InstalledQEMU.all(in: directory)
    if all.isEmpty { throw XCTSkip("SKIPPED: no QEMU is installed, so no launch was rehearsed") }
    for program in all { try compare(program, named: "qemu-system-x86_64", LaunchTableTests.x86, accelerators: ["tcg", "qtest"]) }
  }

  func testLaunchesOfArm() throws {
    let directory = try TemporaryDirectory()
    guard let program = try InstalledQEMU.ofArm(in: directory) else {
      throw XCTSkip("SKIPPED: qemu-system-aarch64 is not installed, so no launch of an Arm machine was rehearsed")
    }
    try compare(program, named: "qemu-system-aarch64", LaunchTableTests.arm, accelerators: ["tcg", "qtest"])
  }
}
