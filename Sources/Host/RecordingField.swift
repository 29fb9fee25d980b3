import Facts

/// One kind of line of a recording: its keyword, and how its value gets into the subject and out.
struct RecordingField<Subject: Sendable>: Sendable {
  let keyword: String
  let expected: String
  /// The value's text, or nil when there is nothing to write.
  let write: @Sendable (Subject) -> String?
  /// False when the text is not what the keyword takes.
  let read: @Sendable (inout Subject, String) -> Bool

  init<Value>(
    _ keyword: String, _ path: WritableKeyPath<Subject, Known<Value>> & Sendable, _ text: RecordingText<Value>
  ) {
    self.keyword = keyword
    expected = text.expected
    write = { subject in
      switch subject[keyPath: path] {
      case .known(let value): return text.write(value)
      case .unknown(let unknown): return unknownText(unknown)
      }
    }
    read = { subject, value in
      if let reason = unknownReason(value) {
        // Apart from the pattern: Swift 6.0.3's type checker dies of a key path in one.
        let before: Known<Value> = subject[keyPath: path]
        guard case .unknown(let unknown) = before else { return false }
        subject[keyPath: path] = .unknown(unknown.fact, reason)
        return true
      }
      guard let value = text.read(value) else { return false }
      subject[keyPath: path] = .known(value)
      return true
    }
  }
}

/// `? Permission denied`: a fact that could not be had, with the reason. Nothing for facts that
/// were never looked for.
func unknownText(_ unknown: Unknown) -> String? {
  if unknown.reason == notRecorded || unknown.reason == notBound { return nil }
  return "? " + (RecordingText.text.write(unknown.reason))
}

func unknownReason(_ value: String) -> String? {
  guard value == "?" || value.hasPrefix("? ") else { return nil }
  return RecordingText.text.read(String(value.dropFirst(2))) ?? ""
}

/// The reason that `HostDevice` gives for a kernel's ATS flag that nobody asked for.
private let notBound = "not bound to an iommufd"

extension RecordingField where Subject == HostDraft {
  static let host: [RecordingField] = [
    .init("kernel-release", \.host.kernelRelease, .text),
    .init("kernel-command-line", \.host.kernelCommandLine, .text),
    .init("user", \.host.user, .text),
    .init("memlock", \.host.memlock, memlock),
    .init("iommufd", \.host.iommufd, .access),
    .init("vfio-container", \.host.vfioContainer, .access),
    .init("interrupts-isolated", \.host.interruptsIsolated, yesNo),
    .init("unsafe-interrupts", \.host.unsafeInterrupts, RecordingText.word.list()),
    .init("iommus", \.iommuNames, RecordingText.word.list()),
    .init("addresses", \.host.addresses, RecordingText.address.list().mapped({ $0.sorted() }, { Set($0) })),
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

extension RecordingField where Subject == IOMMUUnit {
  static let unit: [RecordingField] = [
    .init("cap", \.capability, .hexadecimal(digits: 1)),
    .init("ecap", \.extendedCapability, .hexadecimal(digits: 1)),
  ]
}

extension RecordingField where Subject == IOMMUGroup {
  static let group: [RecordingField] = [
    .init("members", \.members, RecordingText.address.list()),
    .init("node", \.node, .access),
    .init("reserved-regions", \.reservedRegions, RecordingText.text.list(separator: ", ")),
  ]
}

extension RecordingField where Subject == DeviceDraft {
  static let device: [RecordingField] = [
    .init("vendor", \.device.vendor, .hexadecimal(digits: 4)),
    .init("device", \.device.device, .hexadecimal(digits: 4)),
    .init("class", \.device.classCode, .hexadecimal(digits: 6)),
    .init("driver", \.device.driver, RecordingText.word.orNone),
    .init("driver-override", \.device.driverOverride, RecordingText.word.orNone),
    .init("group", \.device.group, RecordingText<Int>.decimal.orNone),
    .init("iommu", \.device.iommu, RecordingText.word.orNone),
    .init("numa-node", \.device.numaNode, .decimal),
    .init("boot-vga", \.device.bootVGA, yesNo.orNone),
    .init("reset-methods", \.device.resetMethods, RecordingText.word.list()),
    .init("physical-function", \.device.physicalFunction, RecordingText.address.orNone),
    .init("virtual-functions", \.device.virtualFunctions, RecordingText.address.list()),
    .init("region-sizes", \.device.regionSizes, RecordingText<UInt64>.hexadecimal(digits: 1).list()),
    .init("removable", \.device.removable, RecordingText.word.orNone),
    .init("cdev", \.cdevName, RecordingText.word.orNone),
    .init("cdev-node", \.cdevNode, .access),
    .init("users", \.device.users, RecordingText.process.list()),
    .init("firmware-ats", \.device.firmwareATS, yesNo),
    .init("kernel-ats", \.device.boundATSNotSupported, .oneOf([("supported", false), ("unsupported", true)])),
    .init("config-size", \.configSize, .decimal),
  ]

  private static var yesNo: RecordingText<Bool> { .oneOf([("yes", true), ("no", false)]) }
}
