extension Rule {
  /// Every rule, by subject. A new rule is one file, one line here, and one case file
  /// (Fixtures/rules/NAME.md); tests compare the three. `realize-fails` stands last: it reports what no
  /// other rule has.
  public static let all: [Rule] = [
    .malformedInput,
    .dupID,
    .fdWithoutID,
    .realizedArgument,
    .atsOnKernelUnsupported,
    .atsOnNoCap,
    .atsOnNoIOMMUFD,
    .atsOnConventionalBus,
    .atsAutoOldKernel,
    .atsNoATSCmdline,
    .atsVSMMUMismatch,
    .atsPropUnsupportedByQEMU,
    .atsKnownBadDevice,
    .iommufdMissingObject,
    .iommufdFdWithoutObject,
    .iommufdNoCdev,
    .iommufdPerm,
    .iommufdP2P,
    .iommufdVfToken,
    .mixedBackends,
    .groupNotViable,
    .groupSplitAcrossVMs,
    .notBound,
    .deviceInUse,
    .deviceGone0xFF,
    .dupHostDevice,
    .notEndpoint,
    .noReset,
    .deviceInTwoDefinitions,
    .rmrrDirect,
    .memlockTooLow,
    .memlockWithoutBARs,
    .hpRootBus,
    .hpPortOff,
    .hpNoFreePort,
    .hpSlotBusy,
    .hpFn0Order,
    .hpSlotNotZero,
    .hpNohotplugDriver,
    .hpWhileMigrating,
    .realizeFails,
  ]

  /// The rule of that name.
  public static func named(_ name: String) -> Rule? { all.first { $0.name == name } }
}
