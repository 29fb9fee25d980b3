import QMP
import Support
import XCTest

/// Frames and complaints that a framer made of a stream, in order.
enum Framed: Hashable {
  case frame([UInt8], at: UInt64)
  case error(FramingError)
}

/// Feeds a stream in pieces and takes everything out after each.
func frame(_ pieces: [ArraySlice<UInt8>], limit: Int = 1 << 20) -> [Framed] {
  var framer = Framer(limit: limit)
  var results: [Framed] = []
  for piece in pieces {
    framer.append(piece)
    while true {
      do {
        guard let frame = try framer.next() else { break }
        results.append(.frame(frame.bytes, at: frame.offset))
      } catch {
        results.append(.error(error))
        if case .tooLarge = error { return results }
      }
    }
  }
  return results
}

/// Frames a stream under every chunking; all must agree.
@discardableResult
func verifiedFrames(
  _ stream: [UInt8], limit: Int = 1 << 20, seeds: ClosedRange<UInt64> = 1...3,
  file: StaticString = #filePath, line: UInt = #line
) -> [Framed] {
  let whole = frame([stream[...]], limit: limit)
  for chunking in Chunking.allCases {
    for seed in seeds {
      let other = frame(chunking.cut(stream, seed: seed), limit: limit)
      if other != whole {
        XCTFail("\(chunking) (seed \(seed)) differs for \(printable(stream))", file: file, line: line)
      }
    }
  }
  return whole
}

func printable(_ bytes: [UInt8]) -> String {
  bytes.prefix(200).map { (0x20..<0x7f).contains($0) ? String(UnicodeScalar($0)) : "\\x\(String($0, radix: 16))" }
    .joined()
}
