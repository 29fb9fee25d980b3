import Facts

/// `-m`, as QEMU reads it (QEMU system/vl.c: qemu_mem_opts, parse_memory_options; recorded from 7.2.22, 10.0.13 and 11.1.3).
public struct MemoryOption {
  /// Bytes of RAM; nil where the machine's default is used.
  public private(set) var size: UInt64?
  /// Bytes that memory devices may extend it to; nil without `maxmem`.
  public private(set) var maximum: UInt64?
  /// Places for memory modules; nil without `slots`.
  public private(set) var slots: UInt64?
  /// The first refusal of its text, with the rest of the command line.
  private(set) var refusal: LaunchFailure?
  /// The refusal of the size when the machine is made.
  private(set) var sizeRefusal: LaunchFailure?

  /// Nil where a part of it is not known, as in a template. Without `-m` all is QEMU's default.
  /// - Parameter qemu: the release whose refusals count; nil reads what any of them does.
  public init?(_ machine: MachineConfig, _ qemu: QEMUProfile? = nil) {
    // `-m` replaces each part of `-machine memory.` that it has (QEMU system/vl.c: parse_memory_options).
    for property in machine.machine where property.name.hasPrefix("memory.") {
      let text = property.value.string ?? "$"
      switch (property.name, QEMUNumber.size(text), QEMUNumber.integer(text)) {
      case ("memory.size", .bytes(let bytes), _) where bytes > 0: size = bytes
      case ("memory.max-size", .bytes(let bytes), _): maximum = bytes
      case ("memory.slots", _, .natural(let number)?): slots = number
      default: return nil
      }
    }
    // QEMU merges several.
    for option in machine.options where option.name == "m" {
      guard let text = option.value.string, !text.utf8.contains(where: { $0 == UInt8(ascii: "$") || $0 == UInt8(ascii: "`") })
      else { return nil }
      // A comma in front leaves the size empty.
      let items = text.hasPrefix(",") ? [("size", "")] : OptionText.items(text, implied: "size")
      if items.contains(where: { $0.key == "slots" && QEMUNumber.mayBeBinary($0.value, in: qemu) }) { return nil }
      for (key, value) in items where refusal == nil {
        if let text = take(key, value, at: option.location, qemu) {
          refusal = LaunchFailure(RealizeFailure(.badOption, text), at: option.location)
        }
      }
    }
  }

  /// Takes a key; the text of a refusal.
  private mutating func take(_ key: String, _ value: String, at place: Location, _ qemu: QEMUProfile?) -> String? {
    let isOld = qemu?.isBefore(10, 0) ?? true
    switch key {
    case "size", "maxmem":
      switch MemoryOption.bytes(value, takesHexSuffix: isOld, needsDigit: qemu?.isBefore(10, 0) ?? false) {
      case .bytes(let bytes) where key == "maxmem": maximum = bytes
      case .bytes(0): break
      case .bytes(let bytes):
        size = bytes
        // Digits alone are mebibytes: QEMU adds an M, which it then refuses behind hexadecimal ones.
        guard value.utf8.last?.isASCIIDigit == true else { return nil }
        if case .bytes(let bytes) = MemoryOption.bytes(value + "M", takesHexSuffix: isOld) {
          size = bytes
        } else {
          sizeRefusal = LaunchFailure(RealizeFailure(.badOption, "Parameter 'memory.size' expects size"), at: place)
        }
      case .outOfRange where !(isOld && value.hasPrefix("-")): return "Value '\(value)' is out of range for parameter '\(key)'"
      case .invalid, .outOfRange: return "Parameter '\(key)' expects a non-negative number below 2^64"
      }
    case "slots":
      switch QEMUNumber.integer(value) {
      case .natural(let number)?: slots = number
      case .negative(let number)?: slots = UInt64(bitPattern: number)
      case nil:
        let isNumber = !value.isEmpty && value.utf8.allSatisfy(\.isASCIIDigit)
        return isNumber ? "Value '\(value)' is too large for parameter 'slots'" : "Parameter 'slots' expects a number"
      }
    default: return "Invalid parameter '\(key)'"
    }
    return nil
  }

  /// A size; before 10.0 a suffix behind hexadecimal digits only gives a warning, and there must be a digit before a point.
  static func bytes(_ text: String, takesHexSuffix: Bool, needsDigit: Bool = false) -> QEMUSize {
    if needsDigit, text.utf8.first(where: { $0 != 0x20 && $0 != 0x2b }) == UInt8(ascii: ".") { return .invalid }
    let size = QEMUNumber.size(text)
    guard takesHexSuffix, size == .invalid, text.hasPrefix("0x") || text.hasPrefix("0X") else { return size }
    return QEMUNumber.size(text, isOld: true)
  }
}
