import Facts
import Inputs
import Prediction
import XCTest

/// `-numa node`, as QEMU 7.2.22, 10.0.13 and 11.1.3 refused or accepted it.
final class NUMANodeTests: XCTestCase {
  private func texts(_ options: String, _ major: Int = 11, _ minor: Int = 1) -> [String] {
    let machine = Machines.parse("qemu-system-x86_64 -nodefaults " + options).machine
    return Predictor(machine, on: Machines.host(), qemu: .released(major, minor, "\(major).\(minor).0")).run().launchFailures
      .map(\.failure.text)
  }

  private let backends = " -object memory-backend-ram,id=m0,size=256M -object memory-backend-ram,id=m1,size=256M"
  private let mixed = "numa configuration should use either mem= or memdev=,mixing both is not allowed"
  private func sum(_ sum: String, _ all: String) -> [String] { ["total memory for NUMA nodes (\(sum)) should equal RAM size (\(all))"] }

  private func two(_ first: String, _ second: String = "", _ rest: String = "-smp 2") -> String {
    "-M q35 -m 512 \(rest)\(backends) -numa node,memdev=m0\(first) -numa node,memdev=m1\(second)"
  }

  func testProcessorsOfNodes() {
    for (first, second, text) in [
      (",cpus=0-3", "", "CPU index (2) should be smaller than maxcpus (2)"),
      (",cpus=0-1", ",cpus=1", "CPU is already assigned to node-id: 0"),
      (",cpus=x", "", "Parameter 'cpus' expects a uint64 value or range"),
      (",cpus=1-0", "", "Parameter 'cpus' expects a uint64 value or range"),
      (",cpus=0-70000", "", "Parameter 'cpus' expects a uint64 value or range"),
      (",cpus=1-65536", "", "Parameter 'null' expects uint16_t"),
      (",nodeid=-1", "", "Parameter 'nodeid' expects a uint64 value"), (",nodeid=70000", "", "Parameter 'nodeid' expects uint16_t"),
      (",nodeid=128", "", "Max number of NUMA nodes reached: 128"), (",nodeid=1", "", "Duplicate NUMA nodeid: 1"),
      (",foo=1", "", "Invalid parameter 'foo'"), (",initiator=x", "", "Parameter 'initiator' expects a uint64 value"),
    ] {
      XCTAssertEqual(texts(two(first, second)), [text], first)
      XCTAssertEqual(texts(two(first, second), 7, 2), [text], first)
    }
    for (first, second) in [(",cpus=0", ",cpus=1"), (",cpus=0,cpus=1", ""), (",cpus=0x1", ""), (",cpus=0,cpus=0", ""), (",cpus=$C", "")] {
      XCTAssertEqual(texts(two(first, second)), [], first)
    }
    XCTAssertEqual(texts(two(",cpus=0-3", ",cpus=4-7", "-smp 2,maxcpus=8")), [])
    XCTAssertEqual(texts(two(",cpus=0-3", ",cpus=4-7", "-smp $N")), [])
  }

  func testInitiators() {
    let on = "-smp 2 -machine hmat=on"
    XCTAssertEqual(texts(two(",cpus=0,initiator=3", "", on)), ["The initiator of CPU NUMA node 0 should be itself (got 3)"])
    XCTAssertEqual(texts(two(",cpus=0", ",initiator=3", on)), ["NUMA node 3 is missing, use '-numa node' option to declare it first"])
    XCTAssertEqual(texts(two(",cpus=0", ",initiator=200", on)), ["The initiator id 200 expects an integer between 0 and 127"])
    XCTAssertEqual(texts(two(",cpus=0", ",initiator=1", on)), ["The initiator of NUMA node 1 is invalid"])
    XCTAssertEqual(texts(two(",cpus=0,initiator=0", ",initiator=0", on)), [])
    XCTAssertEqual(texts(two("", ",initiator=0", on)), [])
    XCTAssertEqual(texts(two(",initiator=0")).map { String($0.prefix(40)) }, ["ACPI Heterogeneous Memory Attribute Tabl"])
  }

  func testMemoryOfNodes() {
    let mem = "Parameter -numa node,mem is not supported by this machine type"
    for type in ["q35", "pc-q35-7.2", "pc-i440fx-5.2", "microvm,pcie=on"] {
      XCTAssertEqual(texts("-M \(type) -m 512 -numa node,mem=512M"), [mem], type)
      XCTAssertEqual(texts("-M \(type) -m 512 -numa node"), sum("0x0", "0x20000000"), type)
    }
    XCTAssertEqual(texts("-M pc-q35-5.1 -m 512 -numa node,mem=512M", 7, 2), [mem])
    let old = "-M pc-q35-5.0 -m 512"
    XCTAssertEqual(texts(old + " -numa node,mem=512M", 7, 2), [])
    XCTAssertEqual(texts(old + " -numa node,mem=256 -numa node,mem=256", 10, 0), [])
    XCTAssertEqual(texts(old + " -numa node", 7, 2), sum("0x0", "0x20000000"))
    XCTAssertEqual(texts(old + " -numa node,mem=256 -numa node,mem=128", 7, 2), sum("0x18000000", "0x20000000"))
    XCTAssertEqual(texts(old + " -numa node,mem=x", 7, 2), ["Parameter 'mem' expects a size value"])
    XCTAssertEqual(texts(old + backends + " -numa node,mem=256 -numa node,memdev=m0", 7, 2), [mixed])
    XCTAssertEqual(texts("-M q35 -m 512" + backends + " -numa node,memdev=m0,mem=256M"), [mixed])
    XCTAssertEqual(
      texts("-M q35 -m 512" + backends + " -numa node,memdev=m0 -numa node,memdev=m0"),
      ["memory backend m0 can't be used multiple times."])
    let whole = "-M q35,memory-backend=m0 -m 256" + backends
    XCTAssertEqual(texts(whole + " -numa node"), sum("0x0", "0x10000000"))
    XCTAssertEqual(texts(whole + " -numa node,nodeid=1"), ["numa: Node ID missing: 0"])
    XCTAssertEqual(texts("-M pc-q35-5.0,memory-backend=m0 -m 256" + backends + " -numa node,mem=256", 7, 2), [])
  }

  /// Without `-numa` there is a node for memory that may be plugged in.
  func testNodesOfExpanders() {
    func expander(_ node: Int) -> String { " -device pxb-pcie,id=p,bus_nr=10,numa_node=\(node)" }
    XCTAssertEqual(texts(two("") + expander(1)), [])
    XCTAssertEqual(texts(two("") + expander(2)), ["Illegal numa node 2"])
    let grows = "-M q35 -m 256,slots=1,maxmem=1G"
    XCTAssertEqual(texts(grows + expander(0)), [])
    XCTAssertEqual(texts(grows + expander(1)), ["Illegal numa node 1"])
    XCTAssertEqual(texts("-M q35" + expander(0)), ["Illegal numa node 0"])
    XCTAssertEqual(texts("-M pc-q35-5.0 -m 256,maxmem=1G" + expander(0), 7, 2), ["Illegal numa node 0"])
    XCTAssertEqual(texts("-M pc-q35-2.11 -m 256,slots=1,maxmem=1G" + expander(0), 7, 2), [])
    XCTAssertEqual(texts("-M pc-q35-2.10 -m 256,slots=1,maxmem=1G" + expander(0), 7, 2), ["Illegal numa node 0"])
  }
}
