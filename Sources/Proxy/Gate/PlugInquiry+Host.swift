import Common
import Facts
import Glibc
import Inputs
import Syntax

/// The facts that a decision needs.
extension PlugInquiry {
  var descriptors: [String: Known<PCIAddress?>] {
    guard let fd = request.string("fd"), let function = gate.ledger.function(WireText(fd), process: gate.options.process)
    else { return [:] }
    return [fd: function]
  }

  /// The host as QEMU sees it: devices that QEMU itself holds are not in use by another process, and the access rights
  /// of this process are not those of a QEMU that runs as another user.
  func host(
    _ machine: MachineConfig, _ descriptors: [String: Known<PCIAddress?>]
  ) throws -> Facts.Host {
    let addresses = (machine.devices + [request]).compactMap { $0.hostAddress(descriptors) }
    var host = try gate.recordedHost ?? gate.options.host.load(only: Set(addresses))
    guard case .live = gate.options.host else {
      gate.recordedHost = host
      return host
    }
    host = host.without(Set([gate.options.process.map { Int($0) }, Int(getpid())].compactMap { $0 }))
    if let process = gate.options.process, !PlugInquiry.runsAsWe(process) {
      let reason = "QEMU runs as another user"
      host.user = .unknown("QEMU's user", reason)
      host.memlock = .unknown("QEMU's memlock limit", reason)
      host.iommufd = .unknown("QEMU's access to /dev/iommu", reason)
      host.vfioContainer = .unknown("QEMU's access to /dev/vfio/vfio", reason)
    }
    return host
  }

  private static func runsAsWe(_ process: pid_t) -> Bool {
    var status = stat()
    // SAFETY: stat reads the path and fills the structure that it is given.
    return stat("/proc/\(process)", &status) == 0 && status.st_uid == geteuid()
  }

  /// -global applies to hot plugs too, and no QMP command shows it.
  /// - Parameter process: QEMU's process id; nil when it is not known.
  static func globals(of process: pid_t?) -> Known<[GlobalProperty]> {
    guard let process else { return .unknown("QEMU's -global options", "its process is not known") }
    switch machine(of: process) {
    case .success(let machine): return globals(of: machine)
    case .failure(let error): return .unknown("QEMU's -global options", "\(error)")
    }
  }

  /// The machine of a running QEMU's command line.
  static func machine(of process: pid_t) -> Result<MachineConfig, PathError> {
    let path = "/proc/\(process)/cmdline"
    do throws(PathError) {
      let program = WireText("/proc/\(process)/exe").linkTarget ?? ""
      let source = named(try InputFile.read(path, limit: ParsedInput.maximumSize), program: program)
      return .success(ParsedInput.parse(source, as: .nul, follow: InputFile.follower(from: path, roots: nil)).machine)
    } catch {
      return .failure(error)
    }
  }

  /// The command line, with QEMU's own name where the first word is another (`exec -a`): that of a program that is not QEMU would be
  /// a script's, which has options of its own. A script's process has the interpreter as its program.
  static func named(_ source: SourceText, program: WireText) -> SourceText {
    func isQEMU(_ name: WireText) -> Bool { name.hasPrefix("qemu-system-") || name == "kvm" || name == "qemu-kvm" }
    let first = source.bytes.prefix { $0 != 0 }
    let names = [WireText(bytes: first), program].map { $0.split("/").last ?? "" }
    guard !isQEMU(names[0]), isQEMU(names[1]) else { return source }
    let name = names[1].split(" ").first ?? ""
    return SourceText(name: source.name, bytes: name.bytes + source.bytes.dropFirst(first.count))
  }

  /// The -global options of a command line, when it was read whole: -readconfig files contain some too.
  package static func globals(of machine: MachineConfig) -> Known<[GlobalProperty]> {
    machine.missingPart.map { .unknown("QEMU's -global options", $0) } ?? .known(machine.globals)
  }
}
