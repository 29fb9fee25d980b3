/// Where a file system keeps its files, as far as pinned memory is concerned.
public enum FileSystemKind: String, Sendable {
  /// In memory alone: tmpfs, hugetlbfs, ramfs.
  case memory
  /// On a disk or a server: the kernel writes changes back.
  case disk
}
