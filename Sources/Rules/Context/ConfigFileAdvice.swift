import Facts

/// Advice in the words of a `-readconfig` file, which has sections and keys where a command line has options.
enum ConfigFileAdvice {
  /// - Parameters:
  ///   - fix: advice in the words of a command line, with options and properties between backticks.
  ///   - location: where it applies.
  static func of(_ fix: String, at location: Location) -> String {
    // Its keys are `driver`, `property` and `value`: it has no key for a device's property.
    if location.path.hasPrefix("[global"), fix.hasPrefix("remove `"), fix.split(separator: "`").count > 1 {
      let pair = fix.split(separator: "`")[1].split(separator: "=", maxSplits: 1)
      let rest = fix.split(separator: "`", maxSplits: 2).dropFirst(2).joined()
      if let name = pair.first { return "remove the `[global]` section of `property = \"\(name)\"`" + rest }
    }
    return of(fix)
  }

  /// - Parameter fix: advice in the words of a command line, with options and properties between backticks.
  static func of(_ fix: String) -> String {
    // No section has what `-cpu` sets: the option is given beside the file.
    if fix.contains("`-cpu") { return fix }
    let parts = fix.split(separator: "`", omittingEmptySubsequences: false).map(String.init)
    return parts.enumerated().map { index, part in
      if index % 2 == 0 { return part }
      let isOfKernel = ["boot the host with ", "boot the host without "].contains { parts[index - 1].hasSuffix($0) }
      return "`" + (isOfKernel ? part : inSection(part)) + "`"
    }.joined()
  }

  /// Sections of options, each with the key of a value that has none (QEMU system/vl.c: qemu_parse_config_group).
  private static let sections: [String: (name: String, implied: String)] = [
    "-device": ("device", "driver"), "-object": ("object", "qom-type"), "-machine": ("machine", "type"), "-m": ("memory", "size"),
    "-smp": ("smp-opts", "cpus"), "-numa": ("numa", "type"), "-accel": ("accel", "accel"), "-global": ("global", "driver"),
  ]

  /// Options of the host's kernel and of systemd, which stay unchanged.
  private static let ofHost: Set = ["LimitMEMLOCK", "initcall_blacklist", "intel_iommu", "vfio_iommu_type1.dma_entry_limit", "video"]

  private static func inSection(_ part: String) -> String {
    let words = part.split(separator: " ").map(String.init)
    guard let first = words.first, words.count == 1 || (words.count == 2 && sections[first] != nil) else { return part }
    guard let section = sections[first] else { return keys(part, implied: nil) ?? part }
    guard let text = words.dropFirst().first else { return "[\(section.name)]" }
    let pairs = text.split(separator: ",").map(String.init)
    let id = pairs.first { $0.hasPrefix("id=") }.map { " \"\($0.dropFirst(3))\"" } ?? ""
    let others = pairs.filter { !$0.hasPrefix("id=") }.joined(separator: ",")
    return keys(others, implied: section.implied).map { "[\(section.name)\(id)]` with `\($0)" } ?? part
  }

  /// The keys of an option's text, with backticks between them; nil for text that is something else.
  private static func keys(_ text: String, implied: String?) -> String? {
    var keys: [String] = []
    for pair in text.split(separator: ",").map(String.init) {
      guard let equals = pair.firstIndex(of: "=") else {
        guard let implied, keys.isEmpty, pair != "help" else { return nil }
        keys.append("\(implied) = \"\(pair)\"")
        continue
      }
      let name = String(pair[..<equals]), value = pair[pair.index(after: equals)...]
      if ofHost.contains(name) || value.hasPrefix("'") { return nil }
      keys.append(value.isEmpty ? name : "\(name) = \"\(value)\"")
    }
    return keys.joined(separator: "` and `")
  }
}

extension Location {
  /// Whether it is in a section of a `-readconfig` file. The path of a QMP command begins with its number.
  var isOfSection: Bool { path.hasPrefix("[") && path.dropFirst().first?.isLetter == true }
}
