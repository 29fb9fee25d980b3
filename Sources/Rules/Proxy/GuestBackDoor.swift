extension Rule {
  /// Refused by the proxy's command filter.
  public static let guestBackDoor = Rule(
    name: "guest-back-door",
    severity: .error,
    summary: "an object that reads and writes the guest from outside",
    why: """
      An object of type `qtest` opens a socket whose commands read and write the guest's memory, ports and interrupts. It \
      is meant for QEMU's tests, and a client that creates one owns the guest and every device assigned to it.
      """,
    fix: "take the object out; to test QEMU, start it with `-qtest`",
    example: #"{"execute":"object-add","arguments":{"qom-type":"qtest","id":"q","chardev":"c2"}}"#,
    references: ["QEMU system/qtest.c: qtest_class_init", "QEMU docs/devel/testing/qtest.rst"],
    canBeAllowed: false, check: .command)
}
