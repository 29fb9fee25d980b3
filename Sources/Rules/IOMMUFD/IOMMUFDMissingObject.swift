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
  guard let failure = try context.prediction.failure(.missingIOMMUFDObject, .wrongIOMMUFDObject),
    let link = context.request.string("iommufd")
  else { return }
  let prefix = "/objects/"
  let id = link.hasPrefix(prefix) ? String(link.dropFirst(prefix.count)) : link
  let location = context.request.location(of: "iommufd")
  let without = context.hasNoIOMMUFD ? "remove `iommufd=`, or use a kernel and a QEMU with iommufd" : nil
  // A second object beside the one that the definition has would not do for the other functions of the group.
  let others = Set(context.target.machine.objects.filter { $0.type == "iommufd" }.compactMap(\.id))
  let own = others.count == 1 ? others.first.map { "name the iommufd object that there is: `iommufd=\($0)`" } : nil
  let another = "name an iommufd object: \(context.addObject("iommufd0")), and give the device `iommufd=iommufd0`"
  if failure.cause == .missingIOMMUFDObject {
    return runner.report(
      "\(context.name) names the iommufd object `\(link)`, which does not exist", at: location,
      fix: without ?? own ?? (QEMUIdentifier.isWellFormed(id) ? context.addObject(id) : another))
  }
  let object = context.target.machine.objects.last { $0.id == id }
  let device = context.target.requests.first { $0.id == link }
  let what = object.map { "a `\($0.type ?? "?")`" } ?? "a device (`\(device?.driver ?? "?")`)"
  runner.report(
    "\(context.name) names `\(link)`, which is \(what) and not an iommufd", at: location,
    fix: without ?? own ?? another)
}
