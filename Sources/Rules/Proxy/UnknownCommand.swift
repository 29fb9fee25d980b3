extension Rule {
  /// Refused by the proxy's command filter.
  public static let unknownCommand = Rule(
    name: "unknown-command",
    severity: .error,
    summary: "a command that this vfiogate does not know",
    why: """
      What an unknown command does is unknown too. The profile `untrusted` refuses it; the profile `guest-safety` passes an unknown \
      command of QMP with a line in the log, and refuses one of the human monitor, whose text could be read wrongly.
      """,
    fix: "use a command of QEMU 7.2 or 11.1, or allow this one: `--allow COMMAND`",
    example: #"{"execute":"human-monitor-command","arguments":{"command-line":"frobnicate now"}}"#,
    references: ["QEMU hmp-commands.hx", "THREATS.md: The proxy"],
    canBeAllowed: false, check: .command)
}
