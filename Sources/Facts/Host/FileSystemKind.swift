/// Kind of a file system, as far as pinned memory is concerned.
public enum FileSystemKind: String, Sendable {
  /// Files in memory alone: tmpfs, hugetlbfs, ramfs.
  case memory
  /// Files on a disk or a server: the kernel writes changes back.
  case disk
}
