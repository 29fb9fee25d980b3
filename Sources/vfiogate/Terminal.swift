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

  /// Writes a piece of the output at once. When it cannot be written, the program ends: with status 2 and errno's text,
  /// or silently when the reader is gone.
  static func print(_ text: String) {
    if text.isEmpty || Descriptor.write(Array(text.utf8), to: STDOUT_FILENO) { return }
    let code = errno
    if code == EPIPE {
      // Some parents ignore SIGPIPE, which is inherited; this ends as it would have without that.
      signal(SIGPIPE, SIG_DFL)
      raise(SIGPIPE)
    } else {
      complain("vfiogate: \(PathError("standard output", errno: code))\n")
    }
    Glibc.exit(ExitStatus.couldNotLook.rawValue)
  }

  /// Writes to standard error; what cannot be written there is lost.
  static func complain(_ text: String) { Descriptor.write(Array(text.utf8), to: STDERR_FILENO) }

  static func finish(_ answer: Answer) throws {
    print(answer.output)
    complain(answer.complaint)
    if answer.exit != .clean { throw ExitCode(answer.exit.rawValue) }
  }
}

extension ProbeFormat: ExpressibleByArgument {}
extension TableFormat: ExpressibleByArgument {}
