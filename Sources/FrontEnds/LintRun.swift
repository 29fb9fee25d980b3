import Facts
import Inputs
import Report
import Rules
import Syntax

/// The definitions of one run. Each is read twice: first for what it shares with others, which is small
/// and kept, then to be judged. So memory does not grow with their number.
struct LintRun {
  /// A definition between its two readings.
  private struct Entry {
    let file: DefinitionFiles.File
    /// Of its text, to see that it is the same when it is read again.
    let digest: UInt64
    let host: HostChoice
    /// Its number among the assignments of its host.
    let number: Int
    /// What was read, where it is little or cannot be read again.
    let kept: Kept
  }

  private indirect enum Kept {
    case nothing
    /// A domain without passthrough: that it is one is all that there is to know.
    case plain(name: String)
    case reading(Reading)
  }

  private typealias Reading = (source: SourceText, parsed: ParsedDefinition)

  /// As much text as is kept, in bytes: one definition need not be read twice, a thousand must not stay.
  private static let keptAtMost = 128 << 10

  private(set) var tally = LintTally()
  private let lint: Lint
  /// The machine that plugs go into.
  private let running: MachineRequest?
  private let files: DefinitionFiles
  private var policies: PolicyShelf
  private var hosts: HostShelf
  private var assignments: [HostChoice: RunAssignments] = [:]
  private var entries: [Entry] = []
  private var keptBytes = 0
  private var progress: Progress

  init(_ lint: Lint, running: MachineRequest?) {
    self.lint = lint
    self.running = running
    files = DefinitionFiles(lint.files)
    policies = PolicyShelf(lint.policy)
    hosts = HostShelf(ignoring: lint.carriers)
    tally.unreadable = files.complaints
    progress = Progress(total: files.files.count * 2, isShown: lint.showsProgress)
  }

  /// The first reading.
  mutating func gather() {
    var found: Set<String> = []
    for (index, file) in files.files.enumerated() {
      progress.report(index)
      do {
        guard let reading = try read(file, { mayKeep($0, of: file) ? .passthrough : .hostDevices }) else { continue }
        if let folder = file.folder { found.insert(folder) }
        try add(file, reading)
      } catch {
        fail(error)
      }
    }
    for folder in files.folders where !found.contains(folder) {
      tally.unreadable.append("\(folder): holds no definition")
    }
  }

  /// Once, however many definitions it is about.
  private mutating func fail(_ error: any Error) {
    let text = "\(error)"
    if !tally.unreadable.contains(text) { tally.unreadable.append(text) }
  }

  private mutating func add(_ file: DefinitionFiles.File, _ reading: Reading) throws {
    let (source, parsed) = reading
    let host = lint.host(of: file.path, by: try policies.policy(of: file).policy)
    let passed = lint.passed(to: parsed, from: source, running, on: host)
    let requests = parsed.machine.devices + parsed.plugs + (running?.devices ?? [])
    if host == .live { hosts.addresses.formUnion(requests.compactMap { $0.hostAddress(passed) }) }
    let number = assignments[host, default: RunAssignments()].add(
      parsed.machine, plugs: parsed.plugs, descriptors: passed)
    entries.append(
      Entry(file: file, digest: source.bytes.digest, host: host, number: number, kept: keep(file, reading)))
  }

  private mutating func keep(_ file: DefinitionFiles.File, _ reading: Reading) -> Kept {
    // There is nothing in it that could be pointed at.
    if reading.parsed.isPlain { return .plain(name: reading.source.name) }
    guard mayKeep(reading.source, of: file) else { return .nothing }
    keptBytes += reading.source.bytes.count
    return .reading(reading)
  }

  private func mayKeep(_ source: SourceText, of file: DefinitionFiles.File) -> Bool {
    keptBytes + source.bytes.count <= LintRun.keptAtMost || !InputFile.canBeReadAgain(file.path)
  }

  /// - Throws: it cannot be read again, or is another.
  private func reading(of entry: Entry) throws -> Reading {
    switch entry.kept {
    case .plain(let name): return (SourceText(name: name, bytes: []), .plain(name))
    case .reading(let reading): return reading
    case .nothing:
      guard let reading = try read(entry.file, { _ in .passthrough }), reading.source.bytes.digest == entry.digest else {
        throw InputFile.Failure(entry.file.path, reason: "changed while it was looked at")
      }
      return reading
    }
  }

  /// The second reading, and what is said about each.
  mutating func judge(qemu: QEMUProfile, _ report: (LintResult) -> Void) {
    for (index, entry) in entries.enumerated() {
      progress.report(files.files.count + index)
      do {
        let reading = try reading(of: entry)
        let host = try hosts.host(entry.host)
        let policy = policies.firstTelling(try policies.policy(of: entry.file))
        let result = Check(host: host, qemu: qemu, policy: policy).judge(
          reading.source, reading.parsed, running: running,
          descriptors: lint.passed(to: reading.parsed, from: reading.source, running, on: entry.host),
          others: lint.areTogether ? assignments[entry.host]?.others(than: entry.number) ?? .none : .none)
        tally.count(result, refusesUndetermined: lint.refusesUndetermined(on: entry.host))
        progress.clear()
        report(result)
      } catch {
        fail(error)
      }
    }
    progress.clear()
  }

  /// - Parameter extent: how much of a text is lowered.
  /// - Returns: nil for a directory's file that is no definition.
  private func read(
    _ file: DefinitionFiles.File, _ extent: (SourceText) -> ParsedDefinition.Extent
  ) throws(InputFile.Failure) -> Reading? {
    var format = lint.input
    let source = try InputFile.read(file.path, limit: ParsedDefinition.maximumSize) { head in
      guard file.folder != nil else { return true }
      let found = InputFormat.recognise(head)
      if format == nil { format = found }
      return found != nil && found == format
    }
    return source.map {
      ($0, .parse($0, as: format, follow: InputFile.follower(from: file.path), extent: extent($0)))
    }
  }
}

extension Array<UInt8> {
  /// Not against somebody who makes texts of the same digest: they could as well be changed later. So eight bytes
  /// at a time are enough, where the standard library's hashing would be a tenth of the whole work.
  fileprivate var digest: UInt64 {
    withUnsafeBytes { bytes in
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
