import Facts
import Prediction

extension Rule {
  static let iommufdMissingObject = Rule(
    name: "iommufd-missing-object",
    severity: .error,
    summary: "`iommufd=` names an object that does not exist",
    why: """
      The property is a link to an `-object iommufd`, by its id. QEMU creates all objects before all devices, so their \
      order on a command line does not matter; over QMP the `object-add` has to come first.
      """,
    fix: "add `-object iommufd,id=iommufd0`",
    example: "-device vfio-pci,host=0000:01:00.0,iommufd=iommufd0   (and no -object)",
    references: ["QEMU qapi/qom.json: IOMMUFDProperties", "QEMU docs/devel/vfio-iommufd.rst"],
    explains: [.missingIOMMUFDObject, .wrongIOMMUFDObject],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let property = context.request.property("iommufd") else { return }
  if case .unknown(let text) = property.value {
    throw Unknown("iommufd of \(context.name)", reason: "written as \(text)")
  }
  guard let link = property.value.string, !link.isEmpty else { return }
  let prefix = "/objects/"
  let id = link.hasPrefix(prefix) ? String(link.dropFirst(prefix.count)) : link
  let machine = context.target.machine
  if let object = machine.objects.last(where: { $0.id == id }) {
    if object.type == "iommufd" { return }
    runner.report(
      "\(context.name) names `\(link)`, which is a `\(object.type ?? "?")` and not an iommufd", at: property.location,
      fix: "name an iommufd object: `-object iommufd,id=iommufd0` and `iommufd=iommufd0`")
    return
  }
  if let device = context.target.requests.first(where: { $0.id == link }) {
    runner.report(
      "\(context.name) names `\(link)`, which is a device (`\(device.driver ?? "?")`) and not an iommufd",
      at: property.location, fix: "name an iommufd object: `-object iommufd,id=iommufd0` and `iommufd=iommufd0`")
    return
  }
  try context.target.requireWholeMachine(for: "object `\(link)`")
  runner.report(
    "\(context.name) names the iommufd object `\(link)`, which does not exist", at: property.location,
    fix: context.request.plug == .cold
      ? "add `-object iommufd,id=\(id)`" : "send `object-add` with `qom-type` `iommufd` and `id` `\(id)` first")
}
