import CLinux
import Glibc

/// Progress of a long run, on standard error where that is a terminal; silent for the first second.
package struct Progress {
  private let isShown: Bool
  private let total: Int
  private let start = monotonicSeconds()
  private var last: Double
  private var isOnScreen = false

  /// Creates the progress of a run over `total` files.
  package init(total: Int, isShown: Bool) {
    self.isShown = isShown && isatty(STDERR_FILENO) == 1
    self.total = total
    last = start
  }

  /// Shows that `done` files have been read, at most ten times a second.
  package mutating func report(_ done: Int) {
    guard isShown else { return }
    let now = monotonicSeconds()
    guard now - start > 1, now - last > 0.1 else { return }
    last = now
    isOnScreen = true
    // ECMA-48 §8.3.41, Erase in Line
    write("\r\u{1b}[Kvfiogate: \(done) of \(total) files")
  }

  /// Removes the line from the screen, so that output begins in an empty one.
  package mutating func clear() {
    if isOnScreen { write("\r\u{1b}[K") }
    isOnScreen = false
  }

  private func write(_ text: String) {
    let bytes = Array(text.utf8)
    // SAFETY: write(2) reads at most bytes.count bytes; losing the line is harmless.
    _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}

private func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
