import Facts
import Prediction
import Rules

/// The unknown facts behind undetermined rules and predictions, each once, and what would determine them.
struct MissingFacts {
  /// One unknown fact.
  struct Fact {
    let unknown: Unknown
    /// The rules and steps that miss it, in the order of the report.
    var rules: [String] = []
    /// The devices that it is missing for.
    var devices: [DeviceLabel] = []
  }

  private(set) var facts: [Fact] = []
  private var positions: [Unknown: Int] = [:]
  /// Whether the host is the one that the program runs on.
  private let isLive: Bool

  /// - Parameter decisive: only those that keep the verdict undetermined.
  init(_ result: some LocatedFindings, _ predictions: [RealizePrediction], isLive: Bool, decisive: Bool) {
    self.isLive = isLive
    for prediction in predictions where !decisive || prediction.realize == .undetermined {
      for unknown in prediction.unknowns { add(unknown, "prediction", prediction.label) }
    }
    for open in result.report.undetermined where !decisive || open.severity == .error {
      add(open.unknown, open.rule, open.device)
    }
  }

  private mutating func add(_ unknown: Unknown, _ rule: String, _ device: DeviceLabel?) {
    let position = positions[unknown] ?? facts.count
    if position == facts.count {
      positions[unknown] = position
      facts.append(Fact(unknown: unknown))
    }
    if facts[position].rules.last != rule, !facts[position].rules.contains(rule) { facts[position].rules.append(rule) }
    if let device, facts[position].devices.last != device, !facts[position].devices.contains(device) {
      facts[position].devices.append(device)
    }
  }

  /// The devices that any fact is missing for.
  var devices: [DeviceLabel] {
    var all: [DeviceLabel] = []
    for device in facts.flatMap(\.devices) where !all.contains(device) { all.append(device) }
    return all
  }

  /// Advice for all facts, each once.
  var advice: [String] { MissingFacts.advice(Set(facts.compactMap(\.unknown.remedy)), isLive: isLive) }

  /// - Parameters:
  ///   - remedies: of the facts of one verdict that have any.
  ///   - isLive: the host is the one that the program runs on.
  static func advice(_ remedies: Set<Unknown.Remedy>, isLive: Bool) -> [String] {
    if remedies.isEmpty { return ["QEMU alone, when it starts the guest: nothing that vfiogate can read shows it"] }
    return Unknown.Remedy.allCases.filter(remedies.contains).map { advice($0, isLive: isLive) }.reduce(into: []) { all, one in
      if !all.contains(one) { all.append(one) }
    }
  }

  private static func advice(_ remedy: Unknown.Remedy, isLive: Bool) -> String {
    switch remedy {
    case .host: return "`--host live` on the host, or `--host FILE` with a recording of it"
    case .liveHost: return "`--host live` on the host itself"
    case .root where isLive: return "running as root"
    case .wholeHost where isLive: return "running on the host itself, outside of the container"
    case .root, .wholeHost, .recording:
      return "a newer recording: `vfiogate probe --record FILE` on the host itself, as root"
    case .bind: return "`vfiogate probe --bind ADDRESS` on the host, which asks the kernel about an idle device (and resets it)"
    case .guest: return "`--guest FILE`, with the command line of the running guest"
    case .qemu: return "`--qemu PATH`"
    case .literal: return "texts and values written out, or the command line as QEMU gets it (/proc/PID/cmdline)"
    case .domain: return "the domain as libvirt completes it: `virsh define FILE`, then lint what `virsh dumpxml GUEST` prints"
    case .proxmox: return "the command line that Proxmox writes: lint what `qm showcmd VMID` prints on that host"
    case .file:
      return "the file that the definition names, in its place; `--follow-root FOLDER` lets vfiogate read one in another folder"
    case .task: return "the end of that task, or `qm unlock VMID` where none runs any more"
    case .user: return "the same check by the user that runs QEMU, on the host: `sudo -u USER vfiogate …`"
    case .rehearsal: return "`--rehearse PATH`, which starts the QEMU that will run"
    }
  }

  /// Facts with the same reason in one line, the first few of them.
  /// - Parameter count: number of lines and of facts in a line.
  func lines(upTo count: Int) -> [String] {
    var reasons: [(reason: String, facts: [String])] = []
    for fact in facts.map(\.unknown) {
      if let index = reasons.firstIndex(where: { $0.reason == fact.reason }) {
        reasons[index].facts.append(fact.fact)
      } else {
        reasons.append((fact.reason, [fact.fact]))
      }
    }
    let lines = reasons.prefix(count).map { reason, facts in
      "missing: \(MissingFacts.list(facts, upTo: count)): \(reason)"
    }
    let rest = reasons.dropFirst(count).reduce(0) { $0 + $1.facts.count }
    return lines + (rest > 0 ? ["missing: \(counted(rest, "more fact"))"] : [])
  }

  /// "a, b and 3 more".
  static func list(_ names: [String], upTo count: Int) -> String {
    let shown = names.prefix(count).joined(separator: ", ")
    return names.count > count ? "\(shown) and \(names.count - count) more" : shown
  }
}
