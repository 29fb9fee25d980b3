import Facts

/// Whether a request crashes QEMU, and its guest, regardless of the host.
public enum CrashOutcome: Hashable, Sendable {
  case never
  case always
  /// `fd` names a descriptor: QEMU crashes when `getfd` has given it that name, and answers with an error otherwise.
  case ifDescriptorExists
  /// QEMU 11.1 refuses the value. Others accept it: QEMU 7.2 reads strings and numbers as booleans.
  case withOtherQEMU
  /// The value is text that only the shell knows.
  case undetermined(Unknown)
}

/// The requests that crash QEMU. Decided here alone, for the prediction, the rules and the proxy.
public enum QEMUCrash {
  /// `fd` without `id`: QEMU stores the descriptor under the device's id, and the null name crashes it (QEMU
  /// migration/cpr.c: cpr_get_fd_param, cpr_save_fd; observed on 11.1.3, and not on 10.0.13).
  /// - Parameter qemu: nil where it is not known yet.
  public static func descriptorWithoutID(_ request: DeviceRequest, in qemu: QEMUProfile?) -> CrashOutcome {
    if let qemu, qemu.isBefore(10, 1) { return .never }
    guard let driver = request.driver, driver.hasPrefix("vfio"), let fd = request.value("fd"), request.id == nil
    else { return .never }
    if case .unknown(let text)? = request.value("id") {
      return .undetermined(Unknown("id of `\(driver)`", reason: "written as \(text)"))
    }
    switch fd {
    case .unknown(let text): return .undetermined(Unknown("fd of `\(driver)`", reason: "written as \(text)"))
    case .string(let text):
      switch PassedDescriptor(text, request.plug) {
      case .number: return .always
      case .name: return .ifDescriptorExists
      case .invalid: return .withOtherQEMU
      }
    default: return .withOtherQEMU
    }
  }

  /// `realized` that the user sets to true: QEMU realizes the device before it has a bus, for every driver (QEMU
  /// system/qdev-monitor.c: qdev_device_add_from_qdict; observed on 7.2 and 11.1.3). False is accepted and ignored.
  public static func realizedArgument(_ request: DeviceRequest) -> CrashOutcome {
    guard let value = request.value("realized") else { return .never }
    switch QEMUBool(value) {
    case .off: return .never
    case .on: return request.form == .json && value.string != nil ? .withOtherQEMU : .always
    case .invalid: return .withOtherQEMU
    case .undetermined:
      var text = ""
      if case .unknown(let written) = value { text = written }
      let name = request.plainName
      return .undetermined(Unknown("realized of \(name)", reason: "written as \(text)"))
    }
  }

  /// A `-global` on which QEMU crashes when it creates the object, for any request (QEMU
  /// hw/core/qdev-properties-system.c: set_pci_devfn, whose visitor cannot parse text; migration/cpr.c: cpr_get_fd_param,
  /// before the object has an id; hw/core/qdev.c: device_set_realized, before it has a bus; observed on 11.1.3).
  static func global(_ global: GlobalProperty, in qemu: QEMUProfile) -> RealizeFailure? {
    switch global.property {
    case "addr":
      return RealizeFailure(
        .crashingGlobal, "qapi/qapi-visit-core.c:116: visit_start_alternate: Assertion `!(v->type & VISITOR_INPUT)' failed.",
        signal: "SIGABRT")
    case "fd" where PassedDescriptor(global.value, .cold) == .number && !qemu.isBefore(10, 1):
      return RealizeFailure(
        .crashingGlobal, "QEMU crashes with SIGSEGV: -global gives fd, which is set before the device has an id",
        signal: "SIGSEGV")
    case "reserved-regions" where global.driver == "virtio-iommu-pci" && !global.value.isEmpty && !qemu.isBefore(8, 0):
      return RealizeFailure(
        .crashingGlobal, "parse_type_str: Assertion `siv->lm == LM_NONE' failed.", signal: "SIGABRT")
    case "realized" where QEMUBool(global.value) == .on:
      return RealizeFailure(
        .crashingGlobal, property: "realized", "QEMU crashes with SIGSEGV: realized is set by -global", signal: "SIGSEGV")
    default: return nil
    }
  }

  /// A value of a property of a device that is not vfio's, on which QEMU crashes when it realizes the device.
  /// - Parameter qemu: nil where it is not known yet.
  public static func property(of request: DeviceRequest, in qemu: QEMUProfile?) -> RealizeFailure? {
    func crash(_ property: String, _ why: String, _ signal: String) -> RealizeFailure {
      RealizeFailure(.crashingProperty, property: property, why, signal: signal)
    }
    func number(_ name: String) -> UInt64? {
      guard let value = request.value(name), case .natural(let number)? = QEMUNumber.integer(of: value) else { return nil }
      return number
    }
    switch request.driver.map(DeviceNeeds.base) {
    // QEMU hw/virtio/virtio.c: virtio_add_queue aborts; all ones stand for a number that QEMU chooses (observed on 7.2.22, 10.0.13 and
    // 11.1.3).
    case "virtio-blk-pci":
      guard let queues = number("num-queues"), 1025..<0xffff ~= queues else { return nil }
      return crash("num-queues", "num-queues is more than 1024", "SIGABRT")
    case "virtio-scsi-pci", "vhost-user-scsi-pci":
      // Half of the numbers are negative inside: 10.0.13 starts with them, others ask for too much memory.
      guard let size = number("virtqueue_size"), 1025...UInt64(UInt32.max) ~= size else { return nil }
      if size < 0x8000_0000 { return crash("virtqueue_size", "virtqueue_size is more than 1024", "SIGABRT") }
      if qemu?.modelledRelease == QEMURelease(10, 0) { return nil }
      return crash("virtqueue_size", "virtqueue_size is more than 1024", "SIGTRAP")
    case "usb-ehci", "ich9-usb-ehci1", "ich9-usb-ehci2":
      // QEMU hw/usb/hcd-ehci.c: usb_ehci_realize; its refusal of any other number crashes (observed on 7.2.22 and 11.1.3).
      guard let frames = number("maxframes"), frames <= UInt32.max, !(8...512 ~= frames) else { return nil }
      return crash("maxframes", "maxframes is not a number of 8 to 512", "SIGSEGV")
    case "pci-testdev":
      // QEMU hw/pci/pci.c: pci_register_bar (observed on 7.2.22 and 11.1.3).
      guard let size = size(request, "membar"), isUnevenBAR(size) else { return nil }
      return crash("membar", "membar is not a power of two", "SIGABRT")
    case "virtio-gpu-pci", "virtio-vga":
      // The same check; 7.2 does not have the property (observed on 10.0.13 and 11.1.3).
      guard qemu?.isBefore(8, 0) != true, let size = size(request, "hostmem"), isUnevenBAR(size) else { return nil }
      return crash("hostmem", "hostmem is not a power of two", "SIGABRT")
    case "usb-bot", "usb-uas":
      // Before it has a port (QEMU hw/usb/bus.c: usb_check_attach; observed on 7.2.22 and 11.1.3).
      guard let value = request.value("attached"), QEMUBool(value) == .on else { return nil }
      return crash("attached", "attached is set before the device has a port", "SIGABRT")
    case "nvme" where number("cmb_size_mb").map({ $0 <= UInt32.max && isUnevenBAR($0) }) ?? false:
      // QEMU hw/pci/pci.c: pci_register_bar (observed on 7.2.22 and 11.1.3).
      return crash("cmb_size_mb", "cmb_size_mb is not a power of two", "SIGABRT")
    case "nvme" where hasPhysical(request, qemu), "tpci200" where hasPhysical(request, qemu):
      return crash("sriov-pf", "sriov-pf is given for a device that cannot be a virtual function", "SIGSEGV")
    case "rocker" where hasPhysical(request, qemu):
      return crash("sriov-pf", "sriov-pf is given for a device that cannot be a virtual function", "SIGABRT")
    default: return nil
    }
  }

  /// A plug of such a type that fails after its realize, as with `romfile` or `failover_pair_id`: QEMU unrealizes it (QEMU hw/pci/pci.c:
  /// pci_qdev_realize; observed on 7.2.22, 10.0.13 and 11.1.3).
  static func undone(_ type: String) -> RealizeFailure? {
    guard let failure = unplug(of: type) else { return nil }
    let text = switch type {
    case "rocker": "the plug fails, and QEMU crashes when it unrealizes the device"
    case "dc390": "the plug fails, and QEMU crashes at the next plug of a `dc390`"
    default: "the plug fails, and QEMU crashes at the next reset of the guest"
    }
    return RealizeFailure(.crashingProperty, property: "driver", text, signal: failure.signal)
  }

  /// A type of device whose unplug crashes QEMU: when the guest releases it (`rocker`, QEMU hw/pci/msix.c: msix_vector_unuse), at the
  /// next plug of another (`dc390`, hw/scsi/esp-pci.c: the EEPROM stays registered, and no trial has it) or at the next reset of the
  /// guest (hw/net/eepro100.c: nic_reset, hw/pci-bridge/i82801b11.c; observed on 7.2.22 and 11.1.3).
  public static func unplug(of type: String) -> RealizeFailure? {
    switch type {
    case "rocker": RealizeFailure(.crashingProperty, "QEMU crashes with SIGABRT when the guest releases a `rocker`", signal: "SIGABRT")
    case "dc390":
      RealizeFailure(.crashingProperty, "QEMU crashes with SIGABRT when a `dc390` is plugged after an unplug of one", signal: "SIGABRT")
    case "i82801b11-bridge", "i82550", "i82551", "i82557a", "i82557b", "i82557c", "i82558a", "i82558b", "i82559a", "i82559b", "i82559c",
      "i82559er", "i82562", "i82801":
      RealizeFailure(
        .crashingProperty, "QEMU crashes with SIGSEGV when the guest is reset after the unplug of an `\(type)`", signal: "SIGSEGV")
    default: nil
    }
  }

  /// Whether QEMU aborts when a reset completes the unplug of a device of the type: the device, and its children with it, go while
  /// they are reset (QEMU hw/core/resettable.c: resettable_container_child_foreach; observed on 10.0.13 and 11.1.3, not on 7.2.22).
  public static func abortsAtReset(unplugOf type: String) -> Bool {
    ["pci-serial", "pci-serial-2x", "pci-serial-4x"].contains(type)
      || ["virtio-balloon-pci", "virtio-mem-pci"].contains { type == $0 || type.hasPrefix($0 + "-") }
  }

  /// A doorbell whose server cannot answer: QEMU reads without end, and neither starts nor answers its monitor again
  /// (QEMU hw/misc/ivshmem-pci.c: ivshmem_recv_msg; observed on 7.2.22 and 11.1.3).
  static func doorbell(of request: DeviceRequest, in machine: MachineConfig) -> RealizeFailure? {
    guard request.driver == "ivshmem-doorbell", let id = request.value("chardev")?.string else { return nil }
    for option in machine.options where option.name == "chardev" {
      let items = OptionText.items(option.value.string ?? "", implied: "backend")
      guard items.contains(where: { $0.key == "id" && $0.value == id }) else { continue }
      guard let backend = items.last(where: { $0.key == "backend" })?.value, ["null", "ringbuf", "udp"].contains(backend)
      else { return nil }
      let text = "it waits without end for the server of the shared memory, which `\(backend)` cannot reach"
      return RealizeFailure(.crashingProperty, property: "chardev", text)
    }
    return nil
  }

  /// Memory that other guests share, as a BAR (QEMU hw/pci/pci.c: pci_register_bar; observed on 7.2.22, 10.0.13 and 11.1.3).
  static func sharedMemory(of request: DeviceRequest, in machine: MachineConfig) -> RealizeFailure? {
    guard request.driver == "ivshmem-plain", let id = request.string("memdev"),
      let size = machine.backendSize(MachineConfig.objectID(id)), isUnevenBAR(size)
    else { return nil }
    return RealizeFailure(.crashingProperty, property: "memdev", "the size of `\(id)` is not a power of two", signal: "SIGABRT")
  }

  /// Whether QEMU aborts at a BAR of the size.
  public static func isUnevenBAR(_ size: UInt64) -> Bool { size & (size &- 1) != 0 }

  /// `sriov-pf`, with any value; releases before 10.1 do not have it. Of the other PCI devices of 11.1.3 QEMU refuses it
  /// (`RealizeContext.virtualFunctionRefused`).
  private static func hasPhysical(_ request: DeviceRequest, _ qemu: QEMUProfile?) -> Bool {
    request.has("sriov-pf") && qemu?.isBefore(10, 1) != true
  }

  private static func size(_ request: DeviceRequest, _ property: String) -> UInt64? {
    switch request.value(property) {
    case .integer(let number): UInt64(exactly: number)
    case .unsigned(let number): number
    case .string(let text): ByteSize.parse(text)
    default: nil
    }
  }

  /// One byte below 4 GiB (QEMU hw/smbios/smbios.c: smbios_build_type_19_table; observed on 7.2.22, 10.0.13 and 11.1.3).
  static let oneByteOfMemory = RealizeFailure(
    .crashingProperty, "smbios_build_type_19_table: Assertion `end > start' failed.", signal: "SIGABRT")

  /// `reserved-regions` of a `virtio-iommu-pci`, which the machine sets itself (QEMU hw/i386/pc.c: pc_machine_device_pre_plug_cb;
  /// observed on 10.0.13 and 11.1.3).
  static func reservedRegions(
    _ property: Property, of request: DeviceRequest, on machine: MachineKind
  ) throws(Unknown) -> RealizeFailure? {
    guard request.driver == "virtio-iommu-pci", property.name.hasSuffix("reserved-regions") else { return nil }
    // The length of 7.2.
    let isLength = property.name.hasPrefix("len")
    if isLength, QEMUNumber.index(property.value) == 0 { return nil }
    switch machine {
    case .q35, .i440fx: break
    case .microvm: return nil
    case .virt, .withoutPCI, .unknown: throw Unknown("reserved-regions", reason: "not modelled for this machine")
    }
    return RealizeFailure(
      isLength ? .badOption : .crashingProperty, property: property.name,
      "array size property \(property.name) may not be set more than once", signal: isLength ? nil : "SIGABRT")
  }

  /// `sriov-pf` of a vfio device: QEMU treats it as a VF of an emulated PF, which does not exist, when it registers
  /// the BARs (QEMU hw/pci/pci.c: pci_bar_address; observed on 11.1.3).
  static let virtualFunctionWithoutPhysical = RealizeFailure(
    .virtualFunctionWithoutPhysical, "QEMU crashes with SIGSEGV: sriov-pf is given for a vfio device", signal: "SIGSEGV")

  static let withoutID = RealizeFailure(
    .descriptorWithoutID, "QEMU crashes with SIGSEGV: fd is given without id", signal: "SIGSEGV")

  static let realized = RealizeFailure(
    .realizedArgument, "QEMU crashes with SIGSEGV: realized is set by the user", signal: "SIGSEGV")

  /// Both backends in one address space: the second to attach casts the first's container to its own type, and the
  /// QOM cast asserts (QEMU hw/vfio/iommufd.c: iommufd_cdev_attach; hw/vfio/container-legacy.c:
  /// vfio_container_connect).
  /// - Parameter other: the device that attached first.
  static func mixedBackends(_ backend: VFIOBackend, with other: DeviceRequest?, in qemu: QEMUProfile) -> RealizeFailure {
    let isOld = qemu.isBefore(10, 1)
    let text =
      isOld ? "QEMU crashes with SIGSEGV: its device attaches to a container of the other backend" :
      backend == .iommufd
      ? "hw/vfio/vfio-iommufd.h:33:VFIO_IOMMU_IOMMUFD: Object 0x… is not an instance of type vfio-iommu-iommufd"
      : "./include/hw/vfio/vfio-container-legacy.h:15:VFIO_IOMMU_LEGACY: Object 0x… is not an instance of "
        + "type vfio-iommu-legacy"
    var failure = RealizeFailure(.mixedBackends, text, signal: isOld ? "SIGSEGV" : "SIGABRT")
    failure.other = other
    return failure
  }
}

/// The text of `fd` (QEMU monitor/fds.c: monitor_fd_param).
enum PassedDescriptor: Hashable {
  /// An inherited descriptor.
  case number
  /// One that `getfd` gave a name; a command line has none.
  case name
  case invalid

  init(_ text: String, _ plug: DeviceRequest.Plug) {
    if text.utf8.first?.isASCIIDigit == true || plug == .cold {
      self = Int32(text) != nil && text.utf8.allSatisfy(\.isASCIIDigit) ? .number : .invalid
    } else {
      self = .name
    }
  }
}
