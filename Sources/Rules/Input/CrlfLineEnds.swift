import Facts
import Prediction

extension Rule {
  static let crlfLineEnds = Rule(
    name: "crlf-line-ends",
    severity: .warning,
    summary: "a script has the line ends of another system",
    why: """
      A shell ends a line at LF. The CR before it is a character of the last word: QEMU gets `host=01:00.0` and a CR, and \
      refuses it, and a backslash before a CR continues nothing. The definition is judged as if its lines ended in LF.
      """,
    fix: "convert the file: `sed -i 's/\\r$//' FILE`",
    example: "#!/bin/sh\u{240d}",
    references: ["POSIX.1-2024, Shell Command Language, 2.3 Token Recognition"],
    checksText: true, check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  guard let place = target.machine.carriageReturn else { return }
  runner.report("the lines end in CR LF: a shell passes the CR to QEMU as a part of the last word", at: place)
}
