import Facts

/// The objects of a machine, with those that commands have added and without those that they have deleted. An object whose command
/// fails does not exist for the plugs behind it.
struct ExistingObjects {
  private var machine: MachineConfig
  private let qemu: QEMUProfile
  /// The objects that exist, by id.
  private(set) var byID: SharedMap<String, ObjectRequest>

  init(_ machine: MachineConfig, _ qemu: QEMUProfile) {
    self.machine = machine
    self.qemu = qemu
    self.machine.objects.removeAll(where: \.isAdded)
    byID = SharedMap(Dictionary(self.machine.objects.compactMap { object in object.id.map { ($0, object) } }) { $1 })
  }

  /// Executes a command.
  /// - Parameter guest: the guest with the devices that use objects.
  /// - Returns: the refusal, if QEMU refuses it.
  mutating func execute(_ command: ObjectCommand, _ guest: Guest) -> [LaunchFailure] {
    switch command {
    case .add(let object):
      if let failure = refusal(of: object) { return [failure] }
      guard let id = object.id else { return [] }
      byID[id] = object
      machine.objects.append(object)
    case .delete(let id, let place):
      if let text = refusalToDelete(id, guest) {
        return [LaunchFailure(RealizeFailure(.badObject, text), at: place, isOfCommand: true)]
      }
      byID[id] = nil
      machine.objects.removeAll { $0.id == id }
    }
    return []
  }

  /// QEMU qom/object_interfaces.c: user_creatable_add_type. Of the human monitor's text only an iommufd is checked.
  private func refusal(of object: ObjectRequest) -> LaunchFailure? {
    func failure(_ text: String) -> LaunchFailure {
      LaunchFailure(RealizeFailure(.badObject, text), at: object.location, isOfCommand: true)
    }
    func command(_ failure: LaunchFailure?) -> LaunchFailure? {
      failure.map { LaunchFailure($0.failure, at: $0.location, isOfCommand: true) }
    }
    if let refused = machine.textRefusal(object, qemu) ?? machine.refusal(object, qemu) {
      return command(refused)
    }
    if let id = object.id, byID[id] != nil || machine.isComplete && id == machine.defaultMemoryID {
      return failure("attempt to add duplicate property '\(id)' to object (type 'container')")
    }
    guard object.isJSON else { return nil }
    var next = machine
    next.objects.append(object)
    return command(next.backendFailure(object, qemu))
  }

  /// QEMU qom/object_interfaces.c: user_creatable_del; backends/iommufd.c: iommufd_backend_can_be_deleted (observed on 10.0.13 and
  /// 11.1.3).
  private func refusalToDelete(_ id: String, _ guest: Guest) -> String? {
    let users = guest.assigned.values.count { $0 == .iommufd(id) }
    if users > 0 {
      let isOld = qemu.isBefore(10, 1)
      return isOld ? "object '\(id)' is in use, can not be deleted" : "Can not delete IOMMUFD backend '\(id)' with \(users) users"
    }
    if guest.memoryDevices?.uses(id) == true {
      // QEMU backends/hostmem.c: host_memory_backend_can_be_deleted (recorded from 7.2.22, 10.0.13 and 11.1.3).
      let isOld = qemu.isBefore(10, 1)
      return isOld ? "object '\(id)' is in use, can not be deleted" : "Cannot delete host memory backend '\(id)' which is mapped"
    }
    // Other machines may have it.
    return machine.isComplete && byID[id] == nil ? "object '\(id)' not found" : nil
  }
}

extension MachineConfig {
  /// Commands of a stream that are left to QEMU.
  public var uncheckedCommands: [String] {
    let added = objects.filter(\.isAdded)
    return added.allSatisfy { isChecked($0) && ($0.isJSON || $0.type == "iommufd") } ? [] : ["object-add"]
  }
}
