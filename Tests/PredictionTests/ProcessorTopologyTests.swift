import Facts
import Inputs
import Prediction
import XCTest

/// `-smp`, as QEMU 7.2.22, 10.0.13 and 11.1.3 completed or refused it.
final class ProcessorTopologyTests: XCTestCase {
  private func texts(_ options: String, _ major: Int = 11, _ minor: Int = 1) -> [String] {
    let machine = Machines.parse("qemu-system-x86_64 -nodefaults " + options).machine
    return Predictor(machine, on: Machines.host(), qemu: .released(major, minor, "\(major).\(minor).0")).run().launchFailures
      .map(\.failure.text)
  }

  private let product = "Invalid CPU topology: product of the hierarchy must match maxcpus: "
  private let zero = "Invalid CPU topology: CPU topology parameters must be greater than zero"

  func testCountsThatAreNotGiven() {
    for (options, counts) in [
      ("4,threads=3", "sockets (1) * dies (1) * modules (1) * cores (1) * threads (3) != maxcpus (4)"),
      ("3,threads=2", "sockets (1) * dies (1) * modules (1) * cores (1) * threads (2) != maxcpus (3)"),
      ("5,dies=2", "sockets (1) * dies (2) * modules (1) * cores (2) * threads (1) != maxcpus (5)"),
      ("4,sockets=-1", "sockets (4294967295) * dies (1) * modules (1) * cores (0) * threads (1) != maxcpus (4)"),
      ("4,cores=8", "sockets (0) * dies (1) * modules (1) * cores (8) * threads (1) != maxcpus (4)"),
      ("4,sockets=65536,cores=65535", "sockets (65536) * dies (1) * modules (1) * cores (65535) * threads (0) != maxcpus (4)"),
      ("2 -smp 4,sockets=3", "sockets (3) * dies (1) * modules (1) * cores (1) * threads (1) != maxcpus (4)"),
      ("4 -machine smp.cores=3", "sockets (1) * dies (1) * modules (1) * cores (3) * threads (1) != maxcpus (4)"),
    ] {
      XCTAssertEqual(texts("-M q35 -smp " + options), [product + counts], options)
      let old = counts.replacing(" * modules (1)", with: "")
      XCTAssertEqual(texts("-M q35 -smp " + options, 7, 2), [product + old], options)
    }
    XCTAssertEqual(
      texts("-M pc-q35-6.1 -smp 5,dies=2", 7, 2), [product + "sockets (2) * dies (2) * cores (1) * threads (1) != maxcpus (5)"])
    XCTAssertEqual(
      texts("-M pc-q35-4.0.1 -smp 4,threads=5", 7, 2),
      [product + "sockets (0) * dies (1) * cores (1) * threads (5) != maxcpus (4)"])
    XCTAssertEqual(
      texts("-M microvm,pcie=on -smp 4,sockets=3", 7, 2), [product + "sockets (3) * cores (1) * threads (1) != maxcpus (4)"])
    XCTAssertEqual(
      texts("-M q35 -smp 4,maxcpus=2", 7, 2),
      ["Invalid CPU topology: maxcpus must be equal to or greater than smp: sockets (1) * dies (1) * cores (2) * threads (1) == "
        + "maxcpus (2) < smp_cpus (4)"])
    XCTAssertEqual(texts("-M q35 -smp 4,sockets=65536,cores=65536"), ["machine_parse_smp_config divides by zero"])
  }

  func testWhatIsAccepted() {
    for options in [
      "4,dies=4", "maxcpus=8", "maxcpus=8,threads=2", "cores=3", "cores=3,threads=2", "sockets=2,threads=3", "dies=2", "4294967297",
      "2,sockets=2 -smp 4", "4,sockets=3 -smp sockets=2", "4,sockets=3 -M smp.sockets=2", "4,modules=2", "4,books=1", "4,cores=0x2",
      "8,cores=010", "cpus=4,cpus=2,sockets=2", "+4", "2,maxcpus=4096", "8,sockets=$S", "2,maxcpus=256",
    ] {
      XCTAssertEqual(texts("-M q35 -smp " + options), [], options)
    }
    for options in ["0", "0,maxcpus=4", "4,maxcpus=0", "4,sockets=0,cores=0,threads=0", "4,sockets=2,cores=2,threads=0"] {
      XCTAssertEqual(texts("-M q35 -smp " + options, 7, 2), [], options)
      XCTAssertEqual(texts("-M q35 -smp " + options), [zero], options)
    }
  }

  func testWhatAMachineDoesNotHave() {
    XCTAssertEqual(texts("-M q35 -smp 4,modules=1", 7, 2), ["Parameter 'smp.modules' is unexpected"])
    XCTAssertEqual(texts("-M q35 -smp 4,books=2"), ["books > 1 not supported by this machine's CPU topology"])
    XCTAssertEqual(texts("-M microvm,pcie=on -smp 4,dies=2"), ["dies > 1 not supported by this machine's CPU topology"])
    XCTAssertEqual(texts("-M microvm,pcie=on -smp 4,dies=2", 7, 2), ["dies not supported by this machine's CPU topology"])
    XCTAssertEqual(texts("-M q35 -smp 9223372036854775808"), ["Parameter 'smp.cpus' expects integer"])
  }

  func testTheMostProcessors() {
    func most(_ type: String, _ count: Int, _ limit: Int) -> [String] {
      ["Invalid SMP CPUs \(count). The max CPUs supported by machine '\(type)' is \(limit)"]
    }
    XCTAssertEqual(texts("-M q35 -smp 289", 7, 2), most("pc-q35-7.2", 289, 288))
    XCTAssertEqual(texts("-M q35 -smp 2,maxcpus=4097"), most("pc-q35-11.1", 4097, 4096))
    XCTAssertEqual(texts("-M q35 -smp -1"), most("pc-q35-11.1", -1, 4096))
    XCTAssertEqual(texts("-M q35 -smp 99999999999", 10, 0), most("pc-q35-10.0", 1_215_752_191, 4096))
    XCTAssertEqual(texts("-M pc -smp 2,maxcpus=300", 10, 0), most("pc-i440fx-10.0", 300, 255))
    XCTAssertEqual(texts("-M pc-q35-2.7 -smp 256", 10, 0), most("pc-q35-2.7", 256, 255))
    XCTAssertEqual(texts("-M pc-q35-8.0 -smp 2,maxcpus=289"), most("pc-q35-8.0", 289, 288))
    XCTAssertEqual(texts("-M pc-q35-8.2 -smp 2,maxcpus=1025"), most("pc-q35-8.2", 1025, 1024))
    XCTAssertEqual(texts("-M pc-q35-9.0 -smp 2,maxcpus=1025"), [])
    XCTAssertEqual(texts("-M microvm,pcie=on -smp 400"), most("microvm", 400, 288))
    XCTAssertEqual(texts("-M q35,smp.cpus=400", 7, 2), most("pc-q35-7.2", 400, 288))
  }

  /// TCG's interrupt controllers have 255 ids; KVM's depend on the host.
  func testIdsOfInterruptControllers() {
    let old = ["current -smp configuration requires kernel irqchip and X2APIC API support."]
    XCTAssertEqual(texts("-M q35 -smp 256", 7, 2), old)
    XCTAssertEqual(texts("-M q35 -smp 2,maxcpus=256", 7, 2), old)
    XCTAssertEqual(texts("-M q35 -smp 256"), ["APIC ID 255 requires x2APIC feature in CPU"])
    XCTAssertEqual(texts("-M q35 -smp 256", 10, 0), ["APIC ID 255 requires x2APIC feature in CPU"])
    XCTAssertEqual(texts("-M q35 -smp 255", 7, 2), [])
    for options in ["-accel tcg -accel xen -smp 256", "-accel hax -accel accel=tcg,thread=single -smp 256"] {
      XCTAssertEqual(texts("-M q35 " + options), ["APIC ID 255 requires x2APIC feature in CPU"], options)
    }
    for options in ["-accel xen -accel tcg -smp 256", "-accel kvm -smp 256", "-enable-kvm -smp 256", "-cpu max -smp 256"] {
      XCTAssertEqual(texts("-M q35 " + options), [], options)
    }
    XCTAssertEqual(texts("-M q35 -accel kvm -smp 256", 7, 2), [])
  }
}
