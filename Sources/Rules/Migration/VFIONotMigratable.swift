import Facts
import Prediction

extension Rule {
  static let vfioNotMigratable = Rule(
    name: "vfio-not-migratable",
    severity: .error,
    summary: "the guest is meant to migrate, and the device cannot",
    why: """
      The kernel moves a device's state only with a driver made for it, and `vfio-pci` is made for none: QEMU \
      says `VFIO migration is not supported in kernel`. With `enable-migration=on` or `-only-migratable` the \
      device does not come to be; with `-incoming` there is no source that could send one; otherwise the \
      guest runs and every migration and snapshot of it is refused. No device can be migrated by postcopy.
      """,
    fix: "bind the device to its variant driver, or take out what asks for migration",
    example: "-only-migratable -device vfio-pci,host=0000:01:00.0   (which is bound to vfio-pci)",
    references: ["QEMU hw/vfio/migration.c: vfio_migration_realize", "QEMU docs/devel/migration/vfio.rst"],
    explains: [.noMigration],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let wish = try context.migrationWish() else { return }
  if context.request.isOff("enable-migration") {
    return runner.report("\(context.name) has `enable-migration=off`, and \(wish.text)", at: wish.location,
      fix: "take `enable-migration=off` out, or \(wish.fix)")
  }
  if wish.isPostcopy {
    return runner.report("\(wish.text), which \(context.name) cannot take part in", at: wish.location, fix: wish.fix)
  }
  let device = try context.device()
  guard try VFIODriver.isVFIO(device), let driver = try device.driver.value else { return }
  guard context.cannotMigrate(driver) else {
    throw Unknown("migration of \(context.name)", reason: "whether `\(driver)` can do it was not looked at")
  }
  runner.report(
    "\(wish.text), and \(context.name) is bound to `\(driver)`, with which it cannot migrate", at: wish.location,
    fix: "bind the device to a driver that can migrate it, or \(wish.fix)",
    evidence: ["driver of \(device.address): \(driver)"])
}

extension DeviceContext {
  fileprivate struct MigrationWish {
    let text: String
    let fix: String
    let location: Location
    var isPostcopy = false
  }

  /// What in the definition asks for migration.
  fileprivate func migrationWish() throws(Unknown) -> MigrationWish? {
    if request.isOn("enable-migration") {
      return MigrationWish(
        text: "`enable-migration=on` asks for migration", fix: "take `enable-migration=on` out",
        location: request.location(of: "enable-migration"))
    }
    for name in ["only-migratable", "incoming"] {
      guard let option = target.machine.options.last(where: { $0.name == name }) else { continue }
      let location = request.plug == .hot ? request.location : option.location
      return MigrationWish(text: "`-\(name)` asks for migration", fix: "take `-\(name)` out", location: location)
    }
    let postcopy = target.machine.globals.last {
      $0.driver == "migration" && $0.property.hasSuffix("postcopy-ram") && QEMUBool($0.value) == .on
    }
    if postcopy == nil, let missing = target.machine.missingGlobals { throw missing }
    return postcopy.map {
      MigrationWish(
        text: "`\($0.driver).\($0.property)` asks for migration by postcopy", fix: "take `-global` out",
        location: request.plug == .hot ? request.location : $0.location, isPostcopy: true)
    }
  }

  /// `nvgrace_gpu_vfio_pci` maps memory and has no migration (linux drivers/vfio/pci/nvgrace-gpu).
  fileprivate func cannotMigrate(_ driver: String) -> Bool {
    ["vfio_pci", "nvgrace_gpu_vfio_pci"].contains { VFIODriverName.areSame($0, driver) }
  }
}

extension DeviceRequest {
  fileprivate func isOff(_ name: String) -> Bool {
    value(name).map(QEMUBool.init) == .off
  }
}
