/// Descriptors that arrived with a client's bytes: each lot belongs to the message that contains its byte, or
/// to the message after the blanks that contain it.
struct ArrivedDescriptors: Sendable {
  private var lots: [(at: Int, descriptors: [OwnedDescriptor])] = []

  /// Adds descriptors.
  /// - Parameter index: index of the byte that they arrived with, in the caller's buffer.
  mutating func add(_ descriptors: [OwnedDescriptor], at index: Int) { lots.append((index, descriptors)) }

  mutating func take(before end: Int) -> [OwnedDescriptor] {
    if lots.isEmpty { return [] }
    let mine = lots.filter { $0.at < end }.flatMap(\.descriptors)
    lots.removeAll { $0.at < end }
    return mine
  }

  var count: Int { lots.reduce(0) { $0 + $1.descriptors.count } }

  /// Adjusts the indices after the caller's buffer has lost `count` bytes at its front.
  mutating func shift(by count: Int) {
    if lots.isEmpty { return }
    lots = lots.map { (max(0, $0.at - count), $0.descriptors) }
  }
}
