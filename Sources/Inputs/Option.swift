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
  static let withoutArgument: Set<String> = [
    "h", "help", "version", "mem-prealloc", "snapshot", "usb", "nographic", "full-screen", "win2k-hack",
    "no-fd-bootchk", "preconfig", "S", "s", "enable-kvm", "xen-attach", "xen-domid-restrict", "no-reboot",
    "no-shutdown", "daemonize", "only-migratable", "nodefaults", "no-user-config",
    "enable-sync-profile", "perfmap", "jitdump", "old-param", "semihosting",
    // gone by 11.1, and still in people's scripts
    "no-hpet", "no-acpi", "no-quit", "no-frame", "alt-grab", "ctrl-grab", "singlestep", "nodefconfig",
    "portrait", "no-kvm", "no-kvm-irqchip", "no-kvm-pit-reinjection", "sdl", "curses",
  ]
}
