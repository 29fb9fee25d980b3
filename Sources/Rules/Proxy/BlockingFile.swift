extension Rule {
  /// Refused by the proxy's command filter.
  public static let blockingFile = Rule(
    name: "blocking-file",
    severity: .error,
    summary: "QEMU would wait at a file or a socket, and with it the guest",
    why: """
      QEMU opens and reads files in its main thread. A FIFO cannot be opened before another process has opened its other end, \
      and a device such as `/dev/zero` is never read to its end: until then neither the guest runs nor a monitor \
      answers. A FIFO is refused also where it has another end at the moment, which may read nothing. A character \
      device of type `pipe` opens its FIFOs for reading and writing, and waits for nothing. One of type `socket` that \
      listens waits for its first client where it has `wait`, which the human monitor's `server=on` implies.
      """,
    fix: """
      name a regular file, or pass an open descriptor (`add-fd`, and `/dev/fdset/N` as the file's name); give a socket that \
      listens `wait=off`
      """,
    example: #"{"execute":"object-add","arguments":{"qom-type":"secret","id":"s","file":"/dev/zero"}}"#,
    references: [
      "fifo(7)", "QEMU system/cpus.c: qmp_pmemsave", "QEMU crypto/secret.c: qcrypto_secret_load_data",
      "QEMU chardev/char-socket.c: qmp_chardev_open_socket",
    ],
    canBeAllowed: false, check: .command)
}
