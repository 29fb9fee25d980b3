import ArgumentParser
import FrontEnds
import Glibc
import Report

/// Standard output and error, and the way out.
enum Terminal {
  /// Colour at a terminal only, and not where NO_COLOR is set (no-color.org).
  static var style: Style {
    Style(isColoured: isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR").map { $0.pointee == 0 } ?? true)
  }

  /// A piece of the output, at once.
  static func print(_ text: String) { write(text, to: STDOUT_FILENO) }

  static func finish(_ answer: Answer) throws {
    write(answer.output, to: STDOUT_FILENO)
    write(answer.complaint, to: STDERR_FILENO)
    if answer.exit != .clean { throw ExitCode(answer.exit.rawValue) }
  }

  private static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      // SAFETY: write(2) reads at most `count` bytes of the buffer that it is given.
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}

extension ProbeFormat: ExpressibleByArgument {}
extension TableFormat: ExpressibleByArgument {}
