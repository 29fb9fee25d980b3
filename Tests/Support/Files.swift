import Glibc

/// A system call that failed in a test's own scaffolding.
public struct SystemFailure: Error, CustomStringConvertible {
  public let description: String

  public init(_ attempt: String, errno code: Int32 = errno) {
    description = "\(attempt): \(String(cString: strerror(code)))"
  }
}

/// The files under Fixtures/.
public enum Fixture {
  /// The absolute path of a file or directory, from its path below Fixtures/.
  public static func path(_ name: String) -> String {
    // Tests/Support/Files.swift is three levels below the project.
    let parts = #filePath.split(separator: "/").dropLast(3)
    return "/" + parts.joined(separator: "/") + "/Fixtures/" + name
  }

  public static func bytes(_ name: String) throws -> [UInt8] { try readFile(path(name)) }

  public static func text(_ name: String) throws -> String {
    String(decoding: try bytes(name), as: UTF8.self)
  }

  /// The names in a directory, sorted.
  public static func names(in directory: String) throws -> [String] {
    guard let stream = opendir(path(directory)) else { throw SystemFailure("open \(path(directory))") }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
        String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }
}

public func readFile(_ path: String) throws -> [UInt8] {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw SystemFailure("open \(path)") }
  defer { close(descriptor) }
  return try readAll(descriptor, named: path)
}

/// Everything up to the end.
public func readAll(_ descriptor: Int32, named name: String) throws -> [UInt8] {
  var bytes: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = piece.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    if count < 0 && errno == EINTR { continue }
    guard count >= 0 else { throw SystemFailure("read \(name)") }
    if count == 0 { return bytes }
    bytes += piece[..<count]
  }
}

public func writeFile(_ path: String, _ text: String, mode: mode_t = 0o644) throws {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
  guard descriptor >= 0 else { throw SystemFailure("create \(path)") }
  defer { close(descriptor) }
  try writeAll(descriptor, Array(text.utf8), named: path)
}

public func writeAll(_ descriptor: Int32, _ bytes: [UInt8], named name: String = "a descriptor") throws {
  var done = 0
  while done < bytes.count {
    let count = bytes[done...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if count < 0 && errno == EINTR { continue }
    guard count >= 0 else { throw SystemFailure("write \(name)") }
    done += count
  }
}

/// A directory that is removed, with all in it, when the object goes.
public final class TemporaryDirectory {
  public let path: String

  public init() throws {
    var template = Array("/tmp/vfiogate-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemFailure("make a temporary directory") }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit { _ = try? Child.run("/bin/rm", ["-rf", "--", path]) }
}
