/// Words that the project does not use, with the plain word for each. See CONTRIBUTING.md, "Language".
enum Glossary {
  /// The phrase in lower case, and what to write instead.
  static let phrases: [(phrase: String, instead: String)] = [
    ("tell", "report, show, say, determine"), ("tells", "reports, shows, says"), ("told", "reported, given"),
    ("telling", "reporting, showing"),
    ("nobody", "name the actor, or use the passive"), ("somebody", "name the actor"), ("anybody", "name the actor"),
    ("everybody", "name the actor"), ("whoever", "name the actor"), ("whatever", "any, regardless of"),
    ("whichever", "the one that, any"),
    ("stands", "is"), ("stand", "be"), ("stood", "was"),
    ("is no", "is not a"), ("are no", "are not"),
    ("come to be", "be created, be realized"), ("comes to be", "is created, is realized"),
    ("came to be", "was created"),
    ("passed over", "skipped, ignored"), ("passes over", "skips, ignores"),
    ("go on", "continue"), ("goes on", "continues"), ("went on", "continued"), ("going on", "continuing"),
    ("hand around", "pass around"), ("hands around", "passes around"), ("handed around", "passed around"),
    ("look at", "inspect, read"), ("looks at", "inspects, reads"), ("looked at", "inspected, read"),
    ("looking at", "inspecting, reading"), ("could not look", "could not inspect"), ("cannot look", "cannot inspect"),
    ("as it is", "unchanged"), ("as they are", "unchanged"),
    ("dies of", "crashes with"), ("die of", "crash with"), ("died of", "crashed with"),
    ("qemu's words", "QEMU's message text"), ("qemu's own words", "QEMU's message text"),
    ("own words", "message text"), ("put into words", "rendered as text"), ("other words", "another message"),
    ("without a word", "silently"), ("not a word", "no message"), ("its word", "what it reports"),
    ("kernel's word", "what the kernel reports"), ("on the word of", "as reported by"),
    ("taken for", "treated as"), ("takes it for", "treats it as"), ("take it for", "treat it as"),
    ("another rule's", "reported by another rule"),
    ("at the most", "at most"), ("the most", "the maximum"),
    ("makes a device", "creates a device"), ("make a device", "create a device"), ("made a device", "created a device"),
  ]

  /// A place where a phrase is right: QEMU's own text, or the plain meaning of the words.
  struct Exception {
    /// A part of the file's path.
    let path: String
    let phrase: String
    let reason: String
  }

  static let exceptions: [Exception] = [
    Exception(path: "Prediction/Qdev/RequestChecks.swift", phrase: "go on", reason: "QEMU's text: can't go on IDE bus"),
    Exception(path: "Prediction/Launch/OtherDevice.swift", phrase: "go on", reason: "QEMU's text: can't go on PCIE bus"),
    Exception(path: "scripts/lab.d/singles.py", phrase: "nobody", reason: "Linux's user of that name"),
    Exception(path: "scripts/lab.d/crossings.py", phrase: "nobody", reason: "Linux's user of that name"),
    Exception(path: "scripts/libvirt-options", phrase: "nobody", reason: "Linux's user of that name"),
    Exception(path: "scripts/lab.d/guest.py", phrase: "tell", reason: "Python's method of a file")
  ]

  /// `there is no device`, `is no longer`, `stands for` and `as soon as it is` are plain English.
  static func isPlain(_ phrase: String, before: String, after: String) -> Bool {
    switch phrase {
    case "is no", "are no": return before == "there" || after == "longer" || after == "more"
    case "stands", "stand": return after == "for"
    case "as it is", "as they are": return ["soon", "long", "far", "such"].contains(before)
    default: return false
    }
  }
}
