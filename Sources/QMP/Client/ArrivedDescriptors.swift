/// Descriptors that came with a client's bytes: each lot belongs to the message that its byte is part of, or
/// that follows the blanks that it is one of.
struct ArrivedDescriptors: Sendable {
  private var lots: [(at: Int, descriptors: [Int32])] = []

  /// - Parameter index: of the byte that they came with, in the caller's buffer.
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

  /// The caller's buffer has lost so many bytes at its front.
  mutating func shift(by count: Int) {
    if lots.isEmpty { return }
    lots = lots.map { (max(0, $0.at - count), $0.descriptors) }
  }
}
