import CLinux
import Facts
import Glibc

/// The host function behind an open descriptor of a vfio cdev, which QEMU gets with `fd=`.
public enum VFIODescriptor {
  /// The function behind a descriptor of this process.
  /// - Parameters:
  ///   - descriptor: a descriptor of this process. The server of its file system is not asked.
  ///   - root: the folder that contains `sys`.
  /// - Returns: `.known(nil)` when it is open and not a vfio cdev. Unknown when it could not be read, when
  ///   it is not open (QEMU may open another file under that number later), and when it
  ///   is a vfio device but not a PCI function.
  public static func device(behind descriptor: Int32, root: String = "/") -> Known<PCIAddress?> {
    var (major, minor) = (UInt32(0), UInt32(0))
    let kind = clinux_character_device(descriptor, &major, &minor)
    guard kind >= 0 else { return .unknown("descriptor \(descriptor)", errnoText(-kind)) }
    return kind == 0 ? .known(nil) : function(major, minor, "descriptor \(descriptor)", FileTree(root: root))
  }

  /// The function behind a descriptor of another process, through /proc. Needs the rights of ptrace(2).
  public static func device(
    behind descriptor: Int32, ofProcess process: Int, root: String = "/"
  ) -> Known<PCIAddress?> {
    let tree = FileTree(root: root)
    let path = "/proc/\(process)/fd/\(descriptor)"
    var status = stat()
    // SAFETY: stat reads the path and fills the structure that it is given.
    // The kernel's own link names an open file, not a path.
    guard stat(tree.place(path, followsLast: false), &status) == 0 else {
      return .unknown("descriptor \(descriptor) of process \(process)", "\(path): \(errnoText(errno))")
    }
    guard status.st_mode & S_IFMT == S_IFCHR else { return .known(nil) }
    let (major, minor) = (UInt32(major(status.st_rdev)), UInt32(minor(status.st_rdev)))
    return function(major, minor, "descriptor \(descriptor) of process \(process)", tree)
  }

  /// A cdev's number leads to `…/0000:06:12.2/vfio-dev/vfio0` (linux drivers/vfio/device_cdev.c).
  private static func function(_ major: UInt32, _ minor: UInt32, _ fact: String, _ tree: FileTree) -> Known<PCIAddress?> {
    let path = "/sys/dev/char/\(major):\(minor)"
    switch tree.link(path) {
    case .failed(let reason): return .unknown(fact, reason)
    // A device that is gone has no entry, nor has any in a view of sysfs that hides some.
    case .absent: return .unknown(fact, "\(path): \(errnoText(ENOENT))")
    case .found(let target):
      let parts = target.split(separator: "/")
      guard parts.count > 2, parts[parts.count - 2] == "vfio-dev" else { return .known(nil) }
      let parent = parts[parts.count - 3]
      return PCIAddress(parent).map { .known($0) } ?? .unknown(fact, "vfio device `\(parent)` is not a PCI function")
    }
  }

  /// Linux's encoding of device numbers in user space (glibc bits/sysmacros.h).
  private static func major(_ device: dev_t) -> dev_t { device >> 8 & 0xfff | device >> 32 & ~0xfff }
  private static func minor(_ device: dev_t) -> dev_t { device & 0xff | device >> 12 & ~0xff }
}
