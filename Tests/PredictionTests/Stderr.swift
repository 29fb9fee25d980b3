import Prediction

/// Comparison of QEMU's standard error with predicted texts.
enum Stderr {
  static let atsWarnings = [ATSText.noCapability, ATSText.masked].map(\.rawValue)

  static func warnings(_ lines: [String]) -> [String] {
    lines.compactMap { line in atsWarnings.first { line.hasSuffix("warning: " + $0) } }
  }

  private static let hints = ["Please ", "Use -device", "Identifiers consist", "Verify all"]

  /// The first line that is an error, without QEMU's name and the option that it stands at.
  static func error(_ lines: [String]) -> String {
    for line in lines where !line.contains("warning: ") {
      guard let name = ["qemu-system-x86_64: ", "qemu-system-aarch64: "].first(where: line.hasPrefix) else { continue }
      let rest = line.dropFirst(name.count)
      if hints.contains(where: rest.hasPrefix) { continue }
      let isJSON = rest.hasPrefix("-device {")
      guard rest.hasPrefix("-"), let end = String(rest).range(of: isJSON ? "}: " : ": ") else { return plain(String(rest)) }
      return plain(String(String(rest)[end.upperBound...]))
    }
    return "none"
  }

  /// Descriptor numbers and pointers, which cannot be predicted, made the same.
  static func plain(_ text: String) -> String {
    var text = text
    let numbers = [
      ("bind device fd=", " to iommufd="), (" to iommufd=", ": "), ("[iommufd=", "]"), (" (", ") pasid"), (" (", ") to id="),
      (" to id=", ":"),
    ]
    for (start, end) in numbers {
      guard let low = text.range(of: start), let high = text.range(of: end, from: low.upperBound) else { continue }
      text.replaceSubrange(low.upperBound..<high.lowerBound, with: "#")
    }
    if let low = text.range(of: "vfio_container_dma_map("), let high = text.range(of: ") = ", from: low.upperBound) {
      text.replaceSubrange(low.upperBound..<high.lowerBound, with: "#")
    }
    // A region has its number among those of its device so far, a guest's device the bus number of the moment.
    if let low = text.range(of: "smmuv3-iommu-memory-region-"), let high = text.range(of: " requires ", from: low.upperBound) {
      let parts = text[low.upperBound..<high.lowerBound].split(whereSeparator: { "-:. ".contains($0) })
      text.replaceSubrange(low.upperBound..<high.lowerBound, with: "\(parts[0])-#: device #.\(parts.suffix(2).joined(separator: "."))")
    }
    return text
  }
}

extension String {
  /// Index of the first occurrence of `needle` at or after a place.
  func range(of needle: String, from start: String.Index? = nil) -> Range<String.Index>? {
    var at = start ?? startIndex
    while at < endIndex {
      if self[at...].hasPrefix(needle) { return at..<index(at, offsetBy: needle.count) }
      at = index(after: at)
    }
    return nil
  }
}
