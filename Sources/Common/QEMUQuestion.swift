import Facts
import QMP
import Syntax

/// Asks a QEMU whether its `vfio-pci` has `ats`, `iommufd` and `fd`. The version number does not
/// determine it, because distributions carry patches; the device's own list of properties does.
public enum QEMUQuestion {
  /// Default time limit of a whole query.
  public static let patience = Duration.seconds(10)

  /// Queries a running QEMU on its QMP socket, without changing it.
  /// - Throws: `QMPFailure` when there is no answer. A negative answer of QEMU is in the profile.
  public static func ask(
    qmpSocket path: String, timeout: Duration = patience
  ) throws(QMPFailure) -> QEMUProfile {
    let deadline = Deadline(after: timeout)
    return try ask(try QMPConnection.connect(path: path, until: deadline), named: path, until: deadline)
  }

  /// Starts the program without a machine, queries it, and ends it.
  /// - Throws: `QMPFailure` when there is no answer, with the program's standard error.
  public static func ask(
    binary path: String, timeout: Duration = patience
  ) throws(QMPFailure) -> QEMUProfile {
    let deadline = Deadline(after: timeout)
    let process = try QEMUProcess(path: path)
    do {
      return try ask(process.connection, named: path, until: deadline)
    } catch {
      throw process.explain(error)
    }
  }

  private static func ask(
    _ connection: QMPConnection, named path: String, until deadline: Deadline
  ) throws(QMPFailure) -> QEMUProfile {
    let version = try connection.negotiate(until: deadline).version
    let listing = try connection.execute(
      Command("device-list-properties", ["typename": "vfio-pci"]), until: deadline)
    return profile(
      name: "QEMU \(version) at \(path)", release: version.release, listing: listing)
  }

  /// The profile that a reply of `device-list-properties` for `vfio-pci` shows.
  package static func profile(
    name: String, release: Known<QEMURelease>, listing: Result<JSON, CommandError>
  ) -> QEMUProfile {
    let properties = read(listing, of: name)
    return QEMUProfile(
      name: name, behaviour: properties.flatMap { behaviour($0, of: name) },
      properties: properties.map { Set($0.map(\.name)) }, release: release)
  }

  /// The release that a reply of `query-version` gives.
  package static func release(of reply: JSON?) -> Known<QEMURelease> {
    guard let reply, let version = try? QEMUVersion.parse(reply) else {
      return .unknown("release of QEMU", "QEMU does not report it")
    }
    return version.release
  }

  private static func read(
    _ listing: Result<JSON, CommandError>, of name: String
  ) -> Known<[DeviceProperty]> {
    let fact = "properties of vfio-pci in \(name)"
    do {
      return .known(try DeviceProperty.parse(listing: try listing.get()))
    } catch let error as CommandError {
      return .unknown(fact, "QEMU reports: \(error)")
    } catch {
      return .unknown(fact, "the reply to `device-list-properties`: \(error)")
    }
  }

  private static func behaviour(_ properties: [DeviceProperty], of name: String) -> Known<ATSBehaviour> {
    guard let ats = properties.first(where: { $0.name == "ats" }) else { return .known(.none) }
    // QEMU 11.1 (hw/vfio/pci.c). The patch as posted has the same property and cannot be distinguished.
    guard ats.type == "OnOffAuto" else {
      return .unknown("meaning of `ats` in \(name)", "its type is `\(ats.type)`, not `OnOffAuto`")
    }
    return .known(.shipped)
  }
}

extension QEMUVersion {
  /// The first two numbers.
  fileprivate var release: Known<QEMURelease> {
    .known(QEMURelease(Int(clamping: major), Int(clamping: minor)))
  }
}
