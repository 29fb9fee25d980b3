/// A place in something that the user wrote.
public struct Location: Sendable {
  /// What several places have in common: a source, and where in its structure. Shared, and put into words only when
  /// somebody asks: a definition has hundreds of places, of which few are told.
  public final class Part: Sendable {
    public let source: String
    private let folder: String
    private let element: (name: String, number: Int)?

    public init(source: String, path: String) {
      self.source = source
      folder = path
      element = nil
    }

    /// - Parameter number: which of that name in the folder, from 1, as in XPath.
    public init(source: String, folder: String, name: String, number: Int) {
      self.source = source
      self.folder = folder
      element = (name, number)
    }

    /// `/domain/devices/hostdev[2]`.
    public var path: String {
      guard let element else { return folder }
      return "\(folder)/\(element.name)[\(element.number)]"
    }
  }

  private let part: Part
  /// Bytes from the start of the source.
  public let range: Range<Int>?
  /// What the part's path goes on with. Literals, which nobody counts: places are copied by the hundred.
  private let end: StaticString
  private let attribute: StaticString?

  /// - Parameters:
  ///   - end: what the part's path goes on with.
  ///   - attribute: the name of one of that element's.
  public init(in part: Part, range: Range<Int>?, end: StaticString = "", attribute: StaticString? = nil) {
    self.part = part
    self.range = range
    self.end = end
    self.attribute = attribute
  }

  public init(source: String, range: Range<Int>?, path: String) {
    self.init(in: Part(source: source, path: path), range: range)
  }

  /// The file's path, or `<stdin>`.
  public var source: String { part.source }

  /// Where in the structure: `-device[2].host`, `device_add.arguments.ats`.
  public var path: String {
    attribute.map { "\(part.path)\(end)/@\($0)" } ?? "\(part.path)\(end)"
  }

  /// The same place under another logical path.
  public func at(path: String) -> Location { Location(source: source, range: range, path: path) }
}

extension Location: Hashable {
  public static func == (a: Location, b: Location) -> Bool {
    a.range == b.range && a.source == b.source && a.path == b.path
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(range)
    hasher.combine(source)
  }
}
