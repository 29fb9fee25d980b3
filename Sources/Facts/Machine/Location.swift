/// The part that several locations have in common: a source, and an element of its structure. Shared, and rendered
/// only on demand: a definition has hundreds of locations, of which few are reported.
public final class LocationBase: Sendable {
  /// The file's path, or `<stdin>`.
  public let source: String
  private let folder: String
  private let element: (name: String, number: Int)?

  /// Creates a base whose path is known.
  public init(source: String, path: String) {
    self.source = source
    folder = path
    element = nil
  }

  /// Creates a base for an element of `folder`.
  /// - Parameter number: index among the elements of that name in the folder, from 1, as in XPath.
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

  /// A number that equal paths with equal ends share, however a path is divided into parts. The path is not made.
  func hash(with end: String, attribute: String?) -> UInt64 {
    var hash: UInt64 = 0
    func add(_ text: String) {
      for byte in text.utf8 { hash = hash &* 31 &+ UInt64(byte) }
    }
    add(folder)
    if let element {
      add("/")
      add(element.name)
      add("[")
      add("\(element.number)")
      add("]")
    }
    add(end)
    if let attribute {
      add("/@")
      add(attribute)
    }
    return hash
  }
}

/// A location in a text that the user wrote.
public struct Location: Sendable {
  private let base: LocationBase
  /// Byte offsets from the start of the source.
  public let range: Range<Int>?
  /// Continues the part's path.
  private let end: String
  private let attribute: String?

  /// Creates a location of an element or of one of its attributes.
  /// - Parameters:
  ///   - end: continues the base's path.
  ///   - attribute: the attribute's name.
  public init(in base: LocationBase, range: Range<Int>?, end: String = "", attribute: String? = nil) {
    self.base = base
    self.range = range
    self.end = end
    self.attribute = attribute
  }

  /// Creates a location with a path of its own.
  public init(source: String, range: Range<Int>?, path: String) {
    self.init(in: LocationBase(source: source, path: path), range: range)
  }

  /// The file's path, or `<stdin>`.
  public var source: String { base.source }

  /// Path in the structure: `-device[2].host`, `device_add.arguments.ats`.
  public var path: String {
    attribute.map { "\(base.path)\(end)/@\($0)" } ?? "\(base.path)\(end)"
  }

  /// Whether its text includes that of another location.
  public func contains(_ other: Location) -> Bool {
    guard let range, let inner = other.range else { return false }
    return range.lowerBound <= inner.lowerBound && inner.upperBound <= range.upperBound && source == other.source
  }

  /// The same range under another path.
  public func at(path: String) -> Location { Location(source: source, range: range, path: path) }
}

extension Location: Hashable {
  public static func == (a: Location, b: Location) -> Bool {
    // Parts of one element share their base, and a path is made on demand.
    if a.base === b.base, a.end == b.end, a.attribute == b.attribute { return a.range == b.range }
    return a.range == b.range && a.source == b.source && a.path == b.path
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(range)
    hasher.combine(source)
    // All devices of a shell array that a command uses many times have one range.
    hasher.combine(base.hash(with: end, attribute: attribute))
  }
}
