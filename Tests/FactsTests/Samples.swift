import Facts

/// Pseudo-random numbers with a fixed seed (SplitMix64), so that a failure can be repeated.
struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}

/// A config space to be filled by a test: an endpoint with a capability list that begins at 0x40.
struct Image {
  var bytes: [UInt8]

  init(size: Int = 4096) {
    bytes = [UInt8](repeating: 0, count: size)
    word(0x00, 0x10de)
    word(0x02, 0x2204)
    word(0x06, 0x0010)
    bytes[0x34] = 0x40
  }

  mutating func word(_ at: Int, _ value: UInt16) {
    bytes[at] = UInt8(value & 0xff)
    bytes[at + 1] = UInt8(value >> 8)
  }

  mutating func standard(_ at: Int, id: UInt8, next: UInt8) {
    bytes[at] = id
    bytes[at + 1] = next
  }

  mutating func extended(_ at: Int, id: UInt16, version: UInt16 = 1, next: Int) {
    word(at, id)
    word(at + 2, version | UInt16(next << 4))
  }

  var space: ConfigSpace { ConfigSpace(bytes, size: .known(bytes.count)) }
}
