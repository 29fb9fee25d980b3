import CLinux
import Facts
import Glibc

extension FileTree {
  /// The kind of file system that a path is on: the file's, or that of the nearest folder that exists, where it would be
  /// created (statfs(2); linux include/uapi/linux/magic.h).
  func fileSystem(of path: String) -> Known<FileSystemKind> {
    let fact = "file system of \(path)"
    guard path.hasPrefix("/") else { return .unknown(fact, "relative to the folder that QEMU runs in") }
    var parts = path.split(separator: "/")
    while true {
      var magic: UInt64 = 0
      // SAFETY: the path is copied to a C string, and the out-pointer is to a local; both live for the call.
      let error = -clinux_file_system(place("/" + parts.joined(separator: "/")), &magic)
      if error == 0 { return kind(magic, fact) }
      guard error == ENOENT || error == ENOTDIR, parts.popLast() != nil else { return .unknown(fact, errnoText(error)) }
    }
  }

  private func kind(_ magic: UInt64, _ fact: String) -> Known<FileSystemKind> {
    switch magic {
    case 0x0102_1994, 0x9584_58f6, 0x8584_58f6: return .known(.memory)
    // The mapping is that of a file of one of its layers.
    case 0x794c_7630: return .unknown(fact, "it is an overlay")
    default: return .known(.disk)
    }
  }

  /// The description of a network of libvirt (libvirt src/network/bridge_driver.c: networkStateInitialize). A network that is
  /// not in the folder may be one that was not made permanent, or of another connection.
  func libvirtNetwork(_ name: String) -> Known<String> {
    let fact = "network `\(name)`", folder = "/etc/libvirt/qemu/networks"
    // The name is from a definition, and must not name a file elsewhere. libvirt refuses a slash too.
    guard !name.isEmpty, !name.contains("/"), !name.hasPrefix(".") else { return .unknown(fact, "the name is not a network's") }
    switch text("\(folder)/\(name).xml", limit: 1 << 20) {
    case .absent: return .unknown(fact, "\(folder) has no description of it")
    case .failed(let reason): return .unknown(fact, reason)
    case .found(let text): return .known(text)
    }
  }

  /// The folder of libvirt's memory files: `memory_backing_dir` of qemu.conf (libvirt src/qemu/qemu.conf.in).
  var libvirtMemoryFolder: Known<String> {
    let fact = "libvirt's memory_backing_dir", byDefault = "/var/lib/libvirt/qemu/ram"
    switch text("/etc/libvirt/qemu.conf", limit: 1 << 20) {
    case .absent: return .known(byDefault)
    case .failed(let reason): return .unknown(fact, reason)
    case .found(let text):
      var folder = byDefault
      for line in text.split(separator: "\n") {
        let words = line.split(separator: "=", maxSplits: 1)
        guard words.count == 2, words[0].filter({ $0 != " " && $0 != "\t" }) == "memory_backing_dir" else { continue }
        let quoted = words[1].split(separator: "\"", omittingEmptySubsequences: false)
        if quoted.count >= 3 { folder = String(quoted[1]) }
      }
      return .known(folder)
    }
  }
}
