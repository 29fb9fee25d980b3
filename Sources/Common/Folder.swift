import Glibc

/// A folder of the file system.
public enum Folder {
  /// The names in a folder, sorted by their characters regardless of the locale; where two differ only in how the characters
  /// are composed, by their bytes.
  public static func names(in folder: String) throws(PathError) -> [String] {
    guard let stream = opendir(folder) else { throw PathError(folder, errno: errno) }
    defer { closedir(stream) }
    var names: [String] = []
    errno = 0
    // SAFETY: the entry is used until the next readdir only, and its name is copied.
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      names.append(name)
      errno = 0
    }
    guard errno == 0 else { throw PathError(folder, errno: errno) }
    return names.sorted { $0 == $1 ? $0.utf8.lexicographicallyPrecedes($1.utf8) : $0 < $1 }
  }
}
