extension Rule {
  /// Refused by the proxy's command filter.
  public static let deletesAMonitor = Rule(
    name: "deletes-a-monitor",
    severity: .error,
    summary: "a command that deletes a monitor of the guest, or ends its connection",
    why: """
      Since QEMU 11.1 monitors are objects, those of `-mon` too. `object-del` of one takes the guest's monitor from the \
      program that uses it, which may be the proxy itself. `yank` of a monitor's character device ends its connection, for the \
      proxy and for all of its clients.
      """,
    fix: "leave the monitor; to end its use, disconnect from it",
    example: #"{"execute":"object-del","arguments":{"id":"compat_monitor0"}}"#,
    references: ["QEMU qapi/qom.json: ObjectType", "THREATS.md: The proxy"],
    canBeAllowed: false, check: .command)
}
