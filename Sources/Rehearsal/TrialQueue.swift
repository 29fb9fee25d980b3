import Facts

/// Trials of vfio devices, of which a limited number runs at once.
final class TrialQueue {
  private var waiting: ArraySlice<Int>
  private var running: [(index: Int, process: RehearsalProcess)] = []
  private let limit: Int
  private let start: (Int) throws(Unknown) -> RehearsalProcess

  /// Starts the first ones.
  /// - Parameters:
  ///   - devices: indices of the devices, in their order.
  ///   - limit: maximum number of processes, at least one.
  init(_ devices: [Int], limit: Int, start: @escaping (Int) throws(Unknown) -> RehearsalProcess) throws(Unknown) {
    waiting = devices[...]
    self.limit = max(1, limit)
    self.start = start
    try fill()
  }

  /// Removes the trial that was started first, and starts others in the place of those that have ended.
  func next() throws(Unknown) -> (index: Int, process: RehearsalProcess)? {
    try fill()
    return running.isEmpty ? nil : running.removeFirst()
  }

  private func fill() throws(Unknown) {
    while running.count < limit, let index = waiting.popFirst() { running.append((index, try start(index))) }
  }
}
