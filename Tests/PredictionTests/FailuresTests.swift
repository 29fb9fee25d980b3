import Facts
import XCTest

@testable import Prediction

/// Each failing step of one device, and the decisions that rules and the proxy ask for.
final class FailuresTests: XCTestCase {
  private let device = "-device vfio-pci,host=0000:01:00.0,bus=pcie.0,addr=3"

  private func causes(_ options: String, on host: Facts.Host = Machines.host()) -> [FailureCause] {
    Machines.predict(options, on: host).last?.failures.map(\.cause) ?? []
  }

  func testTheMachineOfTheseTestsWorks() {
    XCTAssertEqual(causes(device), [])
    XCTAssertEqual(causes("-object iommufd,id=io0 \(device),iommufd=io0"), [])
  }

  func testEachFailingStepIsListedInQEMUsOrder() {
    var host = Machines.host()
    host.vfioContainer = .known(.denied)
    host.interruptsIsolated = .known(false)
    XCTAssertEqual(
      causes("\(device),x-balloon-allowed=on,display=on", on: host),
      [.balloonNotMediated, .containerDenied, .unsafeInterrupts, .noDisplay])
  }

  func testEachFailingPropertyIsListedByName() {
    let failures = Machines.predict("\(device),x-no-mmap=1,nonsense=2,ats=maybe").last?.failures ?? []
    XCTAssertEqual(failures.map(\.property).compactMap { $0 }.sorted(), ["ats", "nonsense", "x-no-mmap"])
    XCTAssertEqual(Machines.predict("\(device),romsize=3").last?.failure?.property, "romsize")
    XCTAssertEqual(Machines.predict("\(device),acpi-index=20000").last?.failure?.property, "acpi-index")
  }

  func testAFailureIsFoundBehindAnEarlierOne() throws {
    let one = try XCTUnwrap(Machines.predict("-device intel-iommu \(device),x-no-mmap=1").last)
    XCTAssertEqual(one.failure?.cause, .badProperty)
    XCTAssertEqual(try one.failure(.cachingModeOff)?.cause, .cachingModeOff)
    XCTAssertNil(try one.failure(.firstStageWithoutIOMMUFD))
  }

  func testAStepThatIsNotDecidedIsNotASuccess() throws {
    var host = Machines.host()
    host.iommus = .unknown("IOMMU units", "not in the test")
    let options = "-device intel-iommu,caching-mode=on \(device),x-no-mmap=1"
    let one = try XCTUnwrap(Machines.predict(options, on: host).last)
    XCTAssertThrowsError(try one.failure(.addressWidthExceeded))
    XCTAssertNil(try one.failure(.cachingModeOff))
    // QEMU fails before that step, so what it misses says nothing about the failure.
    XCTAssertEqual(one.unknowns, [])
  }

  func testAnUnknownPropertyLeavesOtherPropertiesDecided() throws {
    let one = try XCTUnwrap(Machines.predict("\(device),x-no-mmap=$x,iommufd=io9").last)
    XCTAssertEqual(try one.failure(.missingIOMMUFDObject)?.property, "iommufd")
    XCTAssertNil(try one.failure(.realizedArgument))
    let other = try XCTUnwrap(Machines.predict("\(device),iommufd=$x").last)
    XCTAssertThrowsError(try other.failure(.missingIOMMUFDObject))
  }

  func testMixedBackendsNameTheDeviceThatAttachedFirst() throws {
    var host = Machines.host()
    host.groups[1]?.members = .known([Machines.address])
    let all = Machines.predict(
      "-object iommufd,id=io0 -device vfio-pci,id=a,host=0000:01:00.0,bus=pcie.0,addr=3 "
        + "-device vfio-pci,id=b,host=0000:01:00.1,bus=pcie.0,addr=4,iommufd=io0", on: host)
    XCTAssertNil(try all.first?.failure(.mixedBackends))
    XCTAssertEqual(try all.last?.failure(.mixedBackends)?.other?.id, "a")
  }

  /// With a backend that only the shell knows, nothing after it can be called unmixed.
  func testAnUnknownBackendLeavesTheNextDeviceOpen() throws {
    let all = Machines.predict(
      "-object iommufd,id=io0 -device vfio-pci,id=a,host=0000:01:00.0,bus=pcie.0,addr=3,iommufd=$x "
        + "-device vfio-pci,id=b,host=0000:01:00.1,bus=pcie.0,addr=4,iommufd=io0")
    XCTAssertThrowsError(try all.last?.failure(.mixedBackends))
  }

  func testEveryCauseButTheDriversBelongsToAStep() {
    let withStep = Set(RealizeStep.allCases.flatMap(\.causes))
    let ofDrivers: Set<FailureCause> = [.noDriver, .unknownDriver, .abstractDriver]
    let ofOthers: Set<FailureCause> = [
      .badOption, .chassisTaken, .iommuRefused, .badAddressWidth, .unknownMachine, .badObject, .crashingProperty, .noKVM,
      .refusedByKVM, .noHostProcessor,
    ]
    XCTAssertEqual(Set(FailureCause.allCases).subtracting(withStep), ofDrivers.union(ofOthers))
  }

  func testRequestsThatCrashQEMU() {
    func request(_ text: String) -> DeviceRequest? {
      let parsed = Machines.parse(text)
      return parsed.plugs.first ?? parsed.machine.devices.first
    }
    func realized(_ text: String) -> CrashOutcome? { request(text).map(QEMUCrash.realizedArgument) }
    func withoutID(_ text: String) -> CrashOutcome? { request(text).map { QEMUCrash.descriptorWithoutID($0, in: nil) } }
    func plug(_ members: String) -> String {
      #"{"execute":"device_add","arguments":{"driver":"vfio-pci",\#(members)}}"#
    }
    XCTAssertEqual(realized("qemu-system-x86_64 -device e1000e,realized=y"), .always)
    XCTAssertEqual(realized("qemu-system-x86_64 -device e1000e,realized=n"), .never)
    XCTAssertEqual(realized("qemu-system-x86_64 -device e1000e"), .never)
    XCTAssertEqual(realized("qemu-system-x86_64 -device e1000e,realized=1"), .withOtherQEMU)
    XCTAssertEqual(
      realized("qemu-system-x86_64 -device e1000e,id=n,realized=$VALUE"),
      .undetermined(Unknown("realized of `n`", reason: "written as $VALUE")))
    XCTAssertEqual(realized(plug(#""realized":true"#)), .always)
    XCTAssertEqual(realized(plug(#""realized":"on""#)), .withOtherQEMU)
    XCTAssertEqual(realized(plug(#""realized":"off""#)), .never)
    XCTAssertEqual(withoutID(plug(#""fd":"7""#)), .always)
    XCTAssertEqual(withoutID(plug(#""fd":"gpu""#)), .ifDescriptorExists)
    XCTAssertEqual(withoutID(plug(#""fd":"7x""#)), .withOtherQEMU)
    XCTAssertEqual(withoutID(plug(#""fd":7"#)), .withOtherQEMU)
    XCTAssertEqual(withoutID(plug(#""fd":"7","id":"gpu""#)), .never)
    XCTAssertEqual(withoutID("qemu-system-x86_64 -device vfio-pci,fd=gpu"), .withOtherQEMU)
    XCTAssertEqual(withoutID("qemu-system-x86_64 -device vfio-pci,fd=7"), .always)
    XCTAssertEqual(withoutID("qemu-system-x86_64 -device e1000e,fd=7"), .never)
    XCTAssertEqual(
      withoutID("qemu-system-x86_64 -device vfio-pci,fd=$FD"), .undetermined(Unknown("fd of `vfio-pci`", reason: "written as $FD")))
    XCTAssertEqual(
      withoutID("qemu-system-x86_64 -device vfio-pci,fd=7,id=$ID"), .undetermined(Unknown("id of `vfio-pci`", reason: "written as $ID")))
    let one = request("qemu-system-x86_64 -device vfio-pci,fd=7")
    XCTAssertEqual(one.map { QEMUCrash.descriptorWithoutID($0, in: .released(10, 0, "10.0.13")) }, .never)
  }
}
