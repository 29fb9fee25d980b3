import Syntax

/// The human monitor's commands and the types of their arguments, as in the tables of QEMU 7.2.22 and 11.1.3.
enum HumanCommands {
  /// The types of a command's arguments; nil for a command that neither QEMU has.
  static func types(_ name: WireText) -> String? { table[name] }

  /// The QMP command that does the same, and its arguments; nil for a command that is not inspected further.
  /// - Throws: `Unreadable` for arguments that QEMU would not read, or not as text.
  static func asQMP(_ command: HMPCommand) throws(Unreadable) -> (name: WireText, arguments: JSON)? {
    let name = WireText(command.name)
    guard let target = inspected[name], let types = types(name) else { return nil }
    guard let arguments = HMPArguments(command, types: types) else { throw Unreadable() }
    func text(_ key: WireText) -> JSON? { arguments[key].map { .string($0.text) } }
    func object(_ pairs: (String, JSON?)...) -> JSON {
      .object(pairs.compactMap { pair in pair.1.map { JSON.Member(pair.0, $0) } })
    }
    switch name {
    case "device_add": return (target, keyValues(arguments["device"], implied: "driver"))
    case "netdev_add": return (target, keyValues(arguments["netdev"], implied: "type"))
    case "chardev-add": return (target, keyValues(arguments["args"], implied: "backend"))
    case "chardev-change":
      // The device that is changed; an `id` among the options has no effect.
      let options = keyValues(arguments["args"], implied: "backend").members ?? []
      return (target, .object([.init("id", text("id") ?? .null)] + options))
    case "object_add":
      // JSON where it begins with a brace (QEMU qom/object_interfaces.c: user_creatable_add_from_str).
      guard let text = arguments["object"], text.bytes.first == UInt8(ascii: "{") else {
        return (target, keyValues(arguments["object"], implied: "qom-type"))
      }
      guard let parsed = try? JSON.parse(text.bytes) else { throw Unreadable() }
      return (target, parsed)
    case "object_del", "device_del", "chardev-remove": return (target, object(("id", text("id"))))
    case "qom-set": return (target, object(("path", text("path")), ("property", text("property")), ("value", text("value"))))
    case "migrate_set_parameter":
      // 7.2 reads the value as a word, and 11.1 as the rest of the line.
      return (target, object(("parameter", text("parameter")), ("value", text("value"))))
    case "screendump":
      let head = arguments["head"].flatMap { Int64($0.text) }.map { JSON.integer($0) }
      return (target, object(("filename", text("filename")), ("device", text("device")), ("head", head)))
    case "drive_add": return (target, keyValues(arguments["opts"], implied: "file"))
    case "hostfwd_add": return (target, object(("hostfwd", text("arg1")), ("hostfwd2", text("arg2"))))
    default: return (target, object(("uri", text("uri"))))
    }
  }

  /// The text in which QEMU reads a command's numbers, each of which may be an expression (QEMU monitor/hmp.c: get_expr); nil
  /// where it has none.
  static func numbers(of command: HMPCommand) -> WireText? {
    let name = WireText(command.name)
    guard let types = types(name) else { return nil }
    // The subcommands of info have arguments of their own. A path of an object is not a number.
    if name == "info" {
      let words = WireText(bytes: command.rest.bytes).words.dropFirst()
      let numbers = words.filter { !$0.hasPrefix("/") || $0.bytes.dropFirst().first.map(\.isASCIILetter) != true }
      return WireText(bytes: numbers.map(\.bytes).joined(separator: [0x20]))
    }
    var rest = command.rest
    for type in WireText(types).split(",") {
      rest = rest.withoutBlanks
      switch type.split(":").last?.bytes.first {
      case UInt8(ascii: "i"), UInt8(ascii: "l"), UInt8(ascii: "M"):
        // A path in quotes may follow.
        return WireText(bytes: rest.bytes.prefix { $0 != UInt8(ascii: "\"") })
      case UInt8(ascii: "-"):
        // A flag in another order than the table's is not one: QEMU reads it as the next argument (QEMU monitor/hmp.c:
        // monitor_parse_arguments).
        let flag = type.split(":").last?.bytes.prefix(2) ?? []
        if rest.bytes.starts(with: flag) { rest = rest.part(flag.count..<rest.bytes.count) }
      case UInt8(ascii: "/"):
        guard rest.bytes.first == UInt8(ascii: "/") else { continue }
        rest = rest.part(rest.bytes.prefix { !HMPCommand.isBlank($0) }.count..<rest.bytes.count)
      default:
        guard let (_, behind) = rest.hmpWord else { return nil }
        rest = behind
      }
    }
    return nil
  }

  /// Arguments that cannot be read.
  struct Unreadable: Error {}

  /// Key=value text; a key that is given several times is in it as often.
  private static func keyValues(_ word: Word?, implied: String) -> JSON {
    .object(KeyValueText(word?.bytes ?? [], implied: implied).items.map { .init($0.key, .string($0.value)) })
  }

  /// The commands that are inspected, with the QMP commands that do the same.
  private static let inspected: [WireText: WireText] = [
    "device_add": "device_add", "device_del": "device_del", "netdev_add": "netdev_add", "object_add": "object-add",
    "object_del": "object-del", "qom-set": "qom-set", "chardev-add": "chardev-add", "chardev-change": "chardev-change",
    "chardev-remove": "chardev-remove",
    "migrate": "migrate", "migrate_incoming": "migrate-incoming", "migrate_recover": "migrate-recover",
    "migrate_set_parameter": "migrate-set-parameters", "nbd_server_start": "nbd-server-start", "drive_add": "blockdev-add",
    "hostfwd_add": "hostfwd_add", "screendump": "screendump", "system_reset": "system_reset",
  ]

  private static let table: [WireText: String] = {
    var table: [WireText: String] = [:]
    for line in WireText(rows).split("\n") {
      let words = line.words
      guard let names = words.first?.split("|") else { continue }
      for name in names { table[name] = words.count > 1 ? words[1].description : "" }
    }
    return table
  }()

  /// One command a line: its names, and the types of its arguments where it has some. `migrate` has the flags of both
  /// QEMUs; `migrate_set_parameter` is that of 11.1.
  private static let rows = """
    announce_self interfaces:s?,id:s?
    balloon value:M
    block_job_cancel force:-f,device:B
    block_job_complete device:B
    block_job_pause device:B
    block_job_resume device:B
    block_job_set_speed device:B,speed:o
    block_resize device:B,size:o
    block_set_io_throttle device:B,bps:l,bps_rd:l,bps_wr:l,iops:l,iops_rd:l,iops_wr:l
    block_stream device:B,speed:o?,base:s?
    boot_set bootdevice:s
    calc_dirty_rate dirty_ring:-r,dirty_bitmap:-b,second:l,sample_pages_per_GB:l?
    cancel_vcpu_dirty_limit cpu_index:l?
    change device:B,force:-f,target:F,arg:s?,read-only-mode:s?
    chardev-add args:s
    chardev-change id:s,args:s
    chardev-remove id:s
    chardev-send-break id:s
    clear
    client_migrate_info protocol:s,hostname:s,port:i?,tls-port:i?,cert-subject:s?
    closefd fdname:s
    commit device:B
    cont|c
    cpu index:i
    delvm name:s
    device_add device:O
    device_del id:s
    drive_add node:-n,pci_addr:s,opts:s
    drive_backup reuse:-n,full:-f,compress:-c,device:B,target:s,format:s?
    drive_del id:B
    drive_mirror reuse:-n,full:-f,device:B,target:s,format:s?
    dump-guest-memory paging:-p,detach:-d,windmp:-w,zlib:-z,lzo:-l,snappy:-s,raw:-R,filename:F,begin:l?,length:l?
    dump-skeys filename:F
    dumpdtb filename:F
    eject force:-f,device:B
    exit_preconfig
    expire_password protocol:s,time:s,display:-ds
    gdbserver device:s?
    getfd fdname:s
    gpa2hpa addr:l
    gpa2hva addr:l
    gva2gpa addr:l
    help|? name:S?
    hostfwd_add arg1:s,arg2:s?
    hostfwd_remove arg1:s,arg2:s?
    i fmt:/,addr:i,index:i.
    info item:s?
    loadvm name:s
    log items:s
    logfile filename:F
    mce broadcast:-b,cpu_index:i,bank:i,status:l,mcg_status:l,addr:l,misc:l
    memsave val:l,size:i,filename:s
    migrate detach:-d,blk:-b,inc:-i,resume:-r,uri:s
    migrate_cancel
    migrate_continue state:s
    migrate_incoming uri:s
    migrate_pause
    migrate_recover uri:s
    migrate_set_capability capability:s,state:b
    migrate_set_parameter parameter:s,value:S
    migrate_start_postcopy
    migration_mode mode:i
    mouse_button button_state:i
    mouse_move dx_str:s,dy_str:s,dz_str:s?
    mouse_set index:i
    nbd_server_add writable:-w,device:B,name:s?
    nbd_server_remove force:-f,name:s
    nbd_server_start all:-a,writable:-w,uri:s
    nbd_server_stop
    netdev_add netdev:O
    netdev_del id:s
    nmi
    o fmt:/,addr:i,val:i
    object_add object:S
    object_del id:s
    one-insn-per-tb option:s?
    pcie_aer_inject_error advisory_non_fatal:-a,correctable:-c,id:s,error_status:s,header0:i?,header1:i?,\
    header2:i?,header3:i?,prefix0:i?,prefix1:i?,prefix2:i?,prefix3:i?
    pmemsave val:l,size:i,filename:s
    print|p fmt:/,val:l
    qemu-io qdev:-d,device:B,command:s
    qom-get path:s,property:s
    qom-list path:s?
    qom-set json:-j,path:s,property:s,value:S
    quit|q
    replay_break icount:l
    replay_delete_break
    replay_seek icount:l
    ringbuf_read device:s,size:i
    ringbuf_write device:s,data:s
    savevm name:s?
    screendump filename:F,format:-fs,device:s?,head:i?
    sendkey keys:s,hold-time:i?
    set_link name:s,up:b
    set_password protocol:s,password:s,display:-ds,connected:s?
    set_vcpu_dirty_limit dirty_rate:l,cpu_index:l?
    singlestep option:s?
    snapshot_blkdev reuse:-n,device:B,snapshot-file:s?,format:s?
    snapshot_blkdev_internal device:B,name:s
    snapshot_delete_blkdev_internal device:B,name:s,id:s?
    stopcapture n:i
    stop|s
    sum start:i,size:i
    sync-profile op:s?
    system_powerdown
    system_reset
    system_wakeup
    trace-event name:s,option:b,vcpu:i?
    watchdog_action action:s
    wavcapture path:F,audiodev:s,freq:i?,bits:i?,nchannels:i?
    x fmt:/,addr:l
    x_colo_lost_heartbeat
    xen-event-inject port:i
    xen-event-list
    xp fmt:/,addr:l
    """
}
