extension Rule {
  /// Refused by the proxy's command filter.
  public static let fdInUse = Rule(
    name: "fd-in-use",
    severity: .error,
    summary: "a descriptor that QEMU uses is closed, or given a second user",
    why: """
      A device created with `fd=NUMBER` uses the descriptor itself, without a copy. `remove-fd` closes every descriptor of \
      its set, and a network backend, a character device or a migration that is given the same number closes it when it ends \
      or fails. The running device then works on a closed descriptor, or on another file that QEMU opens later under \
      the same number. So a number of `add-fd` serves one command, until `add-fd` gives it again. A number that did \
      not come through the proxy may be any descriptor of QEMU's own. A guest that is to be read (`migrate-incoming`) \
      may come from a file or pipe that QEMU has inherited, as libvirt restores it.
      """,
    fix: "pass descriptors by name (`getfd`); unplug the device before its descriptor is removed",
    example: #"{"execute":"remove-fd","arguments":{"fdset-id":1,"fd":23}}   (and a device has `fd=23`)"#,
    references: ["QEMU monitor/fds.c: qmp_remove_fd", "QEMU qapi/misc.json: remove-fd"],
    canBeAllowed: false, check: .command)
}
