import Facts
import Glibc

extension FileTree {
  /// Folders in which QEMU looks for a file without a folder in its name, beside the one that it runs in (QEMU
  /// system/datadir.c: qemu_find_file; Debian's and Fedora's builds).
  private static let dataFolders = ["/usr/share/qemu", "/usr/share/seabios", "/usr/lib/ipxe/qemu", "/usr/share/ipxe/qemu"]

  /// The size in bytes of the file that `romfile` names; nil when there is none. Only its metadata is read. QEMU takes the
  /// end of a folder for its size, which is beyond any ROM.
  func size(ofROM path: String) -> Known<UInt64?> {
    let fact = "size of \(path)"
    if path.hasPrefix("/") { return size(path) }
    // A relative path is relative to the folder that QEMU runs in.
    if path.contains("/") { return .unknown(fact, "relative to the folder that QEMU runs in") }
    for folder in FileTree.dataFolders {
      if case .known(.some(let size)) = size("\(folder)/\(path)") { return .known(size) }
    }
    return .unknown(fact, "not in QEMU's usual data folders")
  }

  private func size(_ path: String) -> Known<UInt64?> {
    var found = stat()
    // SAFETY: place(path) is copied to a C string that lives for the call.
    guard stat(place(path), &found) == 0 else {
      return errno == ENOENT || errno == ENOTDIR ? .known(nil) : .unknown("size of \(path)", errnoText(errno))
    }
    if found.st_mode & S_IFMT == S_IFDIR { return .known(.max) }
    guard found.st_mode & S_IFMT == S_IFREG else { return .known(0) }
    return .known(UInt64(max(0, found.st_size)))
  }
}
