extension Rule {
  /// Refused by the proxy's command filter.
  public static let unlistedQOMProperty = Rule(
    name: "unlisted-qom-property",
    severity: .error,
    summary: "`qom-set` of a property that management programs do not set",
    why: """
      Most properties are meant to be set before an object is used. Set in a running guest, some crash it (`fd` of a vfio \
      device), some do nothing but change what QEMU reports (`default-bus-bypass-iommu`), and some belong to a monitor. The \
      proxy passes the properties that management programs set: the balloon's polling interval, virtio-mem's \
      `requested-size`, parameters of I/O threads, limits of throttle groups, and the ids of D-Bus state.
      """,
    fix: "set the property when the object is created: in `object-add`, `device_add` or on the command line",
    example: #"{"execute":"qom-set","arguments":{"path":"/machine/peripheral/gpu","property":"fd","value":"x"}}"#,
    references: ["QEMU qom/qom-qmp-cmds.c: qmp_qom_set", "libvirt src/qemu/qemu_monitor_json.c: qom-set", "THREATS.md: The proxy"],
    canBeAllowed: false, check: .command)
}
