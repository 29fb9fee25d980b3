import Glibc
import QMP

/// Descriptors that are kept for reading the host and for trials: clients that use up all others keep no decision from its facts.
final class DescriptorReserve {
  /// The host is read with far fewer at a time.
  private static let size = 16

  private var held: [OwnedDescriptor] = []
  /// Number of borrowers, each within the one before.
  private var borrowers = 0

  init() { fill() }

  /// Runs code that needs descriptors.
  func lend<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
    held = []
    borrowers += 1
    defer {
      borrowers -= 1
      if borrowers == 0 { fill() }
    }
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
