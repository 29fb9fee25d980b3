import Facts
import Prediction

extension Rule {
  static let vfioNotMigratable = Rule(
    name: "vfio-not-migratable",
    severity: .error,
    summary: "the definition asks for migration, which the device does not support",
    why: """
      Migrating a device's state needs a vfio driver made for that device, and `vfio-pci` is not: QEMU's message is \
      `VFIO migration is not supported in kernel`. With `enable-migration=on` or `-only-migratable` realize fails; \
      with `-incoming`, no source could have produced the stream; otherwise the guest runs, and every migration and \
      snapshot of it is refused. Postcopy does not support vfio devices at all.
      """,
    fix: "bind the device to its variant driver, or remove the option that asks for migration",
    example: "-only-migratable -device vfio-pci,host=0000:01:00.0   (which is bound to vfio-pci)",
    references: ["QEMU hw/vfio/migration.c: vfio_migration_realize", "QEMU docs/devel/migration/vfio.rst"],
    explains: [.noMigration, .onlyMigratable],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let wish = try context.migrationWish() else { return }
  if context.request.isOff("enable-migration") {
    let driver = (try? context.device().driver.value) ?? nil
    return runner.report("\(context.name) has `enable-migration=off`, and \(wish.text)", at: wish.location,
      fix: driver.map(context.cannotMigrate) == true ? wish.fix : "remove `enable-migration=off`, or \(wish.fix)")
  }
  if wish.isPostcopy {
    return runner.report("\(wish.text), which \(context.name) does not support", at: wish.location, fix: wish.fix)
  }
  let device = try context.device()
  guard try VFIODriver.isVFIO(device), let driver = try device.driver.value else { return }
  guard context.cannotMigrate(driver) else {
    throw Unknown("migration of \(context.name)", reason: "whether `\(driver)` supports it was not inspected")
  }
  runner.report(
    "\(wish.text), and \(context.name) is bound to `\(driver)`, which does not support it", at: wish.location,
    fix: "bind the device to a driver that supports migration, or \(wish.fix)",
    evidence: ["driver of \(device.address): \(driver)"])
}

extension DeviceContext {
  fileprivate struct MigrationWish {
    let text: String
    let fix: String
    let location: Location
    var isPostcopy = false
  }

  /// The first setting of the definition that asks for migration.
  fileprivate func migrationWish() throws(Unknown) -> MigrationWish? {
    if request.isOn("enable-migration") {
      return MigrationWish(
        text: "`enable-migration=on` asks for migration", fix: "remove `enable-migration=on`",
        location: request.location(of: "enable-migration"))
    }
    // A live update leaves the device's state in the device.
    for name in ["only-migratable", "incoming"] where name != "incoming" || !target.machine.isLiveUpdate(of: target.qemu) {
      guard let option = target.machine.options.last(where: { $0.name == name }) else { continue }
      let location = request.plug == .hot ? request.location : option.location
      return MigrationWish(text: "`-\(name)` asks for migration", fix: "remove `-\(name)`", location: location)
    }
    let postcopy = target.machine.globals.last { $0.driver == "migration" && $0.property == "x-postcopy-ram" }
    guard let postcopy, QEMUBool(postcopy.value) == .on else {
      if let missing = target.machine.missingGlobals { throw missing }
      return nil
    }
    return MigrationWish(
      text: "`\(postcopy.driver).\(postcopy.property)` asks for postcopy migration", fix: "remove the `-global`",
      location: request.plug == .hot ? request.location : postcopy.location, isPostcopy: true)
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
