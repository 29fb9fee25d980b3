import Facts
import Glibc
import Host

/// The descriptors that a definition's QEMU gets with `fd=`, as far as this process can inspect them.
public struct PassedDescriptors: Sendable {
  /// Whether this process was started with the descriptors that QEMU will inherit.
  public var isInherited: Bool
  /// Names that getfd will assign, each with the descriptor of this process.
  public var named: [String: Int32]

  /// Creates a set of descriptors; by default none can be inspected.
  public init(isInherited: Bool = false, named: [String: Int32] = [:]) {
    self.isInherited = isInherited
    self.named = named
  }

  /// The host function behind each `fd=` of the requests; descriptors that cannot be inspected are left out.
  /// - Parameter process: the QEMU that has them already, if any.
  package func functions(
    of requests: [DeviceRequest], process: Int?
  ) -> [String: Known<PCIAddress?>] {
    var found: [String: Known<PCIAddress?>] = [:]
    for text in requests.compactMap({ $0.isVFIO ? $0.string("fd") : nil }) where found[text] == nil {
      found[text] = function(behind: text, process)
    }
    return found
  }

  private func function(behind text: String, _ process: Int?) -> Known<PCIAddress?>? {
    if let descriptor = named[text] { return VFIODescriptor.device(behind: descriptor) }
    guard let number = Int32(text), number >= 0 else { return nil }
    if let process { return VFIODescriptor.device(behind: number, ofProcess: process) }
    return isInherited ? VFIODescriptor.device(behind: number) : nil
  }

  /// Processes that hold a descriptor only to pass it to QEMU.
  package var carriers: Set<Int> {
    isInherited || !named.isEmpty ? Set(Facts.Host.ancestors + [Int(getpid())]) : []
  }
}
