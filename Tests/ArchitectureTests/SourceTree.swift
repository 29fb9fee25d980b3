import Glibc
import Support
import XCTest

/// A source file of the project, read as text.
struct SourceFile {
  /// From the project's root: `Sources/Facts/Known.swift`.
  let path: String
  let lines: [Substring]

  /// `Facts`
  var module: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

  init(at path: String) throws {
    self.path = path
    lines = try Fixture.text("../" + path).split(separator: "\n", omittingEmptySubsequences: false)
  }

  /// The lines without comments. A `//` in a string literal cuts its line short, which hides no import.
  var code: [Substring] {
    lines.map { line in
      var rest = line
      while let slash = rest.firstIndex(of: "/") {
        if rest[slash...].hasPrefix("//") { return line[..<slash] }
        rest = rest[line.index(after: slash)...]
      }
      return line
    }
  }

  /// Whether a line, without its indentation, declares something that other modules see.
  static func isPublicDeclaration(_ line: Substring) -> Bool {
    var words = line.split(separator: " ").drop { $0.hasPrefix("@") }
    guard let access = words.popFirst(), ["public", "package", "open"].contains(access) else { return false }
    // Requirements of the standard library's protocols are documented there.
    if line.contains(" func ==(") || line.contains(" func == (") || line.contains(" func < (")
      || line.contains(" func hash(into") || line.contains(" var description: String")
    {
      return false
    }
    return words.first != "import"
  }

  /// A line without what is between its quotes.
  static func withoutText(_ line: Substring) -> Substring {
    Substring(
      line.split(separator: "\"", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 0 }
        .map(\.element).joined(separator: " "))
  }

  /// The identifiers in a line of code.
  static func identifiers(in line: Substring) -> [Substring] {
    line.split { !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_")) }
  }

  /// The modules that it imports.
  var imports: Set<String> {
    Set(
      code.compactMap { line in
        let words = line.split(separator: " ").drop { $0.hasPrefix("@") || $0 == "public" || $0 == "internal" }
        guard words.first == "import" else { return nil }
        return words.last?.split(separator: ".").first.map(String.init)
      })
  }

  /// All files below a folder of the project that end with one of these.
  static func all(below folder: String, ending suffixes: [String] = [".swift"]) throws -> [SourceFile] {
    try paths(below: folder).filter { path in suffixes.contains { path.hasSuffix($0) } }.map(SourceFile.init(at:))
  }

  private static func paths(below folder: String) throws -> [String] {
    try Fixture.names(in: "../" + folder).flatMap { name in
      let path = "\(folder)/\(name)"
      return isFolder(path) ? try paths(below: path) : [path]
    }
  }

  /// Whether the project has a folder at this path.
  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(Fixture.path("../" + path), &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}

/// A target as Package.swift declares it.
struct Target {
  let kind: String
  let name: String
  let dependencies: Set<String>

  /// Read from the text: asking SwiftPM would wait for the SwiftPM that runs the tests.
  static func all() throws -> [Target] {
    let lines = try Fixture.text("../Package.swift").split(separator: "\n").filter {
      !$0.drop { $0 == " " }.hasPrefix("//")
    }
    let text = lines.joined(separator: "\n")
    let list = text.firstRange(of: "  targets: [").map { text[$0.upperBound...] } ?? ""
    return list.split(separator: "\n    .").compactMap { chunk in
      guard let name = quoted(chunk).first else { return nil }
      let edges = chunk.firstRange(of: "dependencies: [").map { quoted(chunk[$0.upperBound...]) } ?? []
      return Target(
        kind: String(chunk.prefix { $0 != "(" }), name: name,
        dependencies: Set(edges).subtracting(["swift-argument-parser"]))
    }
  }

  private static func quoted(_ text: some StringProtocol) -> [String] {
    text.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset % 2 == 1 }.map { String($0.element) }
  }
}
