import Common
import Facts
import Inputs
import Report
import Rules
import Syntax

/// Reads the definitions of a run, and judges them one at a time. It holds what is the same for all of them: so
/// any thread may use it.
struct LintReader: Sendable {
  typealias Reading = (source: SourceText, parsed: ParsedInput)

  let lint: Lint
  /// The machine that plugs go into.
  let running: MachineConfig?

  /// - Parameter extent: how much of a libvirt domain is lowered.
  /// - Returns: nil for a directory's file that is no definition.
  func read(
    _ file: DefinitionFiles.File, _ extent: ParsedInput.Extent
  ) throws(InputFile.Failure) -> Reading? {
    var format = lint.input
    let source = try InputFile.read(file.path, limit: ParsedInput.maximumSize) { head in
      guard file.folder != nil else { return true }
      let found = InputFormat.recognise(head)
      if format == nil { format = found }
      return found != nil && found == format
    }
    guard let source else { return nil }
    let parsed = ParsedInput.parse(source, as: format, follow: InputFile.follower(from: file.path), extent: extent)
    if let what = parsed.unrecognised { throw InputFile.Failure(file.path, reason: "not a definition: it looks like \(what)") }
    return (source, parsed)
  }

  /// - Throws: it cannot be read again, or is another.
  func readAgain(_ file: DefinitionFiles.File, _ digest: UInt64) throws(InputFile.Failure) -> Reading {
    guard let reading = try read(file, .passthrough), reading.source.digest == digest else {
      throw InputFile.Failure(file.path, reason: "changed while it was looked at")
    }
    return reading
  }

  func judge(_ reading: Reading, for host: HostChoice, by check: Judge, others: OtherDefinitions) -> LintResult {
    let (source, parsed) = reading
    return check.judge(
      source, parsed, running: running, descriptors: passed(to: parsed, from: source, on: host), others: others)
  }

  /// Descriptors are this machine's, and say nothing about a recorded host.
  func passed(to read: ParsedInput, from source: SourceText, on host: HostChoice) -> [String: Known<PCIAddress?>] {
    guard host == .live else { return [:] }
    let process = Lint.process(read.plugs.isEmpty ? source.name : lint.guest ?? "")
    return lint.descriptors.functions(of: requests(of: read), process: process)
  }

  /// Those of the running machine included.
  func requests(of read: ParsedInput) -> [DeviceRequest] {
    read.machine.devices + read.plugs + (running?.devices ?? [])
  }
}

extension SourceText {
  /// Not against somebody who makes texts of the same digest: they could as well be changed later. So eight bytes
  /// at a time are enough, where the standard library's hashing would be a tenth of the whole work.
  var digest: UInt64 {
    bytes.withUnsafeBytes { bytes in
      var digest = UInt64(bytes.count)
      func add(_ word: UInt64) {
        // An odd number with bits all over: 2^64 divided by the golden ratio.
        digest = (digest ^ word) &* 0x9e37_79b9_7f4a_7c15
        digest ^= digest >> 32
      }
      var offset = 0
      while offset + 8 <= bytes.count {
        add(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        offset += 8
      }
      for byte in bytes[offset...] { add(UInt64(byte)) }
      return digest
    }
  }
}
