import Facts
import Syntax

extension Known {
  /// The value as JSON, or the string `"undetermined"`.
  func json(_ render: (Value) -> JSON) -> JSON {
    if case .known(let value) = self { return render(value) }
    return "undetermined"
  }
}

extension Known where Value == Bool {
  var json: JSON { json { .bool($0) } }
}

extension JSON {
  static func strings(_ texts: [String]) -> JSON { .array(texts.map(JSON.string)) }
}
