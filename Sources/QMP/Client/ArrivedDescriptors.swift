/// Descriptors that arrived with a client's bytes: each lot belongs to the message that contains its byte, or
/// to the message after the blanks that contain it.
struct ArrivedDescriptors: Sendable {
  private var lots: [(at: Int, descriptors: [Int32])] = []

  /// Adds descriptors.
  /// - Parameter index: index of the byte that they arrived with, in the caller's buffer.
  mutating func add(_ descriptors: [Int32], at index: Int) { lots.append((index, descriptors)) }

  mutating func take(before end: Int) -> [Int32] {
    if lots.isEmpty { return [] }
    let mine = lots.filter { $0.at < end }.flatMap(\.descriptors)
    lots.removeAll { $0.at < end }
    return mine
  }

  mutating func takeAll() -> [Int32] {
    defer { lots = [] }
    return lots.flatMap(\.descriptors)
  }

  /// Adjusts the indices after the caller's buffer has lost `count` bytes at its front.
  mutating func shift(by count: Int) {
    if lots.isEmpty { return }
    lots = lots.map { (max(0, $0.at - count), $0.descriptors) }
  }
}
