import Support
import XCTest

/// A source file of the project, read as text.
struct SourceFile {
  /// From the project's root: `Sources/Facts/Known.swift`.
  let path: String
  let lines: [Substring]

  /// `Facts`
  var module: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

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
    try paths(below: folder).filter { path in suffixes.contains { path.hasSuffix($0) } }.map { path in
      let text = try Fixture.text("../" + path)
      return SourceFile(path: path, lines: text.split(separator: "\n", omittingEmptySubsequences: false))
    }
  }

  private static func paths(below folder: String) throws -> [String] {
    try Fixture.names(in: "../" + folder).flatMap { name in
      // The project's folders have no dots in their names, and its files have.
      name.contains(".") ? ["\(folder)/\(name)"] : try paths(below: "\(folder)/\(name)")
    }
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
