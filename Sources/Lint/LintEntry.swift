import Common
import Facts
import Inputs
import Report
import Rules

/// A definition between its two readings.
struct LintEntry<Output: Sendable>: Sendable {
  let file: DefinitionFiles.File
  /// Of its text, to see that it is the same when it is read again.
  let digest: UInt64
  let host: HostChoice
  /// Its number among the assignments of its host.
  let number: Int
  /// What is left of the result, and what was asked of other definitions for it.
  var judged: (output: Output, questions: OpenQuestions?)?
  /// What cannot be read again.
  var reading: LintReader.Reading?
}

/// What one thread does with a file when it is first met.
struct FirstReading: Sendable {
  let file: DefinitionFiles.File
  var host: Result<HostChoice, any Error> = .failure(InputFile.Failure("", reason: "no policy was looked for"))
  /// Nil: it is only read.
  var check: Judge?
  var questions: OpenQuestions?

  /// - Returns: nil for a directory's file that is no definition.
  func run<Output>(_ reader: LintReader, _ make: (LintResult) -> Output) throws -> FirstOutcome<Output>? {
    let hostdevsOnly = check == nil && file.size != nil
    guard let reading = try reader.read(file, hostdevsOnly ? .hostDevices : .passthrough) else { return nil }
    let (source, parsed) = reading
    let host = try host.get()
    let passed = reader.passed(to: parsed, from: source, on: host)
    var outcome = FirstOutcome<Output>(
      host: host, digest: source.digest,
      claims: RunAssignments.Claims(parsed.machine, plugs: parsed.plugs, descriptors: passed))
    if host == .live { outcome.addresses = reader.requests(of: parsed).compactMap { $0.hostAddress(passed) } }
    if file.size == nil { outcome.reading = reading }
    if let check {
      let others = questions.map(OtherDefinitions.unread) ?? .none
      outcome.output = make(reader.judge(reading, for: host, by: check, others: others))
    }
    return outcome
  }
}

/// What is left of a file that was read for the first time.
struct FirstOutcome<Output: Sendable>: Sendable {
  let host: HostChoice
  let digest: UInt64
  let claims: RunAssignments.Claims
  /// The functions of a live host that matter.
  var addresses: [PCIAddress] = []
  var reading: LintReader.Reading?
  var output: Output?
}

/// What one thread does with a definition when all others are known.
struct SecondReading<Output: Sendable>: Sendable {
  let entry: LintEntry<Output>
  let check: Judge
  let others: OtherDefinitions

  func run(_ reader: LintReader, _ make: (LintResult) -> Output) throws(InputFile.Failure) -> Output {
    let reading: LintReader.Reading
    if let kept = entry.reading { reading = kept } else { reading = try reader.readAgain(entry.file, entry.digest) }
    return make(reader.judge(reading, for: entry.host, by: check, others: others))
  }
}

extension Array {
  /// Pieces that are worth handing to several threads at once.
  var windows: [ArraySlice<Element>] {
    stride(from: 0, to: count, by: Processors.window).map { self[$0..<Swift.min($0 + Processors.window, count)] }
  }
}
