import Common
import Facts
import Inputs
import Prediction
import Report
import Rules
import Syntax

/// Checks the definitions of one run, each when it is read and as if it were alone. Of each definition only the host
/// functions that it requests are kept, so that memory does not grow with the size of the definitions.
struct LintRun {
  /// Files that could not be read, with the reasons.
  private(set) var unreadable: [String]
  /// Files of directories that are not definitions and mention a host device, each with the line.
  private(set) var skipped: [String] = []
  /// Whether an argument is a directory.
  var hasFolders: Bool { !files.folders.isEmpty }
  /// The hosts of the definitions, in the order of the run, with the findings across the definitions of each. Empty
  /// when only one definition was checked, or when the definitions do not share a host.
  var across: [(host: HostChoice, result: AcrossResult)] {
    guard checked > 1 else { return [] }
    return hostsInOrder.map { host in
      (host, AcrossResult(RuleRunner.check(claims[host] ?? HostDeviceClaims()), regions: regions))
    }
  }

  private let lint: Lint
  private let qemu: QEMUProfile
  /// The machine that plugs go into.
  private let running: MachineConfig?
  private let files: DefinitionFiles
  private var policies: PolicyCache
  private var hosts: HostCache
  private var checked = 0
  private var foldersWithDefinitions: Set<String> = []
  private var hostsInOrder: [HostChoice] = []
  private var claims: [HostChoice: HostDeviceClaims] = [:]
  private var regions: [Location: TextRegion] = [:]
  private var progress: Progress
  private var rehearsals: Rehearsals
  /// Definitions that are not reported yet, in their order.
  private var begun: [Begun] = []

  /// - Throws: the guest's command line or the QEMU cannot be read.
  init(_ lint: Lint) throws {
    self.lint = lint
    running = try lint.guest.map { path in
      let source = try InputFile.read(path, limit: ParsedInput.maximumSize)
      return ParsedInput.parse(source, follow: InputFile.follower(from: path, roots: lint.followRoots)).machine
    }
    qemu = try lint.qemu.profile()
    rehearsals = Rehearsals(lint.rehearsal, asked: lint.qemu, profile: qemu)
    try rehearsals.begin()
    files = DefinitionFiles(lint.files)
    policies = PolicyCache(lint.policy)
    hosts = HostCache(ignoring: lint.carriers)
    unreadable = files.complaints
    progress = Progress(total: files.files.count, isShown: lint.showsProgress)
  }

  /// - Parameter report: is called with every result in the order of the run, and the host that the definition is for.
  mutating func check(_ report: (LintResult, HostChoice) -> Void) {
    for (index, file) in files.files.enumerated() {
      do {
        guard var definitions = try read(file) else { continue }
        while let parsed = definitions.rest.next() {
          if let what = parsed.unrecognised {
            throw PathError(file.path, reason: "not a definition: it looks like \(what)")
          }
          if let folder = file.folder { foldersWithDefinitions.insert(folder) }
          begun.append(try begin(definitions.source, parsed, file, index))
          // Others are read while the QEMUs of these start.
          if begun.count >= rehearsals.width { finishNext(report) }
        }
      } catch {
        // One message, however many definitions it is about.
        let text = "\(error)"
        if !unreadable.contains(text) { unreadable.append(text) }
      }
      if begun.isEmpty { progress.report(index) }
    }
    while !begun.isEmpty { finishNext(report) }
    progress.clear()
    for folder in files.folders where !foldersWithDefinitions.contains(folder) {
      unreadable.append("\(folder): holds no definition")
    }
  }

  /// A definition that was read, and whose rehearsal runs.
  private struct Begun {
    let source: SourceText
    let parsed: ParsedInput
    /// Number of its file.
    let file: Int
    let host: HostChoice
    let checker: Judge
    let descriptors: [String: Known<PCIAddress?>]
    /// Waits for the rehearsal; nil when none is wanted.
    let rehearsal: (() -> Known<RehearsalResult>)?
  }

  /// Checks and reports the definition that was begun first. Only its claims are left on return.
  private mutating func finishNext(_ report: (LintResult, HostChoice) -> Void) {
    let one = begun.removeFirst()
    progress.report(one.file)
    let result = one.checker.check(
      one.source, one.parsed, running: running, descriptors: one.descriptors,
      rehearse: one.rehearsal.map { finish in { _, _ in finish() } })
    progress.clear()
    report(result, one.host)
    checked += 1
    let hasOthers = one.parsed.firstLine != nil
    guard files.files.count > 1 || hasOthers else { return }
    let claims = DefinitionClaims(result.target, name: result.name)
    keep(Kept(host: one.host, claims: claims, regions: claims.locations.map { result.region(of: $0) }))
  }

  /// The part of a result that is kept.
  private struct Kept {
    let host: HostChoice
    let claims: DefinitionClaims
    /// Regions of the claims' locations, in their order.
    let regions: [TextRegion?]
  }

  /// The text of a file, and its definitions, which are read one after the other.
  private struct Definitions {
    let source: SourceText
    var rest: ParsedInputs
  }

  /// - Returns: nil for a file of a directory that is not a definition.
  private mutating func read(_ file: DefinitionFiles.File) throws -> Definitions? {
    var format = lint.input
    var mention: Int?
    let source = try InputFile.read(file.path, limit: ParsedInput.maximumSize) { head in
      guard file.folder != nil else { return true }
      let found = InputFormat.recognise(head)
      if found == nil { mention = InputFormat.mention(head) }
      if format == nil { format = found }
      return found != nil && found == format
    }
    if let mention { skipped.append("\(file.path):\(mention)") }
    guard let source else { return nil }
    let follow = InputFile.follower(from: file.path, roots: lint.followRoots)
    return Definitions(source: source, rest: ParsedInputs(source, as: format, follow: follow, extent: .passthrough))
  }

  private mutating func begin(
    _ source: SourceText, _ parsed: ParsedInput, _ file: DefinitionFiles.File, _ index: Int
  ) throws -> Begun {
    let policy = try policies.policy(of: file)
    let choice = lint.host(of: file.path, by: policy.policy)
    let requests = parsed.machine.devices + parsed.plugs + (running?.devices ?? [])
    var descriptors: [String: Known<PCIAddress?>] = [:]
    var functions: Set<PCIAddress> = []
    if choice == .live {
      // Descriptors are this machine's, and say nothing about a recorded host.
      let process = Lint.process(parsed.plugs.isEmpty ? source.name : lint.guest ?? "")
      descriptors = lint.descriptors.functions(of: requests, process: process)
      functions = Set(requests.lazy.compactMap { $0.hostAddress(descriptors) }).union(parsed.wholeSlots)
    }
    // A definition whose host cannot be read reports no problems of its policy either, so the host comes first.
    let host = try hosts.host(choice, functions: functions)
    // A QEMU that is only assumed gives way to the one that the definition names and that may be started.
    var qemu = lint.qemu == .assumed ? rehearsals.emulatorProfile(of: running ?? parsed.machine) ?? qemu : qemu
    if let behaviour = lint.behaviour { qemu = qemu.with(behaviour: behaviour) }
    let checker = Judge(host: host, qemu: qemu, policy: policies.reportingProblemsOnce(policy))
    var rehearsal: (() -> Known<RehearsalResult>)?
    if lint.rehearsal != .none {
      let whole = checker.machine(of: parsed, running: running)
      rehearsal = rehearsals.start(whole.machine, plugs: whole.plugs)
    }
    return Begun(
      source: source, parsed: parsed, file: index, host: choice, checker: checker, descriptors: descriptors, rehearsal: rehearsal)
  }

  private mutating func keep(_ one: Kept) {
    let copy = one.claims.copy()
    for (location, region) in zip(copy.locations, one.regions) where regions[location] == nil { regions[location] = region }
    if claims[one.host] == nil { hostsInOrder.append(one.host) }
    claims[one.host, default: HostDeviceClaims()].add(copy)
  }
}
