extension Rule {
  /// Refused by the proxy's command filter.
  public static let replacesASocket = Rule(
    name: "replaces-a-socket",
    severity: .error,
    summary: "a socket at the proxy's own path, or at that of the guarded monitor",
    why: """
      A listening socket of QEMU's replaces the file at its path: at the proxy's, clients would talk to that socket instead. A \
      connection of QEMU's to its own monitor would be a client that the proxy does not see.
      """,
    fix: "use another path",
    example: #"{"execute":"human-monitor-command","arguments":{"command-line":"chardev-add socket,id=c,path=/run/guest.qmp"}}"#,
    references: ["QEMU util/qemu-sockets.c: unix_listen_saddr", "THREATS.md: The proxy"],
    canBeAllowed: false, check: .command)
}
