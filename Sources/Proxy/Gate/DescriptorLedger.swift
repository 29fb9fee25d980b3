import CLinux
import Common
import Facts
import Glibc
import Host
import QMP
import Syntax

/// Descriptors that QEMU has, as far as they passed through the proxy: by getfd's name, and by number.
struct DescriptorLedger {
  struct Entry {
    let function: Known<PCIAddress?>
    let isIOMMUFD: Bool
    /// Whether it is the host's device of vhost networks; nil where that is not known.
    let isVhostNet: Bool?

    init(function: Known<PCIAddress?>, isIOMMUFD: Bool, isVhostNet: Bool? = nil) {
      self.function = function
      self.isIOMMUFD = isIOMMUFD
      self.isVhostNet = isVhostNet
    }

    init(_ descriptor: Int32) {
      function = VFIODescriptor.device(behind: descriptor)
      isIOMMUFD = DescriptorLedger.isIOMMU(descriptor)
      isVhostNet = DescriptorLedger.isVhostNet(descriptor)
    }
  }

  /// Functions by the value of `fd`: a name, or a number as text.
  private(set) var entries: [WireText: Entry] = [:]
  /// Numbers that devices and objects use directly, each with its user's path in QEMU's object tree: QEMU does not duplicate
  /// them.
  var numbersInUse: [Int32: WireText] = [:]

  mutating func keep(_ name: WireText, _ entry: Entry?) { entries[name] = entry }

  /// QEMU has a new descriptor of this number: no earlier user has it any more.
  mutating func opened(_ number: Int32, _ entry: Entry?) {
    keep(WireText(String(number)), entry)
    numbersInUse[number] = nil
  }

  /// A user whose end is not noticed: it has no id, or failed and may have closed the descriptor.
  static let unnamed: WireText = ""

  /// The path of a device.
  static func device(_ id: WireText?) -> WireText { id.map { WireText("/machine/peripheral/\($0)") } ?? unnamed }

  /// Forgets the numbers of devices that are gone.
  mutating func forgetDevices(except ids: Set<WireText>) {
    let there = Set(ids.map(DescriptorLedger.device))
    forgetNumbers { $0.hasPrefix("/machine/peripheral/") && !there.contains($0) }
  }

  /// Forgets the numbers of users that are gone: QEMU has closed them, and opens other files under them.
  private mutating func forgetNumbers(where isGone: (WireText) -> Bool) {
    for (number, user) in numbersInUse where isGone(user) {
      numbersInUse[number] = nil
      keep(WireText(String(number)), nil)
    }
  }

  /// The path of a device or object that a command makes; nil for any other command.
  static func user(of command: WireText, _ arguments: JSON?) -> WireText? {
    let id = arguments?.wire("id")
    switch command {
    case "device_add": return device(id)
    case "object-add": return id.map { WireText("/objects/\($0)") } ?? unnamed
    default: return nil
    }
  }

  /// The questions whose answers `forgetUsers` expects.
  static let questions = [Command("qom-list", ["path": "/machine/peripheral"]), Command("qom-list", ["path": "/objects"])]

  /// Forgets the numbers of devices and objects that are gone.
  /// - Parameter hidden: ids of devices that QEMU keeps back, which are in no list.
  mutating func forgetUsers(missingFrom answers: [Result<JSON, CommandError>], hidden: some Sequence<WireText>) {
    var there: Set<WireText> = [DescriptorLedger.unnamed]
    for (index, folder) in ["/machine/peripheral/", "/objects/"].enumerated() {
      guard index < answers.count, case .success(let list) = answers[index] else { return }
      for item in list.array ?? [] { if let name = item.wire("name") { there.insert(WireText("\(folder)\(name)")) } }
    }
    for id in hidden { there.insert(DescriptorLedger.device(id)) }
    forgetNumbers { !there.contains($0) }
  }

  /// The function behind `fd=`; nil when it cannot be determined.
  func function(_ fd: WireText, process: pid_t?) -> Known<PCIAddress?>? {
    if let entry = entry(fd) { return entry.function }
    guard let number = fd.number, let process else { return nil }
    return VFIODescriptor.device(behind: number, ofProcess: Int(process))
  }

  func isIOMMUFD(_ fd: WireText, process: pid_t?) -> Known<Bool> {
    if let entry = entry(fd) { return .known(entry.isIOMMUFD) }
    guard let number = fd.number, let process else {
      return .unknown("descriptor \(fd)", "it did not pass through the proxy")
    }
    guard let target = DescriptorLedger.target(number, of: process) else { return .unknown("descriptor \(fd)", errnoText(errno)) }
    return .known(target == "/dev/iommu")
  }

  /// The target of the link in /proc; nil, with errno, when it cannot be read.
  static func target(_ number: Int32, of process: pid_t) -> WireText? { WireText("/proc/\(process)/fd/\(number)").linkTarget }

  /// The entry of a name, or of a number in any spelling.
  func entry(_ fd: WireText) -> Entry? { entries[fd.number.map { WireText(String($0)) } ?? fd] }

  /// The misc device with the number of /dev/vhost-net (linux include/linux/miscdevice.h: VHOST_NET_MINOR).
  private static func isVhostNet(_ descriptor: Int32) -> Bool? {
    var (major, minor): (UInt32, UInt32) = (0, 0)
    // SAFETY: the call fills the numbers that it is given.
    let answer = clinux_character_device(descriptor, &major, &minor)
    return answer < 0 ? nil : answer == 1 && major == 10 && minor == 238
  }

  /// The misc device of that name (linux drivers/iommu/iommufd/main.c).
  static func isIOMMU(_ descriptor: Int32, at path: String = "/dev/iommu") -> Bool {
    var given = stat()
    var node = stat()
    // SAFETY: both calls fill the structure that they are given.
    guard fstat(descriptor, &given) == 0, stat(path, &node) == 0 else { return false }
    return given.st_mode & S_IFMT == S_IFCHR && given.st_rdev == node.st_rdev
  }
}
