import CLinux
import Common
import Glibc
import QMP

/// Closes what came from clients, descriptors and connections, in processes that share this one's descriptors: a client decides how long
/// such a close waits, and only its process waits.
final class DescriptorCloser: Sendable {
  /// Limit of processes at a time. Above it descriptors stay open until one ends.
  private static let limit = 64

  // All is used by the proxy's one thread only.
  nonisolated(unsafe) private var numbers: [Int32] = []
  nonisolated(unsafe) private var processes: [pid_t] = []

  /// Takes over the closes in progress of the program before a reload: all processes that this one has (proc(5),
  /// /proc/pid/task/tid/children).
  func adoptAll() {
    guard let text = try? InputFile.read("/proc/thread-self/children", limit: 1 << 16) else { return }
    processes += text.bytes.split(separator: 0x20).compactMap { pid_t(String(decoding: $0, as: UTF8.self)) }
  }

  /// Takes over a descriptor that a client sent.
  func own(_ number: Int32) -> OwnedDescriptor { OwnedDescriptor(number) { [self] in numbers.append($0) } }

  /// Takes over a client's connection. It is closed at once where nothing of the client's waits in it.
  func own(connection: Int32) -> OwnedDescriptor {
    OwnedDescriptor(connection) { [self] in
      if clinux_is_drained(connection) == 1 { close(connection) } else { numbers.append($0) }
    }
  }

  /// Whether closes of so many clients' descriptors wait that no more can be taken over.
  var isStuck: Bool { processes.count >= DescriptorCloser.limit }

  /// Begins to close what has lost its owner since the last call.
  func closeAll() {
    processes.removeAll { waitpid($0, nil, WNOHANG) != 0 }
    guard !numbers.isEmpty, !isStuck else { return }
    // SAFETY: the array's own count is passed.
    let process = numbers.withUnsafeBufferPointer { clinux_close_apart($0.baseAddress, $0.count) }
    // They wait for the next call when no process could be started.
    guard process > 0 else { return }
    processes.append(process)
    numbers = []
  }

  /// Waits a moment for the closes in progress, which end with the thread.
  func finish() {
    let deadline = Deadline(after: .milliseconds(500))
    closeAll()
    while !processes.isEmpty, !deadline.isPast {
      // SAFETY: no entries.
      _ = poll(nil, 0, 2)
      closeAll()
    }
  }
}
