import Facts
import Syntax

/// QEMU's options, as far as reading a command line needs them (QEMU qemu-options.hx, 11.1).
enum Option {
  /// The name of an option word: one dash or two; nil for anything else.
  static func name(_ word: Word) -> String? {
    let text = word.text
    guard text.hasPrefix("-"), text != "-" else { return nil }
    return String(text.dropFirst(text.hasPrefix("--") ? 2 : 1))
  }

  /// Every other option takes one argument.
  static let withoutArgument = MachineConfig.flags

  /// Options with an argument, of every target and of releases back to 4.0: QEMU stops at any other.
  static let withArgument: Set<String> = [
    "D", "L", "M", "accel", "acpitable", "action", "add-fd", "append", "audio", "audiodev", "bios", "blockdev", "boot",
    "cdrom", "chardev", "chroot", "compat", "cpu", "d", "debugcon", "device", "dfilter", "display", "drive", "dtb",
    "dump-vmstate", "echr", "fda", "fdb", "fsdev", "fw_cfg", "g", "gdb", "global", "hda", "hdb", "hdc", "hdd", "icount",
    "incoming", "initrd", "iscsi", "k", "kernel", "loadvm", "m", "machine", "mem-path", "mon", "monitor", "msg", "mtdblock",
    "name", "net", "netdev", "nic", "numa", "object", "option-rom", "overcommit", "parallel", "pflash", "pidfile", "plugin",
    "prom-env", "qmp", "qmp-pretty", "qtest", "qtest-log", "readconfig", "rotate", "rtc", "run-with", "runas", "sandbox",
    "sd", "seed", "semihosting-config", "serial", "set", "shim", "smbios", "smp", "soundhw", "spice", "tb-size", "tpmdev",
    "trace", "usbdevice", "uuid", "vga", "virtfs", "virtfs_synth", "vnc", "watchdog", "watchdog-action", "writeconfig",
    "xen-domid", "realtime", "balloon", "clock", "tdf", "startdate", "bt", "id"
  ]

  static func isKnown(_ name: String) -> Bool { withArgument.contains(name) || withoutArgument.contains(name) }

  /// Whether a word is an option of QEMU.
  static func isKnown(_ word: Word) -> Bool { name(word).map { isKnown($0) } == true }

  /// The option that a misspelt name is one typing error away from: a letter more, less or other, or two exchanged.
  static func meant(by name: String) -> String? {
    Misspelling.meant(by: name, among: withArgument.union(withoutArgument), errors: 1)
  }
}
