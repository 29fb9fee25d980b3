import Facts
import Glibc

/// A host as text, one fact a line, so that it can be kept, sent and replayed.
///
/// ```
/// vfiogate-host-recording 1
/// # Comments and blank lines are allowed.
/// kernel-release 7.1.2
/// kernel-config CONFIG_IOMMUFD y
/// iommufd accessible
/// iommus dmar0
/// iommu dmar0 ecap 0x29f0101e86f04
/// addresses 0000:00:01.0 0000:01:00.0
/// group 12 members 0000:01:00.0
/// 0000:01:00.0 driver vfio-pci
/// 0000:01:00.0 users ? /proc/1/fd: Permission denied
/// 0000:01:00.0 config-size 4096
/// 0000:01:00.0 config 0x000 de 10 84 26 07 05 10 00
/// 0000:01:00.0 config 0x200..0xfff 00
/// ```
///
/// Every line names its subject, absence is written (`driver none`), and a list is on one
/// line: deleting a line makes a fact unknown and never changes another. `? reason` is a fact that
/// could not be determined. Serial numbers are blanked on writing.
public enum HostRecording {
  /// Size limit in bytes; recordings of the largest servers have a few megabytes.
  public static let sizeLimit = 16 << 20
  /// Size limit of a line in bytes; the longest line is the list of all functions, 13 bytes each.
  public static let lineLimit = 1 << 20

  static let header = "vfiogate-host-recording 1"

  /// Reads the recording at `path`, or the text of `lspci -xxxx -nn -D` as far as it goes.
  public static func load(_ path: String) throws(RecordingError) -> Host {
    func fail(_ problem: RecordingError.Problem) -> RecordingError {
      RecordingError(source: path, line: nil, problem: problem)
    }
    // SAFETY: the descriptor is closed on every path out.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw fail(.unreadable(errnoText(errno))) }
    defer { close(descriptor) }
    let (bytes, error) = readAll(descriptor, limit: sizeLimit + 1)
    if error != 0 { throw fail(.unreadable(errnoText(error))) }
    // No recording begins like the text of lspci.
    if DumpText.begins(bytes) { return try LspciText.host(bytes, source: path) }
    return try parse(bytes, source: path)
  }

  /// Parses a recording.
  ///
  /// - Parameter source: the recording's path, for messages and for `Host.source`.
  public static func parse(_ text: [UInt8], source: String) throws(RecordingError) -> Host {
    var reader = RecordingReader(source: source)
    try reader.read(text)
    return reader.host
  }

  /// The recording of a host. Parsing it returns the same host, except for serial numbers, for the
  /// reasons of facts that were never read, and for facts about IOMMUs whose list is unknown.
  public static func render(_ host: Host) -> String {
    var writer = RecordingWriter()
    writer.write(HostDraft(host))
    return writer.text
  }
}

/// Writes a recording in its one canonical order.
struct RecordingWriter {
  private(set) var text = HostRecording.header + "\n"

  mutating func write(_ draft: HostDraft) {
    write(RecordingField.host, of: draft, prefix: "")
    switch draft.host.kernelConfig {
    case .known(let options):
      for (name, value) in options.sorted(by: { $0.key < $1.key }) {
        line("", "kernel-config", RecordingText.word.write(name) + " " + RecordingText.word.write(value))
      }
    case .unknown(let unknown): line("", "kernel-config", unknownText(unknown))
    }
    for name in draft.units.keys.sorted() {
      guard let unit = draft.units[name] else { continue }
      write(RecordingField.unit, of: unit, prefix: "iommu \(RecordingText.word.write(name)) ")
    }
    for (number, group) in draft.host.groups.sorted(by: { $0.key < $1.key }) {
      write(RecordingField.group, of: group, prefix: "group \(number) ")
    }
    for (address, device) in draft.devices.sorted(by: { $0.key < $1.key }) {
      write(RecordingField.device, of: device, prefix: "\(address) ")
      if let unknown = device.configUnknown { line("\(address) ", "config", unknownText(unknown)) }
      for row in device.device.config.display.map(RecordingConfig.lines) ?? [] {
        line("\(address) ", "config", row)
      }
    }
  }

  private mutating func write<Owner>(_ fields: [RecordingField<Owner>], of subject: Owner, prefix: String) {
    for field in fields { line(prefix, field.keyword, field.write(subject)) }
  }

  private mutating func line(_ prefix: String, _ keyword: String, _ value: String?) {
    guard let value else { return }
    text += prefix + keyword + " " + value + "\n"
  }
}
