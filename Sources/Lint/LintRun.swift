import Common
import Facts
import Inputs
import Report
import Rules
import Syntax

/// The definitions of one run. Each is judged when it is read, as if no other asked for what it asks for, and once
/// more where that turns out to be wrong. What is left of a result is little, and when even that has become much,
/// definitions are read for what they share with others first, and a second time to be judged: so memory does
/// not grow with their number.
struct LintRun<Output: Sendable> {
  /// What could not be read: the path and why.
  private(set) var unreadable: [String]
  private let lint: Lint
  private let qemu: QEMUProfile
  private let reader: LintReader
  private let make: @Sendable (LintResult) -> Output
  private let size: (Output) -> Int
  private let files: DefinitionFiles
  private var policies: PolicyCache
  private var hosts: HostCache
  private var assignments: [HostChoice: RunAssignments] = [:]
  private var entries: [LintEntry<Output>] = []
  /// Of the outputs that wait, in bytes.
  private var held = 0
  private static var heldAtMost: Int { 1 << 20 }
  private var progress: Progress

  /// - Parameters:
  ///   - make: what is to be left of a result; on any thread.
  ///   - size: how much that is, in bytes.
  init(
    _ lint: Lint, running: MachineConfig?, qemu: QEMUProfile, making make: @escaping @Sendable (LintResult) -> Output,
    size: @escaping (Output) -> Int
  ) {
    self.lint = lint
    self.qemu = qemu
    self.make = make
    self.size = size
    reader = LintReader(lint: lint, running: running)
    files = DefinitionFiles(lint.files)
    policies = PolicyCache(lint.policy)
    hosts = HostCache(ignoring: lint.carriers)
    unreadable = files.complaints
    progress = Progress(total: files.files.count * 2, isShown: lint.showsProgress)
  }

  /// The first reading.
  mutating func gather() {
    entries.reserveCapacity(files.files.count)
    var found: Set<String> = []
    let (reader, make) = (reader, make)
    for window in files.files.windows {
      progress.report(window.startIndex)
      let jobs = window.map { plan($0) }
      let outcomes = concurrentMap(jobs) { job in Result { try job.run(reader, make) } }
      for (job, outcome) in zip(jobs, outcomes) {
        do {
          guard let outcome = try outcome.get() else { continue }
          if let folder = job.file.folder { found.insert(folder) }
          add(job, outcome)
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

  /// What is known before a file is read. A live host is looked at when it is known which of its functions matter,
  /// and what cannot be read again waits until all is known.
  private mutating func plan(_ file: DefinitionFiles.File) -> FirstReading {
    var job = FirstReading(file: file)
    do {
      var policy = try policies.policy(of: file)
      let host = lint.host(of: file.path, by: policy.policy)
      job.host = .success(host)
      guard host != .live, file.size != nil, held < LintRun.heldAtMost else { return job }
      // Whose part it is to tell what is wrong with the policy itself is known later.
      policy.policy.suppressPolicyFindings = true
      job.check = Judge(host: try hosts.host(host), qemu: qemu, policy: policy)
      if lint.sharesHost, files.files.count > 1 { job.questions = OpenQuestions() }
    } catch {
      // Said of definitions only; what is wrong with a host's recording, at the second reading.
      if case .failure = job.host { job.host = .failure(error) }
    }
    return job
  }

  private mutating func add(_ job: FirstReading, _ outcome: FirstOutcome<Output>) {
    let host = outcome.host
    hosts.addresses.formUnion(outcome.addresses)
    let number = assignments[host, default: RunAssignments()].add(outcome.claims)
    var entry = LintEntry<Output>(
      file: job.file, digest: outcome.digest, host: host, number: number, reading: outcome.reading)
    if let output = outcome.output {
      held += size(output)
      entry.judged = (output, job.questions?.isEmpty == false ? job.questions : nil)
    }
    entries.append(entry)
  }

  /// The second reading, where one is needed. `report` is handed every output in the order of the run, with the host
  /// that the definition is for.
  mutating func judge(_ report: (Output, HostChoice) -> Void) {
    let (reader, make) = (reader, make)
    for window in entries.windows {
      progress.report(files.files.count + window.startIndex)
      let open = window.map { entry in Result { try settle(entry) } }
      let jobs = open.compactMap { try? $0.get() }
      var outputs = concurrentMap(jobs) { job in
        Result { () throws(InputFile.Failure) in try job.run(reader, make) }
      }[...]
      for (entry, open) in zip(window, open) {
        do {
          let output = try open.get() == nil ? entry.judged?.output : outputs.popFirst()?.get()
          progress.clear()
          if let output { report(output, entry.host) }
        } catch {
          fail(error)
        }
      }
    }
    progress.clear()
  }

  /// - Returns: nil when what was said at the first reading stands.
  private mutating func settle(_ entry: LintEntry<Output>) throws -> SecondReading<Output>? {
    // First: a definition that has no host tells nothing of its policy either.
    let host = try hosts.host(entry.host)
    let policy = policies.firstTelling(try policies.policy(of: entry.file))
    let run = lint.sharesHost ? assignments[entry.host] : nil
    if let judged = entry.judged, policy.source == nil || policy.policy.suppressPolicyFindings {
      guard let questions = judged.questions, run?.confirms(questions, of: entry.number) == false else { return nil }
    }
    let check = Judge(host: host, qemu: qemu, policy: policy)
    return SecondReading(entry: entry, check: check, others: run?.others(than: entry.number) ?? .none)
  }
}
