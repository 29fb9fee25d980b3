import CLinux
import Facts
import Glibc

/// The result of reading a file or a directory.
enum ReadResult<Value: Sendable>: Sendable {
  case found(Value)
  /// It does not exist, and the directory that would contain it could be read.
  case absent
  /// It could not be read; the text contains the path and the reason.
  case failed(String)

  /// The fact; `absent` is its value when the file does not exist.
  func known(_ fact: String, absent: @autoclosure () -> Known<Value>) -> Known<Value> {
    switch self {
    case .found(let value): return .known(value)
    case .absent: return absent()
    case .failed(let reason): return .unknown(fact, reason)
    }
  }
}

/// The file system under a prefix: `/` for this host, a folder of a test for another.
struct FileTree: Sendable {
  private let prefix: String
  /// The kernel's limit of links in one path (path_resolution(7)).
  private static let linkLimit = 40

  init(root: String) {
    prefix = root.hasSuffix("/") ? String(root.dropLast()) : root
  }

  /// The path below the prefix. Links lead as they would on the host that the files are of, whose root the prefix is: an absolute one,
  /// or one with many `..`, names no file of this machine.
  /// - Parameter followsLast: whether a link at the end of the path is followed.
  func place(_ path: String, followsLast: Bool = true) -> String {
    if prefix.isEmpty { return path }
    var rest = ArraySlice(path.split(separator: "/").map(String.init))
    var parts: [String] = []
    var links = 0
    while let part = rest.popFirst() {
      if part == "." { continue }
      if part == ".." {
        _ = parts.popLast()
        continue
      }
      parts.append(part)
      guard followsLast || !rest.isEmpty, let target = FileTree.target(of: prefix + "/" + parts.joined(separator: "/")) else { continue }
      links += 1
      // No file has a name of this length: what the kernel made of the rest could be outside. See `text(ofError:at:)`.
      if links > FileTree.linkLimit { return prefix + "/" + String(repeating: "x", count: 4096) }
      _ = parts.popLast()
      if target.hasPrefix("/") { parts = [] }
      rest = ArraySlice(target.split(separator: "/").map(String.init)) + rest
    }
    return prefix + "/" + parts.joined(separator: "/")
  }

  /// The target of a link; nil for any other file, and for none.
  private static func target(of place: String) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    // SAFETY: the kernel writes at most buffer.count bytes.
    let count = readlink(place, &buffer, buffer.count)
    guard count >= 0 else { return nil }
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The whole file, or its first `limit` bytes.
  func bytes(_ path: String, limit: Int = 65536) -> ReadResult<[UInt8]> {
    // SAFETY: place(path) is copied to a C string that lives for the call.
    let descriptor = open(place(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return missing(path, errno) }
    defer { close(descriptor) }
    let (bytes, error) = readAll(descriptor, limit: limit)
    return error == 0 ? .found(bytes) : .failed("\(path): \(errnoText(error))")
  }

  /// The file as text, without blanks and line ends around it.
  func text(_ path: String, limit: Int = 65536) -> ReadResult<String> {
    switch bytes(path, limit: limit) {
    case .found(let bytes): return .found(trimmedText(bytes))
    case .absent: return .absent
    case .failed(let reason): return .failed(reason)
    }
  }

  /// The names in a directory, sorted.
  func list(_ path: String) -> ReadResult<[String]> {
    // SAFETY: the stream is closed below, and `entry` is only used until the next readdir.
    guard let stream = opendir(place(path)) else { return missing(path, errno) }
    defer { closedir(stream) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(stream) {
      let name = entryName(entry)
      if name != ".", name != ".." { names.append(name) }
      errno = 0
    }
    if errno != 0 { return .failed("\(path): \(errnoText(errno))") }
    return .found(names.sorted())
  }

  /// The target of a symbolic link.
  func link(_ path: String) -> ReadResult<String> {
    if let target = FileTree.target(of: place(path, followsLast: false)) { return .found(target) }
    return missing(path, errno)
  }

  /// The last component of where a symbolic link points to.
  func linkName(_ path: String) -> ReadResult<String> {
    switch link(path) {
    case .found(let target): return .found(lastComponent(target))
    case .absent: return .absent
    case .failed(let reason): return .failed(reason)
    }
  }

  /// The kernel's text for an error; a path without a long name got one in `place`, for its many links.
  static func text(ofError error: Int32, at path: String) -> String {
    let isLoop = error == ENAMETOOLONG && path.split(separator: "/").allSatisfy { $0.utf8.count < 256 }
    return errnoText(isLoop ? ELOOP : error)
  }

  /// ENOENT means absent only where the directory itself could be read: a path that a container
  /// does not show is not a path that the host does not have.
  private func missing<T>(_ path: String, _ error: Int32) -> ReadResult<T> {
    let reason = "\(path): \(FileTree.text(ofError: error, at: path))"
    guard error == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
      return .failed(reason)
    }
    // SAFETY: the descriptor is closed at once.
    let parent = open(place(String(path[..<slash])), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard parent >= 0 else { return .failed("\(path[..<slash]): \(errnoText(errno))") }
    close(parent)
    return .absent
  }
}

/// Everything until the end of the file or `limit`, and the errno that ended it, or 0.
func readAll(_ descriptor: Int32, limit: Int) -> (bytes: [UInt8], error: Int32) {
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: min(limit, 16384))
  while bytes.count < limit {
    // SAFETY: the kernel writes at most buffer.count bytes into the buffer.
    let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    if count < 0, errno == EINTR { continue }
    if count < 0 { return (bytes, errno) }
    if count == 0 { break }
    bytes.append(contentsOf: buffer[..<min(count, limit - bytes.count)])
  }
  return (bytes, 0)
}

/// The kernel's words for an errno: "Permission denied".
func errnoText(_ error: Int32) -> String {
  // SAFETY: strerror returns a C string that stays valid until the next call on this thread.
  guard let text = strerror(error) else { return "errno \(error)" }
  return String(cString: text)
}

func lastComponent(_ path: String) -> String {
  path.split(separator: "/").last.map(String.init) ?? path
}

func trimmedText(_ bytes: [UInt8]) -> String {
  func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0a || byte == 0x09 || byte == 0x0d || byte == 0 }
  let end = bytes.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? 0
  let start = bytes.firstIndex { !isBlank($0) } ?? end
  return String(decoding: bytes[start..<end], as: UTF8.self)
}

private func entryName(_ entry: UnsafeMutablePointer<dirent>) -> String {
  // SAFETY: d_name is a C string inside the entry, which outlives this call.
  withUnsafeBytes(of: &entry.pointee.d_name) { name in
    String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
  }
}
