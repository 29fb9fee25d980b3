import Facts
import Syntax

/// Refusals of USB controllers and of addresses on USB buses, with libvirt's messages (observed on 9.0, and still in 11.3).
extension LibvirtReader {
  /// libvirt src/conf/domain_conf.c: virDomainDefParseXML, src/qemu/qemu_postparse.c: qemuDomainControllerDefPostParse.
  /// - Parameter isWhole: whether its controllers and hubs are all there.
  mutating func validateUSB(_ devices: [LibvirtDeviceElement], isWhole: Bool) {
    let controllers = devices.filter { $0.name == "controller" && $0.type == "usb" }
    for part in controllers {
      guard let model = part.element.value("model"), model == "qemu-xhci" || model == "nec-xhci",
        let ports = part.element.value("ports").flatMap(LibvirtNumber.natural), ports > 15
      else { continue }
      refuse("'\(model)' controller only supports up to '15' ports", "write `ports='15'`", at: location(part.element, part.path))
    }
    guard let none = controllers.first(where: { $0.element.value("model") == "none" }) else {
      return isWhole ? validatePorts(devices) : ()
    }
    let advice = "remove it, or the controller of model `none`"
    for part in devices {
      let place = location(part.element, part.path)
      switch part.name {
      case "controller" where part.type == "usb" && part !== none:
        refuse("Can't add another USB controller: USB is disabled for this domain", advice, at: place)
      case "input" where part.element.value("bus") == "usb":
        refuse("Can't add USB input device. USB bus is disabled", advice, at: place)
      case "hub": refuse("Can't add USB hub: USB is disabled for this domain", advice, at: place)
      case "hostdev" where part.type == "usb": refuse("Can't add host USB device: USB is disabled in this host", advice, at: place)
      default: break
      }
    }
  }

  /// A bus, or a hub on it: ports, which are not known of a controller that libvirt chooses.
  private struct USBPorts {
    var count: Int?
    var taken: Set<Int> = []
  }

  /// libvirt src/conf/domain_addr.c: virDomainUSBAddressSetAddControllers, virDomainUSBAddressReserve and virDomainUSBAddressFindPort.
  private mutating func validatePorts(_ devices: [LibvirtDeviceElement]) {
    // By the bus, and the ports of the hubs on the way.
    var ports: [[Int]: USBPorts] = [:]
    for part in devices where part.name == "controller" && part.type == "usb" {
      let model = part.element.value("model")
      if model?.hasPrefix("ich9-uhci") == true { continue }
      guard let index = part.index else { return }
      ports[[index], default: USBPorts()].count = LibvirtReader.ports(of: part.element, model)
    }
    // libvirt adds a controller.
    if ports[[0]] == nil { ports[[0]] = USBPorts() }
    for part in devices.filter({ $0.name == "hub" }) + devices.filter(LibvirtReader.isOnUSB) where part.addressType == "usb" {
      guard let address = part.element.child("address"), let bus = address.value("bus").map({ Int($0) }) ?? 0 else { return }
      let text = address.value("port") ?? ""
      let path = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
      let place = location(address, part.path, "/address")
      if text.isEmpty {
        if part.name == "hub" || ports[[bus]] != nil { continue }
        return refuse("USB bus \(bus) requested but no controller with that index is present", "add the controller", at: place)
      }
      guard path.allSatisfy({ $0 > 0 }), path.count <= 4 else {
        if LibvirtReader.isPlaceholder(text) { return }
        return refuse("Cannot parse <address> 'port' attribute", "write a port as `1` or `1.2`", at: place)
      }
      if ports[[bus]] == nil { return refuse("Missing USB bus \(bus)", "add the controller, or write another `bus=`", at: place) }
      var hub = [bus]
      for port in path.dropLast() {
        if let count = ports[hub]?.count, port > count {
          return refuse("port \(port) out of range in USB address bus: \(bus) port: \(text)", "write a port up to \(count)", at: place)
        }
        hub.append(port)
        if ports[hub] == nil {
          return refuse("there is no hub at port \(port) in USB address bus: \(bus) port: \(text)", "add `<hub type='usb'>`", at: place)
        }
      }
      let port = path.last ?? 0
      if let count = ports[hub]?.count, port > count {
        return refuse("requested USB port \(text) not present on USB bus \(bus)", "write a port up to \(count)", at: place)
      }
      if ports[hub]?.taken.insert(port).inserted == false {
        return refuse(
          part.name == "hub" ? "Duplicate USB hub on bus \(bus) port \(text)" : "Duplicate USB address bus \(bus) port \(text)",
          "give each device a port of its own, or no `<address>`", at: place)
      }
      if part.name == "hub" { ports[hub + [port]] = USBPorts(count: 8) }
    }
  }

  private static func isOnUSB(_ part: LibvirtDeviceElement) -> Bool {
    switch part.name {
    case "hostdev": return part.type == "usb"
    case "input": return part.element.value("bus") ?? "usb" == "usb"
    case "disk": return part.element.child("target")?.value("bus") == "usb"
    default: return part.name == "redirdev"
    }
  }

  /// libvirt src/conf/domain_addr.c: virDomainUSBAddressControllerModelToPorts.
  private static func ports(of controller: XMLElement, _ model: String?) -> Int? {
    switch model {
    case "piix3-uhci", "piix4-uhci", "vt82c686b-uhci": return 2
    case "pci-ohci": return 3
    case "ehci", "ich9-ehci1": return 6
    case "nec-xhci", "qemu-xhci":
      guard let given = controller.value("ports") else { return 4 }
      return Int(given)
    default: return nil
    }
  }
}
