/// A place in something that the user wrote.
public struct Location: Hashable, Sendable {
  /// The file's path, or `<stdin>`.
  public let source: String
  /// Bytes from the start of the source.
  public let range: Range<Int>?
  /// Where in the structure: `-device[2].host`, `device_add.arguments.ats`.
  public let path: String

  public init(source: String, range: Range<Int>?, path: String) {
    self.source = source
    self.range = range
    self.path = path
  }

  /// The same place under another logical path.
  public func at(path: String) -> Location { Location(source: source, range: range, path: path) }
}
