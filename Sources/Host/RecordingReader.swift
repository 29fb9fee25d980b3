import Facts

/// Reads a recording line by line into a draft.
struct RecordingReader {
  private var draft: HostDraft
  private let source: String
  private var number = 0
  /// The function of the last line: lines about one function follow each other, and most of a
  /// recording is config space.
  private var current: DeviceDraft?
  /// The beginning of such a line: `0000:01:00.0 `.
  private var currentPrefix: [UInt8] = []
  /// The same in the program's own spelling, for messages and to detect a fact that is given twice.
  private var currentSubject = ""
  /// Owner and keyword of every fact so far.
  private var seen: Set<String> = []

  init(source: String) {
    self.source = source
    draft = HostDraft(source: source)
  }

  mutating func read(_ text: [UInt8]) throws(RecordingError) {
    if text.count > HostRecording.sizeLimit {
      throw RecordingError(source: source, line: nil, problem: .tooLarge(limit: HostRecording.sizeLimit))
    }
    for raw in text.split(separator: 0x0a, omittingEmptySubsequences: false) {
      number += 1
      if raw.count > HostRecording.lineLimit { throw fail(.lineTooLong(limit: HostRecording.lineLimit)) }
      let line = raw.last == 0x0d ? raw.dropLast() : raw  // what mail makes of line ends
      if number == 1 { try readHeader(line) } else { try readLine(line) }
    }
    keepCurrent()
  }

  /// The host, after all lines were read.
  var host: Host { draft.finished }

  private mutating func keepCurrent() {
    if let device = current { draft.devices[device.device.address] = device }
    current = nil
    currentPrefix = []
  }

  private func fail(_ problem: RecordingError.Problem) -> RecordingError {
    RecordingError(source: source, line: number, problem: problem)
  }

  private func readHeader(_ line: ArraySlice<UInt8>) throws(RecordingError) {
    let text = String(decoding: line, as: UTF8.self)
    if text == HostRecording.header { return }
    guard text.hasPrefix("vfiogate-host-recording ") else { throw fail(.notARecording) }
    throw fail(.unsupportedVersion(shown(text.dropFirst("vfiogate-host-recording ".count))))
  }

  private mutating func readLine(_ line: ArraySlice<UInt8>) throws(RecordingError) {
    guard let first = line.first, first != UInt8(ascii: "#"), line.contains(where: { $0 != 0x20 }) else { return }
    if !currentPrefix.isEmpty, line.starts(with: currentPrefix) {
      return try readDevice(line.dropFirst(currentPrefix.count))
    }
    let (word, rest) = RecordingReader.cut(String(decoding: line, as: UTF8.self))
    if let address = PCIAddress(word) {
      keepCurrent()
      current = draft.devices.removeValue(forKey: address) ?? DeviceDraft(address)
      currentPrefix = Array(word.utf8) + [0x20]
      currentSubject = "\(address) "
      return try readDevice(line.dropFirst(currentPrefix.count))
    }
    switch word {
    case "iommu": try readUnit(rest)
    case "group": try readGroup(rest)
    case "kernel-config": try readKernelConfig(rest)
    default:
      var host = draft
      try read(RecordingField.host, word, rest, subject: "", into: &host)
      draft = host
    }
  }

  /// - Parameter fact: a line about the current function, without its address.
  private mutating func readDevice(_ fact: ArraySlice<UInt8>) throws(RecordingError) {
    // Taken out and put back, so that there is only ever one copy of its bytes.
    guard var device = current else { return }
    current = nil
    if fact.starts(with: "config ".utf8) {
      try readConfig(fact.dropFirst("config ".utf8.count), into: &device)
    } else {
      let (keyword, value) = RecordingReader.cut(String(decoding: fact, as: UTF8.self))
      try read(RecordingField.device, keyword, value, subject: currentSubject, into: &device)
    }
    current = device
  }

  private func readConfig(_ value: ArraySlice<UInt8>, into device: inout DeviceDraft) throws(RecordingError) {
    if RecordingConfig.read(value, into: &device.configBytes) { return }
    let text = String(decoding: value, as: UTF8.self)
    guard let reason = unknownReason(text) else {
      throw fail(.badValue(keyword: "config", value: shown(text), expected: RecordingConfig.expected + ", each once"))
    }
    guard device.configUnknown?.reason == notRecorded, device.configBytes.isEmpty else {
      throw fail(.duplicate("\(device.device.address) config"))
    }
    device.configUnknown = Unknown("config space of \(device.device.address)", reason: reason)
  }

  private mutating func readUnit(_ rest: String) throws(RecordingError) {
    let (word, fact) = RecordingReader.cut(rest)
    let (keyword, value) = RecordingReader.cut(fact)
    guard let name = RecordingText.word.read(word), !name.isEmpty else {
      throw fail(.badValue(keyword: "iommu", value: shown(word), expected: "the name of a unit"))
    }
    var unit = draft.units[name] ?? HostDraft.unit(name)
    try read(RecordingField.unit, keyword, value, subject: "iommu \(name) ", into: &unit)
    draft.units[name] = unit
  }

  private mutating func readGroup(_ rest: String) throws(RecordingError) {
    let (word, fact) = RecordingReader.cut(rest)
    let (keyword, value) = RecordingReader.cut(fact)
    guard let number = RecordingText<Int>.decimal.read(word), number >= 0 else {
      throw fail(.badValue(keyword: "group", value: shown(word), expected: "a group's number"))
    }
    var group = draft.host.groups[number] ?? IOMMUGroup(number, nothingKnown: notRecorded)
    try read(RecordingField.group, keyword, value, subject: "group \(number) ", into: &group)
    draft.host.groups[number] = group
  }

  private mutating func readKernelConfig(_ rest: String) throws(RecordingError) {
    if let reason = unknownReason(rest) {
      try claim("kernel-config")
      draft.host.kernelConfig = .unknown("kernel configuration", reason)
      return
    }
    let (name, value) = RecordingReader.cut(rest)
    guard name.hasPrefix("CONFIG_"), let value = RecordingText.word.read(value), !value.isEmpty else {
      throw fail(.badValue(keyword: "kernel-config", value: shown(rest), expected: "an option and its value"))
    }
    try claim("kernel-config \(name)")
    var options = draft.host.kernelConfig.display ?? [:]
    options[name] = value
    draft.host.kernelConfig = .known(options)
  }

  private mutating func read<Owner>(
    _ fields: [RecordingField<Owner>], _ keyword: String, _ value: String, subject: String,
    into target: inout Owner
  ) throws(RecordingError) {
    guard let field = fields.first(where: { $0.keyword == keyword }) else {
      throw fail(.unknownKeyword(shown(subject + keyword)))
    }
    try claim(subject + keyword)
    if value.isEmpty || !field.read(&target, value) {
      throw fail(.badValue(keyword: keyword, value: shown(value), expected: field.expected))
    }
  }

  private mutating func claim(_ fact: String) throws(RecordingError) {
    if !seen.insert(fact).inserted { throw fail(.duplicate(shown(fact))) }
  }

  /// The first word, and the text after the space that follows it.
  private static func cut(_ text: some StringProtocol) -> (String, String) {
    guard let space = text.utf8.firstIndex(of: 0x20) else { return (String(text), "") }
    return (String(text[..<space]), String(text[text.utf8.index(after: space)...]))
  }

  /// The user's text, cut to the length of a message.
  private func shown(_ text: some StringProtocol) -> String {
    text.utf8.count > 60 ? text.prefix(60) + "…" : String(text)
  }
}
