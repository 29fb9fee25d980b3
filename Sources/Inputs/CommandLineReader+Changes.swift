import Facts
import Syntax

/// Options that change devices: `-global` and `-set`.
extension CommandLineReader {
  /// Appends a device, which a later `-set` may name.
  mutating func append(_ device: DeviceRequest) {
    if device.form == .keyval, let id = device.id { keyValueDevices[id, default: []].append(definition.machine.devices.count) }
    if device.value("id")?.isUnknown == true { hasOpenID = true }
    definition.machine.devices.append(device)
  }

  /// `driver.property=value`, or `driver=…,property=…,value=…` (QEMU system/vl.c: qemu_global_option).
  mutating func global(_ word: Word, _ whole: Location) {
    let text = word.text
    // An unknown value cannot name one; nor can a driver.
    let isOfTemplate = text.split { "=.,".contains($0) }.contains { TemplatePlaceholder.isIn(String($0)) }
    if word.hasUnknown || isOfTemplate { return unknown(word, whole) }
    let name = text.prefix { $0 != "=" }
    let given: (String?, String?, String?)
    if let dot = name.firstIndex(of: "."), name.endIndex < text.endIndex {
      let value = text[text.index(after: name.endIndex)...]
      given = (String(text[..<dot]), String(name[name.index(after: dot)...]), String(value))
    } else {
      let items = KeyValueText(word.bytes, implied: nil).items
      func item(_ key: String) -> String? { items.last { $0.key == key }?.value }
      given = (item("driver"), item("property"), item("value"))
      let other = items.first { !["driver", "property", "value"].contains($0.key) }
      if let other, items.contains(where: { $0.key == "driver" }) {
        return problem(
          "`-global \(text)`: QEMU stops with `Invalid parameter '\(other.key)'`", "write `-global driver.property=value`", whole)
      }
    }
    guard let driver = given.0, let property = given.1, let value = given.2 else {
      return problem("`-global \(text)` does not name a driver, a property and a value", "write `-global driver.property=value`", whole)
    }
    // QEMU reads a text without both names before the dot as items (QEMU system/vl.c: qemu_global_option).
    if name.contains("."), driver.isEmpty || property.isEmpty {
      return problem(
        "`-global \(text)` has no name \(driver.isEmpty ? "before" : "behind") the dot: QEMU stops with "
          + "`Invalid parameter '\(name)'`", "write `-global driver.property=value`", whole)
    }
    definition.machine.globals.append(
      GlobalProperty(driver: driver, property: property, value: value, location: whole))
  }

  /// The items of `-machine`. One that only the shell knows may be any.
  mutating func machine(_ word: Word, _ whole: Location) -> [Property] {
    let all = keyval(word, whole, implied: "type")
    let known = all.filter { !isOpen($0.name, in: word) }
    if known.count < all.count { unknown(word, whole) }
    return known.map(withoutRevision)
  }

  /// The machine type that Proxmox's QEMU, `/usr/bin/kvm`, reads: its own revision is not a part of it.
  private func withoutRevision(_ property: Property) -> Property {
    guard property.name == "type", definition.machine.emulator == "kvm", case .string(let type) = property.value else { return property }
    return Property(name: property.name, value: .string(ProxmoxMachine.withoutRevision(type)), location: property.location)
  }

  /// `-set device.ID.property=value` edits a key=value `-device` before it.
  mutating func set(_ word: Word, _ whole: Location) {
    if word.startsUnknown || TemplatePlaceholder.begins(word.bytes) { return unknown(word, whole) }
    let parts = word.text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let names = parts[0].split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, names.count == 3, !names.contains("") else {
      return problem("`-set \(word.text)` is not `group.id.property=value`", "write `-set device.ID.property=value`", whole)
    }
    // It may be any device, or any property.
    if names[0] == "device", names[1...].contains(where: { isOpen($0, in: word) }) { return unknown(word, whole) }
    // QEMU system/vl.c: qemu_set_option.
    if !InputFormat.groups.contains(names[0]) {
      if word.hasUnknown { return unknown(word, whole) }
      return problem(
        "`-set \(word.text)`: QEMU stops with `There is no option group '\(names[0])'`", "write `-set device.ID.property=value`", whole)
    }
    if isUndefined(names[0]) {
      return problem(
        "`-set \(word.text)`: QEMU stops with `there is no \(names[0]) \"\(names[1])\" defined`",
        "move `-set` after the `-\(names[0])` that it changes", whole)
    }
    // Options of other groups change nothing that is read here, but of some QEMU exits.
    guard names[0] == "device" || SetProperty.unsupported.contains(names[0]) else { return note("set", word.text, whole) }
    let index = names[0] != "device" ? nil : keyValueDevices[names[1]]?.first
    guard let index else {
      // A device has an id that only the shell knows.
      if names[0] == "device", hasOpenID { return unknown(word, whole) }
      definition.machine.sets.append(
        SetProperty(
          group: names[0], id: names[1], property: names[2], value: String(parts[1]), location: whole))
      return
    }
    let value = String(parts[1])
    let isKnown = !word.leavesOpen(value, isStream: false)
    if names[2] == "driver", !isKnown { return unknown(word, whole) }
    added[index, default: []].append(Property(name: names[2], value: isKnown ? .string(value) : .unknown(value), location: whole))
    // A second id of key=value text does not count, one of -set does (observed on 11.1.3).
    guard names[2] == "id" else { return }
    if let own = definition.machine.devices[index].properties.firstIndex(where: { $0.name == "id" }) {
      definition.machine.devices[index].properties.remove(at: own)
    }
    // The text keeps its id, which QEMU compares with those of other texts (QEMU util/qemu-option.c: qemu_opts_find).
    if definition.machine.devices[index].history.writtenID == nil { definition.machine.devices[index].history.writtenID = names[1] }
    addProperties()
    keyValueDevices[names[1]]?.removeFirst()
    if isKnown { keyValueDevices[value, default: []].append(index) } else { hasOpenID = true }
  }

  /// Whether no option before has made anything that `-set` could change.
  private func isUndefined(_ group: String) -> Bool {
    // A part that was not read may have made it, or the program that appends these options.
    guard !madeBefore.contains(group), definition.machine.unreadParts.isEmpty, let makers = CommandLineReader.makers[group]
    else { return false }
    return !definition.machine.options.contains { makers.contains($0.name) }
  }

  /// The options that make an item with an id, by the group of the item.
  private static let makers: [String: Set<String>] = [
    "chardev": ["chardev", "debugcon", "gdb", "monitor", "parallel", "qmp", "qmp-pretty", "s", "serial"],
    "drive": ["cdrom", "drive", "fda", "fdb", "hda", "hdb", "hdc", "hdd", "mtdblock", "pflash", "sd"],
    "fsdev": ["fsdev", "virtfs"], "global": [], "mon": ["mon", "monitor", "qmp", "qmp-pretty"],
    "netdev": ["net", "netdev", "nic"], "tpmdev": ["tpmdev"],
  ]

  private mutating func problem(_ message: String, _ fix: String, _ place: Location) {
    definition.problems.append(InputProblem(message: message, fix: fix, location: place))
  }

  /// Whether only the shell, or who fills in a template, knows a part of a word.
  private func isOpen(_ text: String, in word: Word) -> Bool {
    word.hasUnknown && text.contains { $0 == "$" || $0 == "`" } || TemplatePlaceholder.isOpen(text)
  }

  /// Adds what `-set` has given to devices.
  mutating func addProperties() {
    for (index, properties) in added { definition.machine.devices[index].properties += properties }
    added = [:]
  }
}
