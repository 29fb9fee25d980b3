import Facts
import Inputs
import Report
import Rules
import Syntax

/// The definitions of one run. Each is read twice: first for what it shares with others, which is small
/// and kept, then to be judged. So memory does not grow with their number.
struct LintRun {
  /// As much text as is kept, in bytes: one definition need not be read twice, a thousand must not stay.
  private static let keptAtMost = 128 << 10

  private(set) var tally = LintTally()
  private let lint: Lint
  private let reader: LintReader
  private let files: DefinitionFiles
  private var policies: PolicyShelf
  private var hosts: HostShelf
  private var assignments: [HostChoice: RunAssignments] = [:]
  private var entries: [LintReader.Entry] = []
  private var progress: Progress

  init(_ lint: Lint, running: MachineRequest?) {
    self.lint = lint
    reader = LintReader(lint: lint, running: running)
    files = DefinitionFiles(lint.files)
    policies = PolicyShelf(lint.policy)
    hosts = HostShelf(ignoring: lint.carriers)
    tally.unreadable = files.complaints
    progress = Progress(total: files.files.count * 2, isShown: lint.showsProgress)
  }

  /// The first reading.
  mutating func gather() {
    var found: Set<String> = []
    let reader = reader
    for window in files.files.windows {
      progress.report(window.startIndex)
      let jobs = plan(window)
      let readings = concurrentMap(jobs) { job in
        Result { () throws(InputFile.Failure) in try reader.read(job.file, isKept: job.isKept) }
      }
      for (job, reading) in zip(jobs, readings) {
        do {
          guard let reading = try reading.get() else { continue }
          if let folder = job.file.folder { found.insert(folder) }
          try add(job.file, reading, isKept: job.isKept)
        } catch {
          fail(error)
        }
      }
    }
    for folder in files.folders where !found.contains(folder) {
      tally.unreadable.append("\(folder): holds no definition")
    }
  }

  private func plan(_ window: ArraySlice<DefinitionFiles.File>) -> [(file: DefinitionFiles.File, isKept: Bool)] {
    window.map { ($0, $0.before + ($0.size ?? 0) <= LintRun.keptAtMost || $0.size == nil) }
  }

  /// Once, however many definitions it is about.
  private mutating func fail(_ error: any Error) {
    let text = "\(error)"
    if !tally.unreadable.contains(text) { tally.unreadable.append(text) }
  }

  private mutating func add(_ file: DefinitionFiles.File, _ reading: LintReader.Reading, isKept: Bool) throws {
    let (source, parsed) = reading
    let host = lint.host(of: file.path, by: try policies.policy(of: file).policy)
    let passed = reader.passed(to: parsed, from: source, on: host)
    if host == .live { hosts.addresses.formUnion(reader.requests(of: parsed).compactMap { $0.hostAddress(passed) }) }
    let number = assignments[host, default: RunAssignments()].add(
      parsed.machine, plugs: parsed.plugs, descriptors: passed)
    // Of a plain one there is nothing that could be pointed at.
    let kept = parsed.isPlain ? .plain(name: source.name) : isKept ? .reading(reading) : LintReader.Kept.nothing
    entries.append(LintReader.Entry(file: file, digest: source.digest, host: host, number: number, kept: kept))
  }

  /// The second reading, and what is said about each.
  mutating func judge(qemu: QEMUProfile, _ report: (LintResult) -> Void) {
    let reader = reader
    for window in entries.windows {
      progress.report(files.files.count + window.startIndex)
      let jobs = window.map { entry in Result { try prepare(entry, qemu) } }
      let results = concurrentMap(jobs) { job in
        Result { () throws in
          let (entry, check, others) = try job.get()
          return try reader.judge(entry, by: check, others: others)
        }
      }
      for (entry, result) in zip(window, results) {
        do {
          let result = try result.get()
          tally.count(result, refusesUndetermined: lint.refusesUndetermined(on: entry.host))
          progress.clear()
          report(result)
        } catch {
          fail(error)
        }
      }
    }
    progress.clear()
  }

  private mutating func prepare(
    _ entry: LintReader.Entry, _ qemu: QEMUProfile
  ) throws -> (LintReader.Entry, Check, OtherDefinitions) {
    let host = try hosts.host(entry.host)
    let policy = policies.firstTelling(try policies.policy(of: entry.file))
    let others = lint.areTogether ? assignments[entry.host]?.others(than: entry.number) ?? .none : .none
    return (entry, Check(host: host, qemu: qemu, policy: policy), others)
  }
}

extension Array {
  /// Pieces that are worth handing to several threads at once.
  fileprivate var windows: [ArraySlice<Element>] {
    stride(from: 0, to: count, by: Processors.window).map { self[$0..<Swift.min($0 + Processors.window, count)] }
  }
}
