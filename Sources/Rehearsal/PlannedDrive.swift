import Facts
import Syntax

/// A `-drive`, whose image is replaced.
extension PlannedOption {
  /// Size of an empty disk in bytes: room for the largest zones and partitions of devices, and a power of two as cards demand it
  /// (QEMU hw/nvme/ns.c: nvme_ns_zoned_check_calc_geometry, hw/sd/sd.c: sd_realize). The image may have another.
  static let diskSize: Int64 = 16 << 30
  static let null = "driver=null-co,read-zeroes=on,size=\(diskSize)"

  /// Options that place a drive.
  private static let ofPlace: Set<String> = ["if", "index", "bus", "unit", "id", "media", "readonly", "read-only"]
  /// Options about access to images of every kind, by their first parts.
  private static let ofAccess: Set<String> = [
    "cache", "aio", "discard", "detect-zeroes", "copy-on-read", "werror", "rerror", "throttling", "bps", "bps_rd", "bps_wr", "bps_max",
    "bps_rd_max", "bps_wr_max", "iops", "iops_rd", "iops_wr", "iops_max", "iops_rd_max", "iops_wr_max", "iops_size",
    "stats-account-failed", "stats-account-invalid",
  ]
  /// Options that some format or protocol has, by their first parts (`blockdev-add` of QEMU 7.2 and 11.1, and older names).
  private static let ofImages: Set<String> = [
    "active", "aio-max-batch", "align", "auth-client-required", "auto-read-only", "backing", "bitmap", "blkverify", "bottom", "cache-size",
    "cache-clean-interval", "cbw-timeout", "children", "conf", "config", "cookie", "cookie-secret", "data-file", "debug", "device", "dir",
    "discard-no-unref", "driver", "drop-cache", "encrypt", "export", "fat-type", "file", "filename", "floppy", "force-range",
    "force-share", "force_size_calc", "format", "group", "header", "header-digest", "host", "host-key-check", "image", "initiator-name",
    "inject-error", "key-secret", "keyvalue-pairs", "l2-cache-entry-size", "l2-cache-size", "label", "latency-ns", "lazy-refcounts",
    "locking", "log", "log-append", "log-sector-size", "log-super-update-interval", "logfile", "lun", "max-discard", "max-transfer",
    "max-write-zero", "min-cluster-size", "mode", "namespace", "node-name", "offset", "on-cbw-error", "open-timeout", "opt-discard",
    "opt-write-zero", "overlap-check", "page-cache-size", "pass-discard-other", "pass-discard-request", "pass-discard-snapshot",
    "password-secret", "path", "pool", "port", "portal", "pr-manager", "prealloc-align", "prealloc-mode", "prealloc-size",
    "proxy-password-secret", "proxy-username", "raw", "read-pattern", "read-zeroes", "readahead", "readahead-size", "reconnect-delay",
    "refcount-cache-size", "rewrite-corrupted", "rw", "server", "set-state", "size", "snapshot", "sslverify", "stats-intervals",
    "take-child-perms", "target", "tcp-syn-count", "test", "throttle-group", "timeout",
    "tls-creds", "tls-hostname", "top-id", "transport", "unshare-child-perms", "url", "user", "username", "volume", "vote-threshold",
    "x-check-cache-dropped", "x-dirty-bitmap", "x-image",
  ]
  /// Formats of images in files, of which QEMU says the same of an option that none has (QEMU block.c: bdrv_open_inherit).
  private static let formats: Set<String> = ["raw", "qcow2", "qcow", "qed", "vmdk", "vdi", "vpc", "vhdx", "parallels", "luks"]

  /// Whether QEMU checks the value of an option regardless of the image. Limits of a group are the group's.
  private func isTried(_ item: (name: String, value: String), _ plan: RehearsalPlan) -> Bool {
    if isOpen(item.name, plan) || isOpen(item.value, plan) || item.name == "throttling.group" { return false }
    return PlannedOption.ofPlace.contains(item.name) || PlannedOption.ofAccess.contains(firstPart(of: item.name))
  }

  /// Whether no image has an option of that name.
  private func isUncommon(_ item: (name: String, value: String), _ plan: RehearsalPlan) -> Bool {
    let known = [PlannedOption.ofPlace, PlannedOption.ofAccess, PlannedOption.ofImages]
    let bytes = item.name.utf8
    return !bytes.isEmpty && bytes.allSatisfy { $0.isASCIILetterOrDigit || "-_.".utf8.contains($0) } && !isOpen(item.value, plan)
      && !known.contains { $0.contains(firstPart(of: item.name)) } && HostProperty.reason(item.name, item.value) == nil
  }

  private func firstPart(of name: String) -> String { String(name.prefix { $0 != "." }) }

  func drive(_ plan: inout RehearsalPlan) {
    let items = OptionText.items(text)
    if let kind = items.last(where: { $0.name == "if" })?.value, ["pflash", "mtd"].contains(kind) {
      return plan.note(name, "left out: a firmware image, or flash memory")
    }
    let format = items.last { ["format", "driver"].contains($0.name) }
    if let format {
      plan.ask(BackendType("drive", format.value, option.location, text: OptionText.keyval([("if", "none"), format])))
    }
    let rest = items.filter { isTried($0, plan) }
    if isEmpty(items) { return plan.keep("-drive", OptionText.keyval(rest), option.location) }
    if let format, isWithoutImage(items, plan), PlannedOption.formats.contains(format.value) {
      return plan.keep("-drive", OptionText.keyval(rest + [format]), option.location)
    }
    plan.note(name, "replaced by an empty disk: the image is the host's")
    let kept = [PlannedOption.null, OptionText.keyval(rest)].filter { !$0.isEmpty }
    plan.keep("-drive", kept.joined(separator: ","), option.location, isChanged: true)
    if let format, !PlannedOption.formats.contains(format.value) { return }
    if let other = items.first(where: { isUncommon($0, plan) }) {
      plan.ask(BackendType(parameter: other.name, ofImage: format?.value ?? "raw", option.location))
    }
  }

  /// Whether a drive has a format but no image, which QEMU refuses. `-set` may give one to a drive with an id.
  private func isWithoutImage(_ items: [(name: String, value: String)], _ plan: RehearsalPlan) -> Bool {
    !items.contains { item in
      ["id", "file", "filename", "backing", "driver"].contains(firstPart(of: item.name)) || isOpen(item.name, plan)
        || TemplatePlaceholder.omits(Array(item.name.utf8))
    }
  }

  /// Whether a drive has no image, which only some devices accept (QEMU blockdev.c: blockdev_init).
  private func isEmpty(_ items: [(name: String, value: String)]) -> Bool {
    let others: Set<String> = ["cache", "aio", "werror", "rerror", "snapshot", "discard"]
    return items.allSatisfy { item in
      PlannedOption.ofPlace.contains(item.name) || others.contains(item.name) || item.name == "file" && item.value.isEmpty
    }
  }
}

extension RehearsalTrial {
  /// Whether a refusal is about what a replaced drive has from the definition (QEMU blockdev.c: blockdev_init, block/throttle-groups.c).
  static func isAboutDrive(_ text: String, of part: RehearsalPlan.Part?) -> Bool {
    guard part?.arguments.first == "-drive" else { return false }
    if text.hasPrefix("Parameter '") { return text.contains("' expects ") }
    return [
      "invalid cache option", "invalid aio option", "Invalid discard option", "error action", "invalid parameter value: ",
      "error is not supported by this bus type", "bps/iops", "bps_max/iops_max", "copy-on-read", "invalid media",
    ].contains(where: text.contains)
  }
}
