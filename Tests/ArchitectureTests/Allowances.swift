/// What is left of an older style, by module. The numbers may only shrink; code that moves to another module takes its
/// number along.
enum Allowances {
  static let openings: [String: Int] = [:]
  static let glossary: [String: Int] = [:]
  static let names: [String: Int] = [:]
  static let undocumented: [String: Int] = [:]

  /// Names that say something else than what they named, or nothing.
  static let replacedNames: Set<Substring> = [
    "told", "isTold", "ATSQuestion", "ATSForecast", "question", "forecast", "Subject", "Definition", "ParsedDefinition",
    "MachineRequest", "Judgement", "Check", "StartGate", "PlugGate", "ProxyGate", "LaunchGuard", "ProxyDoor",
    "BackDoors", "KillingRequests", "ProxyDebt", "ProxyJob", "ProxyInquiry", "ProxyStep", "SettledInquiry",
    "GuestQuestions", "RunningGuest", "RunningMachine", "RunningTopology", "PCIBusReading", "PlugEvidence",
    "PlugOutcome", "Occupant", "possibleOthers", "GuestPlace", "occupy", "Placement", "requestedFunctionNumber",
    "guestFunction", "Identifier", "DriverName", "Int128Range", "HostShelf", "PolicyShelf", "areTogether",
    "isInQEMUsPlace", "isBrief", "isDeaf", "isNew", "FirstReading", "SecondReading", "LintEntry", "Claims",
    "OpenQuestions", "LibvirtPart", "Parts", "LibvirtForeign", "foreign", "devicesElsewhere", "Looked", "PlainDomain",
    "isPlain", "judge",
  ]
}
