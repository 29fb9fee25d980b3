import Facts
import Prediction

extension MachineConfig {
  /// The program to ask for lists: the definition's, or that of its management.
  var programName: String { program ?? (proxmox != nil ? "kvm" : emulator ?? "qemu-system-x86_64") }
}

/// Advice for QEMU's messages about parts of the machine that are not assigned devices. One cause has many messages.
enum MessageAdvice {
  /// - Returns: nil for a message that says itself what to change.
  static func of(_ failure: RealizeFailure, in target: LintTarget) -> String? {
    let text = failure.text
    if text.contains("CPU topology") || text.contains("SMP CPUs") { return processors(text, isProxmox: target.machine.proxmox != nil) }
    if let (owner, property) = missingProperty(text) { return replacement(of: property, in: owner, qemu: target.qemu) }
    let words = text.split(separator: "'")
    if words.count == 3, words[0] == "Parameter ", words[2] == " is missing" { return "add `\(words[1])`" }
    if words.count == 3, words[0] == "Parameter ", words[2] == " is unexpected" {
      return "remove `\(words[1])`, which this QEMU does not have there"
    }
    if words.count == 3, words[0] == "Invalid parameter type for ", let form = types[words[2]] { return "write `\(words[1])` as \(form)" }
    if words.count == 3, [" expects uint64", " expects uint32_t", " expects int32_t"].contains(words[2]) {
      return "write `\(words[1])` as a whole number that it can hold, without quotes"
    }
    if failure.property == "subsys", words.count == 3 { return "add the subsystem before it: `-device nvme-subsys,id=\(words[1])`" }
    if words.count == 4, words[0] == "No ", let type = offering[words[1]] { return "add the device that has the bus before it: `\(type)`" }
    if words.count == 3, words[0] == "Device ", words[2] == " not found" { return "add the object: `-object TYPE,id=\(words[1])`" }
    if words.count >= 3, words[0] == "Parameter ", words[2] == " expects uint8_t" { return "write `\(words[1])=` with a number up to 255" }
    // "Memory backend 'ram0' not found"
    if words.count == 3, words[0] == "Memory backend ", words[2] == " not found" {
      return "add the object: `-object memory-backend-ram,id=\(words[1]),size=SIZE`, of the size of the guest's memory"
    }
    if isShared(text) { return "add `mux=on` to its `-chardev`, or give each user a character device of its own" }
    return signs.first { text.contains($0.part) }?.advice
  }

  /// Forms of JSON that QEMU names.
  private static let types: [Substring: String] = [
    ", expected: string": "a text in double quotes", ", expected: boolean": "`true` or `false`, without quotes",
    ", expected: integer": "a whole number, without quotes", ", expected: array": "a list, `[…]`", ", expected: object": "an object, `{…}`",
  ]

  /// A type of device that has a bus, by QEMU's name of the bus's type.
  private static let offering: [Substring: String] = [
    "SCSI": "virtio-scsi-pci", "ccid-bus": "usb-ccid", "nvme-bus": "nvme", "sd-bus": "sdhci-pci", "usb-bus": "qemu-xhci",
    "virtio-serial-bus": "virtio-serial-pci", "vmbus": "vmbus-bridge", "HDA": "ich9-intel-hda", "IDE": "ich9-ahci",
  ]

  /// Whether a text is about a character device that two users name.
  private static func isShared(_ text: String) -> Bool {
    text.hasPrefix("chardev '") && text.hasSuffix("' is already in use") || text.hasPrefix("Device '") && text.hasSuffix("' is in use")
  }

  private static func processors(_ text: String, isProxmox: Bool) -> String {
    if text.contains("max CPUs supported") {
      return "give the guest no more processors than that" + (isProxmox ? ": `sockets:` times `cores:`" : " with `-smp`")
    }
    if text.contains("not supported") { return "remove `\(text.prefix { $0 != " " })` from `-smp`" }
    if text.contains("greater than zero") { return "give every number of `-smp` at least 1" }
    if text.contains("maxcpus must be equal to or greater") { return "raise `maxcpus` of `-smp` to the number of processors, or remove it" }
    return "make the product of the numbers of `-smp` its `maxcpus`, or give the number of processors alone: `-smp 4`"
  }

  /// The type and the name of `Property 'TYPE.NAME' not found`.
  private static func missingProperty(_ text: String) -> (owner: String, property: String)? {
    guard text.hasSuffix("' not found"), let quoted = text.split(separator: "'").dropLast().last, let dot = quoted.lastIndex(of: ".")
    else { return nil }
    return (String(quoted[..<dot]), String(quoted[quoted.index(after: dot)...]))
  }

  private static func replacement(of property: String, in owner: String, qemu: QEMUProfile) -> String {
    if let other = PropertyAdvice.otherName(of: property, of: owner, in: qemu) {
      return "write `\(other)=`, as this QEMU names the property"
    }
    if let meant = PropertyAdvice.meant(by: property, of: owner, in: qemu) { return "write `\(meant)=`" }
    let option = owner.hasSuffix("-machine") ? "-machine" : owner.hasSuffix("-cpu") ? "-cpu" : owner
    return "remove `\(property)` from `\(option)`, which does not have it in this QEMU"
  }

  private static let signs: [(part: String, advice: String)] = [
    ("Only stage1 is supported", "write `stage=1` for `arm-smmuv3`, or remove `stage`"),
    ("44 bit, or 48 bit OAS", "write `oas=auto`, `oas=44` or `oas=48` for `arm-smmuv3`"),
    ("An iommu is already attached to this bus", "keep one IOMMU for each root bus: `primary-bus=` names it"),
    ("SMMU is not attached to any PCI bus", "name the root bus that it serves: `primary-bus=pcie.0`"),
    ("Invalid iommu value", "write `iommu=smmuv3` or `iommu=none`"),
    ("the maxmem option", "add `slots=` and `maxmem=` to `-m`"),
    ("no slots where allocated", "add `slots=` to `-m`, one for each memory device"),
    ("for standard hotplug controller", "use a slot from 1 on: `addr=1`"),
    ("is only available in scalable mode", "add `scalable-mode=on` to `intel-iommu`"),
    ("without intremap=on", "add `intremap=on` to the IOMMU, or remove `eim=on`"),
    ("slots specified but no max-size", "add `maxmem=` to `-m`, or remove `slots=`"),
    ("invalid value of maxmem", "give `-m` a `maxmem=` that is larger than the memory, or remove it"),
    ("-numa node,mem is not supported", "write `memdev=ID` in place of `mem=`, and add `-object memory-backend-ram,id=ID,size=SIZE`"),
    ("mixing both", "give every node of `-numa` a `memdev=`, or every one a `mem=`"),
    ("memdev=", "add the object that `memdev=` names: `-object memory-backend-ram,id=ID,size=SIZE`"),
    ("does not match the size of the memory backend", "give `-m` and the `size=` of the memory backend the same size"),
    ("total memory for NUMA nodes", "make the sizes of the nodes' memory add up to `-m`"),
    ("unable to find CPU model", "name a processor that QEMU lists with `-cpu help`, such as `host`"),
    ("invalid accelerator", "write `-accel kvm`"),
    ("is not a valid device model name", "remove the device, or use a QEMU that has the type: `-device help` lists them"),
    ("VIRTIO_F_IOMMU_PLATFORM", "add `disable-legacy=on` to the device, or put it on a `pcie-root-port`"),
    ("no default audio driver", "add `-audiodev none,id=audio0`, and `audiodev=audio0` to the device"),
    ("audiodev '", "name an `-audiodev`, or add one: `-audiodev none,id=audio0`"),
    ("failover primary device", "remove `failover_pair_id`, which is for network cards on a `pcie-root-port`"),
    (".mac' doesn't take value", "write six pairs of hexadecimal digits, such as `52:54:00:12:34:56`"),
    ("Duplicate ID '", "give each of them an `id=` of its own"),
    ("Duplicate nodes with", "give each `-blockdev` a `node-name=` of its own"),
    ("'node-name' must be specified", "add `node-name=`"),
    ("Invalid node-name", "begin the name with a letter, followed by letters, digits, `-`, `.` and `_`"),
    ("only allowed with -kernel", "add `-kernel`, or remove the option"),
    ("could not connect", "name a `-chardev` that there is, or add one: `-chardev pty,id=ID`"),
    ("not compatible with HMP", "add `mode=control`, or remove `pretty=on`"),
    ("belong to network", "choose an address of the network that `net=` or `ipv6-prefix=` gives, `10.0.2.0/24` or `fec0::/64` without it"),
    ("must be different from", "give `host=`, `dns=` and `dhcpstart=` different addresses; by default they are 2, 3 and 15 of the network"),
    ("Failed to parse netmask", "write the network as `10.0.2.0/24`"),
    ("Failed to parse IPv6", "write an IPv6 address, such as `fec0::2`"),
    ("Failed to parse", "write an IPv4 address, such as `10.0.2.3`"),
    ("netmask provided", "write a length from 4 to 32, such as `net=10.0.2.0/24`"),
    ("IPv6 prefix provided", "write a length up to 126, such as `ipv6-net=fec0::/64`"),
    ("IPv4 disabled but", "remove the IPv4 addresses, or switch IPv4 on: `ipv4=on`"),
    ("IPv6 disabled but", "remove the IPv6 addresses, or switch IPv6 on: `ipv6=on`"),
    ("IPv4 and IPv6 disabled", "switch one of the two on: `ipv4=on`"),
    ("cannot exceed 255 bytes", "write a shorter name"),
    ("'domainname' parameter cannot be empty", "write a name, or remove `domainname=`"),
    ("is not a power of two", "choose a power of two, such as 64 MiB"),
    ("Invalid tx_queue_size", "remove `tx_queue_size=`: queues longer than 256 are for networks of another program, such as `vhost-user`"),
    ("'duplex' must be", "write `duplex=full`, or remove it"),
    ("'speed' must be", "write the speed in Mbit/s, such as `speed=10000`, or remove it"),
    ("at most '20' characters", "write a shorter `serial=`"),
    ("zoned.zasl", "give `zoned.zasl=` a number up to `mdts=`, 7 by default"),
    ("mdts exceeds", "remove `mdts=`: it is 7 by default"),
    ("'max-bytes' parameter", "remove `max-bytes=`: nothing is limited without it"),
    ("invalid max_outputs", "give `max_outputs=` a number from 1 to 16"),
    ("video memory too", "give `vgamem=` a size from 4M to 256M"),
    ("Invalid cirrus_vga ram size", "write 4, 8 or 16: `vgamem_mb=4`"),
    (".guid' doesn't take", "write a UUID, such as `guid=324e6eaf-d1d1-4bf6-bf41-b9bb6c91fb87`"),
    ("number of ISA serial ports", "choose an `index=` from 0 to 3, or a `pci-serial` in its place"),
    ("expects a pluggable device type", "remove the device: the machine makes devices of the type itself"),
    ("must be a power of 2 between 512", "write 512 or 4096"),
    ("logical_block_size > physical_block_size", "give `physical_block_size=` at least the same size"),
    ("multiple of logical_block_size", "choose a multiple of `logical_block_size=`, which is 512 by default"),
    ("'rerror' does not accept", "write `rerror=report`, `ignore`, `stop` or `auto`"),
    ("'werror' does not accept", "write `werror=report`, `ignore`, `enospc`, `stop` or `auto`"),
    ("rootdir must be configured", "add `rootdir=` with an absolute path"),
    ("for usb hid device", "write `usb_version=2`, or remove it"),
    ("USB bus '", "name the bus of a USB controller before it, such as `masterbus=ehci.0` of `ich9-usb-ehci1,id=ehci`"),
    ("needs mount_tag", "add `mount_tag=`, the name under which the guest mounts it"),
    ("mount tag '", "write a shorter `mount_tag=`"),
    ("missing tag property", "add `tag=`, the name under which the guest mounts it"),
    ("device is permitted", "remove one of the two"),
    ("please include valid arguments", "add `file=`, or `addr=` with `data=` and `data-len=`"),
    ("expects an identifier", "begin the id with a letter, followed by letters, digits, `-`, `.` and `_`"),
    ("Unknown driver '", "name a format that QEMU has, such as `raw` or `qcow2`"),
    ("'driver' does not accept", "correct the name of the driver"),
    ("Cannot find device=", "put the `-blockdev` of the node that it names before it"),
    ("security_model property not set", "add `security_model=mapped-xattr`"),
    ("Usage: -virtfs", "begin with the driver, such as `local`, and add `mount_tag=`"),
    ("path property not set", "add `path=`"),
    ("cfi.pflash01.drive'", "name the `node-name=` of a `-blockdev` with the firmware"),
    ("Either 'file' or 'data'", "add `file=` with the path of the secret"),
    ("No secret with id", "add the `-object secret` that `keyid=` names"),
    ("vnc port", "write the number of a display behind the last colon, such as `:0`"),
    ("can't convert to a number", "write the number of a display behind the last colon, such as `:0`"),
    ("unknown vnc share=", "write `share=allow-exclusive`, `force-shared` or `ignore`"),
    ("attempt to add duplicate property", "give each of them an `id=` of its own"),
    ("Bridge chassis not specified", "give the bridge a `chassis_nr=` of its own, from 1 on"),
  ]
}
