import ArgumentParser
import Rules

/// Values that shells complete.
extension CompletionKind {
  /// The choices of an enumeration.
  static func choices<Choice: RawRepresentable & CaseIterable>(_: Choice.Type) -> CompletionKind where Choice.RawValue == String {
    .list(Choice.allCases.map(\.rawValue))
  }

  /// PCI addresses of this machine.
  static var addresses: CompletionKind { .shellCommand("ls /sys/bus/pci/devices 2> /dev/null") }

  /// Names of the rules.
  static var rules: CompletionKind { .list(Rule.all.map(\.name)) }
}
