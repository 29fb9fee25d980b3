/// Names that are meant by misspelt ones.
public enum Misspelling {
  /// The name that is the fewest typing errors away from a misspelt one: letters more, less or other, or two exchanged
  /// (optimal string alignment distance). Of several, the first by alphabet.
  /// - Parameter errors: the maximum; a name that needs more is not meant.
  /// - Returns: nil when there is none.
  public static func meant(by word: String, among names: some Sequence<String>, errors: Int) -> String? {
    let letters = Array(word.utf8)
    // Short words are all alike, and nothing that has a name here is longer.
    guard letters.count > 2, letters.count < 100 else { return nil }
    return names.compactMap { name in
      let distance = distance(letters, Array(name.utf8))
      return distance > 0 && distance <= errors ? (distance, name) : nil
    }.min { $0 < $1 }?.1
  }

  /// The end of a message about a misspelt word: "; did you mean `lint`?", or nothing. A short word may have one error, a longer one two,
  /// and one that was cut short any number.
  public static func hint(_ word: String, among names: some Sequence<String>) -> String {
    let letters = word.lowercased(), errors = word.utf8.count < 5 ? 1 : 2
    let names = Array(names)
    let begun = letters.utf8.count > 1 ? names.filter { $0.hasPrefix(letters) && $0 != word } : []
    let meant = names.first { $0.lowercased() == letters && $0 != word } ?? self.meant(by: letters, among: names, errors: errors)
      ?? (begun.count == 1 ? begun.first : nil)
    return meant.map { "; did you mean `\($0)`?" } ?? ""
  }

  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
    var beforeLast: [Int] = [], last = Array(0...b.count)
    for i in 1...a.count {
      var row = [i]
      for j in 1...b.count {
        var best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { best = min(best, beforeLast[j - 2] + 1) }
        row.append(best)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }
}
