import Facts
import Inputs
import Report
import Rules
import Syntax

/// Reads the definitions of a run, and judges them one at a time. It holds what is the same for all of them: so
/// any thread may use it.
struct LintReader: Sendable {
  typealias Reading = (source: SourceText, parsed: ParsedDefinition)

  /// A definition between its two readings.
  struct Entry: Sendable {
    let file: DefinitionFiles.File
    /// Of its text, to see that it is the same when it is read again.
    let digest: UInt64
    let host: HostChoice
    /// Its number among the assignments of its host.
    let number: Int
    /// What was read, where it is little or cannot be read again.
    let kept: Kept
  }

  indirect enum Kept: Sendable {
    case nothing
    /// A domain without passthrough: that it is one is all that there is to know.
    case plain(name: String)
    case reading(Reading)
  }

  let lint: Lint
  /// The machine that plugs go into.
  let running: MachineRequest?

  /// - Parameter isKept: whether there will be no second reading.
  /// - Returns: nil for a directory's file that is no definition.
  func read(_ file: DefinitionFiles.File, isKept: Bool) throws(InputFile.Failure) -> Reading? {
    var format = lint.input
    let source = try InputFile.read(file.path, limit: ParsedDefinition.maximumSize) { head in
      guard file.folder != nil else { return true }
      let found = InputFormat.recognise(head)
      if format == nil { format = found }
      return found != nil && found == format
    }
    guard let source else { return nil }
    let follow = InputFile.follower(from: file.path)
    return (source, .parse(source, as: format, follow: follow, extent: isKept ? .passthrough : .hostDevices))
  }

  /// - Throws: it cannot be read again, or is another.
  private func reading(of entry: Entry) throws(InputFile.Failure) -> Reading {
    switch entry.kept {
    case .plain(let name): return (SourceText(name: name, bytes: []), .plain(name))
    case .reading(let reading): return reading
    case .nothing:
      guard let reading = try read(entry.file, isKept: true), reading.source.digest == entry.digest else {
        throw InputFile.Failure(entry.file.path, reason: "changed while it was looked at")
      }
      return reading
    }
  }

  func judge(_ entry: Entry, by check: Check, others: OtherDefinitions) throws(InputFile.Failure) -> LintResult {
    let (source, parsed) = try reading(of: entry)
    return check.judge(
      source, parsed, running: running, descriptors: passed(to: parsed, from: source, on: entry.host), others: others)
  }

  /// Descriptors are this machine's, and say nothing about a recorded host.
  func passed(to read: ParsedDefinition, from source: SourceText, on host: HostChoice) -> [String: Known<PCIAddress?>] {
    guard host == .live else { return [:] }
    let process = Lint.process(read.plugs.isEmpty ? source.name : lint.guest ?? "")
    return lint.descriptors.functions(of: requests(of: read), process: process)
  }

  /// Those of the running machine included.
  func requests(of read: ParsedDefinition) -> [DeviceRequest] {
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
