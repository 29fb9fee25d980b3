import Common
import Facts
import Glibc
import Syntax

/// The memory that QEMU has locked, and its limit, in bytes (Documentation/filesystems/proc.rst).
struct LockedMemoryUse: Equatable {
  /// RLIMIT_MEMLOCK; nil is unlimited, also by CAP_IPC_LOCK.
  let limit: UInt64?
  /// The part that counts for the legacy backend (linux drivers/vfio/vfio_iommu_type1.c: vfio_lock_acct).
  let locked: UInt64
  /// The part that counts for iommufd, of this process (linux drivers/iommu/iommufd/pages.c: incr_user_locked_vm).
  let pinned: UInt64

  /// Reads /proc.
  static func read(of process: pid_t?) throws(Unknown) -> LockedMemoryUse {
    let name = "QEMU's locked memory"
    guard let process else { throw Unknown(name, reason: "its process is not known") }
    func text(_ file: String) throws(Unknown) -> WireText {
      do throws(PathError) {
        return WireText(bytes: try InputFile.read("/proc/\(process)/\(file)", limit: 1 << 16).bytes)
      } catch {
        throw Unknown(name, reason: "\(error)")
      }
    }
    return try parse(limits: try text("limits"), status: try text("status"))
  }

  /// Parses /proc/PID/limits and /proc/PID/status.
  static func parse(limits: WireText, status: WireText) throws(Unknown) -> LockedMemoryUse {
    func words(_ text: WireText, _ begin: WireText) throws(Unknown) -> [WireText] {
      guard let line = text.split("\n").first(where: { $0.hasPrefix(begin) }) else {
        throw Unknown("QEMU's locked memory", reason: "/proc has no `\(begin)`")
      }
      return line.dropping(begin.bytes.count).words
    }
    func kibibytes(_ begin: WireText) throws(Unknown) -> UInt64 {
      guard let number = try words(status, begin).first.flatMap({ UInt64($0.description) }), number < 1 << 50 else {
        throw Unknown("QEMU's locked memory", reason: "`\(begin)` in /proc is not a number")
      }
      return number << 10
    }
    let soft = try words(limits, "Max locked memory").first
    let capabilities = try words(status, "CapEff:").first.flatMap { UInt64($0.description, radix: 16) }
    guard let soft, let capabilities, soft == "unlimited" || UInt64(soft.description) != nil else {
      throw Unknown("QEMU's locked memory", reason: "its limit in /proc is not a number")
    }
    // CAP_IPC_LOCK is 14 (linux include/uapi/linux/capability.h).
    let isUnlimited = soft == "unlimited" || capabilities & 1 << 14 != 0
    return LockedMemoryUse(
      limit: isUnlimited ? nil : UInt64(soft.description), locked: try kibibytes("VmLck:"), pinned: try kibibytes("VmPin:"))
  }
}
