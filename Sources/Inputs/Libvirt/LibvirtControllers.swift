import Syntax

extension LibvirtReader {
  /// A controller without an index gets the lowest that none of its type has (libvirt
  /// src/conf/domain_conf.c: virDomainControllerFindUnusedIndex). The PCI root is taken to have its 0, declared or not.
  func numberControllers(_ devices: [LibvirtDeviceElement]) {
    let controllers = devices.filter { $0.name == "controller" }
    for part in controllers {
      part.index = part.element["index"].flatMap(LibvirtNumber.parse).map { Int(clamping: $0) }
    }
    guard controllers.contains(where: { $0.index == nil }) else { return }
    var taken: [String: Set<Int>] = [:]
    for part in controllers {
      if let index = part.index { taken[part.type, default: []].insert(index) }
    }
    // The next search begins here: no slot below is given back.
    var next = ["pci": 1]
    for part in controllers where part.index == nil {
      let isRoot = part.type == "pci" && part.element.value("model")?.hasSuffix("-root") == true
      let kind = isRoot ? "pci-root" : part.type
      var index = next[kind, default: 0]
      while taken[part.type, default: []].contains(index) { index += 1 }
      taken[part.type, default: []].insert(index)
      next[kind] = index + 1
      part.index = index
    }
  }
}
