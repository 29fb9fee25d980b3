import XCTest

/// One line of a file that a test objects to.
struct Hit: CustomStringConvertible {
  let path: String
  /// Counted from 1.
  let line: Int
  let text: String

  /// `Facts` for a source, the file's name for a document at the root, else the folder.
  var module: String {
    let parts = path.split(separator: "/").map(String.init)
    return parts.first == "Sources" && parts.count > 2 ? parts[1] : parts.first ?? path
  }

  var description: String { "\(path):\(line): \(text)" }
}

/// The number of hits that a module may still have. A number may only shrink; a module that is not listed has none.
struct Ratchet {
  let allowed: [String: Int]

  func check(_ hits: [Hit], _ complaint: String, file: StaticString = #filePath, line: UInt = #line) {
    for (module, hits) in Dictionary(grouping: hits, by: \.module).sorted(by: { $0.key < $1.key }) {
      let limit = allowed[module, default: 0]
      if hits.count <= limit { continue }
      let list = hits.prefix(40).map { "\n  \($0)" }.joined()
      XCTFail("\(module): \(hits.count), allowed \(limit): \(complaint)\(list)", file: file, line: line)
    }
  }
}
