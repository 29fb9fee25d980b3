import Syntax

/// One property of a device type, as `device-list-properties` gives it.
public struct DeviceProperty: Hashable, Sendable {
  /// The property's name.
  public let name: String
  /// QEMU's name of the type: "OnOffAuto", "str", "link<iommufd>".
  public let type: String

  /// Creates a property.
  public init(name: String, type: String) {
    self.name = name
    self.type = type
  }

  /// Reads the reply of `device-list-properties`.
  /// - Throws: `ProtocolViolation` when it is not the list of objects that QEMU's schema promises.
  public static func parse(listing: JSON) throws(ProtocolViolation) -> [DeviceProperty] {
    guard let items = listing.array else { throw .badMember("return", expected: "an array") }
    var properties: [DeviceProperty] = []
    for (index, item) in items.enumerated() {
      let path = "return[\(index)]"
      properties.append(
        DeviceProperty(name: try item.text("name", in: path), type: try item.text("type", in: path)))
    }
    return properties
  }
}
