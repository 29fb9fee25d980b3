import QMP
import Syntax

/// Properties of the guest's devices and buses as QEMU has reported them. None of those that `GuestQuery` asks for changes while
/// its device exists, so a plug does not ask for them again.
final class GuestProperties {
  private struct Known {
    /// The type of the device that the path belonged to.
    let type: String
    /// The values by name; nil for a property that there is not.
    var values: [String: JSON?] = [:]
  }

  private var known: [String: Known] = [:]

  /// The value of a property, nil inside for a property that there is not; nil when QEMU has not been asked.
  func value(_ detail: GuestDetail) -> JSON?? {
    guard let entry = known[detail.path], entry.type == detail.type else { return nil }
    return entry.values[detail.property]
  }

  /// Records QEMU's answer.
  func keep(_ answer: Result<JSON, CommandError>, to detail: GuestDetail) {
    if known[detail.path]?.type != detail.type { known[detail.path] = Known(type: detail.type) }
    known[detail.path]?.values[detail.property] = .some(try? answer.get())
  }

  /// Forgets devices that are not among these paths any more.
  func prune(_ paths: Set<String>) { known = known.filter { paths.contains($0.key) } }

  /// Forgets everything: a device has gone, and another may have its path.
  func forget() { known = [:] }
}

/// A property to ask for.
struct GuestDetail {
  /// The path in QEMU's object tree.
  let path: String
  let property: String
  /// The type of the device, or of the one that a bus is behind.
  let type: String
}
