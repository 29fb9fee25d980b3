/// Outcome of starting the QEMU that will run with a definition's own options, stopped and without anything of the host.
public struct RehearsalResult: Sendable {
  /// Behaviour of that QEMU.
  public enum Outcome: Sendable, Hashable {
    /// It created the whole machine. What depends on the host was not part of it.
    case started
    /// It refused. QEMU's text, without the option that it names first.
    case refused(text: String, location: Location, about: String)
    /// It crashed with a signal ("SIGSEGV"). The request that it was about, where that is known.
    case crashed(signal: String, location: Location, about: String)
    /// It exited at a plug, with this text on its standard error: a running QEMU that does so ends, and the guest with it.
    case exited(text: String, location: Location, about: String)
    /// It stopped for a reason that is the rehearsal's own and not the definition's: nothing is known.
    case notRehearsed(String)
  }

  /// Extent to which an accepted part was the definition's own.
  public enum Extent: Sendable, Hashable {
    /// All that decides was unchanged.
    case whole
    /// Only its name and its slot.
    case replaced
    /// A vfio device up to the check that its host device exists, and another device in its slot.
    case withoutHostDevice
  }

  /// A part of the definition that was replaced or left out.
  public struct Change: Sendable, Hashable {
    /// The part: "`-drive[0]`", "`mem-path` of `-object[1]`".
    public let what: String
    /// The replacement, or the reason why it was left out.
    public let why: String
    /// Whether QEMU was not asked about something of the machine itself: a device, or a property of one.
    public let isUntried: Bool

    /// Creates a change.
    public init(what: String, why: String, isUntried: Bool = false) {
      self.what = what
      self.why = why
      self.isUntried = isUntried
    }
  }

  /// Version and path of the QEMU.
  public let qemu: String
  /// The accelerator that it took ("qtest", "tcg"); nil where no QEMU was started.
  public let accelerator: String?
  /// Behaviour of that QEMU.
  public let outcome: Outcome
  /// Whether QEMU was started with the options.
  public var isTried: Bool { if case .notRehearsed = outcome { false } else { true } }
  /// Number of options, objects and devices that were rehearsed, with or without changes.
  public let rehearsed: Int
  /// Parts that were replaced or left out.
  public let changes: [Change]
  /// Parts of the definition that QEMU accepted, by their location.
  public let accepted: [Location: Extent]

  /// The signal of a crash after a plug that it refused, when the plug was repeated or the guest was reset.
  public let laterSignal: String?

  /// Creates a result.
  public init(
    qemu: String, accelerator: String? = nil, outcome: Outcome, rehearsed: Int, changes: [Change],
    accepted: [Location: Extent] = [:], laterSignal: String? = nil
  ) {
    self.qemu = qemu
    self.accelerator = accelerator
    self.outcome = outcome
    self.rehearsed = rehearsed
    self.changes = changes
    self.accepted = accepted
    self.laterSignal = laterSignal
  }
}
