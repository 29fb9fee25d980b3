import Facts
import Syntax

/// Attributes and texts of a domain outside of its devices that libvirt parses strictly (libvirt src/conf/domain_conf.c, cpu_conf.c and
/// numa_conf.c). The messages are those of libvirt 9.0, the words those of 11.
extension LibvirtAttribute {
  /// Elements of a domain that are read elsewhere, or are other programs'.
  static let unread: Set<String> = ["devices", "metadata", "name", "description", "title"]

  private static let yesNo = Values.words(["yes", "no"])
  private static let actions = Values.words(["destroy", "restart", "rename-restart", "preserve", "coredump-destroy", "coredump-restart"])

  /// Attributes by the path of their element.
  static let ofDomain: [String: [LibvirtAttribute]] = [
    "memory": [.init(name: "dumpCore", values: onOff)],
    "vcpu": [
      .init(name: "placement", values: .words(["static", "auto"])), .init(name: "current", values: .natural),
      .init(name: "cpuset", values: .set)
    ],
    "iothreadids/iothread": [.init(name: "id", values: .positive, isRequired: true)],
    "on_poweroff": [.init(name: "", values: actions, message: "unknown on_poweroff action: %")],
    "on_reboot": [.init(name: "", values: actions, message: "unknown on_reboot action: %")],
    "on_crash": [.init(name: "", values: actions, message: "unknown on_crash action: %")],
    "on_lockfailure": [
      .init(
        name: "", values: .words(["default", "poweroff", "restart", "pause", "ignore"]), message: "unknown on_lockfailure action: %")
    ],
    "memoryBacking/source": [
      .init(name: "type", values: .words(["file", "anonymous", "memfd"]), message: "unknown memoryBacking/source/type '%'")
    ],
    "memoryBacking/access": [
      .init(name: "mode", values: .words(["default", "shared", "private"]), message: "unknown memoryBacking/access/mode '%'")
    ],
    "memoryBacking/allocation": [
      .init(name: "mode", values: .words(["immediate", "ondemand"]), message: "unknown memoryBacking/allocation/mode '%'"),
      .init(name: "threads", values: .natural, message: "Failed to parse memory allocation threads")
    ],
    "memoryBacking/hugepages/page": [.init(name: "nodeset", values: .set)],
    "numatune/memory": [
      .init(
        name: "mode", values: .words(["strict", "preferred", "interleave", "restrictive"]),
        message: "Unsupported NUMA memory tuning mode '%'"),
      .init(name: "placement", values: .words(["static", "auto"]), message: "Unsupported NUMA memory placement mode '%'"),
      .init(name: "nodeset", values: .set)
    ],
    "numatune/memnode": [
      .init(name: "cellid", values: .natural, isRequired: true),
      .init(name: "mode", values: .words(["strict", "preferred", "interleave", "restrictive"])), .init(name: "nodeset", values: .set)
    ],
    "cputune/iothreadpin": [.init(name: "iothread", values: .positive, isRequired: true), .init(name: "cpuset", values: .set)],
    "cputune/vcpupin": [.init(name: "vcpu", values: .natural, isRequired: true), .init(name: "cpuset", values: .set)],
    "cputune/emulatorpin": [.init(name: "cpuset", values: .set)],
    "cputune/vcpusched": [.init(name: "scheduler", values: .words(["batch", "idle", "fifo", "rr"]), isRequired: true)],
    "cpu": [
      .init(
        name: "mode", values: .words(["custom", "host-model", "host-passthrough", "maximum"]), message: "Invalid mode attribute '%'"),
      .init(name: "match", values: .words(["minimum", "exact", "strict"])), .init(name: "migratable", values: onOff),
      .init(name: "check", values: .words(["none", "partial", "full"]))
    ],
    "cpu/model": [.init(name: "fallback", values: .words(["allow", "forbid"]), message: "Invalid fallback attribute")],
    "cpu/feature": [
      .init(
        name: "policy", values: .words(["force", "require", "optional", "disable", "forbid"]), message: "Invalid CPU feature policy")
    ],
    "cpu/cache": [.init(name: "mode", values: .words(["emulate", "passthrough", "disable"]), isRequired: true)],
    "cpu/maxphysaddr": [.init(name: "mode", values: .words(["emulate", "passthrough"]), isRequired: true)],
    "cpu/topology": [
      .init(name: "sockets", values: .positive, isRequired: true), .init(name: "dies", values: .positive),
      .init(name: "cores", values: .positive, isRequired: true), .init(name: "threads", values: .positive, isRequired: true)
    ],
    "cpu/numa/cell": [
      .init(name: "cpus", values: .set), .init(name: "memAccess", values: .words(["shared", "private"])),
      .init(name: "discard", values: yesNo)
    ],
    "features/apic": [.init(name: "eoi", values: onOff)],
    "features/capabilities": [.init(name: "policy", values: .words(["default", "allow", "deny"]))],
    "features/gic": [.init(name: "version", values: .words(["2", "3", "host"]))],
    "features/hyperv": [.init(name: "mode", values: .words(["custom", "passthrough", "host-model"]))],
    "features/ioapic": [.init(name: "driver", values: .words(["qemu", "kvm"]))],
    "clock": [
      .init(
        name: "offset", values: .words(["utc", "localtime", "variable", "timezone", "absolute"]), message: "unknown clock offset '%'")
    ],
    "clock/timer": [
      .init(
        name: "name", values: .words(["platform", "pit", "rtc", "hpet", "tsc", "kvmclock", "hypervclock", "armvtimer"]),
        isRequired: true),
      .init(name: "present", values: yesNo), .init(name: "tickpolicy", values: .words(["delay", "catchup", "merge", "discard"]))
    ],
    "os": [.init(name: "firmware", values: .words(["bios", "efi"]), message: "unknown firmware value %")],
    "os/type": [
      .init(name: "", values: .words(["hvm", "xen", "xenpvh", "linux", "exe", "uml"]), message: "unknown OS type '%'")
    ],
    "os/boot": [.init(name: "dev", values: .words(["fd", "hd", "cdrom", "network"]), isRequired: true)],
    "os/bootmenu": [.init(name: "enable", values: yesNo), .init(name: "timeout", values: .natural)],
    "os/loader": [
      .init(name: "readonly", values: yesNo), .init(name: "secure", values: yesNo), .init(name: "type", values: .words(["rom", "pflash"]))
    ],
    "os/smbios": [.init(name: "mode", values: .words(["none", "emulate", "host", "sysinfo"]), message: "unknown smbios mode '%'")],
    "pm/suspend-to-mem": [.init(name: "enabled", values: yesNo)],
    "pm/suspend-to-disk": [.init(name: "enabled", values: yesNo)],
    "sysinfo": [.init(name: "type", values: .words(["smbios", "fwcfg"]), isRequired: true)],
    "launchSecurity": [.init(name: "type", values: .words(["sev", "sev-snp", "tdx", "s390-pv"]), isRequired: true)]
  ]

  /// The state of a feature, also of one that is newer than this list.
  static func feature(_ path: String) -> LibvirtAttribute? {
    let parts = path.split(separator: "/")
    guard parts.first == "features" else { return nil }
    switch parts.count {
    case 2: return .init(name: "state", values: onOff)
    case 3 where parts[1] == "kvm" || parts[1] == "hyperv": return .init(name: "state", values: onOff, isRequired: true)
    case 4 where parts[1] == "hyperv": return .init(name: "state", values: onOff)
    default: return nil
    }
  }
}
