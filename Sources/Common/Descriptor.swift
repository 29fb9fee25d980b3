import Glibc

/// Writing to descriptors.
public enum Descriptor {
  /// Writes all bytes.
  /// - Returns: false when not all could be written; errno has the reason.
  @discardableResult
  public static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      // SAFETY: write(2) reads at most `count` bytes of the buffer that it is given.
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}

/// Programs, found as execvp(3) finds them.
package enum Executable {
  /// The path of a program, searched in PATH; nil when there is none.
  package static func find(_ name: String) -> String? {
    if name.contains("/") { return name }
    let path = getenv("PATH").map { String(cString: $0) } ?? "/bin:/usr/bin"
    return path.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }
}
