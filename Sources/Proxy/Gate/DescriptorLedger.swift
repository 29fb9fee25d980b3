import Common
import Facts
import Glibc
import Host
import Syntax

/// Descriptors that QEMU has, as far as they passed through the proxy: by getfd's name, and by number.
struct DescriptorLedger {
  struct Entry {
    let function: Known<PCIAddress?>
    let isIOMMUFD: Bool

    init(_ descriptor: Int32) {
      function = VFIODescriptor.device(behind: descriptor)
      isIOMMUFD = DescriptorLedger.isIOMMU(descriptor)
    }
  }

  /// Functions by the value of `fd`: a name, or a number as text.
  private(set) var entries: [WireText: Entry] = [:]
  /// Numbers that devices and objects use directly: QEMU does not duplicate them.
  var numbersInUse: Set<Int32> = []

  mutating func keep(_ name: WireText, _ entry: Entry?) { entries[name] = entry }

  /// The function behind `fd=`; nil when it cannot be determined.
  func function(_ fd: WireText, process: pid_t?) -> Known<PCIAddress?>? {
    if let entry = entries[fd] { return entry.function }
    guard let number = fd.number, let process else { return nil }
    return VFIODescriptor.device(behind: number, ofProcess: Int(process))
  }

  func isIOMMUFD(_ fd: WireText, process: pid_t?) -> Known<Bool> {
    if let entry = entries[fd] { return .known(entry.isIOMMUFD) }
    guard let number = fd.number, let process else {
      return .unknown("descriptor \(fd)", "it did not pass through the proxy")
    }
    var path = [CChar](repeating: 0, count: 64)
    // SAFETY: readlink writes at most the buffer's own count.
    let count = readlink("/proc/\(process)/fd/\(number)", &path, path.count)
    guard count > 0 else { return .unknown("descriptor \(fd)", errnoText(errno)) }
    return .known(path.prefix(count).map { UInt8(bitPattern: $0) }.elementsEqual("/dev/iommu".utf8))
  }

  /// The misc device of that name (linux drivers/iommu/iommufd/main.c).
  private static func isIOMMU(_ descriptor: Int32) -> Bool {
    var given = stat()
    var node = stat()
    // SAFETY: both calls fill the structure that they are given.
    guard fstat(descriptor, &given) == 0, stat("/dev/iommu", &node) == 0 else { return false }
    return given.st_mode & S_IFMT == S_IFCHR && given.st_rdev == node.st_rdev
  }
}
