import Syntax

/// A device of a domain: an element below `<devices>`, with what every pass over them asks for.
struct LibvirtPart {
  let element: XMLElement
  /// As written, prefix included.
  let name: String
  /// How many of its name come before it.
  let number: Int
  /// Of its `<address>`; nil when there is none, or it does not say.
  let addressType: String?
  /// Where on a PCI bus it is said to be.
  let place: LibvirtGuestAddress?
  /// Its path, where it stands alone, and else its parent's.
  private let folder: String
  private let isAlone: Bool

  /// A device, or all of them, that stands alone.
  init(_ element: XMLElement, path: String) { self.init(element, name: element.qualifiedName, number: nil, in: path) }

  private init(_ element: XMLElement, name: String, number: Int?, in folder: String) {
    self.element = element
    self.name = name
    self.number = number ?? 0
    isAlone = number == nil
    self.folder = folder
    guard let address = element.child("address") else {
      addressType = nil
      place = nil
      return
    }
    let attributes = address.attributes
    addressType = attributes["type"]?.value
    place = addressType == nil || addressType == "pci" ? LibvirtGuestAddress(address, attributes) : nil
  }

  /// `/domain/devices/hostdev[2]` is the second of that name, as in XPath.
  var path: String { isAlone ? folder : "\(folder)/\(name)[\(number + 1)]" }

  /// - Parameter names: of those that are wanted; nil for all.
  static func all(of devices: XMLElement, _ path: String, named names: [String]? = nil) -> [LibvirtPart] {
    var counts = [String: Int](minimumCapacity: 24)
    return devices.children.compactMap { element in
      let name = element.qualifiedName
      if let names, !names.contains(name) { return nil }
      let number = counts[name, default: 0]
      counts[name] = number + 1
      return LibvirtPart(element, name: name, number: number, in: path)
    }
  }
}

/// `<address type='pci' …/>` of a guest device.
struct LibvirtGuestAddress {
  let element: XMLElement
  let bus: UInt64
  let busAttribute: XMLAttribute?
  let slot: UInt64
  let slotAttribute: XMLAttribute?
  let function: UInt64
  let multifunction: XMLAttribute?

  /// Nil when it says no place: then libvirt chooses one (libvirt src/util/virpci.c:
  /// virPCIDeviceAddressIsEmpty). Nor does one tell it that is no number, as in a template.
  init?(_ element: XMLElement, _ attributes: XMLAttributes) {
    func number(_ attribute: XMLAttribute?) -> UInt64? { attribute.map { LibvirtNumber.read($0.value) } ?? 0 }
    self.element = element
    busAttribute = attributes["bus"]
    slotAttribute = attributes["slot"]
    multifunction = attributes["multifunction"]
    guard let domain = number(attributes["domain"]), let bus = number(busAttribute), let slot = number(slotAttribute),
      let function = number(attributes["function"]), domain | bus | slot | function != 0
    else { return nil }
    self.bus = bus
    self.slot = slot
    self.function = function
  }

  /// The slot among those of all buses.
  var slotOfBus: UInt64 { bus << 5 | slot & 31 }

  /// As libvirt writes `addr`.
  var addr: String {
    let slot = "0x" + String(slot, radix: 16)
    return function == 0 ? slot : slot + ".0x" + String(function, radix: 16)
  }
}
