import Facts
import Syntax

/// A device of a domain: an element below `<devices>`, with what every pass over them asks for. Shared, because the
/// passes are many.
final class LibvirtDeviceElement {
  let element: XMLElement
  /// The name as written, prefix included.
  let name: String
  /// Number of elements with the same name before it.
  let number: Int
  /// Its `type`; empty without one.
  private(set) lazy var type = element.value("type") ?? ""
  /// Whether it is an interface on a network that is a pool of VFs; set before anything else is asked.
  var isPooled = false
  /// Whether it is an interface that is a host device.
  private(set) lazy var isHostdevInterface = name == "interface"
    && (isPooled || DomainWithoutPassthrough.isHostDevice(element))
  /// Index of a controller: the one given, or the one that libvirt chooses.
  var index: Int?
  /// Type of its `<address>`; nil when there is none.
  let addressType: String?
  /// The PCI address that is given.
  let place: LibvirtGuestAddress?
  /// `/domain/devices/hostdev[2]`: the second of that name, as in XPath.
  let path: LocationBase

  /// A device, or a list of devices, without a domain.
  convenience init(_ element: XMLElement, _ path: LocationBase) {
    self.init(element, name: element.qualifiedName, number: 0, path)
  }

  private init(_ element: XMLElement, name: String, number: Int, _ path: LocationBase) {
    self.element = element
    self.name = name
    self.number = number
    self.path = path
    guard let address = element.child("address") else {
      addressType = nil
      place = nil
      return
    }
    addressType = address.value("type")
    place = addressType == nil || addressType == "pci" ? LibvirtGuestAddress(address) : nil
  }

  /// The devices of a `<devices>`.
  /// - Parameter folder: path of that element.
  static func all(of devices: XMLElement, in source: String, _ folder: String) -> [LibvirtDeviceElement] {
    var counts = [String: Int](minimumCapacity: 24)
    func countUp(_ count: inout Int) -> Int {
      defer { count += 1 }
      return count
    }
    return devices.children.map { element in
      let name = element.qualifiedName
      let number = countUp(&counts[name, default: 0])
      let path = LocationBase(source: source, folder: folder, name: name, number: number + 1)
      return LibvirtDeviceElement(element, name: name, number: number, path)
    }
  }
}

/// `<address type='pci' …/>` of a guest device. Shared, like the device that it is of.
final class LibvirtGuestAddress {
  let element: XMLElement
  let domain: UInt64
  let bus: UInt64
  let busAttribute: XMLAttribute?
  let slot: UInt64
  let slotAttribute: XMLAttribute?
  let function: UInt64
  let multifunction: XMLAttribute?

  /// Nil when it says no place: then libvirt chooses one (libvirt src/util/virpci.c:
  /// virPCIDeviceAddressIsEmpty). Nor does an address that is not a number, as in a template.
  init?(_ element: XMLElement) {
    func number(_ attribute: XMLAttribute?) -> UInt64? { attribute.map(LibvirtNumber.parse) ?? 0 }
    self.element = element
    busAttribute = element["bus"]
    slotAttribute = element["slot"]
    multifunction = element["multifunction"]
    guard let domain = number(element["domain"]), let bus = number(busAttribute), let slot = number(slotAttribute),
      let function = number(element["function"]), domain | bus | slot != 0
    else { return nil }
    self.domain = domain
    self.bus = bus
    self.slot = slot
    self.function = function
  }

  /// The slot among those of all buses.
  var slotOfBus: UInt64 { bus << 5 | slot & 31 }

  /// The address as libvirt's messages have it.
  var text: String {
    LibvirtNumber.padded(domain, 4) + ":" + LibvirtNumber.padded(bus, 2) + ":" + LibvirtNumber.padded(slot, 2) + ".\(function)"
  }

  /// The address as libvirt writes `addr`.
  var addr: String {
    let slot = LibvirtNumber.hexadecimal(slot)
    return function == 0 ? slot : slot + "." + LibvirtNumber.hexadecimal(function)
  }
}

extension LibvirtNumber {
  /// Hexadecimal digits, with zeros before them up to a count.
  static func padded(_ number: UInt64, _ count: Int) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: max(0, count - digits.utf8.count)) + digits
  }
}
