import Facts
import Glibc

/// The sysfs directory of a PCI function: listed once, so that "absent" rests on a listing.
struct SysfsDevice {
  let address: PCIAddress
  let tree: FileTree
  private let directory: String
  private let names: ReadResult<Set<String>>

  /// Attributes that the kernel gives every PCI function (linux/drivers/pci/pci-sysfs.c). A
  /// directory without one of them is a partial view, such as a container's, in which nothing is ever absent.
  private static let always: Set<String> = ["vendor", "device", "class", "config", "resource"]

  init(_ address: PCIAddress, in tree: FileTree) {
    self.address = address
    self.tree = tree
    directory = "/sys/bus/pci/devices/\(address)"
    switch tree.list(directory) {
    case .found(let list): names = .found(Set(list))
    case .absent: names = .absent
    case .failed(let reason): names = .failed(reason)
    }
  }

  /// All names in the directory, nil when it could not be read.
  var listing: Set<String>? {
    if case .found(let set) = names { return set }
    return nil
  }

  func path(_ name: String) -> String { "\(directory)/\(name)" }

  /// Reads one attribute; `absent` is its value when a whole directory does not have it.
  func attribute<T: Sendable>(
    _ name: String, fact: String, absent: T, read: (String) -> ReadResult<T>
  ) -> Known<T> {
    let fact = "\(fact) of \(address)"
    switch names {
    case .failed(let reason): return .unknown(fact, reason)
    case .absent: return .unknown(fact, "\(directory): \(errnoText(ENOENT))")
    case .found(let set) where set.contains(name):
      // A name that was listed and is gone by now says that the function was removed meanwhile.
      return read(path(name)).known(fact, absent: .unknown(fact, "\(path(name)): \(errnoText(ENOENT))"))
    case .found(let set):
      guard let lacking = SysfsDevice.always.subtracting(set).sorted().first else { return .known(absent) }
      return .unknown(fact, "\(directory) is a partial view: it has no `\(lacking)`")
    }
  }

  /// An attribute that every function has, or at least one without which there is nothing to say.
  func required<T: Sendable>(_ name: String, fact: String, read: (String) -> ReadResult<T>) -> Known<T> {
    let optional: Known<T?> = attribute(name, fact: fact, absent: nil) { read($0).optional }
    return optional.flatMap { value in
      value.map { .known($0) } ?? .unknown("\(fact) of \(address)", "\(path(name)): \(errnoText(ENOENT))")
    }
  }

  /// A number such as `0x10de`, as sysfs writes ids.
  func hexadecimal<T: FixedWidthInteger & Sendable>(_ name: String, fact: String) -> Known<T> {
    required(name, fact: fact) { tree.text($0).map { number($0) } }
  }
}

extension ReadResult {
  var optional: ReadResult<Value?> { map { .some(.some($0)) } }

  /// The value transformed; a value that `transform` does not accept is a failure that shows it.
  func map<T: Sendable>(_ transform: (Value) -> T?) -> ReadResult<T> {
    switch self {
    case .found(let value):
      return transform(value).map { .found($0) } ?? .failed("cannot be read from `\(value)`")
    case .absent: return .absent
    case .failed(let reason): return .failed(reason)
    }
  }
}

/// A hexadecimal number with `0x`, or a decimal one with or without a minus sign.
func number<T: FixedWidthInteger>(_ text: some StringProtocol) -> T? {
  if text.utf8.first == UInt8(ascii: "+") { return nil }
  guard text.hasPrefix("0x") else { return T(text) }
  let digits = text.dropFirst(2)
  guard let first = digits.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-") else { return nil }
  return T(digits, radix: 16)
}
