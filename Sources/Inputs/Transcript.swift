import Syntax

/// A QMP session as documents and logs show it: messages with marks of who speaks, times, and remarks.
enum Transcript {
  /// The text with all that blanked out, every message in its place.
  static func messages(_ bytes: [UInt8]) -> [UInt8] {
    var output = bytes
    var position = 0
    while position < bytes.count {
      let end = bytes.lineEnd(from: position)
      let line = position..<end
      guard let brace = bytes[line].firstIndex(of: UInt8(ascii: "{")) else {
        if isRemark(bytes[line]) { blank(&output, line) }
        position = end + 1
        continue
      }
      if isMark(bytes[position..<brace]) { blank(&output, position..<brace) }
      // A message may go over lines: the next begins after it.
      let message = JSONPlaces(bytes).value(from: brace) ?? brace..<end
      if bytes[position..<brace].contains(text: "qemu-monitor-command") {
        blank(&output, position..<brace)
        let rest = max(end, message.upperBound)
        blank(&output, message.upperBound..<bytes.lineEnd(from: rest))
      }
      position = max(end, message.upperBound)
      if position > end, let next = bytes[position...].firstIndex(of: 0x0a) { position = next }
      position += 1
    }
    return output
  }

  private static func blank(_ bytes: inout [UInt8], _ range: Range<Int>) {
    for index in range { bytes[index] = 0x20 }
  }

  private static func isRemark(_ line: ArraySlice<UInt8>) -> Bool {
    let text = line.drop { $0 <= 0x20 }
    return text.first == UInt8(ascii: "#") || text.starts(with: "->".utf8) || text.starts(with: "<-".utf8)
  }

  /// `-> `, `<- `, `C: `, `S: `, and times before them.
  private static func isMark(_ prefix: ArraySlice<UInt8>) -> Bool {
    let marks = Set("0123456789:.,-+/<>TZCS \t".utf8)
    return !prefix.isEmpty && prefix.allSatisfy(marks.contains)
  }
}
