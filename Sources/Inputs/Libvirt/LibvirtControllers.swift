import Syntax

extension LibvirtReader {
  /// A controller without an index gets the lowest that none of its type has (libvirt
  /// src/conf/domain_conf.c: virDomainControllerFindUnusedIndex). The PCI root is taken to have its 0, declared or not.
  mutating func numberControllers(_ devices: [LibvirtPart]) {
    var taken: [String: Set<Int>] = [:]
    var open: [XMLElement] = []
    for element in devices.lazy.filter({ $0.name == "controller" }).map(\.element) {
      guard let index = element["index"].flatMap({ LibvirtNumber.read($0.value) }) else {
        open.append(element)
        continue
      }
      indexes[element.range.lowerBound] = Int(clamping: index)
      taken[element["type"]?.value ?? "", default: []].insert(Int(clamping: index))
    }
    for element in open {
      let type = element["type"]?.value ?? ""
      let isRoot = element["model"]?.value.hasSuffix("-root") == true
      var index = type == "pci" && !isRoot ? 1 : 0
      while taken[type, default: []].contains(index) { index += 1 }
      taken[type, default: []].insert(index)
      indexes[element.range.lowerBound] = index
    }
  }
}
