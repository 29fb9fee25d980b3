import Facts
import Glibc

/// Modules for particular devices, by modules.alias of the running kernel.
struct LiveModules {
  private let aliases: ReadResult<[(pattern: String, module: String)]>

  init(_ tree: FileTree, release: Known<String>) {
    guard case .known(let release) = release, !release.contains("/") else {
      aliases = .failed("the kernel release is not known")
      return
    }
    let path = "/lib/modules/\(release)/modules.alias"
    switch tree.bytes(path, limit: 16 << 20) {
    case .failed(let reason): aliases = .failed(reason)
    case .absent: aliases = .failed("\(path): \(errnoText(ENOENT))")
    case .found(let bytes): aliases = .found(LiveModules.aliases(in: bytes))
    }
  }

  /// Lines such as `alias vfio_pci:v000010DEd00002342sv*sd*bc*sc*i* nvgrace_gpu_vfio_pci` (linux
  /// scripts/mod/file2alias.c: do_pci_entry). They are a few among tens of thousands.
  private static func aliases(in bytes: [UInt8]) -> [(pattern: String, module: String)] {
    let mark = Array("alias vfio_pci:".utf8)
    var found: [(pattern: String, module: String)] = []
    bytes.withUnsafeBytes { whole in
      guard let base = whole.baseAddress else { return }
      var at = 0
      while at < whole.count {
        // SAFETY: the search begins inside of the array and ends with it.
        let hit = memchr(base + at, 0x0a, whole.count - at)
        let end = hit.map { UnsafeRawPointer($0) - base } ?? whole.count
        if whole[at..<end].starts(with: mark) {
          let words = String(decoding: whole[(at + mark.count)..<end], as: UTF8.self).split(separator: " ")
          if words.count == 2, words[1] != "vfio_pci" { found.append((String(words[0]), String(words[1]))) }
        }
        at = end + 1
      }
    }
    return found
  }

  func variants(of device: HostDevice) -> Known<[String]> {
    let fact = "variant drivers of \(device.address)"
    guard case .found(let aliases) = aliases else {
      if case .failed(let reason) = aliases { return .unknown(fact, reason) }
      return .unknown(fact, "modules.alias is missing")
    }
    return device.vendor.flatMap { vendor in
      device.device.map { id in
        let wanted = "v0000\(vendor.hexadecimal(digits: 4, uppercase: true))d0000\(id.hexadecimal(digits: 4, uppercase: true))s"
        let modules = aliases.filter { $0.pattern.hasPrefix(wanted) }.map(\.module)
        return Array(Set(modules)).sorted()
      }
    }
  }
}
