import Facts
import Glibc
import XCTest

/// Every known fact of a host as name and value, for comparing hosts.
struct FactList {
  private(set) var known: [String: String] = [:]
  /// Config spaces by function.
  private(set) var bytes: [String: [UInt8?]] = [:]

  var count: Int { known.count + bytes.values.reduce(0) { $0 + $1.reduce(0) { $0 + ($1 == nil ? 0 : 1) } } }

  /// The first fact that is known here and is not the same in `whole`.
  func contradiction(with whole: FactList) -> String? {
    for (fact, value) in known where whole.known[fact] != value {
      return "\(fact) is \(value), not \(whole.known[fact] ?? "unknown")"
    }
    for (function, space) in bytes where space != whole.bytes[function] {
      let other = whole.bytes[function] ?? []
      for (offset, byte) in space.enumerated() where byte != nil && (offset >= other.count || other[offset] != byte) {
        return "byte \(offset) of \(function) differs"
      }
    }
    return nil
  }

  init(_ host: Facts.Host) {
    add("kernelRelease", host.kernelRelease)
    add("interruptsIsolated", host.interruptsIsolated)
    add("unsafeInterrupts", host.unsafeInterrupts)
    add("kernelCommandLine", host.kernelCommandLine)
    for (name, value) in host.kernelConfig.display ?? [:] { known["config \(name)"] = value }
    add("user", host.user)
    add("memlock", host.memlock)
    add("physicalAddressBits", host.physicalAddressBits)
    add("iommufd", host.iommufd)
    add("vfioContainer", host.vfioContainer)
    add("iommus", host.iommus.map { $0.keys.sorted() })
    for (name, unit) in host.iommus.display ?? [:] {
      add("\(name) capability", unit.capability)
      add("\(name) extended", unit.extendedCapability)
      add("\(name) registers", unit.identification)
      add("\(name) implementer", unit.implementer)
      add("\(name) architecture", unit.architecture)
    }
    add("addresses", host.addresses.map { $0.sorted() })
    for (number, group) in host.groups {
      add("\(number) members", group.members)
      add("\(number) node", group.node)
      add("\(number) reserved", group.reservedRegions)
    }
    for (address, device) in host.devices { add("\(address)", device) }
    // A reason that is written down is something to lose, too.
    for (name, unknown) in reasons(host) { known["why \(name)"] = unknown }
  }

  private mutating func add(_ name: String, _ device: HostDevice) {
    add("\(name) vendor", device.vendor)
    add("\(name) device", device.device)
    add("\(name) class", device.classCode)
    add("\(name) vendor's name", device.vendorName)
    add("\(name) name", device.deviceName)
    add("\(name) class's name", device.className)
    add("\(name) driver", device.driver)
    add("\(name) override", device.driverOverride)
    add("\(name) group", device.group)
    add("\(name) iommu", device.iommu)
    add("\(name) numa", device.numaNode)
    add("\(name) bootVGA", device.bootVGA)
    add("\(name) reset", device.resetMethods)
    add("\(name) physfn", device.physicalFunction)
    add("\(name) virtfn", device.virtualFunctions)
    add("\(name) regions", device.regionSizes)
    add("\(name) removable", device.removable)
    add("\(name) framebuffer", device.bootFramebuffer)
    add("\(name) shadow", device.hasShadowROM)
    add("\(name) variants", device.variantDrivers)
    add("\(name) uses", device.hostUses)
    add("\(name) cdev", device.cdev.map { $0?.name })
    if case .known(let cdev?) = device.cdev {
      add("\(name) cdev node", cdev.node)
      add("\(name) cdev number", cdev.hasNumber)
    }
    add("\(name) users", device.users)
    add("\(name) firmware", device.firmwareATS)
    add("\(name) root complex", device.rootComplex)
    add("\(name) kernel", device.boundATSNotSupported)
    guard case .known(let config) = device.config else { return }
    add("\(name) size", config.size)
    add("\(name) ats", config.ats.map { $0?.offset })
    add("\(name) express", config.hasPCIExpress)
    bytes[name] = config.bytes
  }

  private mutating func add<T>(_ name: String, _ fact: Known<T>) {
    if case .known(let value) = fact { known[name] = "\(value)" }
  }

  private func reasons(_ host: Facts.Host) -> [(String, String)] {
    var reasons: [(String, String)] = []
    func note<T>(_ fact: Known<T>) {
      if case .unknown(let unknown) = fact, unknown.reason != "not in the recording" {
        reasons.append((unknown.fact, unknown.reason))
      }
    }
    note(host.addresses)
    note(host.iommus.map { _ in 0 })
    note(host.kernelConfig)
    for unit in (host.iommus.display ?? [:]).values {
      note(unit.capability)
      note(unit.extendedCapability)
    }
    for group in host.groups.values { note(group.reservedRegions) }
    for device in host.devices.values {
      note(device.iommu)
      note(device.bootVGA)
      note(device.resetMethods)
      note(device.physicalFunction)
      note(device.virtualFunctions)
      note(device.regionSizes)
      note(device.removable)
      note(device.cdev)
      note(device.users)
      note(device.firmwareATS)
      // Recordings of other architectures have no line for it.
      if case .unknown(let unknown) = device.rootComplex, unknown.reason != "the firmware's IORT or device tree was not read" {
        reasons.append((unknown.fact, unknown.reason))
      }
      note(device.hostUses)
      note(device.bootFramebuffer)
      note(device.variantDrivers)
      if case .unknown(let unknown) = device.boundATSNotSupported, unknown.reason != "not bound to an iommufd" {
        reasons.append((unknown.fact, unknown.reason))
      }
    }
    return reasons
  }
}

/// The bytes of a file below Fixtures.
func readFixture(_ path: String) throws -> [UInt8] {
  let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
  let descriptor = open("\(root)/Fixtures/\(path)", O_RDONLY)
  guard descriptor >= 0 else { throw POSIXError(path: path, reason: String(cString: strerror(errno))) }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while case let count = read(descriptor, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
  return bytes
}

struct POSIXError: Error {
  let path: String
  let reason: String
}
