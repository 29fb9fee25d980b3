import Facts
import Inputs
import Syntax
import XCTest

@testable import Prediction

/// Devices without the part that they need, and those that have it from elsewhere.
final class DeviceNeedsTests: XCTestCase {
  private func refusals(of machine: MachineConfig) -> [String] {
    Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run().launchFailures.map(\.failure.text)
  }

  private func refusals(_ options: String) -> [String] { refusals(of: Machines.parse("qemu-system-x86_64 -M q35 \(options)").machine) }

  func testADeviceNeedsItsPart() {
    XCTAssertEqual(refusals("-device virtio-scsi-pci -device scsi-hd"), ["drive property not set"])
    XCTAssertEqual(refusals("-device nvme,drive=d -drive if=none,id=d"), ["serial property not set"])
  }

  func testAPartMayComeFromElsewhere() {
    for options in [
      "-drive if=virtio,file=a", "-device virtio-scsi-pci -device scsi-hd,id=a -set device.a.drive=b -drive if=none,id=b,file=a",
      "-device nvme -global nvme.serial=a",
      "-m 1G,slots=1,maxmem=2G -object memory-backend-ram,id=m,size=512M -global pc-dimm.memdev=m -device pc-dimm",
    ] {
      XCTAssertEqual(refusals(options), [], options)
    }
  }

  /// Proxmox makes the drives of its disks.
  func testADiskOfProxmoxHasItsDrive() throws {
    let text = "machine: q35\nhostpci0: 01:00.0,pcie=1\nvirtio1: local:100/a.raw\nargs: -device ide-hd,drive=drive-virtio1\n"
    let parsed = ParsedInput.parse(SourceText(name: "100.conf", bytes: Array(text.utf8)))
    XCTAssertEqual(refusals(of: try XCTUnwrap(parsed.proxmox).lowered(isArm: nil) { _ in .known([]) }.machine), [])
  }

  func testATextOfTheShellMayHoldThePart() {
    XCTAssertEqual(refusals("-device nvme,drive=d${SERIAL:+,serial=$SERIAL}"), [])
  }

  func testAnotherProgramMayFillInANumber() {
    XCTAssertEqual(refusals("-m @MEM@ -smp cpus=%d,cores='{{ n }}' -cpu '{{ cpu }},x=on'"), [])
    XCTAssertEqual(refusals("-m x"), ["Parameter 'size' expects a non-negative number below 2^64"])
  }

  /// `num_queues` replaces it (recorded from 7.2.22 and 11.1.3).
  func testTheOldNumberOfQueuesCounts() {
    XCTAssertEqual(refusals("-device nvme,serial=a,max_ioqpairs=0"), ["max_ioqpairs must be between 1 and 65535"])
    XCTAssertEqual(refusals("-device nvme,serial=a,max_ioqpairs=0,num_queues=5"), [])
  }

  /// Other texts are in options-*.jsonl. No server of a network was at hand when these were recorded.
  func testANetworkOfAnotherProgramHasLongerQueues() {
    let card = "-device virtio-net-pci,netdev=n,tx_queue_size=1024"
    let text = "Invalid tx_queue_size (= 1024), must be a power of 2 between 256 and 256"
    for network in ["user,id=n", "tap,id=n,fd=3", #"'{"type":"tap","id":"n","fd":"3"}'"#] {
      XCTAssertEqual(refusals("-netdev \(network) \(card)"), [text], network)
    }
    for network in [
      "vhost-user,id=n,chardev=c", "type=vhost-vdpa,vhostdev=/dev/vhost-vdpa-0,id=n", #"'{"type":"vhost-user","id":"n","chardev":"c"}'"#,
      "$NET,id=n",
    ] {
      XCTAssertEqual(refusals("-chardev socket,path=/c,id=c -netdev \(network) \(card)"), [], network)
    }
  }

  /// The texts are in believed-*.jsonl.
  func testOneDeviceAloneHasAPart() {
    let drive = "-drive if=none,id=a -device virtio-scsi-pci"
    XCTAssertEqual(refusals("\(drive) -device scsi-hd,drive=a -device scsi-hd,drive=a"), ["Drive 'a' is already in use by another device"])
    for options in [
      "-netdev user,id=a -netdev user,id=b -device e1000,netdev=a -device e1000,netdev=b", "\(drive) -device scsi-hd,drive=a,drive=a",
      "-chardev null,id=a,mux=on -device isa-serial,chardev=a -device isa-serial,chardev=a",
      "-chardev null,id=a -chardev null,id=b -mon chardev=a,chardev=b -device isa-serial,chardev=a",
      "-chardev null,id=a -chardev hub,id=b,chardevs.0=a -device isa-debugcon,chardev=b",
      "-blockdev null-co,node-name=a -device ide-hd,drive=a,share-rw=on -device ide-hd,drive=a,share-rw=on",
      "-chardev null,id=a -netdev user,id=a -device isa-serial,chardev=a -device e1000,netdev=a",
      // A primary device is made later (observed on 7.2.22 and 11.1.3).
      "-netdev user,id=a -device pcie-root-port,id=r,chassis=1 -device pcie-root-port,id=s,chassis=2 "
        + "-device virtio-net-pci,netdev=a,id=n,failover=on,bus=r -device e1000e,id=p,netdev=a,failover_pair_id=n,bus=s",
    ] {
      XCTAssertEqual(refusals(options), [], options)
    }
  }
}
