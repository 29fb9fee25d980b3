import Glibc

/// A moment of the monotonic clock by which something must have happened.
public struct Deadline: Sendable {
  /// The time from the creation of the deadline to the deadline.
  public let patience: Duration
  private let moment: Duration

  /// Creates a deadline that begins now.
  public init(after patience: Duration) {
    self.patience = patience
    moment = Deadline.now + patience
  }

  /// Whether the moment has passed.
  public var isPast: Bool { Deadline.now >= moment }

  /// The time left in milliseconds, for poll(2), at most a day: rounded up, so that no loop spins through the last millisecond.
  public var milliseconds: Int32 {
    let (seconds, attoseconds) = (moment - Deadline.now).components
    if seconds < 0 || attoseconds < 0 { return 0 }
    let day: Int64 = 86_400
    return Int32(min(seconds, day) * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }

  private static var now: Duration {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }
}
