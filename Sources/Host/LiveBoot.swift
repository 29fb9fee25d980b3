import Facts
import Glibc

extension FileTree {
  /// Framebuffers of the boot by the function whose BAR they are in (/proc/iomem). The indentation shows which
  /// range contains which, also to users who may not see the addresses.
  var bootFramebuffers: Known<[PCIAddress: String]> {
    let path = "/proc/iomem"
    let fact = "boot framebuffer"
    switch bytes(path, limit: 4 << 20) {
    case .failed(let reason): return .unknown(fact, reason)
    case .absent: return .unknown(fact, "\(path): \(errnoText(ENOENT))")
    case .found(let bytes):
      var found: [PCIAddress: String] = [:]
      var path: [(depth: Int, name: String)] = []
      for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
        let depth = line.prefix { $0 == " " }.count
        guard let name = line.split(separator: ":", maxSplits: 1).last.map({ $0.drop { $0 == " " } }) else { continue }
        while let last = path.last, last.depth >= depth { path.removeLast() }
        path.append((depth, String(name)))
        // Of two that are alike either may be shown inside of the other.
        let functions = path.lazy.compactMap { PCIAddress($0.name) }
        if let function = functions.last, let buffer = path.first(where: { FileTree.framebuffers.contains($0.name) }) {
          found[function] = found[function] ?? buffer.name
        }
      }
      return .known(found)
    }
  }

  /// linux drivers/firmware/sysfb_simplefb.c, drivers/video/fbdev/{efifb,vesafb,simplefb}.c.
  private static let framebuffers: Set<String> = ["BOOTFB", "efifb", "vesafb", "simplefb", "simpledrm"]

  /// `address sizes : 39 bits physical, 48 bits virtual` of the first processor.
  var physicalAddressBits: Known<Int> {
    let path = "/proc/cpuinfo"
    let fact = "processor's physical address bits"
    return text(path, limit: 4096)
      .map { text in
        let line = text.split(separator: "\n").first { $0.hasPrefix("address sizes") }
        return (line?.split(separator: ":").last?.split(separator: " ").first).flatMap { Int($0) }
      }
      .mapFailure { _ in "\(path) does not show it" }
      .known(fact, absent: .unknown(fact, "\(path): \(errnoText(ENOENT))"))
  }
}

extension ReadResult {
  func mapFailure(_ transform: (String) -> String) -> ReadResult {
    if case .failed(let reason) = self { return .failed(transform(reason)) }
    return self
  }
}
