import Facts

/// One kind of line of a recording: its keyword, and the functions that parse and render its value.
struct RecordingField<Owner: Sendable>: Sendable {
  let keyword: String
  let expected: String
  /// The value's text, or nil when there is nothing to write.
  let write: @Sendable (Owner) -> String?
  /// Parses the value into the subject. False when the keyword does not accept the text.
  let read: @Sendable (inout Owner, String) -> Bool

  /// - Parameter fact: calls the closure with the fact. A key path would be simpler,
  ///   and forty of them would cost a third of the time in which a recording is read.
  init<Value>(
    _ keyword: String, _ text: RecordingText<Value>,
    _ fact: @escaping @Sendable (inout Owner, (inout Known<Value>) -> Void) -> Void
  ) {
    self.keyword = keyword
    expected = text.expected
    write = { subject in
      var copy = subject
      var written: String?
      fact(&copy) { written = factText($0, text) }
      return written
    }
    read = { subject, value in
      var isRead = false
      fact(&subject) { fact in
        guard let new = readFact(value, text, before: fact) else { return }
        fact = new
        isRead = true
      }
      return isRead
    }
  }
}

private func factText<Value>(_ fact: Known<Value>, _ text: RecordingText<Value>) -> String? {
  switch fact {
  case .known(let value): return text.write(value)
  case .unknown(let unknown): return unknownText(unknown)
  }
}

/// Nil when the keyword does not accept the text.
private func readFact<Value>(_ value: String, _ text: RecordingText<Value>, before: Known<Value>) -> Known<Value>? {
  guard let reason = unknownReason(value) else { return text.read(value).map { .known($0) } }
  guard case .unknown(let unknown) = before else { return nil }
  return .unknown(unknown.fact, reason)
}

/// `? Permission denied`: a fact that could not be determined, with the reason. Nil for facts that
/// were never read.
func unknownText(_ unknown: Unknown) -> String? {
  if [notRecorded, notBound, notShown, notArm].contains(unknown.reason) { return nil }
  return "? " + (RecordingText.text.write(unknown.reason))
}

func unknownReason(_ value: String) -> String? {
  guard value == "?" || value.hasPrefix("? ") else { return nil }
  return RecordingText.text.read(String(value.dropFirst(2))) ?? ""
}

/// The reason of `HostDevice` for a kernel's ATS flag that was never read.
private let notBound = "not bound to an iommufd"
/// The same of `IOMMUUnit`.
private let notShown = "the kernel shows them only for a bound device"
/// The same of the root complex, which is read where an SMMUv3 serves the function.
private let notArm = "the firmware's IORT or device tree was not read"

extension RecordingField where Owner == HostDraft {
  static let host: [RecordingField] = [
    .init("kernel-release", .text) { $1(&$0.host.kernelRelease) },
    .init("kernel-command-line", .text) { $1(&$0.host.kernelCommandLine) },
    .init("user", .text) { $1(&$0.host.user) },
    .init("memlock", memlock) { $1(&$0.host.memlock) },
    .init("physical-address-bits", .decimal) { $1(&$0.host.physicalAddressBits) },
    .init("iommufd", .access) { $1(&$0.host.iommufd) },
    .init("vfio-container", .access) { $1(&$0.host.vfioContainer) },
    .init("interrupts-isolated", yesNo) { $1(&$0.host.interruptsIsolated) },
    .init("unsafe-interrupts", RecordingText.word.list()) { $1(&$0.host.unsafeInterrupts) },
    .init("iommus", RecordingText.word.list()) { $1(&$0.iommuNames) },
    .init("addresses", RecordingText.address.list().mapped({ $0.sorted() }, { Set($0) })) { $1(&$0.host.addresses) },
  ]

  private static var yesNo: RecordingText<Bool> { .oneOf([("yes", true), ("no", false)]) }

  private static var memlock: RecordingText<UInt64?> {
    RecordingText(
      expected: "a number of bytes or `unlimited`", write: { $0.map { "\($0)" } ?? "unlimited" },
      read: { text in
        if text == "unlimited" { return .some(nil) }
        return RecordingText<UInt64>.decimal.read(text).map { .some($0) }
      })
  }
}

extension RecordingField where Owner == IOMMUUnit {
  static let unit: [RecordingField] = [
    .init("cap", .hexadecimal(digits: 1)) { $1(&$0.capability) },
    .init("ecap", .hexadecimal(digits: 1)) { $1(&$0.extendedCapability) },
    .init("idr", RecordingText<UInt32>.hexadecimal(digits: 8).list()) { $1(&$0.identification) },
    .init("iidr", .hexadecimal(digits: 8)) { $1(&$0.implementer) },
    .init("aidr", .hexadecimal(digits: 8)) { $1(&$0.architecture) },
  ]
}

extension RecordingField where Owner == IOMMUGroup {
  static let group: [RecordingField] = [
    .init("members", RecordingText.address.list()) { $1(&$0.members) },
    .init("node", .access) { $1(&$0.node) },
    .init("reserved-regions", RecordingText.text.list(separator: ", ")) { $1(&$0.reservedRegions) },
  ]
}

extension RecordingField where Owner == DeviceDraft {
  /// `IORT ats no-canwbs`.
  private static var rootComplex: RecordingText<RootComplex> {
    var words: [(String, RootComplex)] = []
    for source in RootComplex.Source.allCases {
      for (ats, canwbs) in [(false, false), (false, true), (true, false), (true, true)] {
        words.append((
          "\(source.rawValue) \(ats ? "ats" : "no-ats") \(canwbs ? "canwbs" : "no-canwbs")",
          RootComplex(source, ats: ats, canwbs: canwbs)
        ))
      }
    }
    return .oneOf(words)
  }

  static let device: [RecordingField] = [
    .init("vendor", .hexadecimal(digits: 4)) { $1(&$0.device.vendor) },
    .init("device", .hexadecimal(digits: 4)) { $1(&$0.device.device) },
    .init("class", .hexadecimal(digits: 6)) { $1(&$0.device.classCode) },
    .init("driver", RecordingText.word.orNone) { $1(&$0.device.driver) },
    .init("driver-override", RecordingText.word.orNone) { $1(&$0.device.driverOverride) },
    .init("group", RecordingText<Int>.decimal.orNone) { $1(&$0.device.group) },
    .init("iommu", RecordingText.word.orNone) { $1(&$0.device.iommu) },
    .init("numa-node", .decimal) { $1(&$0.device.numaNode) },
    .init("boot-vga", yesNo.orNone) { $1(&$0.device.bootVGA) },
    .init("reset-methods", RecordingText.word.list()) { $1(&$0.device.resetMethods) },
    .init("physical-function", RecordingText.address.orNone) { $1(&$0.device.physicalFunction) },
    .init("virtual-functions", RecordingText.address.list()) { $1(&$0.device.virtualFunctions) },
    .init("region-sizes", RecordingText<UInt64>.hexadecimal(digits: 1).list()) { $1(&$0.device.regionSizes) },
    .init("removable", RecordingText.word.orNone) { $1(&$0.device.removable) },
    .init("cdev", RecordingText.word.orNone) { $1(&$0.cdevName) },
    .init("cdev-node", .access) { $1(&$0.cdevNode) },
    .init("cdev-number", yesNo) { $1(&$0.cdevNumber) },
    .init("users", RecordingText.process.list()) { $1(&$0.device.users) },
    .init("firmware-ats", yesNo) { $1(&$0.device.firmwareATS) },
    .init("root-complex", rootComplex) { $1(&$0.device.rootComplex) },
    .init("kernel-ats", .oneOf([("supported", false), ("unsupported", true)])) { $1(&$0.device.boundATSNotSupported) },
    .init("boot-framebuffer", RecordingText.word.orNone) { $1(&$0.device.bootFramebuffer) },
    .init("shadow-rom", yesNo) { $1(&$0.device.hasShadowROM) },
    .init("variant-drivers", RecordingText.word.list()) { $1(&$0.device.variantDrivers) },
    .init("host-uses", RecordingText.hostUse.list()) { $1(&$0.device.hostUses) },
    .init("config-size", .decimal) { $1(&$0.configSize) },
  ]

  private static var yesNo: RecordingText<Bool> { .oneOf([("yes", true), ("no", false)]) }
}
