import Facts

/// Locations that can be searched for the one around another: a definition may have thousands of each.
struct LocationIndex: Sendable {
  private struct Entry {
    let range: Range<Int>
    /// Index in the order given.
    let index: Int
    /// The largest end of this range and of those that begin before it.
    let furthestEnd: Int
  }

  private var entries: [String: [Entry]] = [:]

  /// Indexes the locations that have a range.
  init(_ locations: some Sequence<Location>) {
    var ranges: [String: [(range: Range<Int>, index: Int)]] = [:]
    for (index, location) in locations.enumerated() {
      if let range = location.range, !range.isEmpty { ranges[location.source, default: []].append((range, index)) }
    }
    entries = ranges.mapValues { list in
      var furthest = 0
      return list.sorted { $0.range.lowerBound < $1.range.lowerBound }.map { item in
        furthest = max(furthest, item.range.upperBound)
        return Entry(range: item.range, index: item.index, furthestEnd: furthest)
      }
    }
  }

  /// Whether one of the locations shares text with another.
  func overlaps(_ location: Location) -> Bool {
    guard let range = location.range, !range.isEmpty else { return false }
    return last(in: location.source, beginningBefore: range.upperBound).map { $0.furthestEnd > range.lowerBound } ?? false
  }

  /// The index of the location that begins last of those around another; locations that contain others are not found behind
  /// them.
  func around(_ location: Location) -> Int? {
    guard let range = location.range, let entry = last(in: location.source, beginningBefore: range.lowerBound + 1),
      entry.range.upperBound >= range.upperBound
    else { return nil }
    return entry.index
  }

  private func last(in source: String, beginningBefore end: Int) -> Entry? {
    guard let list = entries[source] else { return nil }
    var low = 0, high = list.count
    while low < high {
      let middle = (low + high) / 2
      if list[middle].range.lowerBound < end { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? list[low - 1] : nil
  }
}
