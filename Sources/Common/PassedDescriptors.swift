import Facts
import Glibc
import Host

/// Where the descriptors can be looked at that a definition's QEMU is given with `fd=`.
public struct PassedDescriptors: Sendable {
  /// This process was started with the descriptors that QEMU will be started with.
  public var isInherited: Bool
  /// Names that the monitor will know by getfd, and which of this process's descriptors each is.
  public var named: [String: Int32]

  public init(isInherited: Bool = false, named: [String: Int32] = [:]) {
    self.isInherited = isInherited
    self.named = named
  }

  /// Which host function each `fd=` of the requests is; what nobody can look at is left out.
  /// - Parameter process: the QEMU that has them already.
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

  /// Those who hold a descriptor only because it is on its way to QEMU through them.
  package var carriers: Set<Int> {
    isInherited || !named.isEmpty ? Set(Facts.Host.ancestors + [Int(getpid())]) : []
  }
}
