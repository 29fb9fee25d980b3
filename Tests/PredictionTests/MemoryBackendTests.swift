import Facts
import Inputs
import Prediction
import XCTest

/// Memory backends and modules, as QEMU 7.2.22, 10.0.13 and 11.1.3 refused or accepted them.
final class MemoryBackendTests: XCTestCase {
  private func texts(_ options: String, _ major: Int = 11, _ minor: Int = 1) -> [String] {
    let machine = Machines.parse("qemu-system-x86_64 -M q35 -nodefaults " + options).machine
    return Predictor(machine, on: Machines.host(), qemu: .released(major, minor, "\(major).\(minor).0")).run().launchFailures
      .map(\.failure.text)
  }

  private func backend(_ type: String, _ options: String) -> String { "-object memory-backend-\(type),id=e0,size=64M\(options)" }

  func testTypes() {
    func refused(_ type: String) -> [String] { ["Parameter 'qom-type' does not accept value 'memory-backend-\(type)'"] }
    XCTAssertEqual(texts(backend("shm", ""), 7, 2), refused("shm"))
    XCTAssertEqual(texts(backend("shm", "")), [])
    XCTAssertEqual(texts(backend("shm", ",share=off")), ["can't create shm backend with `share=off`"])
    XCTAssertEqual(texts(backend("hugepages", "")), refused("hugepages"))
    XCTAssertEqual(texts(backend("epc", "")), [])
  }

  func testProperties() {
    let explicit = "host-nodes must be empty for policy default, or you should explicitly specify a policy other than default"
    for (type, options, text) in [
      ("ram", ",prealloc=on,reserve=off", "'prealloc=on' and 'reserve=off' are incompatible"),
      ("ram", ",prealloc-threads=0", "property 'prealloc-threads' of memory-backend-ram doesn't take value '0'"),
      ("ram", ",prealloc-threads=x", "Parameter 'prealloc-threads' expects a uint64 value"),
      ("ram", ",prealloc-context=nope", "Device 'nope' not found"), ("ram", ",host-nodes=0", explicit),
      ("ram", ",host-nodes=0,policy=default", explicit), ("ram", ",host-nodes=0-300,policy=bind", "Invalid host-nodes value: 128"),
      ("ram", ",host-nodes=x,policy=bind", "Parameter 'host-nodes' expects a uint64 value or range"),
      ("ram", ",host-nodes.0=0,policy=bind", "Invalid parameter 'host-nodes.0'"),
      ("memfd", ",hugetlb=on,hugetlbsize=3M", "Hugepage size must be a power of 2"),
      ("memfd", ",hugetlbsize=0", "Property 'memory-backend-memfd.hugetlbsize' doesn't take value '0'"),
      ("file", ",mem-path=/tmp,align=3", "alignment 0x3 must be multiples of page size 0x1000"),
      ("file", ",mem-path=/tmp,align=12k", "alignment 0x3000 must be a power of two"),
    ] {
      XCTAssertEqual(texts(backend(type, options)).first, text, options)
      XCTAssertEqual(texts(backend(type, options), 7, 2).first, text, options)
    }
    for (type, options) in [
      ("ram", ",prealloc=off,reserve=off"), ("ram", ",host-nodes=0-1,policy=bind"), ("ram", ",prealloc-threads=2"),
      ("memfd", ",hugetlbsize=2M"), ("file", ",mem-path=/tmp,align=8k"), ("file", ",mem-path=/tmp,align=0"), ("ram", ",prealloc=$P"),
    ] {
      XCTAssertEqual(texts(backend(type, options), 7, 2), [], options)
      XCTAssertEqual(texts(backend(type, options)), [], options)
    }
    for property in ["rom", "offset"] {
      XCTAssertEqual(texts(backend("file", ",mem-path=/tmp,\(property)=0"), 7, 2), ["Invalid parameter '\(property)'"])
    }
    XCTAssertEqual(
      texts(backend("file", ",mem-path=/tmp,rom=on")), ["property 'rom' = 'on' is not supported with 'readonly' = 'off'"])
  }

  func testJSON() {
    func object(_ rest: String) -> String { #"-object '{"qom-type":"memory-backend-ram","id":"e0",\#(rest)}'"# }
    for (rest, text) in [
      (#""size":"64M""#, "Parameter 'size' expects uint64"), (#""size":1.5"#, "Parameter 'size' expects uint64"),
      (#""size":4096,"share":"on""#, "Invalid parameter type for 'share', expected: boolean"),
      (#""size":4096,"prealloc":1"#, "Invalid parameter type for 'prealloc', expected: boolean"),
      (#""size":4096,"host-nodes":0"#, "Invalid parameter type for 'host-nodes', expected: array"),
      (#""size":4096,"foo":1"#, "Parameter 'foo' is unexpected"),
      (#""size":-1"#, "find_ram_offset: Assertion `size != 0' failed."),
    ] {
      XCTAssertEqual(texts(object(rest)).first, text, rest)
    }
    XCTAssertEqual(texts(object(#""size":4096"#)), [])
    XCTAssertEqual(texts(object(#""size":4096,"host-nodes":[0],"policy":"bind""#)), [])
    let twice = ["attempt to add duplicate property 'e0' to object (type 'container')"]
    XCTAssertEqual(texts(object(#""size":4096"#) + " " + backend("ram", "")), twice)
    XCTAssertEqual(texts(backend("ram", "") + " " + object(#""size":4096"#)), twice)
    XCTAssertEqual(texts(backend("ram", "") + " " + backend("ram", "")), ["Duplicate ID 'e0' for object"])
  }

  func testModules() {
    let object = " -object memory-backend-ram,id=m,size=64M", room = "-m 512,slots=2,maxmem=1G"
    let noSlots = ["no slots where allocated, please specify the 'slots' option"]
    XCTAssertEqual(texts("-m 256M\(object) -device pc-dimm,memdev=m"), noSlots)
    XCTAssertEqual(
      texts("-m 256M\(object) -device pc-dimm,memdev=m,slot=0"), ["invalid slot number 0, valid range is [0-18446744073709551615]"])
    XCTAssertEqual(texts("-device pc-dimm"), noSlots)
    XCTAssertEqual(texts(room + object + " -device pc-dimm,memdev=m,slot=2"), ["invalid slot number 2, valid range is [0-1]"])
    XCTAssertEqual(texts(room + object + " -device pc-dimm,memdev=m,slot=1"), [])
    XCTAssertEqual(texts(room + " -device pc-dimm"), ["'memdev' property must be set"])
    XCTAssertEqual(texts("-device nvdimm"), ["nvdimm is not enabled: missing 'nvdimm' in '-M'"])
    XCTAssertEqual(texts(room + object + " -device pc-dimm,memdev=m,bus=pcie.0"), ["Device 'pc-dimm' can't go on PCIE bus"])
  }

  func testSizes() {
    let text = "Parameter 'size' expects a non-negative number below 2^64"
    XCTAssertEqual(texts("-m .5G", 7, 2), [text])
    for options in ["-m .5G", "-m 0.5G"] { XCTAssertEqual(texts(options), [], options) }
    XCTAssertEqual(texts("-m 0.5G", 7, 2), [])
    XCTAssertEqual(texts("-m 512M,noslots"), ["Parameter 'slots' expects a number"])
    XCTAssertEqual(texts("-m 512M,nofoo"), ["Invalid parameter 'foo'"])
    let old = Machines.parse("qemu-system-x86_64 -M pc-i440fx-2.0 -nodefaults -m 512,maxmem=2G").machine
    XCTAssertEqual(
      Predictor(old, on: Machines.host(), qemu: .released(7, 2, "7.2.22")).run().launchFailures.map(\.failure.text),
      ["\"-memory 'slots|maxmem'\" is not supported by: pc-i440fx-2.0"])
  }

  /// A device without `bootindex` occupies none.
  func testBootIndexes() {
    XCTAssertEqual(texts("-device VGA,bootindex=1 -device e1000e,bootindex=1"), ["Property 'VGA.bootindex' not found"])
    XCTAssertEqual(texts("-device qemu-xhci,bootindex=1", 7, 2), ["Property 'qemu-xhci.bootindex' not found"])
    XCTAssertEqual(texts("-device nvme,serial=a,bootindex=1 -device virtio-net-pci,bootindex=2"), [])
  }
}

/// What a safe verdict leaves to QEMU.
final class UncheckedOptionTests: XCTestCase {
  private func unchecked(_ options: String, _ major: Int = 11, _ minor: Int = 1) -> [String] {
    Machines.parse("qemu-system-x86_64 -nodefaults " + options).machine.uncheckedOptions(.released(major, minor, "\(major).\(minor).0"))
  }

  func testWhatIsLeftToQEMUIsNamed() {
    for (options, names) in [
      ("-M q35 -cpu max -drive file=a -cpu max", ["-cpu", "-drive"]), ("-M q35 disk.img", ["-hda"]),
      ("-M q35 -drive id=d,file=a -set drive.d.cache=none", ["-drive", "-set"]), ("-M q35,kernel=bzImage", ["-machine"]),
      ("-M q35,pflash0=x", ["-machine"]),
      ("-M q35,memory.size=1G -m 1G", ["-machine"]), ("-M q35,accel=foo:tcg", ["-machine"]), ("-M q35 -accel xen", ["-accel"]),
      ("-M q35 -accel tcg,tb-size=x", ["-accel"]), ("-M q35 -smp $N", ["-smp"]), ("-M virt -smp 9", ["-smp"]),
      ("-M q35 -numa cpu,node-id=0", ["-numa"]), ("-M q35 -global ICH9-LPC.disable_s3=foo", ["-global"]),
      ("-M q35 -global fw_cfg.dma_enabled=x", ["-global"]), ("-M q35 -object memory-backend-epc,id=a,size=1M", ["-object"]),
      ("-M q35 -object memory-backend-ram,id=a,size=$S", ["-object"]), ("-M q35 -object iothread,id=a", ["-object"]),
      ("-M q35 -object memory-backend-file,id=a,size=1M,mem-path=/nowhere", ["-object"]),
    ] {
      XCTAssertEqual(unchecked(options), names, options)
    }
    for options in [
      "-M q35,accel=kvm,kernel-irqchip=split,usb=off -m 4G -smp 4", "-M pc -accel kvm,kernel-irqchip=on",
      "-M q35 -global vfio-pci.rombar=0",
      "-M q35 -global ICH9-LPC.disable_s3=1 -global q35-pcihost.pci-hole64-size=64G", "-M q35 -global pcie-root-port.hotplug=off",
      "-M virt -smp 4,sockets=2", "-M virt,gic-version=3 -smp 64",
      "-M microvm,pcie=on,rtc=on -m 512 -smp 2", "-M q35 -object memory-backend-memfd,id=a,size=1G -numa node,memdev=a -m 1G",
    ] {
      XCTAssertEqual(unchecked(options), [], options)
    }
  }

  func testAnAcceleratorThatNoQEMUHas() {
    func texts(_ options: String) -> [String] {
      let machine = Machines.parse("qemu-system-x86_64 -nodefaults " + options).machine
      return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run().launchFailures.map(\.failure.text)
    }
    XCTAssertEqual(texts("-M q35 -accel foo"), ["invalid accelerator foo"])
    XCTAssertEqual(texts("-M q35 -accel kvm:tcg"), ["invalid accelerator kvm:tcg"])
    XCTAssertEqual(texts("-M q35,accel=foo"), ["invalid accelerator foo"])
    XCTAssertEqual(texts("-M q35,accel="), ["no accelerator found"])
    XCTAssertEqual(texts("-M q35 -accel kvm,kernel-irqchip=maybe"), ["Parameter 'kernel-irqchip' does not accept value 'maybe'"])
    for options in ["-M q35,accel=foo:tcg", "-M q35 -accel foo -accel tcg", "-M q35 -accel accel=tcg", "-M q35 -accel $A"] {
      XCTAssertEqual(texts(options), [], options)
    }
  }

  func testADistributionsMachineTypeIsNotKnown() {
    func fact(_ type: String, _ qemu: QEMUProfile = .released(11, 1, "11.1.3")) -> String? {
      Machines.parse("qemu-system-x86_64 -M " + type).machine.unknownMachineType(qemu)?.fact.fact
    }
    for type in ["pc-q35-rhel9.2.0", "pc-q35-noble", "pc-i440fx-jammy", "pc-q35-7.2+pve0"] {
      XCTAssertEqual(fact(type), "machine type `\(type)`")
    }
    for type in ["q35", "pc-q35-9.2", "pc-q35-4.0.1"] { XCTAssertNil(fact(type)) }
    let asked = QEMUProfile(
      name: "/usr/bin/kvm", behaviour: .known(.shipped), properties: .known([]), release: .known(QEMURelease(11, 1)))
    XCTAssertNil(fact("pc-q35-noble", asked))
  }
}
