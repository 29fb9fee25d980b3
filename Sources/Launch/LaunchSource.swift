import Common
import Glibc
import Syntax

/// An argument vector as one text, NUL after each argument, as /proc/PID/cmdline has it.
struct LaunchSource {
  let text: SourceText
  /// Offset of each argument.
  private let starts: [Int]

  init(_ arguments: Launch.Arguments) {
    var bytes: [UInt8] = []
    var starts: [Int] = []
    var next = arguments
    while let argument = next.pointee {
      starts.append(bytes.count)
      // SAFETY: argv's strings end with NUL, which is copied too.
      let count = strlen(argument) + 1
      bytes += argument.withMemoryRebound(to: UInt8.self, capacity: count) { UnsafeBufferPointer(start: $0, count: count) }
      next += 1
    }
    text = SourceText(name: "command line", bytes: bytes)
    self.starts = starts
  }

  /// Index of the argument that contains this byte.
  func index(of offset: Int) -> Int? { starts.lastIndex { $0 <= offset } }

  func argument(_ index: Int) -> String {
    let rest = text.bytes[starts[index]...]
    return String(decoding: rest.prefix { $0 != 0 }, as: UTF8.self)
  }
}
