extension Rule {
  /// Refused by the proxy's command filter.
  public static let secondMonitor = Rule(
    name: "second-monitor",
    severity: .error,
    summary: "a command that opens another monitor of the guest",
    why: """
      The proxy filters the commands of its own monitor. Through a second one a client sends QEMU anything, also what \
      crashes the guest: `object-add` creates monitors, `add_client` can connect a passed socket to a monitor's \
      character device, and the packets of `gdbserver` include human monitor commands.
      """,
    fix: "start QEMU with every monitor it needs, each behind a proxy of its own",
    example: #"{"execute":"object-add","arguments":{"qom-type":"monitor-qmp","id":"m2","chardev":"c2"}}"#,
    references: [
      "QEMU qapi/qom.json: ObjectType",
      "QEMU qapi/misc.json: add_client",
      "QEMU gdbstub: qRcmd",
      "THREATS.md: The proxy",
    ],
    canBeAllowed: false, check: .command)
}
