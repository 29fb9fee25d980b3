extension Capability {
  /// The name of a standard capability id, nil for one that is not assigned
  /// (PCI Code and ID Assignment 1.16 §2).
  public static func standardName(_ id: UInt16) -> String? { name(id, in: standardNames) }

  /// The name of an extended capability id, nil for one that is not assigned
  /// (PCI Code and ID Assignment 1.16 §3).
  public static func extendedName(_ id: UInt16) -> String? { name(id, in: extendedNames) }

  private static func name(_ id: UInt16, in names: [String]) -> String? {
    names.indices.contains(Int(id)) && !names[Int(id)].isEmpty ? names[Int(id)] : nil
  }

  /// Indexed by id.
  private static let standardNames = [
    "Null", "Power Management", "AGP", "Vital Product Data", "Slot Identification", "MSI",
    "CompactPCI Hot Swap", "PCI-X", "HyperTransport", "Vendor Specific", "Debug port",
    "CompactPCI resource control", "PCI Hot-Plug", "Subsystem Vendor ID", "AGP 8x", "Secure Device",
    "PCI Express", "MSI-X", "SATA Data/Index", "Advanced Features", "Enhanced Allocation",
    "Flattening Portal Bridge",
  ]

  /// Indexed by id; unassigned ids are empty.
  private static let extendedNames = [
    "Null", "Advanced Error Reporting", "Virtual Channel", "Device Serial Number", "Power Budgeting",
    "Root Complex Link Declaration", "Root Complex Internal Link Control",
    "Root Complex Event Collector Endpoint Association", "Multi-Function Virtual Channel",
    "Virtual Channel (with MFVC)", "Root Complex Register Block", "Vendor Specific",
    "Configuration Access Correlation", "Access Control Services",
    "Alternative Routing-ID Interpretation", "Address Translation Service",
    "Single Root I/O Virtualization", "Multi-Root I/O Virtualization", "Multicast",
    "Page Request Interface", "", "Resizable BAR", "Dynamic Power Allocation",
    "TPH Requester", "Latency Tolerance Reporting", "Secondary PCI Express", "Protocol Multiplexing",
    "Process Address Space ID", "LN Requester", "Downstream Port Containment", "L1 PM Substates",
    "Precision Time Measurement", "PCI Express over M-PHY", "FRS Queueing",
    "Readiness Time Reporting", "Designated Vendor-Specific", "VF Resizable BAR",
    "Data Link Feature", "Physical Layer 16.0 GT/s", "Lane Margining at the Receiver",
    "Hierarchy ID", "Native PCIe Enclosure Management", "Physical Layer 32.0 GT/s",
    "Alternate Protocol", "System Firmware Intermediary", "Shadow Functions", "Data Object Exchange",
    "Device 3", "Integrity and Data Encryption", "Physical Layer 64.0 GT/s", "Flit Logging",
    "Flit Performance Measurement", "Flit Error Injection", "Streamlined Virtual Channel",
    "MMIO Register Block Locator",
  ]
}
