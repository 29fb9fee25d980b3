import Common
import Facts
import Glibc
import Inputs
import QMP
import Support
import Syntax
import XCTest

@testable import Proxy

/// What the proxy writes down about a guest, corrected by what QEMU reports, without QEMU: plugs of memory and of vfio-user,
/// primaries that are kept back, numbers of descriptors.
final class GuestBookTests: XCTestCase {
  /// QEMU's answers to the first round.
  private func guest(_ devices: [(String, String)], objects: [String] = []) -> [JSON] {
    func list(_ items: [(String, String)]) -> JSON {
      .array(items.map { ["name": .string($0.0), "type": .string("child<\($0.1)>")] })
    }
    return [
      [], [["bus": 0, "devices": []]], [:], list(devices), [], list(objects.map { ($0, "iommufd") }), "pc-q35-11.1-machine",
      [:], false,
    ]
  }

  private let user = FilterProbe.command("device_add", #"{"driver":"vfio-user-pci","id":"u","socket":{"type":"unix","path":"/s"}}"#)

  func testADeviceOfVFIOUserIsNotPluggedBesideOneOfVFIO() throws {
    for (devices, expected) in [
      ([], FilterProbe.Answer.pass), ([("u0", "vfio-user-pci")], .pass), ([("v", "vfio-pci")], .refuse("mixed-backends")),
      ([("i", "intel-iommu"), ("v", "vfio-pci")], .refuse("mixed-backends")), ([("i", "intel-iommu")], .pass),
    ] as [([(String, String)], FilterProbe.Answer)] {
      XCTAssertEqual(try FilterProbe().settle(user, guest(devices)), expected, "\(devices)")
    }
    // Whether they share a space is not known behind an IOMMU, or nothing is.
    let careless = FilterProbe { $0.onUnknown = .warn }
    XCTAssertEqual(try careless.settle(user, guest([("i", "intel-iommu"), ("v", "vfio-pci")])), .pass)
    XCTAssertEqual(try careless.settle(user, guest([("v", "vfio-pci")])), .refuse("mixed-backends"))
    XCTAssertEqual(try FilterProbe().settle(user), .refuse("mixed-backends"))
    XCTAssertEqual(try careless.settle(user), .pass)
  }

  func testADeviceOfVFIOIsNotPluggedBesideOneOfVFIOUser() throws {
    let plug = FilterProbe.command("device_add", #"{"driver":"vfio-pci","id":"v","host":"0000:01:00.0","bus":"rp1"}"#)
    let probe = FilterProbe { $0.host = .recording(Fixture.path("hosts/intel-no-device-tlb.host")) }
    XCTAssertEqual(try probe.settle(plug, guest([("u", "vfio-user-pci")])), .refuse("mixed-backends"))
    XCTAssertNotEqual(try probe.settle(plug, guest([("u", "e1000e")])), .refuse("mixed-backends"))
  }

  func testWhatIsGoneIsForgotten() throws {
    let filter = FilterProbe().filter
    let address = try XCTUnwrap(PCIAddress(domain: 0, bus: 1, slot: 0, function: 0))
    filter.plugged = ["v": address, "gone": address]
    filter.ledger.numbersInUse = [
      7: "/machine/peripheral/v", 8: "/machine/peripheral/gone", 9: "/objects/iommufd0", 10: DescriptorLedger.device(nil),
    ]
    filter.follow(QOMSnapshot(guest([("v", "vfio-pci")]).map { .success($0) }))
    XCTAssertEqual(filter.plugged, ["v": address])
    XCTAssertEqual(Set(filter.ledger.numbersInUse.keys), [7, 9, 10])
    // Nothing is forgotten where QEMU listed nothing.
    filter.follow(QOMSnapshot([]))
    XCTAssertEqual(filter.plugged, ["v": address])
    filter.ledger.forgetUsers(missingFrom: [.success([["name": "v"]]), .success([])], hidden: [])
    XCTAssertEqual(Set(filter.ledger.numbersInUse.keys), [7, 10])
    filter.ledger.forgetUsers(missingFrom: [.success([])], hidden: [])
    XCTAssertEqual(Set(filter.ledger.numbersInUse.keys), [7, 10])
    filter.ledger.forgetUsers(missingFrom: [.success([]), .success([])], hidden: ["v"])
    XCTAssertEqual(Set(filter.ledger.numbersInUse.keys), [7, 10])
    filter.wasPlugged(request([("driver", "vfio-pci"), ("id", "w"), ("fd", "11")]), nil)
    XCTAssertEqual(filter.ledger.numbersInUse[11], "/machine/peripheral/w")
  }

  private func request(_ properties: [(String, String)]) -> DeviceRequest {
    let place = Location(source: "device_add", range: nil, path: "arguments")
    return DeviceRequest(
      form: .json, plug: .hot, properties: properties.map { Property(name: $0.0, value: .string($0.1), location: place) }, location: place)
  }

  func testAPrimaryThatIsKeptBackCounts() throws {
    let filter = FilterProbe().filter
    filter.wasPlugged(
      request([("driver", "vfio-pci"), ("id", "p"), ("host", "0000:01:00.0"), ("iommufd", "i0"), ("failover_pair_id", "n0")]),
      PCIAddress(domain: 0, bus: 1, slot: 0, function: 0))
    func devices(_ reported: [(String, String)]) -> [String?] {
      let snapshot = QOMSnapshot(guest(reported).map { .success($0) })
      filter.follow(snapshot)
      return filter.machine(snapshot, globals: .known([])).devices.map { $0.id }
    }
    XCTAssertEqual(devices([("n0", "virtio-net-pci")]), ["p"])
    let primary = filter.hidden["p"]?.request
    XCTAssertEqual(primary?.string("iommufd"), "i0")
    XCTAssertEqual(primary?.has("failover_pair_id"), false)
    // The guest has asked for it, and given it back.
    XCTAssertEqual(devices([("n0", "virtio-net-pci"), ("p", "vfio-pci")]), ["p"])
    XCTAssertEqual(devices([("n0", "virtio-net-pci")]), ["p"])
    // It ends with its standby.
    XCTAssertEqual(devices([]), [])
    XCTAssertEqual(filter.plugged, [:])
    XCTAssertNil(HiddenPrimary(request([("driver", "vfio-pci"), ("id", "v")])))
  }

  func testAPrimaryIsJudgedAsTheGuestWillHaveIt() throws {
    let plug = FilterProbe.command(
      "device_add", #"{"driver":"vfio-pci","id":"p","host":"0000:01:00.0","bus":"rp1","iommufd":"i0","failover_pair_id":"n0"}"#)
    func answer(_ backend: JSON, policy: PolicyFile = .none) throws -> FilterProbe.Answer {
      let probe = FilterProbe {
        $0.policy = policy
        $0.host = .recording(Fixture.path("hosts/intel-no-device-tlb.host"))
        $0.onUnknown = .warn
        $0.machine = MachineConfig(source: "QEMU", emulator: nil)
      }
      let devices = [("n0", "virtio-net-pci"), ("v", "vfio-pci"), ("rp1", "pcie-root-port")]
      return try probe.settle(plug, guest(devices, objects: ["i0"])) { question in
        switch (question.arguments?["path"]?.string, question.arguments?["property"]?.string) {
        case ("/machine/peripheral/v", "host"): "0000:02:00.0"
        case ("/machine/peripheral/v", "iommufd"): backend
        default: nil
        }
      }
    }
    XCTAssertEqual(try answer(""), .refuse("mixed-backends"))
    let folder = try TemporaryDirectory()
    for policy in ["[severity \"mixed-backends\"]\nlevel = \"note\"", "[allow \"mixed-backends\"]\nreason = \"one group\""] {
      try writeFile(folder.path + "/policy", policy)
      XCTAssertEqual(try answer("", policy: .load(folder.path + "/policy")), .refuse("mixed-backends"), policy)
    }
    XCTAssertNotEqual(try answer("/objects/i0"), .refuse("mixed-backends"))
    // Where QEMU does not say what there is, the crash is possible.
    for (onUnknown, expected) in [
      (nil, .refuse("mixed-backends")), (.refuse, .refuse("dup-id")), (.warn, .pass),
    ] as [(OnUnknown?, FilterProbe.Answer)] {
      let probe = FilterProbe {
        $0.host = .recording(Fixture.path("hosts/intel-no-device-tlb.host"))
        $0.onUnknown = onUnknown
        $0.machine = MachineConfig(source: "QEMU", emulator: nil)
      }
      XCTAssertEqual(try probe.settle(plug), expected)
    }
  }

  func testNamesAndNumbersFollowWhatQEMUAccepts() throws {
    let probe = FilterProbe()
    let add = FilterProbe.command("netdev_add", #"{"type":"tap","id":"n","fd":"x"}"#)
    XCTAssertEqual(try probe.settle(FilterProbe.command("getfd", #"{"fdname":"x"}"#), descriptors: 1, accepted: [:]), .pass)
    XCTAssertEqual(probe.filter.owners, ["x": 1])
    XCTAssertEqual(try probe.settle(add, client: 2), .refuse("fd-of-another-client"))
    // QEMU refuses it, and keeps the name.
    XCTAssertEqual(try probe.settle(add), .pass)
    XCTAssertEqual(probe.filter.owners, ["x": 1])
    XCTAssertEqual(try probe.settle(add, accepted: [:]), .pass)
    XCTAssertEqual(probe.filter.owners, [:])
    XCTAssertNil(probe.filter.ledger.entry("x"))
    // A number of add-fd serves one user.
    XCTAssertEqual(try probe.settle(#"{"execute":"add-fd"}"#, descriptors: 1, accepted: ["fdset-id": 0, "fd": 31]), .pass)
    let plug = FilterProbe.command("device_add", #"{"driver":"vhost-vsock-pci","id":"s","guest-cid":3,"vhostfd":"31"}"#)
    XCTAssertEqual(try probe.settle(plug, [[], []], accepted: [:]), .pass)
    XCTAssertEqual(probe.filter.ledger.numbersInUse, [31: "/machine/peripheral/s"])
    let there: [JSON] = [[["name": "s", "type": "child<vhost-vsock-pci>"]], []]
    XCTAssertEqual(try probe.settle(FilterProbe.command("migrate-incoming", #"{"uri":"fd:31"}"#), there), .refuse("fd-in-use"))
    XCTAssertEqual(try probe.settle(FilterProbe.command("migrate-incoming", #"{"uri":"fd:31"}"#), [[], []]), .pass)
    // One of QEMU's own.
    let tap = FilterProbe.command("netdev_add", #"{"type":"tap","id":"n","fd":"5"}"#)
    XCTAssertEqual(try probe.settle(tap, [[], []]), .refuse("fd-in-use"))
  }

  /// QEMU closes the descriptor with the network or its failure, and opens another file under the number (observed on 7.2.22 and
  /// 11.1.3: a disk's, which the second network closed).
  func testANumberServesOneNetworkUntilItIsSentAgain() throws {
    let tap = FilterProbe.command("netdev_add", #"{"type":"tap","id":"n","fd":"31"}"#)
    let remove = FilterProbe.command("remove-fd", #"{"fdset-id":0,"fd":31}"#)
    for accepted: JSON? in [nil, [:]] {
      let probe = FilterProbe()
      func add() throws {
        let answer = try probe.settle(#"{"execute":"add-fd"}"#, descriptors: 1, accepted: ["fdset-id": 0, "fd": 31])
        XCTAssertEqual(answer, .pass)
      }
      for _ in 0..<2 {
        try add()
        XCTAssertEqual(try probe.settle(tap, [[], []], accepted: accepted, fails: accepted == nil), .pass)
        XCTAssertEqual(try probe.settle(tap, [[], []]), .refuse("fd-in-use"))
        // Its set has the number, and closes it once more.
        XCTAssertEqual(try probe.settle(remove, [[]] + guest([])), .refuse("fd-in-use"))
      }
    }
  }

  func testTheNumberOfADeviceThatIsGoneIsNotItsClientsAnyMore() throws {
    let plug = FilterProbe.command("device_add", #"{"driver":"vhost-vsock-pci","id":"s","guest-cid":3,"vhostfd":"31"}"#)
    let human = FilterProbe.human("device_add vhost-vsock-pci,id=s,guest-cid=3,vhostfd=31")
    let rows: [(String, JSON)] = [(plug, [:]), (human, ""), (human, "Error: vhost-vsock: unable to set guest cid\r\n")]
    for (command, reply) in rows {
      let probe = FilterProbe()
      XCTAssertEqual(try probe.settle(#"{"execute":"add-fd"}"#, descriptors: 1, accepted: ["fdset-id": 0, "fd": 31]), .pass)
      XCTAssertEqual(try probe.settle(command, [[], []], accepted: reply), .pass)
      // A plug that has failed may have the id of another device.
      let user: WireText = reply.string?.hasPrefix("Error") == true ? DescriptorLedger.unnamed : "/machine/peripheral/s"
      XCTAssertEqual(probe.filter.ledger.numbersInUse[31], user)
      XCTAssertEqual(try probe.settle(plug, [[], []]), .refuse("fd-in-use"), "\(reply)")
    }
  }

  func testANumberThatCannotBeReadIsRefusedUnlessToldOtherwise() {
    let unread = Known<Bool>.unknown("descriptor 5", "it cannot be read")
    XCTAssertNotNil(FilterProbe().filter.numberInUse(5, isRight: unread))
    XCTAssertNil(FilterProbe { $0.onUnknown = .warn }.filter.numberInUse(5, isRight: unread))
    XCTAssertNotNil(FilterProbe { $0.onUnknown = .warn }.filter.numberInUse(5, isRight: .known(false)))
  }

  /// Another client has given its descriptor the name while QEMU was asked about the guest.
  func testTheOwnerOfAPlugsDescriptorIsAskedForAtItsEnd() throws {
    let filter = FilterProbe().filter
    let arguments: JSON = ["driver": "vfio-pci", "id": "v", "fd": "x"]
    let message = ClientMessage(bytes: [], json: ["execute": "device_add", "arguments": arguments])
    let about = QMPCommandFilter.CommandContext(
      message: message, client: ProxyPeer(number: 2, process: nil, user: nil), command: "device_add")
    let plug = PlugInquiry(filter, try XCTUnwrap(PlugRequest.read(arguments, source: "device_add")), about)
    var answers: [Result<JSON, CommandError>] = []
    filter.owners = ["x": 1]
    while case .ask(let questions) = plug.proceed(answers) {
      answers = questions.indices.map { index in .success(index < guest([]).count ? guest([])[index] : "") }
    }
    guard case .refuse(let error) = plug.proceed(answers) else { return XCTFail("it is not refused") }
    XCTAssert(error.text.contains("fd-of-another-client"), error.text)
  }

  func testTheDescriptorOfASetMayBeARunningDevices() throws {
    let remove = FilterProbe.command("remove-fd", #"{"fdset-id":1}"#)
    let sets: JSON = [["fdset-id": 1, "fds": [["fd": 9]]]]
    func answer(_ entry: DescriptorLedger.Entry?, onUnknown: OnUnknown? = nil) throws -> FilterProbe.Answer {
      let probe = FilterProbe { $0.onUnknown = onUnknown }
      probe.filter.ledger.keep("9", entry)
      return try probe.settle(remove, [sets] + guest([("v", "vfio-pci")]))
    }
    XCTAssertEqual(try answer(nil), .refuse("fd-in-use"))
    XCTAssertEqual(try answer(nil, onUnknown: .warn), .pass)
    XCTAssertEqual(try answer(.init(function: .known(nil), isIOMMUFD: true)), .refuse("fd-in-use"))
    XCTAssertEqual(try answer(.init(function: .known(nil), isIOMMUFD: false)), .pass)
  }

  func testANumberWhosePlugHasFailedIsLookedAtAgain() throws {
    let filter = FilterProbe().filter
    filter.ledger.keep("31", .init(function: .known(PCIAddress("0000:01:00.0")), isIOMMUFD: false))
    let arguments: JSON = ["driver": "vfio-pci", "id": "v", "fd": "0031"]
    let request = try XCTUnwrap(PlugRequest.read(arguments, source: "device_add"))
    let message = ClientMessage(bytes: [], json: ["execute": "device_add", "arguments": arguments])
    let about = QMPCommandFilter.CommandContext(
      message: message, client: ProxyPeer(number: 1, process: nil, user: nil), command: "device_add")
    XCTAssertNil(filter.numberInUse(31, isRight: .known(false)))
    PlugInquiry(filter, request, about).answered(.failure(CommandError(errorClass: "GenericError", text: "no")))
    XCTAssertNotNil(filter.numberInUse(31, isRight: .known(false)))
    XCTAssertNil(filter.numberInUse(31, isRight: .known(true)))
  }

  /// libvirt restores a guest from a file or a pipe that QEMU has inherited from it.
  func testAGuestIsReadFromADescriptorThatQEMUHasInherited() throws {
    let folder = try TemporaryDirectory()
    let probe = FilterProbe { $0.process = getpid() }
    let file = open(folder.path + "/saved", O_RDWR | O_CREAT, 0o600), device = open("/dev/zero", O_RDONLY)
    var pipe: [Int32] = [-1, -1]
    XCTAssertEqual(Glibc.pipe(&pipe), 0)
    defer { for descriptor in [file, device] + pipe { close(descriptor) } }
    func restore(_ number: Int32) -> String { FilterProbe.command("migrate-incoming", #"{"uri":"fd:\#(number)"}"#) }
    for number in [file, pipe[0]] { XCTAssertEqual(try probe.settle(restore(number), [[], []]), .pass, "\(number)") }
    XCTAssertEqual(try probe.settle(restore(device), [[], []]), .refuse("fd-in-use"))
    let other = FilterProbe.command("migrate", #"{"uri":"fd:\#(file)"}"#)
    let states: [JSON] = [["status": "running"], [], [:]]
    XCTAssertEqual(try probe.settle(other, states) { _ in [] }, .refuse("fd-in-use"), "a running guest is written to names of getfd only")
  }

  func testTheDescriptorOfAPrimaryThatIsKeptBackIsInUse() throws {
    let probe = FilterProbe()
    let arguments: JSON = ["driver": "vfio-pci", "id": "p", "host": "01:00.0", "failover_pair_id": "s"]
    let request = try XCTUnwrap(PlugRequest.read(arguments, source: "device_add"))
    probe.filter.hidden = ["p": try XCTUnwrap(HiddenPrimary(request))]
    probe.filter.ledger.keep("23", .init(function: .known(nil), isIOMMUFD: false))
    probe.filter.ledger.numbersInUse = [23: "/machine/peripheral/p"]
    let tap = FilterProbe.command("netdev_add", #"{"type":"tap","id":"n","fd":"23"}"#)
    XCTAssertEqual(try probe.settle(tap, [[], []]), .refuse("fd-in-use"))
  }

  func testAPlugThatFailsHasTakenItsDescriptor() throws {
    let filter = FilterProbe().filter
    filter.owners = ["x": 1, "y": 1]
    let arguments: JSON = ["driver": "vfio-pci", "id": "v", "fd": "x"]
    let request = try XCTUnwrap(PlugRequest.read(arguments, source: "device_add"))
    let message = ClientMessage(bytes: [], json: ["execute": "device_add", "arguments": arguments])
    let about = QMPCommandFilter.CommandContext(
      message: message, client: ProxyPeer(number: 1, process: nil, user: nil), command: "device_add")
    PlugInquiry(filter, request, about).answered(.failure(CommandError(errorClass: "GenericError", text: "no")))
    XCTAssertEqual(filter.owners, ["y": 1])
  }

  func testTheDescriptorsOfARemovedSetAreForgotten() throws {
    let probe = FilterProbe()
    for name: WireText in ["9", "10"] { probe.filter.ledger.keep(name, .init(function: .known(nil), isIOMMUFD: false)) }
    let sets: JSON = [["fdset-id": 1, "fds": [["fd": 9]]], ["fdset-id": 2, "fds": [["fd": 10]]]]
    let remove = FilterProbe.command("remove-fd", #"{"fdset-id":1}"#)
    XCTAssertEqual(try probe.settle(remove, [sets] + guest([]), accepted: [:]), .pass)
    XCTAssertNil(probe.filter.ledger.entry("9"))
    XCTAssertNotNil(probe.filter.ledger.entry("10"))
  }

  func testLockedMemoryIsReadFromProc() throws {
    let limits: WireText = """
      Limit                     Soft Limit           Hard Limit           Units
      Max locked memory         8388608              unlimited            bytes
      """
    let status: WireText = "Name:\tqemu\nVmLck:\t    4096 kB\nVmPin:\t    8192 kB\nCapEff:\t0000000000000000\n"
    XCTAssertEqual(
      try LockedMemoryUse.parse(limits: limits, status: status),
      LockedMemoryUse(limit: 8_388_608, locked: 4 << 20, pinned: 8 << 20))
    let capable: WireText = "VmLck:\t0 kB\nVmPin:\t0 kB\nCapEff:\t0000000000004000\n"
    XCTAssertNil(try LockedMemoryUse.parse(limits: limits, status: capable).limit)
    XCTAssertNil(try LockedMemoryUse.parse(limits: "Max locked memory unlimited unlimited bytes", status: status).limit)
    for (limits, status) in [
      (limits, "VmLck: 0 kB"), ("", status), ("Max locked memory x", status), (limits, "VmLck:\tx kB\nVmPin:\t0 kB\nCapEff:\t0"),
    ] as [(WireText, WireText)] {
      XCTAssertThrowsError(try LockedMemoryUse.parse(limits: limits, status: status))
    }
    XCTAssertThrowsError(try LockedMemoryUse.read(of: nil))
    XCTAssertNoThrow(try LockedMemoryUse.read(of: getpid()))
  }

  func testMemoryBeyondTheLimitIsNotPluggedBesideVFIO() throws {
    let (dimm, mem, resize) = (
      FilterProbe.command("device_add", #"{"driver":"pc-dimm","id":"d","memdev":"m1"}"#),
      FilterProbe.command("device_add", #"{"driver":"virtio-mem-pci","id":"d","memdev":"m1","requested-size":1073741824}"#),
      FilterProbe.command("qom-set", #"{"path":"/machine/peripheral/vm","property":"requested-size","value":1073741824}"#)
    )
    let (gib, vfio) = (UInt64(1 << 30), [("v", "vfio-pci")])
    func answer(
      _ text: String, _ devices: [(String, String)], limit: UInt64?, locked: UInt64 = 0, pinned: UInt64 = 0, size: JSON? = 1_073_741_824,
      onUnknown: OnUnknown? = nil, iommufd: Bool = false
    ) throws -> FilterProbe.Answer {
      let probe = FilterProbe { $0.onUnknown = onUnknown }
      probe.filter.lockedMemory = { _ throws(Unknown) in LockedMemoryUse(limit: limit, locked: locked, pinned: pinned) }
      return try probe.settle(text, guest(devices)) { question in
        switch question.arguments?["property"]?.string {
        case "size": size
        case "iommufd": iommufd ? "/objects/i0" : ""
        default: nil
        }
      }
    }
    let refused = FilterProbe.Answer.refuse("memory-plug-exceeds-limit")
    let others = ["pc-dimm,id=d,memdev=m1", "nvdimm,id=d,memdev=m1", "nvme,id=d,serial=s,pmrdev=m1"]
    for text in [dimm, mem] + others.map({ FilterProbe.human("device_add \($0)") }) {
      XCTAssertEqual(try answer(text, vfio, limit: gib - 1), refused, text)
      XCTAssertEqual(try answer(text, vfio, limit: gib), .pass, text)
      XCTAssertEqual(try answer(text, vfio, limit: nil), .pass, text)
      XCTAssertEqual(try answer(text, vfio, limit: 2 * gib, locked: gib + 1), refused, text)
      XCTAssertEqual(try answer(text, [("e", "e1000e")], limit: 0), .pass, text)
      // What counts depends on the backend.
      XCTAssertEqual(try answer(text, vfio, limit: 2 * gib, pinned: gib + 1), .pass, text)
      XCTAssertEqual(try answer(text, vfio, limit: 2 * gib, pinned: gib + 1, iommufd: true), refused, text)
      XCTAssertEqual(try answer(text, vfio, limit: 2 * gib, locked: gib + 1, pinned: gib, iommufd: true), refused, text)
      // Behind an IOMMU each device has a space of its own.
      let two = [("i", "intel-iommu"), ("v", "vfio-pci"), ("w", "vfio-pci")]
      XCTAssertEqual(try answer(text, two, limit: 2 * gib - 1), refused, text)
      XCTAssertEqual(try answer(text, two, limit: 2 * gib), .pass, text)
    }
    XCTAssertEqual(try answer(resize, vfio, limit: gib, size: 0), .pass)
    XCTAssertEqual(try answer(resize, vfio, limit: gib - 1, size: 0), refused)
    XCTAssertEqual(try answer(resize, vfio, limit: 4096, size: 1_073_737_728), .pass)
    XCTAssertEqual(try answer(resize, vfio, limit: 0, size: 2_147_483_648), .pass, "it shrinks")
    // What another device was promised, and its guest has not taken yet, is locked later.
    for text in [dimm, mem, resize, resize.replacing("/machine/peripheral/vm", with: "vm")] {
      let two = vfio + [("vm", "virtio-mem-pci"), ("other", "virtio-mem-pci")]
      for (limit, expected) in [(2 * gib, FilterProbe.Answer.pass), (2 * gib - 1, refused)] {
        let probe = FilterProbe()
        probe.filter.lockedMemory = { _ throws(Unknown) in LockedMemoryUse(limit: limit, locked: 0, pinned: 0) }
        let found = try probe.settle(text, guest(two)) { question in
          switch (question.arguments?["path"]?.string, question.arguments?["property"]?.string) {
          case ("/objects/m1", "size"): 1_073_741_824
          case ("/machine/peripheral/other", "requested-size"): 2_147_483_648
          case ("/machine/peripheral/other", "size"): 1_073_741_824
          case (_, "requested-size"), (_, "size"): 0
          default: nil
          }
        }
        XCTAssertEqual(found, expected, "\(text) \(limit)")
      }
    }
    // A primary that QEMU keeps back has memory locked when the guest asks for it.
    let primary = request([("driver", "vfio-pci"), ("id", "p"), ("host", "0000:01:00.0"), ("failover_pair_id", "n0")])
    for (standby, expected) in [("n0", refused), ("n1", FilterProbe.Answer.pass)] {
      let probe = FilterProbe()
      probe.filter.wasPlugged(primary, nil)
      probe.filter.lockedMemory = { _ throws(Unknown) in LockedMemoryUse(limit: 0, locked: 0, pinned: 0) }
      XCTAssertEqual(try probe.settle(dimm, guest([(standby, "virtio-net-pci")])) { _ in 1_073_741_824 }, expected, standby)
    }
    // A size that is not known.
    XCTAssertEqual(try answer(dimm, vfio, limit: gib, size: nil), refused)
    XCTAssertEqual(try answer(dimm, vfio, limit: gib, size: nil, onUnknown: .warn), .pass)
    XCTAssertEqual(try FilterProbe().settle(dimm, guest(vfio)), refused, "QEMU's process is not known")
    XCTAssertEqual(try FilterProbe().settle(dimm, guest([])), .pass)
    XCTAssertEqual(try FilterProbe().answer(FilterProbe.command("device_add", #"{"driver":"virtio-mem-pci","id":"d"}"#)), .pass)
  }
}
