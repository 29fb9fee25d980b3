/// A place in something that the user wrote.
public struct Location: Sendable {
  /// The file's path, or `<stdin>`.
  public let source: String
  /// Bytes from the start of the source.
  public let range: Range<Int>?
  /// The path in two pieces: a definition has hundreds of places, most of which nobody asks for, and in most of
  /// them the first piece is one that another place has too.
  private let start: String
  private let end: String

  /// - Parameter end: what the path goes on with.
  public init(source: String, range: Range<Int>?, path: String, end: String = "") {
    self.source = source
    self.range = range
    start = path
    self.end = end
  }

  /// Where in the structure: `-device[2].host`, `device_add.arguments.ats`.
  public var path: String { end.isEmpty ? start : start + end }

  /// The same place under another logical path.
  public func at(path: String) -> Location { Location(source: source, range: range, path: path) }
}

extension Location: Hashable {
  public static func == (a: Location, b: Location) -> Bool {
    a.range == b.range && a.source == b.source && (a.start == b.start && a.end == b.end || a.path == b.path)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(range)
    hasher.combine(source)
  }
}
