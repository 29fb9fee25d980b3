import Facts

/// The processor that `-cpu` names, with its properties as QEMU reads them (QEMU target/i386/cpu.c: x86_cpu_parse_featurestr; recorded
/// from 7.2.22, 10.0.13 and 11.1.3).
struct ProcessorModel {
  /// The model; that of the machine without `-cpu`.
  let name: String
  /// Location of the option; nil without it.
  let location: Location?
  /// `name=value`, and a name alone, which is switched on.
  private(set) var properties: [(name: String, value: String)] = []
  /// `+name` and `-name`, which come after all others, and the second after the first.
  private(set) var added: [String] = []
  private(set) var removed: [String] = []

  /// Nil where only the shell knows the text.
  init?(_ machine: MachineConfig) {
    guard let option = machine.options.last(where: { $0.name == "cpu" }) else {
      (name, location) = ("qemu64", nil)
      return
    }
    guard let text = option.value.string, !option.value.isOfShell else { return nil }
    location = option.location
    let comma = text.utf8.firstIndex(of: UInt8(ascii: ",")) ?? text.endIndex
    name = String(text[..<comma])
    for item in text[comma...].utf8.split(separator: UInt8(ascii: ",")) {
      switch item.first {
      case UInt8(ascii: "+"): added.append(String(Substring(item.dropFirst())))
      case UInt8(ascii: "-"): removed.append(String(Substring(item.dropFirst())))
      default:
        let end = item.firstIndex(of: UInt8(ascii: "="))
        let property = String(Substring(item[..<(end ?? item.endIndex)]))
        properties.append((
          property.utf8.contains(UInt8(ascii: "_")) ? String(property.map { $0 == "_" ? "-" : $0 }) : property,
          end.map { String(Substring(item[item.index(after: $0)...])) } ?? "on"
        ))
      }
    }
  }

  private var type: String { name + "-x86_64-cpu" }

  /// Whether a `-global` is for it.
  private func isFor(_ global: GlobalProperty) -> Bool { [type, "x86_64-cpu", "cpu"].contains(global.driver) }

  /// The value of a property that `-cpu` gives, or else a `-global`.
  func value(_ property: String, _ globals: [GlobalProperty]) -> String? {
    properties.last { $0.name == property }?.value ?? globals.last { isFor($0) && $0.property == property }?.value
  }

  /// Whether it has a local APIC by itself.
  func hasAPIC(_ globals: [GlobalProperty]) -> Bool {
    if removed.contains("apic") { return false }
    if added.contains("apic") { return true }
    if let given = value("apic", globals) { return QEMUBool(given) != .off }
    return !["486", "486-v1", "base"].contains(name)
  }

  // MARK: - Refusals

  /// The models with the number of their versions, in 7.2, 10.0 and 11.1 where these differ; `-` where a release lacks one
  /// (`-cpu help`).
  private static let versions: [String: [Int?]] = {
    let text = """
      486:1 Broadwell:4 Broadwell-IBRS:0 Broadwell-noTSX:0 Broadwell-noTSX-IBRS:0 Cascadelake-Server:5/5/7 Cascadelake-Server-noTSX:0
      ClearwaterForest:-/1/4 Conroe:1 Cooperlake:2 Denverton:3 Dhyana:2 DiamondRapids:-/-/2 EPYC:3/4/5 EPYC-Genoa:-/1/3 EPYC-IBPB:0
      EPYC-Milan:1/2/4 EPYC-Rome:2/4/5 EPYC-Turin:-/-/2 GraniteRapids:-/2/7 Haswell:4 Haswell-IBRS:0 Haswell-noTSX:0
      Haswell-noTSX-IBRS:0 Icelake-Server:6/7/9 Icelake-Server-noTSX:0 IvyBridge:2 IvyBridge-IBRS:0 KnightsMill:1 Nehalem:2
      Nehalem-IBRS:0 Opteron_G1:1 Opteron_G2:1 Opteron_G3:1 Opteron_G4:1 Opteron_G5:1 Penryn:1 SandyBridge:2 SandyBridge-IBRS:0
      SapphireRapids:-/3/8 SierraForest:-/2/6 Skylake-Client:4 Skylake-Client-IBRS:0 Skylake-Client-noTSX-IBRS:0 Skylake-Server:5/5/6
      Skylake-Server-IBRS:0 Skylake-Server-noTSX-IBRS:0 Snowridge:4 Westmere:2 Westmere-IBRS:0 YongFeng:-/2/3 athlon:1 base:0
      core2duo:1 coreduo:1 host:0 kvm32:1 kvm64:1 max:0 n270:1 pentium:1 pentium2:1 pentium3:1 phenom:1 qemu32:1 qemu64:1
      """
    return Dictionary(uniqueKeysWithValues: text.split { $0 == " " || $0 == "\n" }.map { item in
      let parts = item.split(separator: ":")
      let counts = parts[1].split(separator: "/").map { Int($0) }
      return (String(parts[0]), counts.count == 1 ? [counts[0], counts[0], counts[0]] : counts)
    })
  }()

  private func exists(in release: QEMURelease) -> Bool {
    let column = release < QEMURelease(8, 0) ? 0 : release < QEMURelease(11, 0) ? 1 : 2
    if let count = ProcessorModel.versions[name] { return count[column] != nil }
    let parts = name.split(separator: "-", omittingEmptySubsequences: false)
    guard let last = parts.last, last.first == "v", let number = Int(last.dropFirst()), "v\(number)" == last,
      case .some(.some(let count)) = ProcessorModel.versions[parts.dropLast().joined(separator: "-")]?[column]
    else { return false }
    return 1...max(count, 1) ~= number && count > 0
  }

  /// The refusal of the model or of a property. What an accelerator supports is left to QEMU.
  func refusal(_ globals: [GlobalProperty], _ qemu: QEMUProfile) -> (failure: RealizeFailure, place: Location?)? {
    guard let release = qemu.modelledRelease else { return nil }
    func refused(_ text: String) -> (failure: RealizeFailure, place: Location?) { (RealizeFailure(.badOption, text), location) }
    if !exists(in: release) { return refused("unable to find CPU model '\(name)'") }
    for global in globals where isFor(global) {
      if let failure = refusal(global.property, global.value, by: global.driver, qemu) { return (failure, global.location) }
    }
    for (property, value) in properties {
      // A number with a unit, which becomes `tsc-frequency`.
      if property == "tsc-freq" {
        let size = QEMUNumber.size(value, unit: 1000, isOld: qemu.isBefore(8, 0))
        if case .bytes(let number) = size, number <= UInt64(Int64.max) { continue }
        return refused("bad numerical value \(value)")
      }
      if let failure = refusal(property, value, by: type, qemu) { return (failure, location) }
    }
    let flags = added.map { ($0, true) } + removed.map { ($0, false) }
    return flags.lazy.compactMap { refusal(of: $0.0, isAdded: $0.1, qemu) }.first.map { ($0, location) }
  }

  /// The refusal of `+name` or `-name`, which give a boolean to any property (QEMU target/i386/cpu.c:
  /// x86_cpu_expand_features).
  private func refusal(of flag: String, isAdded: Bool, _ qemu: QEMUProfile) -> RealizeFailure? {
    if !ProcessorProperties.have(flag, model: name, in: qemu) {
      return RealizeFailure(.badOption, "Property '\(type).\(flag)' not found")
    }
    if ProcessorProperties.readOnly.contains(flag) { return RealizeFailure(.badOption, "Property '\(type).\(flag)' is not writable") }
    if flag == "realized" {
      let text = "QEMU crashes with SIGSEGV: realized is set by -cpu"
      return isAdded ? RealizeFailure(.crashingProperty, text, signal: "SIGSEGV") : nil
    }
    if ProcessorModel.isBranchRecords(flag), qemu.isBefore(8, 0) { return ProcessorModel.twoErrors }
    return ProcessorProperties.flagRefusal(flag, in: qemu).map { RealizeFailure(.badOption, $0) }
  }

  private static func isBranchRecords(_ property: String) -> Bool { ["lbr-fmt", "lbr_fmt"].contains(property) }

  /// QEMU 7.2 target/i386/cpu.c: x86_cpu_set_lbr_fmt reports a second error for what is not a number (observed on 7.2.22).
  private static let twoErrors = RealizeFailure(
    .crashingProperty, "error_setv: Assertion `*errp == NULL' failed.", signal: "SIGABRT")

  private func refusal(_ property: String, _ value: String, by driver: String, _ qemu: QEMUProfile) -> RealizeFailure? {
    func refused(_ text: String) -> RealizeFailure {
      RealizeFailure(.badOption, "can't apply global \(driver).\(property)=\(value): " + text)
    }
    if !ProcessorProperties.have(property, model: name, in: qemu) { return refused("Property '\(type).\(property)' not found") }
    if ProcessorProperties.readOnly.contains(property) { return refused("Property '\(type).\(property)' is not writable") }
    if property == "realized" {
      switch QEMUBool(value) {
      case .on: return refused("CPU socket-id is not set")
      case .off: return nil
      case .invalid: return refused("Parameter 'realized' expects 'on' or 'off'")
      case .undetermined: return nil
      }
    }
    if QEMUNumber.mayBeBinary(value, in: qemu) { return nil }
    if property == "vendor", value.utf8.count != 12 {
      return refused(
        qemu.isBefore(8, 0) ? "Property '.vendor' doesn't take value '\(value)'"
          : "value of property 'vendor' must consist of exactly 12 characters")
    }
    if qemu.isBefore(8, 0), ProcessorModel.isBranchRecords(property), QEMUNumber.integer(value, isUnsigned: true) == nil {
      return ProcessorModel.twoErrors
    }
    if let text = ProcessorProperties.numberRefusal(property, value, in: qemu) { return refused(text) }
    guard let kind = ProcessorProperties.kind(property) else { return nil }
    return PropertyChecks.globalRefusal(property, value, kind: kind, driver: type, in: qemu).map(refused)
  }
}

extension MachineConfig {
  /// The refusal of `-cpu`. A `kvm` that runs a PC is QEMU for x86-64.
  func processorRefusal(_ qemu: QEMUProfile) -> LaunchFailure? {
    let kind = MachineKind(self)
    guard kind == .q35 || kind == .i440fx || kind == .microvm, ["qemu-system-x86_64", "kvm"].contains(emulator),
      let processor = ProcessorModel(self),
      let refused = processor.refusal(globals, qemu)
        ?? ProcessorWidth(self)?.refusal(qemu).map({ (RealizeFailure(.badOption, $0), processor.location) }),
      let place = refused.place ?? globals.last(where: { $0.property.hasSuffix("phys-bits") })?.location
    else { return nil }
    return LaunchFailure(refused.failure, at: place)
  }
}
