import Syntax

/// The reach of a QMP command, which decides what the profile `untrusted` does with it.
enum CommandClass: String {
  /// Only reports, and nothing that the guest or the host keeps secret.
  case open
  /// Its arguments decide.
  case judged
  /// Changes the guest, or what runs for it, and nothing beyond.
  case guest
  /// Can write or read files of the host, open sockets, run programs, read or write guest memory, close descriptors, open a
  /// monitor, or mislead the proxy.
  case host

  /// The class of a command; nil for one that neither QEMU 7.2 nor 11.1 has.
  static func named(_ command: WireText) -> CommandClass? { table[command] }

  private static let table: [WireText: CommandClass] = {
    var table: [WireText: CommandClass] = [:]
    for (kind, names) in [(CommandClass.open, openCommands), (.judged, judgedCommands), (.guest, guestCommands), (.host, hostCommands)] {
      for name in WireText(names).words { table[name] = kind }
    }
    return table
  }()

  private static let openCommands = """
    device-list-properties qmp_capabilities qom-list qom-list-properties qom-list-types query-accelerators query-acpi-ospm-status
    query-audiodevs query-balloon query-block query-block-exports query-block-jobs query-blockstats query-chardev
    query-chardev-backends query-colo-status query-command-line-options query-commands query-cpu-definitions
    query-cpu-model-baseline query-cpu-model-comparison query-cpu-model-expansion query-cpus-fast query-cryptodev
    query-current-machine query-dirty-rate query-display-options query-dump query-dump-guest-memory-capability query-fdsets
    query-gic-capabilities query-hotpluggable-cpus query-hv-balloon-status-report query-iothreads query-jobs query-kvm
    query-machines query-memdev query-memory-devices query-memory-size-summary query-mice query-migrate query-migrate-capabilities
    query-migrate-parameters query-migrationthreads query-name query-named-block-nodes query-pci query-pr-managers
    query-qmp-schema query-replay query-rocker query-rocker-of-dpa-flows query-rocker-of-dpa-groups query-rocker-ports query-rx-filter
    query-s390x-cpu-polarization query-sev query-sev-capabilities query-sev-launch-measure query-sgx query-sgx-capabilities
    query-spice query-stats query-stats-schemas query-status query-target query-tpm query-tpm-models query-tpm-types query-uuid
    query-vcpu-dirty-limit query-version query-vm-generation-id query-vnc query-vnc-servers query-xen-replication-status
    query-yank request-ebpf trace-event-get-state x-accel-stats x-debug-query-block-graph x-query-interrupt-controllers
    x-query-irq x-query-jit x-query-numa x-query-opcount x-query-profile x-query-rdma x-query-roms x-query-usb x-query-virtio
    x-query-virtio-queue-status x-query-virtio-status xen-event-list
    """

  private static let judgedCommands = """
    closefd device_add device_del getfd
    """

  private static let guestCommands = """
    announce-self balloon block-dirty-bitmap-add block-dirty-bitmap-clear block-dirty-bitmap-disable block-dirty-bitmap-enable
    block-dirty-bitmap-merge block-dirty-bitmap-remove block-export-del block-job-cancel block-job-change block-job-complete
    block-job-dismiss block-job-finalize block-job-pause block-job-resume block-job-set-speed block-latency-histogram-set
    block-set-write-threshold block_set_io_throttle blockdev-close-tray blockdev-del blockdev-insert-medium blockdev-open-tray
    blockdev-remove-medium blockdev-set-active calc-dirty-rate cancel-vcpu-dirty-limit chardev-send-break cont
    cxl-add-dynamic-capacity cxl-inject-correctable-error cxl-inject-dram-event cxl-inject-general-media-event
    cxl-inject-memory-module-event cxl-inject-poison cxl-inject-uncorrectable-errors cxl-release-dynamic-capacity
    device-sync-config eject inject-nmi input-send-event job-cancel job-complete job-dismiss job-finalize job-pause job-resume
    migrate-continue migrate-pause migrate-set-capabilities migrate-start-postcopy migrate_cancel nbd-server-remove
    nbd-server-stop query-sev-attestation-report quit replay-break replay-delete-break ringbuf-read ringbuf-write
    rtc-reset-reinjection send-key set-action set-cpu-topology set-numa-node set-vcpu-dirty-limit set_link stop system_powerdown
    system_reset system_wakeup watchdog-set-action x-blockdev-change x-blockdev-set-iothread x-colo-lost-heartbeat
    x-debug-block-dirty-bitmap-sha256 x-exit-preconfig x-query-virtio-vhost-queue-status xen-colo-do-checkpoint xen-event-inject
    xen-set-global-dirty-log xen-set-replication yank
    """

  private static let hostCommands = """
    add-fd add_client block-commit block-export-add block-stream block_resize blockdev-add blockdev-backup blockdev-change-medium
    blockdev-create blockdev-mirror blockdev-reopen blockdev-snapshot blockdev-snapshot-delete-internal-sync
    blockdev-snapshot-internal-sync blockdev-snapshot-sync change-backing-file change-vnc-password chardev-add chardev-change
    chardev-remove client_migrate_info display-reload display-update drive-backup drive-mirror dump-guest-memory dump-skeys
    dumpdtb expire_password human-monitor-command inject-ghes-v2-error memsave migrate migrate-incoming migrate-recover
    migrate-set-parameters nbd-server-add nbd-server-start netdev_add netdev_del object-add object-del pmemsave qom-get
    qom-list-get qom-set query-firmware-log remove-fd replay-seek screendump set_password sev-inject-launch-secret snapshot-delete
    snapshot-load snapshot-save trace-event-set-state transaction x-blockdev-amend x-query-ramblock x-query-virtio-queue-element
    xen-load-devices-state xen-save-devices-state
    """
}
