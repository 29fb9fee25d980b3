import Facts
import Prediction

extension Rule {
  static let unquotedValue = Rule(
    name: "unquoted-value",
    severity: .warning,
    summary: "a value of a `-readconfig` file has no quotes",
    why: """
      QEMU reads `key = "value"`. Of a line of another form it takes the first word as the key and an empty text as the value, \
      without a warning. Many options refuse an empty value; others accept it, and the written one has no effect.
      """,
    fix: "write the value in double quotes",
    example: "romfile = /usr/share/vgabios.rom   (in a `[device]` of the file)",
    references: ["QEMU util/qemu-config.c: qemu_config_foreach"],
    checksText: true, check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  for entry in target.machine.unquotedValues {
    runner.report(
      "`\(entry.name)` has no quotes: QEMU treats its value as empty", at: entry.location,
      fix: entry.value.string.map { $0.isEmpty ? "write `\(entry.name) = \"\"`" : "write `\(entry.name) = \"\($0)\"`" })
  }
}
