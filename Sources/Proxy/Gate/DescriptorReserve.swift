import Glibc
import QMP

/// Descriptors that are kept for reading the host: clients that use up all others keep no decision from its facts.
final class DescriptorReserve {
  /// The host is read with far fewer at a time.
  private static let size = 16

  private var held: [OwnedDescriptor] = []

  init() { fill() }

  /// Runs code that needs descriptors.
  func lend<Value>(_ body: () throws -> Value) rethrows -> Value {
    held = []
    defer { fill() }
    return try body()
  }

  private func fill() {
    while held.count < DescriptorReserve.size {
      let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return }
      held.append(OwnedDescriptor(descriptor))
    }
  }
}
