import CLinux
import Facts
import Glibc

/// The facts about the kernel, and about the user that runs this program.
struct LiveKernel {
  let tree: FileTree

  var release: Known<String> { required("/proc/sys/kernel/osrelease", fact: "kernel release") }
  var commandLine: Known<String> { required("/proc/cmdline", fact: "kernel command line") }

  private func required(_ path: String, fact: String) -> Known<String> {
    tree.text(path).known(fact, absent: .unknown(fact, "\(path): \(errnoText(ENOENT))"))
  }

  /// The options that findings refer to.
  static let options = [
    "CONFIG_AMD_IOMMU", "CONFIG_ARM64_16K_PAGES", "CONFIG_ARM64_4K_PAGES", "CONFIG_ARM64_64K_PAGES", "CONFIG_ARM_SMMU_V3",
    "CONFIG_INTEL_IOMMU",
    "CONFIG_INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON", "CONFIG_IOMMUFD", "CONFIG_PCI_ATS", "CONFIG_TEGRA241_CMDQV",
    "CONFIG_VFIO", "CONFIG_VFIO_DEVICE_CDEV", "CONFIG_VFIO_PCI", "CONFIG_VFIO_PCI_IGD", "CONFIG_VFIO_PCI_VGA",
  ]

  /// The configuration from the plain files of distributions, and without such a file from the kernel
  /// itself (CONFIG_IKCONFIG_PROC), as on Arch Linux and NixOS.
  func config(release: Known<String>) -> Known<[String: String]> {
    let fact = "kernel configuration"
    guard case .known(let release) = release, !release.contains("/") else {
      return .unknown(fact, "the kernel release is not known")
    }
    for path in ["/boot/config-\(release)", "/lib/modules/\(release)/config"] {
      if case .found(let bytes) = tree.bytes(path, limit: 1 << 20) {
        return .known(LiveKernel.options(in: bytes))
      }
    }
    let own = "/proc/config.gz"
    guard case .found(let packed) = tree.bytes(own, limit: 1 << 20) else {
      return .unknown(fact, "no readable /boot/config-\(release), /lib/modules/\(release)/config or \(own)")
    }
    guard let bytes = GzipText.unpack(packed, limit: 1 << 20) else { return .unknown(fact, "\(own) cannot be unpacked") }
    return .known(LiveKernel.options(in: bytes))
  }

  /// `CONFIG_X=y` and `# CONFIG_X is not set`. An option that the file does not mention could not
  /// be chosen, because something that it depends on is off.
  static func options(in bytes: [UInt8]) -> [String: String] {
    var found: [String: String] = [:]
    for name in options { found[name] = "n" }
    let names = options.map { Array(($0 + "=").utf8) }
    // A quarter of a megabyte, of which eight lines matter: comparing whole lines would take most of the time.
    bytes.withUnsafeBufferPointer { text in
      var start = 0
      while start < text.count {
        let rest = UnsafeBufferPointer(rebasing: text[start...])
        let end = rest.firstIndex(of: 0x0a) ?? rest.count
        if rest[0] == UInt8(ascii: "C"), let index = names.firstIndex(where: { rest[..<end].starts(with: $0) }) {
          found[options[index]] = String(decoding: rest[names[index].count..<end], as: UTF8.self)
        }
        start += end + 1
      }
    }
    return found
  }

  /// The effective user, for whom the facts about access are true.
  static var user: String { geteuid() == 0 ? "root" : "uid \(geteuid())" }

  /// RLIMIT_MEMLOCK's soft limit, nil when there is none.
  static var memlock: Known<UInt64?> {
    var bytes: UInt64 = 0
    var unlimited: Int32 = 0
    // SAFETY: both out-pointers are to locals that live for the call.
    let result = clinux_memlock_limit(&bytes, &unlimited)
    if result < 0 { return .unknown("memlock limit", "getrlimit: \(errnoText(-result))") }
    return .known(unlimited != 0 ? nil : bytes)
  }
}
