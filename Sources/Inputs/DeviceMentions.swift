import Facts
import Syntax

/// Text that looks like a passthrough device and belongs to nothing that a reader found.
///
/// A safety net that depends on no reader: where one of these is left over, a device may have been missed, and the
/// definition is undetermined. Host set-up, such as `modprobe vfio-pci` and `driver_override`, does not look like one.
enum DeviceMentions {
  /// The mentions in a text, outside comments.
  /// - Parameter isXML: whether comments are those of XML; nil decides by the first letter.
  static func all(in bytes: [UInt8], isXML: Bool? = nil) -> [Range<Int>] {
    var found: [Range<Int>] = []
    for place in places(of: marks, in: bytes, isXML: isXML ?? beginsLikeXML(bytes)) {
      if let end = mention(bytes, place) { found.append(place..<end) }
    }
    return found
  }

  /// The first `device_add` outside comments, as a program sends it to a monitor.
  static func hotPlug(in bytes: [UInt8]) -> Range<Int>? {
    places(of: [Array("device_add".utf8)], in: bytes, isXML: false).lazy
      .compactMap { place in word(bytes, place, "device_add").map { place..<$0 } }.first
  }

  /// The beginnings of mentions.
  private static let marks = ["vfio-pci", "sysfsdev=", "hostpci", "<hostdev", "nvme"].map { Array($0.utf8) }

  /// The places of such texts outside comments, in order.
  static func places(of marks: [[UInt8]], in bytes: [UInt8], isXML: Bool) -> [Int] {
    let places = marks.flatMap(bytes.indices).sorted()
    guard !places.isEmpty else { return [] }
    var comments = (isXML ? xmlComments(bytes) : hashComments(bytes))[...]
    return places.filter { place in
      while let first = comments.first, first.upperBound <= place { comments = comments.dropFirst() }
      return comments.first.map { place < $0.lowerBound } ?? true
    }
  }

  /// The end of a mention that begins here.
  private static func mention(_ bytes: [UInt8], _ start: Int) -> Int? {
    switch bytes[start] {
    case UInt8(ascii: "v"): return driver(bytes, start)
    case UInt8(ascii: "s"): return word(bytes, start, "sysfsdev=")
    case UInt8(ascii: "n"): return begins(bytes, start, "nvme://") ? start + "nvme://".utf8.count : storage(bytes, start)
    case UInt8(ascii: "<"):
      let end = start + "<hostdev".utf8.count
      guard begins(bytes, start, "<hostdev"), end == bytes.count || !isNameByte(bytes[end]) || bytes[end] == UInt8(ascii: "/")
      else { return nil }
      return end
    case UInt8(ascii: "h"):
      guard let end = word(bytes, start, "hostpci") else { return nil }
      let colon = bytes[end...].firstIndex { !(0x30...0x39).contains($0) } ?? bytes.count
      return colon > end && colon < bytes.count && bytes[colon] == UInt8(ascii: ":") ? colon + 1 : nil
    default: return nil
    }
  }

  /// `vfio-pci,…`, and `vfio-pci` as what `driver`, `-device` or `device_add` names.
  private static func driver(_ bytes: [UInt8], _ start: Int) -> Int? {
    guard let short = word(bytes, start, "vfio-pci") else { return nil }
    let end = bytes[short...].starts(with: "-nohotplug".utf8) ? short + "-nohotplug".utf8.count : short
    if end < bytes.count, isNameByte(bytes[end]) { return nil }
    // Behind a comma it is a module of a list, unless properties of the device follow.
    let isFirst = start == 0 || bytes[start - 1] != UInt8(ascii: ",")
    let hasProperties = [",host=", ",sysfsdev=", ",id=", ",bus="].contains { bytes[end...].starts(with: $0.utf8) }
    // In prose a blank follows, and in no request.
    let isProse = bytes[end...].starts(with: ", ".utf8)
    if end < bytes.count, bytes[end] == UInt8(ascii: ","), isFirst && !isProse || hasProperties { return end }
    // Backwards over quotes, their backslashes, blanks and one `:` or `=`.
    var at = start
    func skip(_ isSkipped: (UInt8) -> Bool) { while at > 0, isSkipped(bytes[at - 1]) { at -= 1 } }
    let isQuoteOrBlank: (UInt8) -> Bool = { $0 <= 0x20 || "\"'\\,".utf8.contains($0) }
    skip(isQuoteOrBlank)
    if at > 0, bytes[at - 1] == UInt8(ascii: ":") || bytes[at - 1] == UInt8(ascii: "=") {
      at -= 1
      skip(isQuoteOrBlank)
      return bytes[..<at].hasSuffix("driver") ? end : nil
    }
    return ["-device", "device_add"].contains { bytes[..<at].hasSuffix($0) } ? end : nil
  }

  /// `driver=nvme,…,device=0000:01:00.0` and the like in JSON: a block driver. The emulated device of that name has no `device`.
  private static func storage(_ bytes: [UInt8], _ start: Int) -> Int? {
    guard let end = word(bytes, start, "nvme"), end == bytes.count || !isNameByte(bytes[end]) else { return nil }
    let before = bytes[max(0, start - 512)..<start], after = bytes[end..<min(bytes.count, end + 512)]
    let name = before.reversed().drop { $0 <= 0x20 || "\"'\\:=".utf8.contains($0) }
    guard name.starts(with: "revird".utf8) else { return nil }
    let line = Array((before.split(separator: 0x0a, omittingEmptySubsequences: false).last ?? []) + after.prefix { $0 != 0x0a })
    let marks = ["\"device\"", "'device'", ",device=", "\"file.device\"", ".device="]
    return marks.contains { line.contains(text: $0) } ? end : nil
  }

  /// The end of a word that begins here and is not the end of a longer one.
  private static func word(_ bytes: [UInt8], _ start: Int, _ text: String) -> Int? {
    guard begins(bytes, start, text), start == 0 || !isNameByte(bytes[start - 1]) else { return nil }
    return start + text.utf8.count
  }

  private static func begins(_ bytes: [UInt8], _ start: Int, _ text: String) -> Bool {
    var at = start
    for byte in text.utf8 {
      guard at < bytes.count, bytes[at] == byte else { return false }
      at += 1
    }
    return true
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    byte.isASCIILetterOrDigit || "_-./".utf8.contains(byte)
  }

  /// Comments of shells and configuration files: a `#` at the beginning of a line or after a blank, and the rest of the line. One
  /// behind a quote that is open is text.
  private static func hashComments(_ bytes: [UInt8]) -> [Range<Int>] {
    var comments: [Range<Int>] = []
    var position = 0
    var quotes = LineQuotes(bytes)
    while let mark = bytes.firstIndex(of: UInt8(ascii: "#"), from: position) {
      position = mark + 1
      guard mark == 0 || bytes[mark - 1] <= 0x20, !quotes.surround(mark) else { continue }
      position = bytes.lineEnd(from: mark)
      comments.append(mark..<position)
    }
    return comments
  }

  /// The quotes of lines, read once from the beginning to the end.
  private struct LineQuotes {
    private let bytes: [UInt8]
    private var at = 0
    /// The one that is open at `at`, and the place where it ends or its line does.
    private var quote: UInt8?
    private var end = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Whether a quote that opens on the line of a place is closed behind it.
    /// - Parameter place: not before that of the last call.
    mutating func surround(_ place: Int) -> Bool {
      while at < place {
        let byte = bytes[at]
        if byte == 0x0a {
          quote = nil
        } else if "\"'".utf8.contains(byte), quote == nil || quote == byte, at == 0 || bytes[at - 1] != UInt8(ascii: "\\") {
          quote = quote == nil ? byte : nil
          end = 0
        }
        at += 1
      }
      guard let quote else { return false }
      if end < place { end = bytes[place...].firstIndex { $0 == quote || $0 == 0x0a } ?? bytes.count }
      return end < bytes.count && bytes[end] == quote
    }
  }

  private static func beginsLikeXML(_ bytes: [UInt8]) -> Bool { bytes.first { $0 > 0x20 } == UInt8(ascii: "<") }

  private static func xmlComments(_ bytes: [UInt8]) -> [Range<Int>] {
    var comments: [Range<Int>] = []
    var position = 0
    while let mark = bytes.firstIndex(of: UInt8(ascii: "!"), from: position) {
      position = mark + 1
      guard mark > 0, bytes[(mark - 1)...].starts(with: "<!--".utf8) else { continue }
      var end = mark + 3
      while end < bytes.count, !bytes[end...].starts(with: "-->".utf8) { end += 1 }
      comments.append(mark - 1..<min(bytes.count, end + 3))
      position = min(bytes.count, end + 3)
    }
    return comments
  }
}

extension ArraySlice<UInt8> {
  func hasSuffix(_ text: String) -> Bool { suffix(text.utf8.count).elementsEqual(text.utf8) }
}

extension ParsedInput {
  /// Makes what looks like a device and was not read unknown, so that no verdict is safe because of it. Options of other kinds
  /// read no device: a quote in the wrong position hides one in a name or a kernel's arguments.
  /// - Parameters:
  ///   - part: the bytes that the definition was read from.
  ///   - isXML: whether comments are those of XML; nil decides by the first letter.
  mutating func noteUnreadDevices(_ source: SourceText, in part: Range<Int>, isXML: Bool? = nil) {
    // A problem is an error already, and its location is often the first byte only.
    guard problems.isEmpty, unrecognised == nil else { return }
    let bytes = part.count == source.bytes.count ? source.bytes : Array(source.bytes[part])
    let mentions = DeviceMentions.all(in: bytes, isXML: isXML).map {
      part.lowerBound + $0.lowerBound..<part.lowerBound + $0.upperBound
    }
    guard !mentions.isEmpty else { return }
    var lastLine = -1
    for mention in ParsedInput.outside(mentions, locations + readElements, source) {
      // One for each line is enough.
      let line = source.position(of: mention.lowerBound).line
      guard line != lastLine else { continue }
      lastLine = line
      noteUnread(mention, source)
    }
    noteSurplus(mentions, source)
  }

  /// Notes a hot plug in a program that starts QEMU. The device of one that names no driver, as `device_add $GPU`, is not a mention.
  mutating func noteHotPlug(_ source: SourceText) {
    guard problems.isEmpty, unrecognised == nil, machine.unreadParts.isEmpty, let place = DeviceMentions.hotPlug(in: source.bytes)
    else { return }
    noteUnread(
      "`device_add` in line \(source.position(of: place.lowerBound).line)", "what a program sends to QEMU's monitor is not read", place,
      source)
  }

  /// Notes a mention of a driver when more of them were found than devices: two may be in the text of one device or variable.
  private mutating func noteSurplus(_ mentions: [Range<Int>], _ source: SourceText) {
    guard machine.unreadParts.isEmpty else { return }
    // An assignment is read when its variable is used, for a device or for something else.
    let asksNothing = readElements.filter { $0.path != ParsedInput.assignment }
    let drivers = ParsedInput.ofDevices(ParsedInput.outside(
      mentions.filter { source.bytes[$0].starts(with: "vfio-pci".utf8) }, asksNothing, source), source.bytes)
    let devices = (machine.devices + plugs).filter { $0.driver?.hasPrefix("vfio-pci") == true }.map(\.location)
    let found = devices + machine.globals.filter { $0.driver == "vfio-pci" }.map(\.location)
    guard drivers.count > found.count, let last = drivers.last else { return }
    let own = ParsedInput.sorted(found, in: source)
    // The first that is not the only one of a device.
    var next = 0
    let other = drivers.first { mention in
      while next < own.count, own[next].upperBound <= mention.lowerBound { next += 1 }
      guard next < own.count, own[next].lowerBound <= mention.lowerBound else { return true }
      next += 1
      return false
    }
    noteUnread(other ?? last, source)
  }

  /// All but the second type of one option, as in `vfio-pci,host=…,driver=vfio-pci-nohotplug`: QEMU uses the last.
  private static func ofDevices(_ mentions: [Range<Int>], _ bytes: [UInt8]) -> [Range<Int>] {
    mentions.indices.filter { index in
      guard index > 0 else { return true }
      let items = bytes[mentions[index - 1].upperBound..<mentions[index].lowerBound]
        .split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
      guard let name = items.last, items.count > 1, items[0].isEmpty, name.elementsEqual("driver=".utf8) else { return true }
      return items.dropFirst().contains { item in
        !item.contains(UInt8(ascii: "=")) || item.contains { $0 <= 0x20 } || item.first.map { !$0.isASCIILetterOrDigit } ?? true
      }
    }.map { mentions[$0] }
  }

  private mutating func noteUnread(_ mention: Range<Int>, _ source: SourceText) {
    let line = source.position(of: mention.lowerBound).line
    let text = String(decoding: source.bytes[mention], as: UTF8.self)
    noteUnread("`\(text)` in line \(line)", "it looks like a device, and belongs to nothing that was read", mention, source)
  }

  /// The mentions that begin in none of these places.
  private static func outside(_ mentions: [Range<Int>], _ places: [Location], _ source: SourceText) -> [Range<Int>] {
    // Sorted and joined, so that one walk finds what lies outside.
    let covered = sorted(places, in: source)
    var next = 0, reached = 0
    return mentions.filter { mention in
      while next < covered.count, covered[next].lowerBound <= mention.lowerBound {
        reached = max(reached, covered[next].upperBound)
        next += 1
      }
      return mention.lowerBound >= reached
    }
  }

  private static func sorted(_ locations: [Location], in source: SourceText) -> [Range<Int>] {
    locations.compactMap { $0.source == source.name ? $0.range : nil }.sorted { $0.lowerBound < $1.lowerBound }
  }

  /// The places of devices that may be of vfio, with those of the properties that `-set` has given them, and of what is open
  /// already.
  private var locations: [Location] {
    let devices = (machine.devices + plugs).filter { $0.driver?.hasPrefix("vfio") != false }
      .flatMap { [$0.location] + $0.properties.map(\.location) }
    let rest: [[Location]] = [
      machine.globals.map(\.location), machine.unreadParts.map(\.location), problems.map(\.location),
      machine.libvirt?.nonQEMUDevices ?? []
    ]
    return devices + rest.flatMap { $0 }
  }
}
