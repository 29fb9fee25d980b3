/// Reasons of unknown facts that something which the user can do removes, and the advice for it. `Unknown.reason` is text,
/// also in recordings, so these texts are named once.
public enum UnknownReason {
  /// A fact without a line in a recording.
  public static let notRecorded = "not in the recording"
  /// A fact that no recording has: about files that a definition names.
  public static let neverRecorded = "recordings do not have it"
  /// The reason of every fact that the text of `lspci` does not have.
  public static let notInLspci = "not in the text of lspci"
  /// A fact of a host that the user asked not to inspect.
  public static let notInspected = "no host was inspected (--host none)"
  /// The end of the reason of a value that a definition leaves to the host.
  public static let onlyOfHost = ", which only the host lists"
  /// A fact of the machine that a request to plug a device comes without.
  public static let withoutMachine = "the request comes without its machine"
  /// A fact of a QEMU that was not named.
  public static let qemuNotNamed = "which QEMU will run it is not known (--qemu none)"
}

extension Unknown {
  /// Means to determine the fact: an option, or another recording.
  public enum Remedy: Int, Hashable, Sendable, CaseIterable {
    /// A host to inspect.
    case host
    /// The host itself.
    case liveHost
    /// The privileges of root.
    case root
    /// All of the host, which a container shows only in part.
    case wholeHost
    /// A recording that has the fact.
    case recording
    /// The kernel's answer, which it gives only about a device that is bound.
    case bind
    /// The command line of the running guest.
    case guest
    /// The QEMU that runs the guest.
    case qemu
    /// A value that is written in the definition.
    case literal
    /// The domain as libvirt has completed it.
    case domain
    /// The command line that Proxmox writes.
    case proxmox
    /// A start of the QEMU that runs the guest.
    case rehearsal
    /// A file that the definition names.
    case file
    /// The end of the task that holds a machine of Proxmox.
    case task
    /// The user that runs QEMU.
    case user
  }

  /// The means to determine the fact; nil where none is known.
  public var remedy: Remedy? {
    if reason == UnknownReason.notInspected { return .host }
    if reason == UnknownReason.notRecorded || reason == UnknownReason.notInLspci { return .recording }
    if reason == UnknownReason.neverRecorded { return .liveHost }
    if reason == UnknownReason.withoutMachine { return .guest }
    if reason == UnknownReason.qemuNotNamed { return .qemu }
    if let sign = Unknown.signs.first(where: { reason.contains($0.text) }) { return sign.remedy }
    // Every whole host has these folders; a container, and a folder of `--root`, may lack parts of them.
    return ["/sys", "/proc"].contains(where: reason.contains) && reason.hasSuffix("No such file or directory") ? .wholeHost : nil
  }

  /// Parts of reasons that contain more: a path, a name.
  private static let signs: [(text: String, remedy: Remedy)] = [
    // errno's texts for EACCES and EPERM, which a recording keeps.
    ("Permission denied", .root), ("permission denied", .root), ("Operation not permitted", .root),
    // A live host has every option: the recording is older than the option's use.
    ("not in the kernel configuration that was read", .recording), ("is a partial view", .wholeHost),
    ("the host's first PID namespace", .wholeHost), ("not bound to an iommufd", .bind),
    // The kernel's ATS flag, where the IOMMU does not show what it derives from.
    ("are not in sysfs", .bind), ("does not show it in sysfs", .bind),
    ("`--qemu PATH` asks", .qemu), ("depends on the version of this QEMU", .qemu), ("this QEMU checks it", .qemu),
    ("that libvirt chooses", .domain), ("the mediated device that Proxmox creates", .proxmox), ("the device of the mapping", .proxmox),
    ("of Proxmox's machines only", .proxmox),
    ("only the shell knows", .literal), (UnknownReason.onlyOfHost, .host), ("written as", .literal),
    ("runs QEMU, and the host was inspected by", .user), ("machine that a task holds", .task), ("`--rehearse` asks", .rehearsal),
    ("the configuration file `", .file), ("it was not read: ", .file),
    // Parts of a definition that no reader follows.
    ("commands from it", .literal), ("it is not read", .literal), ("it is not QEMU", .literal), ("the shell that runs it", .literal),
    ("another program fills it in", .literal), ("belongs to nothing that was read", .literal), ("only the first is judged", .literal),
    ("to the list", .literal), ("not followed", .literal),
  ]
}
