import CLinux
import Glibc

/// What `transform` makes of each, in their order; on all processors where there is enough to do. Threads last for
/// one call: between calls the caller is alone, and may write and count what came out.
func concurrentMap<Input: Sendable, Output: Sendable>(
  _ inputs: [Input], _ transform: @escaping @Sendable (Input) -> Output
) -> [Output] {
  let count = min(Processors.count, inputs.count / Processors.fewest)
  guard count > 1 else { return inputs.map(transform) }
  let share = (inputs.count + count - 1) / count
  let shares = stride(from: 0, to: inputs.count, by: share).map { start in
    Share(inputs[start..<min(start + share, inputs.count)], transform)
  }
  let threads = shares.dropFirst().map { ($0, $0.start()) }
  shares[0].run()
  for (share, thread) in threads {
    // What no thread could be had for is done here.
    if let thread { pthread_join(thread, nil) } else { share.run() }
  }
  return shares.flatMap(\.outputs)
}

enum Processors {
  /// Those that this process may use; more than eight gain nothing where files are read.
  static let count: Int = {
    var count: Int32 = 1
    return vfiogate_processors(&count) == 0 ? min(max(Int(count), 1), 8) : 1
  }()

  /// Inputs for each thread below which one is not worth starting.
  static let fewest = 8
  /// As many inputs as are worth handing over at once; their outputs are all held.
  static var window: Int { count * 32 }
}

/// One thread's part. Only that thread touches it until it has been joined.
private final class Share<Input: Sendable, Output: Sendable>: @unchecked Sendable {
  private let inputs: ArraySlice<Input>
  private let transform: @Sendable (Input) -> Output
  private(set) var outputs: [Output] = []

  init(_ inputs: ArraySlice<Input>, _ transform: @escaping @Sendable (Input) -> Output) {
    self.inputs = inputs
    self.transform = transform
  }

  func run() { outputs = inputs.map(transform) }

  /// - Returns: nil when there is no thread to be had.
  func start() -> pthread_t? {
    var thread = pthread_t()
    let task = Unmanaged.passRetained(Task(run))
    // SAFETY: the task is retained for the thread, which releases it.
    let error = pthread_create(&thread, nil, { Task.start($0) }, task.toOpaque())
    if error != 0 { task.release() }
    return error == 0 ? thread : nil
  }
}

/// What a thread is handed: a function of C's knows no generic types.
private final class Task {
  private let body: () -> Void

  init(_ body: @escaping () -> Void) { self.body = body }

  static func start(_ task: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    // SAFETY: it is what `Share.start` retained.
    if let task { Unmanaged<Task>.fromOpaque(task).takeRetainedValue().body() }
    return nil
  }
}
