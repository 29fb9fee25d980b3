import Common
import Glibc

/// The files that a run's arguments name, in the order in which they are checked: a file itself, and for a
/// directory every file below it, sorted by name. A file that is found twice is checked once.
struct DefinitionFiles {
  struct File: Sendable {
    let path: String
    /// The directory that was named, when it is not the file itself: a file of a directory may be
    /// something else than a definition.
    let folder: String?
  }

  /// Limits of a directory; one that exceeds them is reported.
  struct Limits {
    var files = 100_000
    var depth = 32
  }

  private(set) var files: [File] = []
  /// The arguments that are directories.
  private(set) var folders: [String] = []
  /// Directories that could not be read, and caps that were hit.
  private(set) var complaints: [String] = []
  private let limits: Limits
  private var isFull = false
  private var seen: Set<Identity> = []

  private struct Identity: Hashable {
    let device: UInt
    let inode: UInt
  }

  init(_ arguments: [String], limits: Limits = Limits()) {
    self.limits = limits
    for argument in arguments {
      guard argument != "-", let kind = kind(argument) else {
        // Reading it reports the error.
        files.append(File(path: argument, folder: nil))
        continue
      }
      guard kind.isFirst else { continue }
      if kind.type == S_IFDIR {
        walk(argument, of: argument, depth: 0)
        folders.append(argument)
      } else {
        files.append(File(path: argument, folder: nil))
      }
    }
  }

  /// The type of the file at a path, following symbolic links; nil when there is none.
  private mutating func kind(_ path: String) -> (type: mode_t, isFirst: Bool)? {
    var status = stat()
    // SAFETY: stat(2) fills the structure that it is given.
    guard stat(path, &status) == 0 else { return nil }
    let identity = Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino))
    return (status.st_mode & S_IFMT, seen.insert(identity).inserted)
  }

  private mutating func walk(_ folder: String, of argument: String, depth: Int) {
    guard depth < limits.depth else {
      complaints.append("\(folder): deeper than \(limits.depth) directories, not entered")
      return
    }
    let names: [String]
    do { names = try Folder.names(in: folder) } catch {
      complaints.append("\(error)")
      return
    }
    for name in names where !name.hasPrefix(".") {
      let path = folder.hasSuffix("/") ? folder + name : folder + "/" + name
      guard let kind = kind(path), kind.isFirst else { continue }
      if kind.type == S_IFDIR {
        // A link to `/` or to `..` would have everything beside the folder walked too.
        if let above = InputFile.folder(path, above: argument) {
          complaints.append("\(path): a link to \(above), which \(argument) is in: not entered")
          continue
        }
        walk(path, of: argument, depth: depth + 1)
      } else if kind.type == S_IFREG {
        guard files.count < limits.files else {
          if !isFull { complaints.append("more than \(limits.files) files: the rest, from \(path) on, was not read") }
          isFull = true
          return
        }
        files.append(File(path: path, folder: argument))
      }
    }
  }
}
