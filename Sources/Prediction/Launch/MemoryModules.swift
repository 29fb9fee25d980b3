import Facts

/// A memory device with its backend.
struct MemoryModule {
  /// Bytes that it adds.
  let size: UInt64
  /// The number that divides its address; nil where the host decides.
  let alignment: UInt64?
  /// The address that it asks for, 0 for any; nil for one that is not a number.
  let address: UInt64?
  let addressName: String
  /// The refusal of its own sizes, before QEMU looks for a place.
  let sizeRefusal: String?
  /// The number that should divide its size and does not.
  let uneven: String?
  /// The refusal of a virtio-mem's sizes, which are multiples of a block (QEMU hw/virtio/virtio-mem.c: virtio_mem_device_realize).
  let blockRefusal: String?

  /// Nil where a part is not known.
  init?(_ device: DeviceRequest, _ backend: ObjectRequest, _ qemu: QEMUProfile) {
    guard let driver = device.driver, let id = backend.id, let whole = backend.backendSize else { return nil }
    func bytes(_ name: String) -> UInt64? { MemoryModule.bytes(name, of: device) }
    addressName = driver.hasSuffix("dimm") ? "addr" : "memaddr"
    address = MemoryModule.number(addressName, of: device)
    let ofBackend = backend.backendAlignment
    guard driver == "virtio-mem-pci" else {
      blockRefusal = nil
      alignment = ofBackend
      guard driver == "nvdimm", let unit = ofBackend, let label = bytes("label-size") else {
        size = whole
        sizeRefusal = nil
        uneven = ofBackend.flatMap { whole % $0 == 0 ? nil : $0.hexadecimal }
        return
      }
      // QEMU hw/mem/nvdimm.c: nvdimm_prepare_memory_region.
      uneven = nil
      size = whole > label ? (whole - label) / unit * unit : 0
      sizeRefusal = size > 0 ? nil : "the size of memdev \(id) (\(whole.hexadecimal)) is too small to contain nvdimm label "
        + "(\(label.hexadecimal)) and aligned PMEM (\(unit.hexadecimal))"
      return
    }
    size = whole
    guard let given = bytes("block-size"), let requested = bytes("requested-size") else { return nil }
    let smallest: UInt64 = 1 << 20
    if device.has("block-size"), given < smallest || given & (given - 1) != 0 {
      sizeRefusal = given < smallest ? "'block-size' property has to be at least \(smallest.hexadecimal)"
        : "'block-size' property has to be a power of two"
      (alignment, uneven, blockRefusal) = (nil, nil, nil)
      return
    }
    // Without it the size of the host's huge pages counts, which is at least this (observed on a host that does not show its size).
    let block = device.has("block-size") ? given : qemu.isBefore(8, 0) ? 2 << 20 : smallest
    sizeRefusal = nil
    alignment = ofBackend.map { max($0, block) }
    let unit = qemu.isBefore(8, 0) ? alignment : ofBackend
    uneven = unit.flatMap { whole % $0 == 0 ? nil : $0.hexadecimal }
    if requested % block != 0 {
      blockRefusal = "'requested-size' property has to be multiples of 'block-size' (\(block.hexadecimal))"
    } else {
      blockRefusal = whole % block == 0 ? nil
        : "'memdev' property memdev size has to be multiples of'block-size' (\(block.hexadecimal))"
    }
  }

  /// The refusal of the size of an nvdimm's label, when QEMU sets it (QEMU hw/mem/nvdimm.c: nvdimm_set_label_size).
  static func labelRefusal(_ device: DeviceRequest) -> String? {
    guard device.has("label-size"), let label = bytes("label-size", of: device), label < 128 << 10 else { return nil }
    return "Property 'nvdimm.label-size' (\(label.hexadecimal)) is required at least 0x20000"
  }

  private static func bytes(_ name: String, of device: DeviceRequest) -> UInt64? {
    if let text = device.value(name)?.string, case .bytes(let bytes) = QEMUNumber.size(text) { return bytes }
    return device.value(name)?.string == nil ? number(name, of: device) : nil
  }

  /// The number of a property, 0 without it; nil for a text that is none.
  private static func number(_ name: String, of device: DeviceRequest) -> UInt64? {
    guard let value = device.value(name) else { return 0 }
    switch QEMUNumber.integer(of: value) {
    case .natural(let number)?: return number
    case .negative(let number)?: return UInt64(bitPattern: number)
    case nil: return nil
    }
  }
}
