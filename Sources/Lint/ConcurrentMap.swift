import CLinux
import Common
import Glibc

/// What `transform` makes of each, in their order; on all processors where there is enough to do. Threads last for
/// one call: between calls the caller is alone, and may write and count what came out. Doing that while they work is
/// slower: to free what another thread has allocated, it waits for that thread's allocator.
func concurrentMap<Input: Sendable, Output: Sendable>(
  _ inputs: [Input], _ transform: @escaping @Sendable (Input) -> Output
) -> [Output] {
  let count = min(Processors.count, inputs.count / Processors.fewest)
  guard count > 1 else { return inputs.map(transform) }
  // Without it the heap shrinks and grows again with each call, and threads wait for the kernel.
  _ = vfiogate_keep_memory()
  return Array(unsafeUninitializedCapacity: inputs.count) { outputs, initialized in
    let work = SharedWork(inputs, outputs, transform)
    // What no thread could be had for is done by the others.
    let threads = (1..<count).compactMap { _ in work.start() }
    work.run()
    for thread in threads { pthread_join(thread, nil) }
    initialized = inputs.count
  }
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
  static var window: Int { count * 64 }
}

/// Inputs that several threads work through, each taking the next when it is done with its last: one that starts late
/// keeps nobody waiting.
private final class SharedWork<Input, Output>: @unchecked Sendable {
  private let inputs: [Input]
  private let outputs: UnsafeMutableBufferPointer<Output>
  private let transform: (Input) -> Output
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  /// Under the lock.
  private var next = 0

  /// - Parameter outputs: uninitialized, one for each input; initialized when all threads have ended.
  init(_ inputs: [Input], _ outputs: UnsafeMutableBufferPointer<Output>, _ transform: @escaping (Input) -> Output) {
    self.inputs = inputs
    self.outputs = outputs
    self.transform = transform
    lock.initialize(to: pthread_mutex_t())
    pthread_mutex_init(lock, nil)
  }

  deinit {
    pthread_mutex_destroy(lock)
    lock.deallocate()
  }

  func run() {
    while let index = take() {
      // SAFETY: `index` is within both, and no other thread has been given it.
      outputs.initializeElement(at: index, to: transform(inputs[index]))
    }
  }

  private func take() -> Int? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    guard next < inputs.count else { return nil }
    defer { next += 1 }
    return next
  }

  /// - Returns: nil when there is no thread to be had.
  func start() -> pthread_t? {
    var thread = pthread_t()
    var own: Int32 = 0
    let makers = vfiogate_processor(&own) == 0 ? own : nil
    let task = Unmanaged.passRetained(
      Task {
        // A thread begins where its maker runs, and its work is done before the kernel has moved it.
        if let makers { _ = vfiogate_leave_processor(makers) }
        self.run()
      })
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
    // SAFETY: it is what `SharedWork.start` retained.
    if let task { Unmanaged<Task>.fromOpaque(task).takeRetainedValue().body() }
    return nil
  }
}
