import ArgumentParser
import Common
import Glibc
import Inspect
import Lint
import Report

/// Standard output and error, and the way out.
enum Terminal {
  static var style: Style { style(of: STDOUT_FILENO) }
  static var errorStyle: Style { style(of: STDERR_FILENO) }

  /// Colour at a terminal only, and not where NO_COLOR is set (no-color.org).
  private static func style(of descriptor: Int32) -> Style {
    Style(isColoured: isatty(descriptor) == 1 && getenv("NO_COLOR").map { $0.pointee == 0 } ?? true)
  }

  /// A piece of the output, at once.
  static func print(_ text: String) { Descriptor.write(Array(text.utf8), to: STDOUT_FILENO) }

  static func show(_ answer: Answer) {
    print(answer.output)
    Descriptor.write(Array(answer.complaint.utf8), to: STDERR_FILENO)
  }

  static func finish(_ answer: Answer) throws {
    show(answer)
    if answer.exit != .clean { throw ExitCode(answer.exit.rawValue) }
  }
}

extension ProbeFormat: ExpressibleByArgument {}
extension TableFormat: ExpressibleByArgument {}
