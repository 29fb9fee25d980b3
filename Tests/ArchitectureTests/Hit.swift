/// One line of a file that a test objects to.
struct Hit: CustomStringConvertible {
  let path: String
  /// Counted from 1.
  let line: Int
  let text: String

  var description: String { "\(path):\(line): \(text)" }
}
