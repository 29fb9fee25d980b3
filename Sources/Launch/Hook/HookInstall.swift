import Common
import Glibc
import Report
import Syntax

/// `vfiogate hook install`: a script in libvirt's folder of hooks that calls this program.
public struct HookInstall: Sendable {
  /// libvirt's folder of hooks.
  public var folder: String
  /// Options of `vfiogate hook libvirt` in the script.
  public var options: [String]

  /// Creates an installation.
  public init(folder: String, options: [String]) {
    self.folder = folder
    self.options = options
  }

  static let name = "50-vfiogate"

  /// Writes the script and makes it executable.
  public func run() -> Answer {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    // SAFETY: readlink(2) writes at most buffer.count bytes.
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    guard count > 0 else { return .couldNotLook("/proc/self/exe: \(errnoText(errno))") }
    let program = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    let path = "\(folder)/qemu.d/\(HookInstall.name)"
    for directory in [folder, "\(folder)/qemu.d"] where mkdir(directory, 0o755) != 0 && errno != EEXIST {
      return .couldNotLook("\(directory): \(errnoText(errno))")
    }
    do {
      // libvirt ignores a hook that is not executable.
      try OutputFile.write(script(program), to: path, mode: 0o755)
    } catch {
      return .couldNotLook("\(error)")
    }
    return Answer(
      output: """
        installed \(printable(path))
        libvirt searches for hooks when its daemon starts: restart it if this folder was empty before

        """)
  }

  private func script(_ program: String) -> String {
    let command = ([program, "hook", "libvirt"] + options).map(HookInstall.quoted).joined(separator: " ")
    return """
      #!/bin/sh
      # Written by `vfiogate hook install`. Refuses guests whose PCI passthrough would fail; see vfiogate-hook-libvirt(1).
      exec \(command) -- "$@"

      """
  }

  private static func quoted(_ text: String) -> String {
    let needsNoQuotes = !text.isEmpty && text.utf8.allSatisfy { $0.isASCIILetterOrDigit || "-_./:=,+@%".utf8.contains($0) }
    return needsNoQuotes ? text : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}
