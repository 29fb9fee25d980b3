extension Rule {
  /// Refused by the proxy's command filter.
  public static let outsideProfile = Rule(
    name: "outside-profile",
    severity: .error,
    summary: "a command that the profile `untrusted` does not contain",
    why: """
      A client that is not trusted may use commands whose effect ends at the guest: those that only report, and plugs that are \
      judged. All that can write or read files of the host, open sockets, run programs, read guest memory, touch descriptors of \
      others or mislead the proxy is refused, and what changes the guest passes when it was allowed.
      """,
    fix: "allow a command that changes the guest with `--allow COMMAND`; clients that need others are trusted: `guest-safety`",
    example: #"{"execute":"screendump","arguments":{"filename":"/etc/passwd"}}"#,
    references: ["THREATS.md: The proxy"],
    canBeAllowed: false, check: .command)
}
