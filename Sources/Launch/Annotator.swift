import Common
import Glibc
import Prediction

/// Copies QEMU's standard error, and adds the device's name after each ATS warning, because QEMU's texts
/// contain none.
struct Annotator {
  /// The `-device` arguments as QEMU repeats them before a warning of a cold plug, and the name of
  /// each device.
  let devices: [(argument: String, name: String)]
  private var line: [UInt8] = []

  /// Longer lines are copied without being inspected.
  static let longestLine = 64 << 10

  init(devices: [(argument: String, name: String)]) { self.devices = devices }

  /// - Returns: the bytes to write: the input, with a line after each warning.
  mutating func take(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var rest = bytes
    while let end = rest.firstIndex(of: 0x0a) {
      let piece = rest[...end]
      append(piece.dropLast())
      result += piece
      if let remark = remark(String(decoding: line, as: UTF8.self)) { result += Array("\(remark)\n".utf8) }
      line = []
      rest = rest[(end + 1)...]
    }
    append(rest)
    return result + rest
  }

  private mutating func append(_ bytes: ArraySlice<UInt8>) {
    if line.count + bytes.count <= Annotator.longestLine { line += bytes }
  }

  private func remark(_ line: String) -> String? {
    let warnings = [ATSText.noCapability, ATSText.masked].map { "warning: " + $0.rawValue }
    guard let warning = warnings.first(where: { line.hasSuffix($0) }) else { return nil }
    let place = line.dropLast(warning.utf8.count)
    // Of an argument of several lines QEMU's last line ends with the argument's last.
    let named = devices.filter { device in
      let last = device.argument.split(separator: "\n").last ?? ""
      return !last.isEmpty && place.hasSuffix("\(last): ")
    }
    // One argument may end like another; the longest match is the right one.
    guard let device = named.max(by: { $0.argument.utf8.count < $1.argument.utf8.count }) else {
      return "vfiogate: the warning above is about a device that was plugged later"
    }
    return "vfiogate: the warning above is about \(device.name)"
  }

  /// Copies until the other end is closed.
  mutating func run(from input: Int32, to output: Int32) {
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      // SAFETY: read(2) writes at most buffer.count bytes into it.
      let count = read(input, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      guard Descriptor.write(take(buffer[..<count]), to: output) else { return }
    }
  }
}
