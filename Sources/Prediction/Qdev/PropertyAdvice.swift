import Facts

/// Advice about the properties of vfio-pci.
public enum PropertyAdvice {
  /// The values that a property accepts, as an instruction; nil for kinds of which QEMU's message says enough.
  /// - Parameter given: the text that QEMU refuses.
  public static func values(of name: String, insteadOf given: String? = nil) -> String? {
    guard let property = VFIOProperties.property(name, of: "vfio-pci") else { return nil }
    switch property.kind {
    case .bool: return "write `\(name)=on` or `\(name)=off`, in JSON `true` or `false`"
    case .choice(let values):
      return "write one of " + values.map { "`\($0)`" }.joined(separator: ", ") + ", in JSON as a string"
    case .host where given.flatMap(PCIAddress.meant) != nil:
      return "write `host=\(given.flatMap(PCIAddress.meant).map { "\($0)" } ?? "")`, as `lspci -D` lists it"
    case .host: return "write `host=0000:01:00.0`, as `lspci -D` lists it: bus up to ff, slot up to 1f, function up to 7"
    case .slot: return "write `addr=SLOT.FUNCTION` in hexadecimal: slot up to 1f, function up to 7"
    case .size: return "write a size, such as `64M`"
    case .signed32, .unsigned: return "write `\(name)=` with a number"
    case .text, .link, .descriptor, .token, .list, .readOnly, .realized: return nil
    }
  }

  /// The `type=` and the `value=` of a property in libvirt's `<qemu:property>`.
  public static func libvirtValue(of name: String, _ text: String) -> (type: String, value: String) {
    switch VFIOProperties.property(name, of: "vfio-pci")?.kind {
    case .bool: return ("bool", QEMUBool(text) == .on ? "true" : "false")
    case .signed32: return ("signed", text)
    case .unsigned, .size: return ("unsigned", text)
    default: return ("string", text)
    }
  }

  /// Names of a property in different releases (QEMU hw/i386/intel_iommu.c).
  private static let renamed = [["scalable-mode", "x-scalable-mode"], ["fsts", "x-flts"]]

  /// The name by which this QEMU has a property of another release; nil where it has none.
  public static func otherName(of name: String, of driver: String, in qemu: QEMUProfile) -> String? {
    renamed.first { $0.contains(name) }?.first { other in
      if case .kind = DeviceProperties.lookup(other, of: driver, in: qemu) { return other != name }
      return false
    }
  }

  /// The property that a misspelt one means; nil when none resembles it.
  public static func meant(by name: String) -> String? {
    Misspelling.meant(by: name, among: VFIOProperties.listed, errors: name.utf8.count < 5 ? 1 : 2)
  }

  /// The property of a device that is not vfio's which a misspelt one means; nil when none resembles it.
  public static func meant(by name: String, of driver: String, in qemu: QEMUProfile) -> String? {
    guard let release = qemu.modelledRelease, let line = RecordedProperties.lines[driver[...]] else { return nil }
    let marked = line.split(separator: " ").dropFirst().flatMap { $0.drop { $0 != "=" }.dropFirst().split(separator: ",") }
    let names = marked.compactMap { word -> String? in
      var name = word
      while name.hasSuffix("+") || name.hasSuffix("-") { name.removeLast() }
      return RecordedProperties.exists(word.dropFirst(name.count), in: release) ? String(name) : nil
    }
    return Misspelling.meant(by: name, among: names, errors: name.utf8.count < 5 ? 1 : 2)
  }
}
