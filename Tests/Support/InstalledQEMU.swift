import Glibc

/// The QEMUs of this machine, each a program that can be started by its path alone.
public enum InstalledQEMU {
  /// The distribution's; nil when it is not installed.
  public static var ofDistribution: String? { Child.find("qemu-system-x86_64") }

  /// QEMU 11.1 in the lab's root, through a script that names the root's loader, libraries and modules; nil where
  /// scripts/lab has not made the root.
  public static func ofLab(in directory: TemporaryDirectory) throws -> String? {
    try ofLab("root", "qemu-system-x86_64", in: directory)
  }

  /// QEMU for Arm: the distribution's, else that of the lab on arm64; nil where neither is there.
  public static func ofArm(in directory: TemporaryDirectory) throws -> String? {
    try Child.find("qemu-system-aarch64") ?? ofLab("arm64", "qemu-system-aarch64", in: directory)
  }

  private static func ofLab(_ folder: String, _ name: String, in directory: TemporaryDirectory) throws -> String? {
    let home = getenv("HOME").map { String(cString: $0) } ?? "/root"
    let root = home + "/.cache/vfiogate/lab/" + folder
    guard access(root + "/usr/bin/" + name, X_OK) == 0 else { return nil }
    let path = directory.path + "/" + name
    let libraries = root + "/usr/lib/x86_64-linux-gnu"
    let script = """
      #!/bin/sh
      export QEMU_MODULE_DIR=\(libraries)/qemu
      exec \(root)/lib64/ld-linux-x86-64.so.2 --library-path \(libraries) \(root)/usr/bin/\(name) \
      -L \(root)/usr/share/qemu -L \(root)/usr/share/seabios "$@"

      """
    try writeFile(path, script, mode: 0o755)
    return path
  }

  /// Whether a QEMU has a device: distributions ship some as modules of their own packages.
  public static func has(_ device: String, _ program: String) throws -> Bool {
    String(decoding: try Child.run(program, ["-device", "help"]).output, as: UTF8.self).contains("name \"\(device)\"")
  }

  /// Both, as far as they are there.
  public static func all(in directory: TemporaryDirectory) throws -> [String] {
    [ofDistribution, try ofLab(in: directory)].compactMap { $0 }
  }
}
