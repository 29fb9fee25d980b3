import Facts
import Syntax

/// Attributes of devices that are not passed through (libvirt src/conf/domain_conf.c). The messages are those of libvirt 9.0, the words
/// those of 12.
extension LibvirtAttribute {
  static let ofOthers: [LibvirtAttribute] = [
    .init(
      owners: ["disk"], name: "type", values: .words(["file", "block", "dir", "network", "volume", "nvme", "vhostuser", "vhostvdpa"])),
    .init(owners: ["disk"], name: "device", values: .words(["disk", "cdrom", "floppy", "lun"])),
    .init(owners: ["disk"], name: "snapshot", values: .words(["default", "no", "internal", "external", "manual"])),
    .init(
      owners: ["disk"], path: ["target"], name: "bus",
      values: .words(["fdc", "ide", "nvme", "sata", "scsi", "sd", "uml", "usb", "virtio", "xen"])),
    .init(owners: ["disk"], path: ["target"], name: "tray", values: .words(["open", "closed"])),
    .init(
      owners: ["disk"], path: ["driver"], name: "cache",
      values: .words(["default", "none", "writethrough", "writeback", "directsync", "unsafe"])),
    .init(owners: ["disk"], path: ["driver"], name: "io", values: .words(["default", "native", "threads", "io_uring"])),
    .init(owners: ["disk"], path: ["driver"], name: "discard", values: .words(["default", "unmap", "ignore"])),
    .init(owners: ["disk"], path: ["driver"], name: "detect_zeroes", values: .words(["default", "off", "on", "unmap"])),
    .init(
      owners: ["disk"], path: ["driver"], name: "error_policy", values: .words(["default", "stop", "report", "ignore", "enospace"])),
    .init(owners: ["disk"], path: ["driver"], name: "queues", values: .natural),
    .init(
      owners: ["disk"], path: ["source"], name: "startupPolicy", values: .words(["default", "mandatory", "requisite", "optional"])),
    .init(
      owners: ["interface"], name: "type",
      values: .words([
        "bridge", "client", "direct", "ethernet", "hostdev", "internal", "mcast", "network", "null", "server", "udp", "user", "vdpa", "vds",
        "vhostuser"
      ])),
    .init(owners: ["interface"], path: ["driver"], name: "queues", values: .natural),
    .init(owners: ["interface"], path: ["driver"], name: "txmode", values: .words(["iothread", "timer"])),
    .init(owners: ["input"], path: ["source"], name: "grab", values: .words(["all"])),
    .init(owners: ["input"], path: ["source"], name: "repeat", values: onOff),
    .init(
      owners: ["input"], path: ["source"], name: "grabToggle",
      values: .words(["ctrl-ctrl", "alt-alt", "shift-shift", "meta-meta", "scrolllock", "ctrl-scrolllock"])),
    .init(
      owners: ["sound"], name: "model",
      values: .words(["ac97", "es1370", "ich6", "ich7", "ich9", "pcspk", "sb16", "usb", "virtio"]), isRequired: true),
    .init(owners: ["audio"], name: "id", values: .positive, isRequired: true),
    .init(
      owners: ["audio"], name: "type",
      values: .words(["alsa", "coreaudio", "dbus", "file", "jack", "none", "oss", "pipewire", "pulseaudio", "sdl", "spice"]),
      isRequired: true),
    .init(
      owners: ["memballoon"], name: "model", values: .words(["none", "virtio", "virtio-non-transitional", "virtio-transitional", "xen"]),
      isRequired: true),
    .init(owners: ["memballoon"], name: "autodeflate", values: onOff),
    .init(owners: ["memballoon"], name: "freePageReporting", values: onOff),
    .init(
      owners: ["tpm"], name: "model", values: .words(["default", "spapr-tpm-proxy", "tpm-crb", "tpm-spapr", "tpm-tis"])),
    .init(owners: ["tpm"], path: ["backend"], name: "type", values: .words(["emulator", "external", "passthrough"]), isRequired: true),
    .init(owners: ["tpm"], path: ["backend"], name: "version", values: .words(["default", "1.2", "2.0"])),
    .init(
      owners: ["vsock"], name: "model", values: .words(["default", "virtio", "virtio-non-transitional", "virtio-transitional"])),
    .init(
      owners: ["filesystem"], name: "type", values: .words(["bind", "block", "file", "mount", "ram", "template", "volume"])),
    .init(owners: ["filesystem"], name: "accessmode", values: .words(["mapped", "none", "passthrough", "squash"])),
    .init(
      owners: ["filesystem"], path: ["driver"], name: "type",
      values: .words(["default", "handle", "loop", "mtp", "nbd", "path", "ploop", "virtiofs"])),
    .init(
      owners: ["graphics"], name: "type", values: .words(["dbus", "desktop", "egl-headless", "rdp", "sdl", "spice", "vnc"]),
      isRequired: true),
    .init(owners: ["graphics"], name: "autoport", values: .words(["yes", "no"]), types: ["spice"]),
    .init(owners: ["graphics"], path: ["gl"], name: "enable", values: .words(["yes", "no"]), types: ["dbus", "sdl", "spice"]),
    .init(owners: ["graphics"], path: ["listen"], name: "type", values: .words(["address", "network", "none", "socket"])),
    .init(
      owners: ["graphics"], path: ["image"], name: "compression",
      values: .words(["auto_glz", "auto_lz", "quic", "glz", "lz", "off"]), types: ["spice"])
  ]
}
