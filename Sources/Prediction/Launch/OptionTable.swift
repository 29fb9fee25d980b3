import Facts

/// Parameters of options that QEMU checks by their names and types alone, before it acts on them.
struct OptionTable {
  /// The type of a parameter's value.
  enum Kind: Character {
    case text = "s", bool = "b", number = "n", size = "z"
    /// Numbers of networks and objects, which QEMU refuses with other texts.
    case signed = "i", unsigned = "u", bytes = "Z"
  }

  /// Parameters by option, and by type where that decides, `name:kind`; one without a kind is text. `+` has no 7.2, `++` neither 10.0,
  /// and `-` no 11.1 (recorded from 7.2.22, 10.0.13 and 11.1.3 by a wrong value of each).
  private static let lines = """
    chardev backend id path input-path+ host port fd localaddr localport to:n ipv4:b ipv6:b wait:b server:b delay:b nodelay:b reconnect-:n \
    reconnect-ms+:n telnet:b tn3270:b tls-creds tls-authz websocket:b width:n height:n cols:n rows:n mux:b signal:b name debug:n size:z \
    chardev append:b logfile logappend:b mouse:b clipboard:b abstract:b tight:b encoding++ chardevs.0+ chardevs.1+ chardevs.2+ chardevs.3+
    fw_cfg name file string gen_id id
    rtc base clock driftfix id
    icount shift align:b sleep:b rr rrfile rrsnapshot id
    mon mode chardev pretty:b id
    msg timestamp:b guest-name:b id
    name guest process debug-threads:b id
    sandbox enable:b obsolete elevateprivileges spawn resourcecontrol id
    overcommit mem-lock cpu-pm:b id
    run-with async-teardown:b chroot user exit-with-parent++:b id
    action reboot shutdown panic watchdog id
    fsdev fsdriver id path security_model writeout readonly:b sock_fd:n socket fmode:n dmode:n multidevs
    virtfs fsdriver id path mount_tag security_model writeout readonly:b sock_fd:n socket fmode:n dmode:n multidevs
    option-rom romfile bootindex:n id
    smbios.0 vendor version date release uefi:b vm++:b
    smbios.1 manufacturer product version serial uuid sku family
    smbios.2 manufacturer product version serial asset location
    smbios.3 manufacturer version serial asset sku
    smbios.4 sock_pfx manufacturer version serial asset part max-speed:n current-speed:n processor-id:n processor-family+:n
    smbios.8 internal_reference external_reference connector_type:n port_type:n
    smbios.11 value path
    smbios.17 loc_pfx bank manufacturer serial asset part speed:n
    smbios.41 designation kind instance:n pcidev
    tpmdev.emulator chardev
    tpmdev.passthrough path cancel-path
    netdev.user hostname restrict:b ipv4:b ipv6:b ip net host tftp bootfile dhcpstart dns dnssearch domainname ipv6-prefix \
    ipv6-prefixlen:i ipv6-net ipv6-host ipv6-dns smb smbserver hostfwd guestfwd tftp-server-name
    netdev.tap ifname fd fds script downscript br helper sndbuf:Z vnet_hdr:b vhost:b vhostfd vhostfds vhostforce:b queues:u poll-us:u
    netdev.bridge br helper
    netdev.socket fd listen connect mcast localaddr udp
    netdev.l2tpv3 src dst txsession:u ipv6:b udp:b cookie64:b counter:b pincounter:b srcport dstport rxsession:u txcookie:u rxcookie:u \
    offset:u
    netdev.vhost-user chardev vhostforce:b queues:i
    netdev.vhost-vdpa vhostdev vhostfd queues:i x-svq:b
    netdev.hubport hubid:i netdev
    object.iothread aio-max-batch:i poll-grow:i poll-max-ns:i poll-shrink:i poll-weight++:i thread-pool-max:i thread-pool-min:i
    object.main-loop aio-max-batch:i thread-pool-max:i thread-pool-min:i
    object.thread-context cpu-affinity node-affinity
    object.rng-random filename opened:b
    object.rng-builtin opened:b
    object.secret data file format iv keyid loaded:b
    object.secret_keyring format iv keyid loaded:b serial:i
    object.throttle-group limits x-bps-read:i x-bps-read-max:i x-bps-read-max-length:i x-bps-total:i x-bps-total-max:i \
    x-bps-total-max-length:i x-bps-write:i x-bps-write-max:i x-bps-write-max-length:i x-iops-read:i x-iops-read-max:i \
    x-iops-read-max-length:i x-iops-size:i x-iops-total:i x-iops-total-max:i x-iops-total-max-length:i x-iops-write:i \
    x-iops-write-max:i x-iops-write-max-length:i
    object.tls-creds-anon dir endpoint loaded:b priority verify-peer:b
    object.tls-creds-psk dir endpoint loaded:b priority username verify-peer:b
    object.tls-creds-x509 dir endpoint loaded:b passwordid priority sanity-check:b verify-peer:b
    object.tls-cipher-suites dir endpoint priority verify-peer:b
    object.authz-listfile filename refresh:b
    object.authz-simple identity
    object.authz-pam service
    object.cryptodev-backend queues:u throttle-bps+:u throttle-ops+:u
    object.cryptodev-backend-builtin queues:u throttle-bps+:u throttle-ops+:u
    object.input-linux evdev grab-toggle grab_all:b repeat:b
    object.pr-manager-helper path
    object.filter-buffer insert interval:u netdev position queue status
    object.filter-dump file insert maxlen:u netdev position queue status
    object.filter-mirror insert netdev outdev position queue status vnet_hdr_support:b
    object.filter-redirector indev insert netdev outdev position queue status vnet_hdr_support:b
    object.filter-replay insert netdev position queue status
    object.filter-rewriter insert netdev position queue status vnet_hdr_support:b
    object.dbus-vmstate addr id-list
    object.colo-compare compare_timeout:u expired_scan_cycle:u iothread max_queue_size:u notify_dev outdev primary_in secondary_in \
    vnet_hdr_support:b
    """

  /// Known parameters of options that differ between builds: another one, or another value, may be accepted.
  private static let openLines = """
    vnc vnc websocket tls-creds share display head:n password:b password-secret reverse:b lock-key-sync:b key-delay-ms:n sasl:b tls-authz \
    sasl-authz lossy:b non-adaptive:b audiodev power-control:b id to:n ipv4:b ipv6:b
    spice port:n tls-port:n addr ipv4:b ipv6:b unix:b password password-secret disable-ticketing:b disable-copy-paste:b \
    disable-agent-file-xfer:b sasl:b x509-dir x509-key-file x509-key-password x509-cert-file x509-cacert-file x509-dh-key-file tls-ciphers \
    tls-channel plaintext-channel image-compression jpeg-wan-compression zlib-glz-wan-compression streaming-video agent-mouse:b \
    playback-compression:b seamless-migration:b display head:n gl:b rendernode video-codecs max-refresh-rate:n id
    display type gl full-screen:b window-close:b window_close:b show-cursor:b grab-on-hover:b zoom-to-fit:b show-tabs:b show-menu-bar:b \
    keep-aspect-ratio:b scale charset rendernode p2p:b addr audiodev grab-mod alt_grab:b ctrl_grab:b left-command-key full-grab:b \
    swap-opt-cmd:b app clipboard:b
    trace enable events file
    acpitable sig rev:n oem_id oem_table_id oem_rev:n asl_compiler_id asl_compiler_rev:n data file id
    netdev.vde sock port:u group mode:u
    netdev.netmap ifname devname
    netdev.af-xdp ifname mode force-copy:b queues:i start-queue:i inhibit:b sock-fds map-path map-start-index:i
    netdev.passt path quiet:b vhost-user:b mtu:i address netmask mac gateway interface outbound outbound-if4 outbound-if6 dns search fqdn \
    dhcp-dns:b dhcp-search:b map-host-loopback map-guest-addr dns-forward dns-host tcp:b udp:b icmp:b dhcp:b ndp:b dhcpv6:b ra:b \
    freebind:b ipv4:b ipv6:b tcp-ports udp-ports param
    netdev.stream server:b addr.type addr.host addr.port addr.path addr.str addr.ipv4:b addr.ipv6:b addr.to addr.numeric:b \
    addr.keep-alive:b addr.mptcp:b addr.abstract:b addr.tight:b reconnect-:n reconnect-ms+:n
    netdev.dgram local.type local.host local.port local.path local.str local.ipv4:b local.ipv6:b remote.type remote.host remote.port \
    remote.path remote.str remote.ipv4:b remote.ipv6:b
    smbios.9 slot_designation slot_type:n slot_data_bus_width:n current_usage:n slot_length:n slot_id:n slot_characteristics1:n \
    slot_characteristics2:n pcidev
    kvm accel kernel-irqchip kvm-shadow-mem:n dirty-ring-size eager-split-size notify-vmexit notify-window xen-version \
    xen-gnttab-max-frames xen-evtchn-max-pirq device honor-guest-pat:b rapl:b rapl-helper-socket id
    """

  private typealias Parameters = [String: (kind: Kind, mark: Substring)]

  private static let all = table(lines)
  private static let allOpen = table(openLines)

  /// Lines by option. A line is read when it is needed: most definitions need few.
  private static func table(_ lines: String) -> [Substring: Substring] {
    Dictionary(uniqueKeysWithValues: lines.utf8.split(separator: UInt8(ascii: "\n")).map { line in
      (Substring(line.prefix { $0 != UInt8(ascii: " ") }), Substring(line))
    })
  }

  private static func parameters(_ line: Substring) -> Parameters {
    var all: Parameters = [:]
    for word in line.utf8.split(separator: UInt8(ascii: " ")).dropFirst() {
      let parts = word.split(separator: UInt8(ascii: ":")).map { Substring($0) }
      let bare = parts[0].prefix { $0 != "+" }
      let name = bare.hasSuffix("-") ? bare.dropLast() : bare
      let kind = parts.count > 1 ? parts[1].first.flatMap(Kind.init) : nil
      all[String(name)] = (kind ?? .text, parts[0].dropFirst(name.count))
    }
    return all
  }

  private let parameters: Parameters
  private let release: QEMURelease

  /// Nil for an option that has none here.
  /// - Parameter isOpen: whether other parameters and values may be accepted.
  init?(_ name: String, _ release: QEMURelease, isOpen: Bool = false) {
    guard let line = (isOpen ? OptionTable.allOpen : OptionTable.all)[name[...]] else { return nil }
    parameters = OptionTable.parameters(line)
    self.release = release
  }

  func kind(_ name: String) -> Kind? {
    guard let (kind, mark) = parameters[name] else { return nil }
    switch mark {
    case "+": return release > QEMURelease(7, 2) ? kind : nil
    case "++": return release > QEMURelease(10, 0) ? kind : nil
    case "-": return release > QEMURelease(10, 0) ? nil : kind
    default: return kind
    }
  }

  /// QEMU's refusal of the first parameter that the option does not have, or whose value is of another type.
  /// - Parameter also: parameters that are checked elsewhere.
  func refusal(_ items: [(key: String, value: String)], also: Set<String> = []) -> String? {
    for (name, value) in items where !also.contains(name) {
      guard let kind = kind(name) else {
        // Another text may stand for several parameters.
        let isWord = name.utf8.allSatisfy { $0.isASCIILetterOrDigit || "-_.".utf8.contains($0) } && !name.hasPrefix(".")
        return isWord && !name.isEmpty && !name.hasPrefix("throttling.") ? "Invalid parameter '\(name)'" : nil
      }
      if let text = refusal(name, value, kind) { return text }
    }
    return nil
  }

  private func refusal(_ name: String, _ value: String, _ kind: Kind) -> String? {
    let isWord = OptionValues.isWord(value)
    switch kind {
    case .text: return nil
    case .bool: return QEMUBool(value) == .invalid ? "Parameter '\(name)' expects 'on' or 'off'" : nil
    case .number: return isWord ? "Parameter '\(name)' expects a number" : nil
    case .size: return isWord ? "Parameter '\(name)' expects a non-negative number below 2^64" : nil
    case .signed: return isWord ? "Parameter '\(name)' expects an int64 value" : nil
    case .unsigned: return isWord ? "Parameter '\(name)' expects a uint64 value" : nil
    case .bytes: return isWord ? "Parameter '\(name)' expects a size value" : nil
    }
  }
}
