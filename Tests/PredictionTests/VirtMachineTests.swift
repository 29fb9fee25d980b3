import Facts
import Inputs
import Prediction
import Support
import Syntax
import XCTest

/// Options of Arm's machine `virt`, as QEMU 11.1.3, 10.0.13 and 7.2.22 refused or accepted them (scripts/record-refusals --virt).
final class VirtMachineTests: XCTestCase {
  private func failures(_ argv: [String], _ qemu: QEMUProfile, accelerator: String = "tcg") -> [RealizeFailure] {
    let words = ["qemu-system-aarch64", "-accel", accelerator, "-nodefaults"] + argv
    let bytes = words.flatMap { (word: String) -> [UInt8] in Array(word.utf8) + [UInt8(0)] }
    let machine = ParsedInput.parse(SourceText(name: "argv", bytes: bytes), as: .nul).machine
    var host = Machines.host()
    let unit = IOMMUUnit("smmu3.0x0000000009050000", capability: .known(0), extendedCapability: .known(0))
    if accelerator.hasPrefix("kvm") { host.iommus = .known([unit.name: unit]) }
    return Predictor(machine, on: host, qemu: qemu).run().launchFailures.map(\.failure)
  }

  private func replay(_ file: String, _ qemu: QEMUProfile, refused least: Int) throws {
    var refused = 0
    for line in try Fixture.text("realizes/\(file).jsonl").split(separator: "\n") {
      let row = try JSON.parse(String(line))
      let argv = row["argv"]?.array?.compactMap(\.string) ?? []
      let name = "\(file): " + argv.joined(separator: " ")
      let failures = failures(argv, qemu)
      switch row["rc"].flatMap(\.number) ?? 0 {
      case 0: XCTAssertEqual(failures.map(\.text), [], name)
      case ..<0:
        XCTAssertNotNil(failures.first?.signal, name)
        refused += 1
      default:
        let lines = row["stderr"]?.array?.compactMap(\.string) ?? []
        let error = lines.first { !$0.contains("warning: ") } ?? ""
        XCTAssert(failures.first.map { error.hasSuffix($0.text) } ?? false, "\(name): \(error), not \(failures.map(\.text))")
        refused += 1
      }
    }
    XCTAssertGreaterThan(refused, least)
  }

  func testEveryRecordedOptionIsPredictedWordForWord() throws {
    try replay("virt-11.1.3", .released(11, 1, "11.1.3"), refused: 60)
    try replay("virt-10.0", .released(10, 0, "10.0.13"), refused: 60)
    try replay("virt-7.2", .released(7, 2, "7.2.22"), refused: 60)
  }

  /// Values that the processor, KVM or the firmware decide about are left to QEMU, and named.
  /// Recorded on a host with GICv3 (Linux 7.3.4, QEMU 11.1.3).
  func testKVMHasNoSecureWorldAndNoGICv3OutsideOfTheKernel() {
    func text(_ machine: String, _ accelerator: String) -> String? {
      failures(["-machine", machine, "-cpu", "host"], .released(11, 1, "11.1.3"), accelerator: accelerator).first?.text
    }
    XCTAssertEqual(
      text("virt,secure=on", "kvm"), "mach-virt: KVM does not support providing Security extensions (TrustZone) to the guest CPU")
    XCTAssertEqual(
      text("virt,gic-version=3,kernel-irqchip=off", "kvm"), "KVM with kernel-irqchip=off does not support GICv3 emulation")
    let split = "-machine kernel_irqchip=split is not supported on ARM."
    XCTAssertEqual(text("virt,kernel-irqchip=split", "kvm"), split)
    XCTAssertEqual(text("virt", "kvm,kernel-irqchip=split"), split)
    XCTAssertNil(text("virt,kernel-irqchip=off", "kvm"))
    XCTAssertNil(text("virt,gic-version=3,secure=off", "kvm"))
    XCTAssertNil(text("virt,secure=on", "tcg"))
  }

  func testWhatIsNotDecidedIsNotRefused() {
    func texts(_ options: String) -> [String] {
      let machine = Machines.parse("qemu-system-aarch64 -nodefaults -M virt," + options).machine
      return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run().launchFailures.map(\.failure.text)
    }
    for options in [
      "mte=on -cpu max", "gic-version=x-5 -cpu max", "gic-version=host -accel kvm", "its=on -accel kvm", "its=on -smp 9",
      "its=on,smp.cpus=9", "ras=on -cpu max -bios QEMU_EFI.fd", "ras=on -cpu max -drive if=pflash,file=code.fd",
      "ras=on,firmware=f -cpu $CPU", "gic-version=$GIC", "its=on,msi=$MSI",
      "memory-backend=$M -object memory-backend-ram,id=m,size=2G", "memory-encryption=$ID",
    ] {
      // The host is no Arm machine.
      XCTAssertEqual(texts(options).filter { $0 != "invalid accelerator kvm" }, [], options)
    }
    XCTAssertEqual(texts("ras=on -cpu max -drive if=none,file=d"), ["QEMU crashes with SIGSEGV: ras=on without a firmware"])
    func unchecked(_ options: String) -> Bool {
      let machine = Machines.parse("qemu-system-aarch64 -nodefaults -M virt," + options).machine
      return machine.uncheckedOptions(.released(11, 1, "11.1.3")).contains("-machine")
    }
    for options in ["mte=on -cpu max", "gic-version=host -accel kvm", "secure=on", "highmem=off -m $M", "gic-version=4"] {
      XCTAssert(unchecked(options), options)
    }
    for options in ["mte=off", "highmem=off -m 1G", "gic-version=3", "acpi=off", "nvdimm=on", "x-oem-id=me"] {
      XCTAssertFalse(unchecked(options), options)
    }
  }
}
