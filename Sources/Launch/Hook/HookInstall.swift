import Common
import Glibc
import Report

/// `vfiogate hook install`: a script in libvirt's folder of hooks that calls this program.
public struct HookInstall: Sendable {
  /// libvirt's folder of hooks.
  public var folder: String
  /// Options of `vfiogate hook libvirt`, as they are to stand in the script.
  public var options: [String]

  public init(folder: String, options: [String]) {
    self.folder = folder
    self.options = options
  }

  static let name = "50-vfiogate"

  public func run() -> Answer {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    // SAFETY: readlink(2) writes at most buffer.count bytes.
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    guard count > 0 else { return .couldNotLook("/proc/self/exe: \(String(cString: strerror(errno)))") }
    let program = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    let path = "\(folder)/qemu.d/\(HookInstall.name)"
    for directory in [folder, "\(folder)/qemu.d"] where mkdir(directory, 0o755) != 0 && errno != EEXIST {
      return .couldNotLook("\(directory): \(String(cString: strerror(errno)))")
    }
    do {
      try OutputFile.write(script(program), to: path)
    } catch {
      return .couldNotLook("\(error)")
    }
    // libvirt passes over a hook that is not executable.
    guard chmod(path, 0o755) == 0 else { return .couldNotLook("\(path): \(String(cString: strerror(errno)))") }
    return Answer(
      output: """
        installed \(printable(path))
        libvirt looks for hooks when its daemon starts: restart it if this folder held none before

        """)
  }

  private func script(_ program: String) -> String {
    let words = ([program, "hook", "libvirt"] + options).map(HookInstall.quoted).joined(separator: " ")
    return """
      #!/bin/sh
      # Written by `vfiogate hook install`. Refuses guests whose PCI passthrough would fail; see vfiogate.hook.libvirt(1).
      exec \(words) -- "$@"

      """
  }

  private static func quoted(_ word: String) -> String {
    let isPlain = !word.isEmpty && word.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
        || "-_./:=,+@%".utf8.contains(byte)
    }
    return isPlain ? word : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}
