extension Rule {
  /// Refused by the proxy's command filter.
  public static let fdOfAnotherClient = Rule(
    name: "fd-of-another-client",
    severity: .error,
    summary: "a descriptor that another client of the proxy has passed",
    why: """
      QEMU keeps one set of `getfd` names for all clients of a monitor. A client that uses, replaces or closes the \
      descriptor of another one would give that client's request a different device.
      """,
    fix: "pass the descriptor again under a name of your own: `getfd`",
    example: #"{"execute":"closefd","arguments":{"fdname":"gpu"}}   (client 2 passed `gpu`)"#,
    references: ["QEMU monitor/fds.c: qmp_getfd", "QEMU qapi/misc.json: getfd"],
    canBeAllowed: false, check: .command)
}
