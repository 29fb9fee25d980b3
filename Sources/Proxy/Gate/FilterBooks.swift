import Common
import Facts
import Inputs
import QMP
import Syntax

/// The filter's knowledge of QEMU's descriptors and devices, for a program that continues the session.
extension QMPCommandFilter {
  var books: JSON {
    [
      "descriptors": .array(ledger.entries.map { name, entry in
        var members: [JSON.Member] = [
          .init("name", .array(name.bytes.map { .integer(Int64($0)) })), .init("iommufd", .bool(entry.isIOMMUFD)),
        ]
        // Without a member the function is not known.
        if case .known(let function) = entry.function {
          members.append(.init("function", function.map { .string($0.description) } ?? .null))
        }
        if let isVhostNet = entry.isVhostNet { members.append(.init("vhost-net", .bool(isVhostNet))) }
        return .object(members)
      }),
      "owners": .array(owners.map { name, owner in
        ["name": .array(name.bytes.map { .integer(Int64($0)) }), "client": .integer(Int64(owner))]
      }),
      "numbers-in-use": .array(ledger.numbersInUse.map { number, user in
        ["number": .integer(Int64(number)), "name": .array(user.bytes.map { .integer(Int64($0)) })]
      }),
      "plugged": .array(plugged.map { id, function in
        ["name": .array(id.bytes.map { .integer(Int64($0)) }), "function": .string(function.description)]
      }),
      "hidden": .array(hidden.values.map(\.arguments)),
      "tried": .array((scratch?.history ?? []).map { ["human": .bool($0.form == .keyval), "arguments": $0.arguments] }),
      "objects": .array(scratch?.objects ?? []),
      "released": .array((scratch?.released ?? []).map { ["name": .array($0.bytes.map { .integer(Int64($0)) })] }),
      "unplugging": .array(runStates.unplugging.map { ["name": .array($0.bytes.map { .integer(Int64($0)) })] }),
    ]
  }

  func restore(_ books: JSON) throws(ProxyFailure) {
    let fields = HandoverFields(books)
    for item in try fields.list("descriptors") {
      let entry = HandoverFields(item)
      let function: Known<PCIAddress?>
      switch item["function"] {
      case .null?: function = .known(nil)
      case .string(let text)?: function = PCIAddress(text).map { .known($0) } ?? QMPCommandFilter.forgotten
      default: function = QMPCommandFilter.forgotten
      }
      let isVhostNet = item["vhost-net"] == nil ? nil : try entry.flag("vhost-net")
      ledger.keep(try entry.wireName(), .init(function: function, isIOMMUFD: try entry.flag("iommufd"), isVhostNet: isVhostNet))
    }
    for item in try fields.list("owners") {
      let entry = HandoverFields(item)
      owners[try entry.wireName()] = try entry.number("client")
    }
    for item in try fields.list("numbers-in-use") {
      let entry = HandoverFields(item)
      ledger.numbersInUse[Int32(try entry.number("number"))] = try entry.wireName()
    }
    for item in try fields.list("plugged") {
      let entry = HandoverFields(item)
      guard let address = PCIAddress(try entry.text("function")) else { throw ProxyFailure("`plugged` has no address") }
      plugged[try entry.wireName()] = address
    }
    // Primaries of QEMU's command line are read again.
    for item in try fields.list("hidden") {
      guard let request = PlugRequest.read(item, source: "device_add"), let id = request.id, let primary = HiddenPrimary(request)
      else { throw ProxyFailure("`hidden` has a device that is not a primary") }
      hidden[WireText(id)] = primary
    }
    // A program of an earlier release does not hand these over.
    try restoreReleased(books)
    for item in books["unplugging"] == nil ? [] : try fields.list("unplugging") {
      runStates.unplugging.insert(try HandoverFields(item).wireName())
    }
    for item in books["tried"] == nil ? [] : try fields.list("tried") {
      let entry = HandoverFields(item)
      guard let request = PlugRequest.read(try entry.object("arguments").value, source: "device_add") else { continue }
      let form: DeviceRequest.Form = try entry.flag("human") ? .keyval : .json
      scratch?.hasCreated(
        DeviceRequest(form: form, plug: .hot, properties: request.properties, location: request.location))
    }
    try restoreObjects(books)
  }

  private func restoreObjects(_ books: JSON) throws(ProxyFailure) {
    for item in books["objects"] == nil ? [] : try HandoverFields(books).list("objects") { scratch?.hasMade(item) }
  }

  private func restoreReleased(_ books: JSON) throws(ProxyFailure) {
    for item in books["released"] == nil ? [] : try HandoverFields(books).list("released") {
      scratch?.hasLost(try HandoverFields(item).wireName())
    }
  }

  private static let forgotten = Known<PCIAddress?>.unknown("the descriptor's function", "it was not known before the reload")
}

extension HiddenPrimary {
  /// The arguments of a `device_add` of the device.
  fileprivate var arguments: JSON {
    let pair = JSON.Member("failover_pair_id", .string(self.pair?.description ?? ""))
    return .object((request.arguments.members ?? []) + [pair])
  }
}

extension DeviceRequest {
  /// The arguments of a `device_add`, without lists and objects.
  fileprivate var arguments: JSON {
    let given = properties.compactMap { property in JSON(property.value).map { (property.name, $0) } }
    // The last of a name that is given twice counts.
    var seen: Set<String> = []
    return .object(given.reversed().filter { seen.insert($0.0).inserted }.reversed().map { JSON.Member($0.0, $0.1) })
  }
}

extension JSON {
  /// Nil for a value whose content was not kept.
  fileprivate init?(_ value: PropertyValue) {
    switch value {
    case .bool(let flag): self = .bool(flag)
    case .integer(let number): self = .integer(number)
    case .unsigned(let number): self = .unsigned(number)
    case .real(let number): self = .real(number)
    case .string(let text), .unknown(let text): self = .string(text)
    case .null: self = .null
    case .array, .object: return nil
    }
  }
}

extension HandoverFields {
  /// A name as QEMU compares it, byte by byte.
  fileprivate func wireName() throws(ProxyFailure) -> WireText {
    WireText(bytes: try list("name").compactMap { if case .integer(let byte) = $0 { UInt8(exactly: byte) } else { nil } })
  }
}
