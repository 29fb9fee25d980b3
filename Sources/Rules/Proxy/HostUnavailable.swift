extension Rule {
  /// Refused by the proxy's command filter.
  public static let hostUnavailable = Rule(
    name: "host-unavailable",
    severity: .error,
    summary: "the proxy cannot read the state of the host",
    why: """
      The rules need facts about the host before a device is plugged. When none of them can be read the proxy refuses the \
      plug, because a device that QEMU or the kernel would reject, or that would crash the guest, cannot be distinguished \
      from a good one.
      """,
    fix: "let the proxy's user read /sys and /dev/vfio, or correct the recording that `--host` names",
    example: #"{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"gpu","host":"0000:01:00.0"}}   (and no /sys)"#,
    references: ["README.md: Proxy"],
    canBeAllowed: false, check: .command)
}
