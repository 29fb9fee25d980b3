import Glibc

/// Time in seconds that a thread works: a busy machine does not lengthen it, as it does the time that passes.
public struct ProcessorTime {
  private let start = ProcessorTime.now

  /// Starts to measure.
  public init() {}

  /// The time since then, of the thread that asks.
  public var seconds: Double { ProcessorTime.now - start }

  private static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
