import Facts

/// The card of `-audio …,model=`, which QEMU makes before the devices of `-device` (QEMU hw/audio/model.c: audio_model_init; before
/// 11.1 hw/audio/soundhw.c: soundhw_init).
extension MachineConfig {
  private static let audioCards = ["ac97": "AC97", "es1370": "ES1370", "hda": "intel-hda", "virtio": "virtio-sound-pci"]
  private static let ofISA: Set<String> = ["adlib", "cs4231a", "gus", "sb16"]

  /// The models of all options, each with its option; of one that is not known no value.
  private var audioModels: [(option: Property, model: String?)] {
    options.compactMap { option in
      guard option.name == "audio" else { return nil }
      guard let text = option.value.string, !option.value.isOfShell else { return (option, nil) }
      return OptionText.items(text, implied: "driver").last { $0.key == "model" }.map { (option, $0.value) }
    }
  }

  /// The card, if it is a PCI device.
  var audio: [AddedDevice] {
    audioModels.prefix(1).compactMap { _, model in
      guard let model else { return .unplaced }
      return MachineConfig.audioCards[model].map { .placed(SlotDevice(board: $0)) }
    }
  }

  /// Whether it offers a bus for codecs.
  var hasAudioBus: Bool { audioModels.first?.model == "hda" }

  static let soundCards: Set<String> = [
    "AC97", "ES1370", "adlib", "cs4231a", "gus", "hda-duplex", "hda-micro", "hda-output", "sb16", "usb-audio", "virtio-sound-pci",
  ]

  /// Whether a sound card without an `audiodev` of its own finds none: with any of these options only `-audio` without a model gives one
  /// (QEMU system/vl.c: default_audio; observed on 10.0.13 and 11.1.3; 7.2.22 takes any).
  func lacksDefaultAudio(_ qemu: QEMUProfile) -> Bool {
    guard !qemu.isBefore(8, 0), ["nodefaults", "audiodev", "audio"].contains(where: hasOption) else { return false }
    return audioModels.filter { $0.model != nil }.count == options.filter { $0.name == "audio" }.count
  }

  /// The ids of audio backends: `-audio` with a model gives one, `audiodev0` where it has no id; nil where some are not known.
  var audioIDs: Set<String>? {
    var ids: Set<String> = []
    for option in options where option.name == "audiodev" || option.name == "audio" {
      if let members = jsonMembers[option.location] {
        guard let id = members.first(where: { $0.name == "id" })?.value.string else { return nil }
        ids.insert(id)
        continue
      }
      guard let text = option.value.string, !option.value.isOfShell, text.first != "{" else { return nil }
      let items = OptionText.items(text, implied: "driver")
      if option.name == "audio", !items.contains(where: { $0.key == "model" }) { continue }
      ids.insert(items.last { $0.key == "id" }?.value ?? "audiodev0")
    }
    return ids
  }

  /// The refusal of an audio backend that the machine does not have.
  static func missingAudio(_ id: String, of owner: String, _ qemu: QEMUProfile) -> String {
    qemu.isBefore(8, 0) ? "Property '\(owner).audiodev' can't find value '\(id)'" : "audiodev '\(id)' not found"
  }

  /// The refusal of an option; all were observed on 7.2.22, 10.0.13 and 11.1.3.
  func unknownAudio(_ qemu: QEMUProfile) -> LaunchFailure? {
    let kind = MachineKind(self)
    let isPC = kind == .q35 || kind == .i440fx || kind == .microvm
    guard isPC || kind == .virt else { return nil }
    let isOld = qemu.isBefore(11, 1)
    var isFirst = true
    for option in options where option.name == "audio" {
      guard let text = option.value.string, !option.value.isOfShell else { return nil }
      func refused(_ text: String) -> LaunchFailure { LaunchFailure(RealizeFailure(.badOption, text), at: option.location) }
      let items = OptionText.items(text, implied: "driver")
      guard items.contains(where: { $0.key == "driver" }) else { return refused("Parameter 'driver' is missing") }
      guard let model = items.last(where: { $0.key == "model" })?.value else {
        if qemu.isBefore(8, 0) { return refused("Parameter 'model' is missing") }
        continue
      }
      if model == "help" { return nil }
      if !isFirst { return refused("only one \(isOld ? "-soundhw" : "-audio") option is allowed") }
      isFirst = false
      let isCard = MachineConfig.audioCards[model] != nil && (model != "virtio" || !qemu.isBefore(8, 0))
      if !isCard, !(isPC && MachineConfig.ofISA.contains(model)) {
        return refused("Unknown \(isOld ? "sound card name" : "audio device model") `\(model)'")
      }
      if kind == .microvm, !isCard, model != "adlib" { return refused("ISA controller does not support DMA") }
    }
    return nil
  }
}
