import Facts
import Prediction

/// Address space for the BARs of a function, in bytes.
struct WindowSizes {
  /// 64-bit prefetchable BARs.
  private(set) var prefetchable: UInt64 = 0
  /// The largest 64-bit prefetchable BAR, which is aligned to its size.
  private(set) var largest: UInt64 = 0
  /// All other memory BARs, which go below 4 GiB.
  private(set) var below4GiB: UInt64 = 0

  /// Reservation of SeaBIOS and edk2 for a port without one of its own.
  static let byDefault: UInt64 = 2 << 20

  /// Reads the type of each BAR from its low bits (PCI 3.0 §6.2.5.1). A virtual function's BARs read zero; they are
  /// part of its physical function's, which usually are prefetchable.
  init(_ device: HostDevice) throws(Unknown) {
    let sizes = try device.regionSizes.value
    if sizes.prefix(6).allSatisfy({ $0 <= 4096 }) { return }
    let isVirtual = try device.physicalFunction.value != nil
    for (index, size) in sizes.prefix(6).enumerated() where size > 0 {
      let low = isVirtual ? 0xc : try device.config.value.byte(0x10 + 4 * index).value & 0xf
      if low & 1 == 1 { continue }  // ports
      if low & 0xc == 0xc {
        prefetchable = prefetchable &+ size
        largest = max(largest, size)
      } else {
        below4GiB = below4GiB &+ size
      }
    }
  }

  /// The next power of two.
  static func powerOfTwo(_ size: UInt64) -> UInt64 {
    size <= 1 ? size : size > 1 << 63 ? .max : 1 << UInt64(64 - (size - 1).leadingZeroBitCount)
  }
}

extension MachineConfig {
  /// Whether the guest's firmware is UEFI, by the names of its files.
  var hasUEFI: Bool {
    let texts = options.compactMap(\.value.string) + machine.compactMap(\.value.string)
    // SeaBIOS is for x86.
    return emulator?.hasSuffix("aarch64") == true || machine.contains { $0.name.hasPrefix("pflash") }
      || texts.contains { text in ["if=pflash", "OVMF", "AAVMF", "EFI", "edk2"].contains { text.contains($0) } }
  }

  /// Whether it is one of x86's machines with PCI.
  var isX86PC: Bool {
    guard let type = machineType?.value.string else {
      return ["qemu-system-x86_64", "qemu-system-i386", "qemu-kvm", "kvm"].contains(emulator)
    }
    return type == "q35" || type == "pc" || type.hasPrefix("pc-q35-") || type.hasPrefix("pc-i440fx-")
  }
}
