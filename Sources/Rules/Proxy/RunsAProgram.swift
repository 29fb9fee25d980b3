extension Rule {
  /// Refused by the proxy's command filter.
  public static let runsAProgram = Rule(
    name: "runs-a-program",
    severity: .error,
    summary: "a command that makes QEMU run a program",
    why: """
      A program that QEMU starts has QEMU's permissions: it can open QEMU's descriptors and monitors, so it is a way past \
      the proxy. The `exec` transport of `migrate`, `migrate-incoming` and `migrate-recover` starts one, so does a migration \
      in the mode `cpr-exec`, and so do network backends with `helper`, `script`, `downscript`, `smb`, `guestfwd` with `cmd`, \
      and `path` of passt. A tap network that QEMU opens itself runs /etc/qemu-ifup and /etc/qemu-ifdown unless it has `script=no` \
      and `downscript=no`. QEMU's own bridge helper passes.
      """,
    fix: "migrate over a socket: `unix:PATH` or `tcp:HOST:PORT`; pass network devices as descriptors: `fd=NAME`",
    example: #"{"execute":"migrate","arguments":{"uri":"exec:cat > /tmp/state"}}"#,
    references: [
      "QEMU migration/exec.c: exec_start_outgoing_migration",
      "QEMU qapi/migration.json: MigrationAddressType, MigMode",
      "QEMU qapi/net.json: NetdevTapOptions, NetdevBridgeOptions, NetdevUserOptions, NetdevPasstOptions",
    ],
    canBeAllowed: false, check: .command)
}
