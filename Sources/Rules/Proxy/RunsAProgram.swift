extension Rule {
  /// Refused by the proxy's command filter.
  public static let runsAProgram = Rule(
    name: "runs-a-program",
    severity: .error,
    summary: "a migration over `exec`, which runs a program as QEMU's user",
    why: """
      The `exec` transport of `migrate`, `migrate-incoming` and `migrate-recover` starts a program with QEMU's \
      permissions. That program can open QEMU's descriptors and monitors, so it is a way past the proxy.
      """,
    fix: "migrate over a socket: `unix:PATH` or `tcp:HOST:PORT`",
    example: #"{"execute":"migrate","arguments":{"uri":"exec:cat > /tmp/state"}}"#,
    references: [
      "QEMU migration/exec.c: exec_start_outgoing_migration",
      "QEMU qapi/migration.json: MigrationAddressType",
    ],
    canBeAllowed: false, check: .command)
}
