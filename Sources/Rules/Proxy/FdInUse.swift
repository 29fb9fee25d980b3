extension Rule {
  /// Refused by the proxy's command filter.
  public static let fdInUse = Rule(
    name: "fd-in-use",
    severity: .error,
    summary: "`remove-fd` of a descriptor that a running device uses",
    why: """
      A device created with `fd=NUMBER` uses the descriptor itself, without a copy. `remove-fd` closes every descriptor of \
      its set, and the running device then works on a closed descriptor, or on another file that QEMU opens later under \
      the same number.
      """,
    fix: "unplug the device first: `device_del`, then wait for DEVICE_DELETED",
    example: #"{"execute":"remove-fd","arguments":{"fdset-id":1,"fd":23}}   (and a device has `fd=23`)"#,
    references: ["QEMU monitor/fds.c: qmp_remove_fd", "QEMU qapi/misc.json: remove-fd"],
    canBeAllowed: false, check: .command)
}
