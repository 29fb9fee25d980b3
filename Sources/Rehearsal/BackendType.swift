import Common
import Facts
import QMP
import Syntax

/// The type of a part that the rehearsal replaces or leaves out, or a parameter of it. A build of QEMU may not have it.
struct BackendType: Sendable {
  /// The option's name without the dash.
  let option: String
  let type: String
  /// The parameter that QEMU is asked for; nil where it is asked for the type.
  let parameter: String?
  /// The option in the definition.
  let location: Location
  /// The option's text with nothing but the type, the id and the parameter: QEMU refuses what it does not have before it opens anything.
  let text: String

  var arguments: [String] { ["-" + option, text] }

  /// Types that every build has; only for others QEMU is asked for its lists, which takes it some 50 milliseconds.
  private static let common: [String: Set<String>] = [
    "chardev": [
      "file", "serial", "parallel", "pipe", "socket", "udp", "pty", "null", "mux", "stdio", "vc", "ringbuf", "memory", "msmouse",
      "testdev",
    ],
    "drive": ["raw", "qcow2", "host_device", "host_cdrom", "file", "null-co", "nbd"],
    "netdev": ["tap", "bridge", "socket", "hubport", "vhost-user"],
    "blockdev": ["file", "raw", "qcow2", "host_device", "host_cdrom", "null-co", "throttle", "copy-on-read", "luks", "nbd"],
    "audiodev": ["none", "wav"],
    "object": [
      "memory-backend-ram", "memory-backend-file", "memory-backend-memfd", "rng-random", "rng-egd", "rng-builtin", "tls-creds-x509",
      "tls-creds-psk", "tls-creds-anon", "authz-simple", "authz-list", "authz-listfile", "pr-manager-helper", "input-linux",
    ],
    "display": ["none", "default", "vnc"],
    "tpmdev": ["passthrough", "emulator"], "fsdev": ["local", "synth", "proxy"],
  ]

  /// Parameters of networks, of all types and releases; for others QEMU is asked for the type's own.
  private static let ofNetworks: Set<String> = [
    "id", "type", "addr", "address", "bootfile", "br", "chardev", "connect", "cookie64", "counter", "devname", "dhcp", "dhcp-dns",
    "dhcp-search", "dhcpstart", "dhcpv6", "dns", "dns-forward", "dns-host", "dnssearch", "domainname", "downscript", "dst", "dstport",
    "fd", "fds", "force-copy", "fqdn", "freebind", "gateway", "group", "guestfwd", "helper", "host", "hostfwd", "hostname", "hubid",
    "icmp", "ifname", "inhibit", "interface", "ip", "ipv4", "ipv6", "ipv6-dns", "ipv6-host", "ipv6-net", "ipv6-prefix",
    "ipv6-prefixlen", "isolated", "listen", "local", "localaddr", "mac", "map-guest-addr", "map-host-loopback", "map-path",
    "map-start-index", "mcast", "mode", "mtu", "ndp", "net", "netdev", "netmask", "offset", "outbound", "outbound-if4", "outbound-if6",
    "param", "path", "pincounter", "poll-us", "port", "queues", "quiet", "ra", "reconnect", "reconnect-ms", "remote", "restrict",
    "rxcookie", "rxsession", "script", "search", "server", "smb", "smbserver", "sndbuf", "sock", "sock-fds", "src", "srcport",
    "start-queue", "tcp", "tcp-ports", "tftp", "tftp-server-name", "txcookie", "txsession", "udp", "udp-ports", "vhost", "vhost-user",
    "vhostdev", "vhostfd", "vhostfds", "vhostforce", "vnet_hdr", "x-svq",
  ]

  /// Parameters of character devices of all types. Others, such as `reconnect`, only some releases have (QEMU chardev/char.c:
  /// qemu_chardev_opts).
  private static let ofCharacterDevices: Set<String> = [
    "id", "backend", "path", "input-path", "host", "port", "fd", "localaddr", "localport", "to", "ipv4", "ipv6", "wait", "server",
    "delay", "nodelay", "telnet", "tn3270", "tls-creds", "tls-authz", "websocket", "width", "height", "cols", "rows", "mux",
    "signal", "name", "debug", "size", "chardev", "chardevs", "append", "logfile", "logappend", "mouse", "clipboard", "abstract",
    "tight", "encoding",
  ]

  /// Whether a network or a character device has a parameter that is not among those. One may have parts, such as `addr.type`; `...` and
  /// `@OPTIONS@` stand for others.
  static func isUncommon(_ name: String, of option: String) -> Bool {
    guard let known = ["netdev": ofNetworks, "chardev": ofCharacterDevices][option] else { return false }
    let bytes = Array(name.utf8)
    let isWritten = bytes.allSatisfy { $0.isASCIILetterOrDigit || "-_.".utf8.contains($0) } && !TemplatePlaceholder.omits(bytes)
    return isWritten && !known.contains(String(name.prefix { $0 != "." }))
  }

  /// Whether a refusal is about the parameter, or about the type, and not about what the text lacks (QEMU chardev/char.c: char_get_class,
  /// qapi/qapi-util.c: qapi_enum_parse, tpm.c: tpm_init_tpmdev, fsdev/qemu-fsdev.c: qemu_fsdev_add).
  func isRefused(in text: String) -> Bool {
    if let parameter {
      return text == "Invalid parameter '\(parameter)'" || text == "Parameter '\(parameter)' is unexpected"
        || text == "Block format 'raw' does not support the option '\(parameter)'"
    }
    return text.contains("'\(type)'") || text.contains("fsdriver \(type) ") || text.contains("expects a TPM backend type")
  }

  /// Nil for a type that is not to be asked for.
  init?(_ option: String, _ type: String?, _ location: Location, text: String) {
    guard let type, !type.isEmpty, let known = BackendType.common[option], !known.contains(type) else { return nil }
    (self.option, self.type, self.location, self.text, parameter) = (option, type, location, text, nil)
  }

  /// A parameter of a network.
  init(parameter: String, ofNetwork type: String, _ location: Location, text: String) {
    (option, self.type, self.location, self.text, self.parameter) = ("netdev", type, location, text, parameter)
  }

  /// A parameter of an image in a file. QEMU refuses one that no format has with the format's name (QEMU block.c: bdrv_open_inherit).
  init(parameter: String, ofImage format: String, _ location: Location) {
    let text = "if=none,driver=raw,file.driver=null-co,\(parameter)=x"
    (option, type, self.location, self.text, self.parameter) = ("drive", format, location, text, parameter)
  }

  /// The type of a device that is replaced.
  init(device type: String, _ location: Location) {
    (option, self.type, self.location, text, parameter) = ("device", type, location, type, nil)
  }
}

/// The types of backends that a QEMU has, from its own schema (QEMU docs/devel/qapi-code-gen.rst). Its parts are there only where
/// they were compiled.
struct BackendSchema {
  private var entries: [String: JSON] = [:]

  /// - Parameter reply: that of `query-qmp-schema`.
  init(_ reply: JSON) {
    for entry in reply.array ?? [] {
      if let name = entry["name"]?.string { entries[name] = entry }
    }
  }

  /// Types of an option; nil where the schema does not list them.
  func types(of option: String) -> Set<String>? {
    switch option {
    case "netdev": cases(type("arg-type", of: "netdev_add"))
    case "blockdev", "drive": cases(type("arg-type", of: "blockdev-add"))
    case "object": cases(type("arg-type", of: "object-add"))
    // Before QEMU 8.0 the schema has no list of them (QEMU 7.2 qapi/audio.json).
    case "audiodev":
      cases(element(of: type("ret-type", of: "query-audiodevs")))
        ?? ["alsa", "coreaudio", "dbus", "dsound", "jack", "oss", "pa", "sdl", "sndio", "spice"]
    case "tpmdev": cases(member("options", of: element(of: type("ret-type", of: "query-tpm"))))
    case "display":
      member("type", of: type("ret-type", of: "query-display-options"))?["values"]?.array.map { Set($0.compactMap(\.string)) }
    default: nil
    }
  }

  /// Whether QEMU does not have what is asked for; false where the schema does not list it.
  func lacks(_ backend: BackendType) -> Bool {
    guard let parameter = backend.parameter else { return types(of: backend.option).map { !$0.contains(backend.type) } ?? false }
    if backend.option == "drive" { return !parametersOfImages.contains(String(parameter.prefix { $0 != "." })) }
    return parameters(ofNetwork: backend.type).map { !$0.contains(parameter) } ?? false
  }

  /// Parameters of block devices of all types.
  private var parametersOfImages: Set<String> {
    let all = type("arg-type", of: "blockdev-add")
    let variants = (all?["variants"]?.array ?? []).compactMap { $0["type"]?.string.flatMap { entries[$0] } }
    return Set(([all].compactMap { $0 } + variants).flatMap { $0["members"]?.array ?? [] }.compactMap { $0["name"]?.string })
  }

  private func parameters(ofNetwork type: String) -> Set<String>? {
    let variants = self.type("arg-type", of: "netdev_add")?["variants"]?.array
    let own = variants?.first { $0["case"]?.string == type }?["type"]?.string.flatMap { entries[$0] }
    guard let own, own["variants"] == nil else { return nil }
    return own["members"]?.array.map { Set($0.compactMap { $0["name"]?.string }) }
  }

  private func type(_ kind: String, of command: String) -> JSON? { entries[command]?[kind]?.string.flatMap { entries[$0] } }

  private func element(of list: JSON?) -> JSON? { list?["element-type"]?.string.flatMap { entries[$0] } }

  private func member(_ name: String, of type: JSON?) -> JSON? {
    let member = type?["members"]?.array?.first { $0["name"]?.string == name }
    return member?["type"]?.string.flatMap { entries[$0] }
  }

  private func cases(_ type: JSON?) -> Set<String>? {
    type?["variants"]?.array.map { Set($0.compactMap { $0["case"]?.string }) }
  }
}

extension RehearsalTrial {
  /// QEMU's refusal of the first backend or device whose type, or a parameter of which, it does not have, among those that the rehearsal
  /// replaces; nil when it has all.
  func refusedBackend() throws(Unknown) -> RehearsalResult.Outcome? {
    var schema: BackendSchema?
    for backend in plan.backends {
      switch backend.option {
      case "fsdev": break
      case "device":
        let list = Command("device-list-properties", ["typename": .string(backend.type)])
        guard case .reply(.failure) = try whole.execute(list, until: deadline) else { continue }
      case "chardev":
        guard case .reply(.success(let list)) = try whole.execute(Command("query-chardev-backends"), until: deadline),
          !(list.array ?? []).contains(where: { $0["name"]?.string == backend.type })
        else { continue }
      default:
        if schema == nil, case .reply(.success(let reply)) = try whole.execute(Command("query-qmp-schema"), until: deadline) {
          schema = BackendSchema(reply)
        }
        guard let schema, schema.lacks(backend) else { continue }
      }
      let process = try start(QEMUProcess.arguments + backend.arguments, 0, true)
      guard case .stopped(_, let error) = try process.answer(until: deadline),
        let message = message(error, [backend.arguments]), backend.isRefused(in: message.text)
      else { continue }
      let text = message.text.replacing("Block format 'raw'", with: "Block format '\(backend.type)'")
      return .refused(text: text, location: backend.location, about: "`\(backend.location.path)`")
    }
    return nil
  }
}
