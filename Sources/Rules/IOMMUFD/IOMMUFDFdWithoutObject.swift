import Facts
import Prediction

extension Rule {
  static let iommufdFdWithoutObject = Rule(
    name: "iommufd-fd-without-object",
    severity: .error,
    summary: "`fd=` for a device that does not use iommufd",
    why: """
      A descriptor of a vfio cdev can only be bound to an iommufd. The legacy backend opens its group by path, so QEMU \
      refuses the combination.
      """,
    fix: "add `-object iommufd,id=iommufd0` and give the device `iommufd=iommufd0`",
    example: "-device vfio-pci,id=gpu,fd=23",
    references: ["QEMU hw/vfio/device.c: vfio_device_get_name", "QEMU docs/devel/vfio-iommufd.rst"],
    explains: [.descriptorWithoutIOMMUFD],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard try context.prediction.failure(.descriptorWithoutIOMMUFD) != nil,
    // realize-fails reports a property that this QEMU does not have.
    context.target.qemu.properties.display?.contains("fd") != false
  else { return }
  runner.report(
    "\(context.name) has a descriptor and no `iommufd=`: QEMU fails with `Use FD passing only with iommufd backend`",
    at: context.request.location(of: "fd"),
    fix: context.useIOMMUFD ?? "name the device by `host=` instead of `fd=`, or use a kernel and a QEMU with iommufd")
}
