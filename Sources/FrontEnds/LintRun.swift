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
    let digest: Int
    /// Its number among the assignments.
    let number: Int
    /// What was read, where it is little or cannot be read again.
    let kept: Reading?
  }

  private typealias Reading = (source: SourceText, parsed: ParsedDefinition)

  /// As much text as is kept, in bytes: one definition need not be read twice, a thousand must not stay.
  private static let keptAtMost = 128 << 10

  private(set) var assignments = RunAssignments()
  /// Every host function that is asked for.
  private(set) var addresses: Set<PCIAddress> = []
  private(set) var tally = LintTally()
  private let lint: Lint
  /// The machine that plugs go into.
  private let running: MachineRequest?
  private let files: DefinitionFiles
  private var entries: [Entry] = []
  private var keptBytes = 0
  private var progress: Progress

  init(_ lint: Lint, running: MachineRequest?) {
    self.lint = lint
    self.running = running
    files = DefinitionFiles(lint.files)
    tally.unreadable = files.complaints
    progress = Progress(total: files.files.count * 2, isShown: lint.showsProgress)
  }

  /// The first reading.
  mutating func gather() {
    var found: Set<String> = []
    for (index, file) in files.files.enumerated() {
      progress.report(index)
      do {
        guard let reading = try read(file) else { continue }
        add(file, reading)
        if let folder = file.folder { found.insert(folder) }
      } catch {
        tally.unreadable.append("\(error)")
      }
    }
    for folder in files.folders where !found.contains(folder) {
      tally.unreadable.append("\(folder): holds no definition")
    }
  }

  private mutating func add(_ file: DefinitionFiles.File, _ reading: Reading) {
    let (source, parsed) = reading
    let passed = lint.passed(to: parsed, from: source, running)
    let requests = parsed.machine.devices + parsed.plugs + (running?.devices ?? [])
    addresses.formUnion(requests.compactMap { $0.hostAddress(passed) })
    let number = assignments.add(parsed.machine, plugs: parsed.plugs, descriptors: passed)
    let size = source.bytes.count
    let isKept = keptBytes + size <= LintRun.keptAtMost || !InputFile.canBeReadAgain(file.path)
    if isKept { keptBytes += size }
    entries.append(
      Entry(
        file: file, digest: source.bytes.hashValue, number: number, kept: isKept ? reading : nil))
  }

  /// The second reading, and what is said about each.
  mutating func judge(by check: Check, _ report: (LintResult) -> Void) {
    for (index, entry) in entries.enumerated() {
      progress.report(files.files.count + index)
      do {
        guard let reading = try entry.kept ?? read(entry.file), reading.source.bytes.hashValue == entry.digest else {
          throw InputFile.Failure(entry.file.path, reason: "changed while it was looked at")
        }
        let result = check.judge(
          reading.source, reading.parsed, running: running,
          descriptors: lint.passed(to: reading.parsed, from: reading.source, running),
          others: assignments.others(than: entry.number))
        tally.count(result)
        progress.clear()
        report(result)
      } catch {
        tally.unreadable.append("\(error)")
      }
    }
    progress.clear()
  }

  /// - Returns: nil for a directory's file that is no definition.
  private func read(_ file: DefinitionFiles.File) throws(InputFile.Failure) -> Reading? {
    var format = lint.input
    let source = try InputFile.read(file.path, limit: ParsedDefinition.maximumSize) { head in
      guard file.folder != nil else { return true }
      let found = InputFormat.recognise(head)
      if format == nil { format = found }
      return found != nil && found == format
    }
    return source.map { ($0, .parse($0, as: format)) }
  }
}
