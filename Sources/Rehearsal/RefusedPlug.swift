import Common
import Facts
import QMP

/// Remains of a device that QEMU has refused: some types crash it when the plug is repeated (QEMU hw/scsi/esp-pci.c:
/// dc390_scsi_realize, whose EEPROM stays registered), others at the guest's next reset (QEMU hw/net/eepro100.c: nic_reset, of a
/// device that is freed).
extension RehearsalTrial {
  /// The signal of a crash that a refused plug has prepared; nil for none, and where the machine crashes without it.
  func signal(afterRefusalOf plug: DeviceRequest, after earlier: [DeviceRequest]) -> String? {
    let repeated = PlannedPlug.trials(of: plug, spare: plan.firstSpare + plan.spares).filter(\.decides).map(\.command)
    guard let signal = signal(at: repeated + RehearsalTrial.resets, whole) else { return nil }
    guard let other = try? start(plan.arguments(), plan.spares + 8, false), case .started? = try? other.answer(until: deadline)
    else { return signal }
    let before = earlier.enumerated().flatMap { index, request in
      PlannedPlug.backends(of: request, hub: index + 1 << 16).map(\.command) + [PlannedPlug.repetition(of: request)]
    }
    return self.signal(at: before + RehearsalTrial.resets, other) == nil ? signal : nil
  }

  /// QEMU resets before it reads the next command. Memory that was freed is not always found changed at the first.
  private static let resets = (1...3).flatMap { _ in [Command("system_reset"), Command("query-status")] }

  private func signal(at commands: [Command], _ process: RehearsalProcess) -> String? {
    for command in commands {
      switch try? process.execute(command, until: deadline) {
      case .reply?: continue
      case .stopped(.signal(let number)?, _)?: return RehearsalTrial.signals[number]
      default: return nil
      }
    }
    return nil
  }
}
