import ArgumentParser
import Common

/// What an option names. ArgumentParser would tell it for an option of the enumeration's own type, and
/// spend more time at start-up on each such type than a lint takes; a guest waits for a lint.
func chosen<Choice: RawRepresentable & CaseIterable>(
  _ word: String, _ option: String
) throws -> Choice where Choice.RawValue == String {
  if let choice = Choice(rawValue: word) { return choice }
  let all = Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
  throw ValidationError("The value '\(word)' is invalid for '\(option)'. Please provide one of \(all).")
}

/// Whose behaviour `--qemu` asks for.
func chosenQEMU(_ word: String) throws -> QEMUChoice {
  if let choice = QEMUChoice(word) { return choice }
  throw ValidationError("--qemu `\(word)` is no version (11.1.3), path (/usr/bin/…), qmp:PATH or none.")
}
