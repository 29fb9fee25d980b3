import Facts
import Glibc
import Inputs
import Report
import Rules
import Syntax

/// `vfiogate run`: judges a QEMU command line, and becomes that QEMU, or refuses.
public struct Launch {
  /// The program and its arguments, as the kernel handed them over; ends with nil.
  public let arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  public var host: HostChoice = .live
  /// Nil: the program that is started is asked.
  public var qemu: QEMUChoice?
  public var failOn = Severity.error
  public var onUnknown = Lint.OnUnknown.warn
  public var isDryRun = false
  public var isVerbose = false
  public var style = Style(isColoured: false)

  public init(arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) { self.arguments = arguments }

  /// Returns only when nothing was started.
  public func run() -> Answer {
    return execute(arguments)
  }

  private func execute(_ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Answer {
    guard let program = arguments[0] else { return .couldNotLook("no program is named") }
    // SAFETY: both are as the kernel handed them over: strings that end with NUL, the last pointer nil.
    execvp(program, arguments)
    return .couldNotLook("\(String(cString: program)): cannot be started: \(String(cString: strerror(errno)))")
  }
}
