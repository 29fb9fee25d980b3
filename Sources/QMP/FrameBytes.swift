/// Meanings of single bytes, and a fast way to skip those that change nothing.
extension FrameScanner {
  enum Kind { case plain, blank, separator, opening, closing, quote, stray }

  /// The meaning of a byte outside strings.
  @inline(__always)
  static func kind(of byte: UInt8) -> Kind {
    switch byte {
    case 0x09, 0x0a, 0x0d, 0x20: .blank  // RFC 8259 §2
    case UInt8(ascii: "\""): .quote
    case UInt8(ascii: ","), UInt8(ascii: ":"): .separator
    case UInt8(ascii: "["), UInt8(ascii: "{"): .opening
    case UInt8(ascii: "]"), UInt8(ascii: "}"): .closing
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."):
      .plain
    default: .stray
    }
  }

  /// Whether a byte is allowed in a string: no control characters, and neither 0xFE nor 0xFF, which are
  /// never part of UTF-8 and restart QEMU's parser.
  @inline(__always)
  static func isText(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0xfe }

  /// The index of the next quote, stray byte, or bracket that closes the value, else the count.
  @inline(__always)
  static func skipPlain(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, depth: inout Int
  ) -> Int {
    var at = start
    var level = depth
    defer { depth = level }
    while at < bytes.count {
      let byte = bytes[at]
      if !passes(byte) {
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["): level &+= 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
          level &-= 1
          if level == 0 { return at }
        default: return at
        }
      }
      at &+= 1
    }
    return at
  }

  /// Whether a byte outside strings is blank, a separator or plain: `kind(of:)` as two sets of 64
  /// bits, because a table of jumps is what costs the time here.
  @inline(__always)
  static func passes(_ byte: UInt8) -> Bool {
    let set: UInt64 = byte < 64 ? 0x07ff_7801_0000_2600 : 0x07ff_fffe_07ff_fffe
    return byte < 128 && (set >> UInt64(byte & 63)) & 1 != 0
  }

  /// The index of the next byte that is not plain text of a string, else the count.
  @inline(__always)
  static func skipText(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    var at = start
    while bytes.count &- at >= 8 {
      // SAFETY: the eight bytes from `at` lie in the buffer, by the condition above.
      let word = UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: at, as: UInt64.self).littleEndian
      let stops = textStops(word)
      if stops != 0 { return at &+ stops.trailingZeroBitCount / 8 }
      at &+= 8
    }
    while at < bytes.count {
      let byte = bytes[at]
      guard isText(byte), byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { break }
      at &+= 1
    }
    return at
  }

  /// Eight bytes at a time: the lowest bit set is bit 7 of the first byte that is a quote, a
  /// backslash, below 0x20, or above 0xFD. Bits above it may be wrong (the borrow of "haszero"
  /// runs upwards), which is why only the lowest is used.
  @inline(__always)
  static func textStops(_ word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5c)
    let top = ~(word | ones)
    let zeros = ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((top &- ones) & ~top)
    let controls = (word &- (ones &* 0x20)) & ~word
    return (zeros | controls) & highs
  }
}
