import Facts
import QMP
import Syntax

/// Asks a QEMU whether its `vfio-pci` has `ats`, `iommufd` and `fd`. The version number does not
/// tell: distributions carry patches. The device's own list of properties does.
public enum QEMUQuestion {
  /// How long a whole question may take, unless told otherwise.
  public static let patience = Duration.seconds(10)

  /// Asks a running QEMU on its QMP socket. It is asked for a list and left as it was.
  /// - Throws: `QMPFailure` when nobody could look. What QEMU answered in the negative is in the profile.
  public static func ask(
    qmpSocket path: String, timeout: Duration = patience
  ) throws(QMPFailure) -> QEMUProfile {
    let deadline = Deadline(after: timeout)
    return try ask(try QMPConnection.connect(path: path, until: deadline), named: path, until: deadline)
  }

  /// Starts the program without a machine, asks, and ends it.
  /// - Throws: `QMPFailure` when nobody could look, with what the program wrote to standard error.
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
    return profile(name: "QEMU \(version) at \(path)", listing: listing)
  }

  /// What the reply of `device-list-properties` for `vfio-pci` says.
  package static func profile(name: String, listing: Result<JSON, CommandError>) -> QEMUProfile {
    let properties = read(listing, of: name)
    return QEMUProfile(
      name: name, behaviour: properties.flatMap { behaviour($0, of: name) },
      properties: properties.map { Set($0.map(\.name)) })
  }

  private static func read(
    _ listing: Result<JSON, CommandError>, of name: String
  ) -> Known<[DeviceProperty]> {
    let fact = "properties of vfio-pci in \(name)"
    do {
      return .known(try DeviceProperty.parse(listing: try listing.get()))
    } catch let error as CommandError {
      return .unknown(fact, "QEMU says: \(error)")
    } catch {
      return .unknown(fact, "the reply to `device-list-properties`: \(error)")
    }
  }

  private static func behaviour(_ properties: [DeviceProperty], of name: String) -> Known<ATSBehaviour> {
    guard let ats = properties.first(where: { $0.name == "ats" }) else { return .known(.none) }
    // QEMU 11.1 (hw/vfio/pci.c). The patch as posted has the same property, and cannot be told apart.
    guard ats.type == "OnOffAuto" else {
      return .unknown("what `ats` means in \(name)", "its type is `\(ats.type)`, not `OnOffAuto`")
    }
    return .known(.shipped)
  }
}
