extension String {
  /// The last part of a path; nil when there is none.
  var fileName: String? {
    let slash = UInt8(ascii: "/")
    var rest = utf8[...]
    while rest.last == slash { rest.removeLast() }
    let name = rest.lastIndex(of: slash).map { rest[rest.index(after: $0)...] } ?? rest
    return name.isEmpty ? nil : String(Substring(name))
  }
}
