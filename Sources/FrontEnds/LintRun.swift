import Facts
import Inputs
import Report
import Rules
import Syntax

/// The definitions of one run. Each is read twice: first for what it shares with others, which is small
/// and kept, then to be judged. So memory does not grow with their number.
struct LintRun {
  /// What could not be read: the path and why.
  private(set) var unreadable: [String]
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
    unreadable = files.complaints
    progress = Progress(total: files.files.count * 2, isShown: lint.showsProgress)
  }

  /// The first reading.
  mutating func gather() {
    entries.reserveCapacity(files.files.count)
    var found: Set<String> = []
    let reader = reader
    for window in files.files.windows {
      progress.report(window.startIndex)
      let plans = window.map(Plan.init)
      let readings = concurrentMap(plans) { plan in
        Result { () throws(InputFile.Failure) in try reader.read(plan.file, isKept: plan.isKept) }
      }
      for (plan, reading) in zip(plans, readings) {
        do {
          guard let reading = try reading.get() else { continue }
          if let folder = plan.file.folder { found.insert(folder) }
          try add(plan, reading)
        } catch {
          fail(error)
        }
      }
    }
    for folder in files.folders where !found.contains(folder) {
      unreadable.append("\(folder): holds no definition")
    }
  }

  /// Once, however many definitions it is about.
  private mutating func fail(_ error: any Error) {
    let text = "\(error)"
    if !unreadable.contains(text) { unreadable.append(text) }
  }

  private mutating func add(_ plan: Plan, _ reading: LintReader.Reading) throws {
    let file = plan.file
    let (source, parsed) = reading
    let host = lint.host(of: file.path, by: try policies.policy(of: file).policy)
    let passed = reader.passed(to: parsed, from: source, on: host)
    if host == .live { hosts.addresses.formUnion(reader.requests(of: parsed).compactMap { $0.hostAddress(passed) }) }
    let number = assignments[host, default: RunAssignments()].add(
      parsed.machine, plugs: parsed.plugs, descriptors: passed)
    // Of a plain one there is nothing that could be pointed at.
    let kept = parsed.isPlain ? .plain(name: source.name) : plan.isKept ? .reading(reading) : LintReader.Kept.nothing
    entries.append(LintReader.Entry(file: file, digest: source.digest, host: host, number: number, kept: kept))
  }

  /// The second reading, and what is made of each result, of which little must be left. `report` is handed that in
  /// the order of the run, with the host that the definition is for.
  mutating func judge<Output: Sendable>(
    qemu: QEMUProfile, _ make: @escaping @Sendable (LintResult) -> Output, _ report: (Output, HostChoice) -> Void
  ) {
    let reader = reader
    for window in entries.windows {
      progress.report(files.files.count + window.startIndex)
      let jobs = window.map { entry in Result { try prepare(entry, qemu) } }
      let outputs = concurrentMap(jobs) { job in
        Result { () throws in
          let (entry, check, others) = try job.get()
          return make(try reader.judge(entry, by: check, others: others))
        }
      }
      for (entry, output) in zip(window, outputs) {
        do {
          let output = try output.get()
          progress.clear()
          report(output, entry.host)
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

/// How a file is read at first.
private struct Plan: Sendable {
  let file: DefinitionFiles.File
  /// Whether what is read stays until it is judged: what cannot be read twice, and at the beginning of a run a
  /// little text. One definition need not be read twice, a thousand must not stay.
  let isKept: Bool

  init(_ file: DefinitionFiles.File) {
    self.file = file
    isKept = file.size.map { file.before + $0 <= 128 << 10 } ?? true
  }
}

extension Array {
  /// Pieces that are worth handing to several threads at once.
  fileprivate var windows: [ArraySlice<Element>] {
    stride(from: 0, to: count, by: Processors.window).map { self[$0..<Swift.min($0 + Processors.window, count)] }
  }
}
