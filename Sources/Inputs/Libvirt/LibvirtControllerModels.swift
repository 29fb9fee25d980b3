import Facts
import Syntax

/// Refusals of a PCI controller's model, with libvirt's messages.
extension LibvirtControllerChecks {
  /// The refusal of a PCI controller that does not say that it is one: without a type libvirt takes it to be IDE's.
  func refusal(ofUntyped part: LibvirtDeviceElement) -> LibvirtRefusal? {
    guard part.element["type"] == nil, let model = part.element["model"], LibvirtControllerChecks.buses[model.value] != nil
    else { return nil }
    return refusal("Unknown model type '\(model.value)'", "add `type='pci'`", reader.location(model, part.path))
  }

  /// The refusal of a model that libvirt does not know, or of none.
  func unknown(_ model: XMLAttribute?, _ part: LibvirtDeviceElement) -> LibvirtRefusal? {
    let place = reader.location(model, part.path, "", or: reader.location(part.element, part.path))
    if let model {
      return LibvirtControllerChecks.buses[model.value] == nil
        ? refusal("Unknown model type '\(model.value)'", "write a model of PCI controllers, as `pcie-root-port`", place) : nil
    }
    guard let root, part.index != nil else { return nil }
    if part.index != 0 { return refusal("PCI controller model was not set correctly", "add `model=`", place) }
    return refusal(
      "The PCI controller with index='0' must be model='\(root)' for this machine type, but model='(null)' was found instead",
      "write `model='\(root)'`", place)
  }

  /// The devices of QEMU that a model may be (libvirt src/conf/domain_conf.c: virDomainControllerPCIModelName).
  private static let modelNames: [String: Set<String>] = [
    "pci-bridge": ["pci-bridge"], "dmi-to-pci-bridge": ["i82801b11-bridge"], "pcie-to-pci-bridge": ["pcie-pci-bridge"],
    "pcie-root-port": ["pcie-root-port", "ioh3420"], "pcie-switch-upstream-port": ["x3130-upstream"],
    "pcie-switch-downstream-port": ["xio3130-downstream"], "pci-expander-bus": ["pxb"], "pcie-expander-bus": ["pxb-pcie"],
    "pci-root": ["spapr-pci-host-bridge"], "pcie-root": []
  ]

  /// The refusal of `<model name=>` (libvirt src/qemu/qemu_validate.c: qemuValidateDomainDeviceDefControllerPCI).
  func modelName(of part: LibvirtDeviceElement, _ model: String, _ index: Int) -> LibvirtRefusal? {
    guard let name = part.element.child("model")?["name"], name.value != "none", let own = LibvirtControllerChecks.modelNames[model]
    else { return nil }
    let place = reader.location(name, part.path, "/model")
    if !LibvirtControllerChecks.modelNames.values.contains(where: { $0.contains(name.value) }) {
      return refusal("Invalid value for attribute 'name' in element 'model': '\(name.value)'.", "take it out", place)
    }
    if model == "pcie-root" || model == "pci-root" && !reader.isPSeries { return invalid("modelName", index, model, name.value, place) }
    if own.contains(name.value) { return nil }
    return refusal(
      "Option 'modelName' has invalid value for PCI controller with index '\(index)', model '\(model)' and modelName '\(name.value)'",
      "take it out", place)
  }
}
