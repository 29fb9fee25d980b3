import ArgumentParser
import Common
import Glibc
import Inspect
import Lint
import Report

/// Standard output and error, and the way out.
enum Terminal {
  /// The style of standard output for a value of `--color`.
  static func style(_ color: String) throws -> Style { style(of: STDOUT_FILENO, try chosen(color, "--color")) }
  /// The style of standard error for a value of `--color`.
  static func errorStyle(_ color: String) throws -> Style { style(of: STDERR_FILENO, try chosen(color, "--color")) }

  /// `--color`.
  enum Color: String, CaseIterable {
    case auto, always, never
  }

  /// Automatic colour is for a terminal that has it, and not where NO_COLOR is set (no-color.org).
  private static func style(of descriptor: Int32, _ color: Color) -> Style {
    let isTerminal = isatty(descriptor) == 1
    let wantsColour = getenv("NO_COLOR").map { $0.pointee == 0 } ?? true
    let isDumb = getenv("TERM").map { strcmp($0, "dumb") == 0 } ?? false
    let isColoured = color == .always || color == .auto && isTerminal && wantsColour && !isDumb
    return Style(isColoured: isColoured, width: width(of: descriptor, isTerminal))
  }

  /// COLUMNS, else the terminal's own width; nil where neither is known.
  private static func width(of descriptor: Int32, _ isTerminal: Bool) -> Int? {
    if let columns = getenv("COLUMNS").flatMap({ Int(String(cString: $0)) }), columns > 0 { return columns }
    guard isTerminal else { return nil }
    var size = winsize()
    // SAFETY: TIOCGWINSZ fills the structure that it is given.
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
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

  /// Writes to standard error, in lines that fit a terminal; what cannot be written there is lost.
  static func complain(_ text: String) {
    let text = ReportText.messages(text, style(of: STDERR_FILENO, .auto))
    Descriptor.write(Array(text.utf8), to: STDERR_FILENO)
  }

  static func finish(_ answer: Answer) throws {
    print(answer.output)
    complain(answer.complaint)
    if answer.exit != .clean { throw ExitCode(answer.exit.rawValue) }
  }
}

extension ProbeFormat: ExpressibleByArgument {}
extension TableFormat: ExpressibleByArgument {}
