import Facts

/// The whole decision as a table, for documentation.
public enum ATSTable {
  /// One combination of inputs with its outcome.
  public struct Row: Hashable, Sendable {
    /// Nil: not given.
    public let setting: ATSSetting?
    /// Nil: any.
    public let backend: VFIOBackend?
    /// Nil: any, or not read.
    public let flagSet: Bool?
    /// Nil: any.
    public let capability: Bool?
    /// The result for these inputs.
    public let outcome: ATSOutcome
  }

  /// The rows of a device with both capability lists on an Express path.
  public static func rows(_ behaviour: ATSBehaviour) -> [Row] {
    behaviour == .none ? rowsWithoutProperty : rowsWithProperty(behaviour)
  }

  private static func rowsWithProperty(_ behaviour: ATSBehaviour) -> [Row] {
    var rows = [row(behaviour, .off, nil, nil, nil)]
    for setting in [ATSSetting.on, .auto] {
      for (backend, flag) in [(VFIOBackend.iommufd, true), (.iommufd, false), (.legacy, false)] {
        let looked = backend == .iommufd ? flag : nil
        if setting == .on, backend == .iommufd, flag {
          rows.append(row(behaviour, setting, backend, looked, nil))
        } else {
          rows += [true, false].map { row(behaviour, setting, backend, looked, $0) }
        }
      }
    }
    return rows
  }

  private static var rowsWithoutProperty: [Row] {
    [row(.none, nil, nil, nil, true), row(.none, nil, nil, nil, false)]
      + ATSSetting.allCases.map { row(.none, $0, nil, nil, nil) }
  }

  private static func row(
    _ behaviour: ATSBehaviour, _ setting: ATSSetting?, _ backend: VFIOBackend?, _ flag: Bool?,
    _ capability: Bool?
  ) -> Row {
    let all = ATSCase(
      behaviour: behaviour, setting: setting, backend: backend ?? .iommufd, flagSet: flag ?? false,
      standardList: true, express: true, extendedList: true, capability: capability ?? true)
    return Row(
      setting: setting, backend: backend, flagSet: flag, capability: capability, outcome: all.outcome)
  }
}
