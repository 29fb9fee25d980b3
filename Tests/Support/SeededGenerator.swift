/// Random numbers that are the same in every run (SplitMix64).
public struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
  }
}

/// Ways to cut a stream into the pieces in which it arrives.
public enum Chunking: CaseIterable, Sendable {
  case whole, bytes, lines, randomSmall, randomLarge

  public func cut(_ bytes: [UInt8], seed: UInt64 = 1) -> [ArraySlice<UInt8>] {
    var generator = SeededGenerator(seed: seed)
    var pieces: [ArraySlice<UInt8>] = []
    var start = 0
    while start < bytes.count {
      let wanted: Int
      switch self {
      case .whole: wanted = bytes.count
      case .bytes: wanted = 1
      case .lines: wanted = (bytes[start...].firstIndex(of: 0x0a) ?? bytes.count) - start + 1
      case .randomSmall: wanted = Int.random(in: 1...7, using: &generator)
      case .randomLarge: wanted = Int.random(in: 1...5000, using: &generator)
      }
      let end = min(bytes.count, start + wanted)
      pieces.append(bytes[start..<end])
      start = end
    }
    return pieces
  }
}
