import Facts

/// The properties of x86 processors (`device-list-properties` of 7.2.22, 10.0.13 and 11.1.3).
enum ProcessorProperties {
  /// Whether processors of that model have a property; true for a release that was not recorded.
  static func have(_ name: String, model: String, in qemu: QEMUProfile) -> Bool {
    guard qemu.modelledRelease != nil else { return true }
    if ["host-cache-info", "migratable"].contains(name) { return ["host", "max"].contains(model) }
    if ofAll.contains(name) || readOnly.contains(name) || ["memory", "realized"].contains(name) { return true }
    if until11.contains(name) { return qemu.isBefore(11, 0) }
    if name == "kvm-no-smi-migration" { return qemu.isBefore(8, 0) }
    return since10.contains(name) && !qemu.isBefore(8, 0) || since11.contains(name) && !qemu.isBefore(11, 0)
  }

  static let readOnly: Set<String> = [
    "crash-information", "feature-words", "filtered-features", "hotpluggable", "hotplugged", "parent_bus", "type", "unavailable-features",
  ]

  /// The kind of a property's value; nil where it is not modelled.
  static func kind(_ name: String) -> PropertyKind? {
    switch name {
    case _ where numbers.contains(name): return .unsigned(bits: 32)
    case "host-phys-bits-limit", "avx10-version", "hv-version-id-sbranch": return .unsigned(bits: 8)
    case "hv-version-id-major", "hv-version-id-minor": return .unsigned(bits: 16)
    case "core-id", "die-id", "module-id", "node-id", "socket-id", "thread-id", "x-hv-max-vps": return .signed32
    case "hv-no-nonarch-coresharing": return .onOffAuto
    default: return others.contains(name) ? nil : .bool
    }
  }

  private static let numbers: Set<String> = [
    "apic-id", "guest-phys-bits", "hv-spinlocks", "hv-version-id-build", "hv-version-id-snumber", "hv-version-id-spack",
    "level", "level-func7", "min-level", "min-xlevel", "min-xlevel2", "phys-bits", "xlevel", "xlevel2",
  ]

  private static let others: Set<String> = [
    "family", "hv-vendor-id", "lbr-fmt", "lbr_fmt", "memory", "model", "model-id", "stepping", "tsc-frequency", "ucode-rev", "vendor",
  ]

  /// The refusal of a number with a maximum of its own (QEMU target/i386/cpu.c: x86_cpuid_version_set_family and others;
  /// hw/core/qdev-properties.c: set_prop_uint64_checkmask).
  static func numberRefusal(_ name: String, _ value: String, in qemu: QEMUProfile) -> String? {
    let isOld = qemu.isBefore(8, 0)
    switch name {
    case "family", "model", "stepping", "tsc-frequency":
      let maximum: UInt64 = name == "family" ? 0xff + 0xf : name == "model" ? 0xff : name == "stepping" ? 0xf : UInt64(Int64.max)
      let isSigned = isOld || name == "tsc-frequency"
      let number = QEMUNumber.integer(value, isUnsigned: !isSigned)
      guard let number, !isSigned || QEMUIntegerRange(.min, UInt64(Int64.max)).contains(number) else {
        return "Parameter '\(name)' expects \(isSigned ? "int64" : "uint64")"
      }
      if QEMUIntegerRange(0, maximum).contains(number) { return nil }
      if !isOld { return "parameter '\(name)' can be at most \(maximum)" }
      let text = switch number {
      case .natural(let natural): "\(natural)"
      case .negative(let negative): "\(negative)"
      }
      return "Property .\(name) doesn't take value \(text) (minimum: 0, maximum: \(maximum))"
    case "ucode-rev": return QEMUNumber.integer(value, isUnsigned: true) == nil ? "Parameter 'ucode-rev' expects uint64" : nil
    case "lbr-fmt", "lbr_fmt":
      guard let number = QEMUNumber.integer(value, isUnsigned: true) else { return "Parameter '\(name)' expects uint64" }
      return QEMUIntegerRange(0, 0x3f).contains(number) ? nil : "Property value for 'lbr-fmt' has bits outside mask '0x3f'"
    default: return nil
    }
  }

  /// The refusal of a boolean as the value of a property.
  static func flagRefusal(_ name: String, in qemu: QEMUProfile) -> String? {
    func expected(_ type: String) -> String { "Invalid parameter type for '\(name)', expected: \(type)" }
    let unsigned = "Parameter '\(name)' expects uint64"
    switch kind(name) {
    case .bool: return nil
    case .signed32: return expected("integer")
    case .unsigned: return unsigned
    default: break
    }
    switch name {
    case "family", "model", "stepping": return qemu.isBefore(8, 0) ? expected("integer") : unsigned
    case "lbr-fmt", "lbr_fmt", "ucode-rev": return unsigned
    case "tsc-frequency": return expected("integer")
    default: return expected("string")
    }
  }

  private static func names(_ text: String) -> Set<String> {
    Set(text.split { $0 == " " || $0 == "\n" }.map(String.init))
  }

  private static let until11 = names("full-cpuid-auto-level legacy-memory x-hv-synic-kvm-only x-intel-pt-auto-level")

  private static let ofAll = names("""
    3dnow 3dnowext 3dnowprefetch abm ace2 ace2-en acpi adx aes amd-no-ssb amd-ssbd amd-stibp amx-bf16 amx-int8 amx-tile apic apic-id
    arat arch-capabilities arch-lbr avic avx avx-vnni avx2 avx512-4fmaps avx512-4vnniw avx512-bf16 avx512-fp16 avx512-vp2intersect
    avx512-vpopcntdq avx512bitalg avx512bw avx512cd avx512dq avx512er avx512f avx512ifma avx512pf avx512vbmi avx512vbmi2 avx512vl
    avx512vnni bmi1 bmi2 bus-lock-detect check cid cldemote clflush clflushopt clwb clzero cmov cmp-legacy cmp_legacy core-capability
    core-id cpuid-0xb cr8legacy cx16 cx8 dca de decodeassists die-id ds ds-cpl ds_cpl dtes64 enforce erms est extapic f16c family
    ffxsr fill-mtrr-mask flushbyasid fma fma4 fpu fsgsbase fsrm full-width-write fxsr fxsr-opt fxsr_opt gfni hle host-phys-bits
    host-phys-bits-limit ht hv-apicv hv-avic hv-crash hv-emsr-bitmap hv-enforce-cpuid hv-evmcs hv-frequencies hv-ipi
    hv-no-nonarch-coresharing hv-passthrough hv-reenlightenment hv-relaxed hv-reset hv-runtime hv-spinlocks hv-stimer hv-stimer-direct
    hv-syndbg hv-synic hv-time hv-tlbflush hv-tlbflush-direct hv-tlbflush-ext hv-vapic hv-vendor-id hv-version-id-build
    hv-version-id-major hv-version-id-minor hv-version-id-sbranch hv-version-id-snumber hv-version-id-spack hv-vpindex hv-xmm-input
    hypervisor i64 ia64 ibpb ibrs ibrs-all ibs intel-pt intel-pt-lip invpcid invtsc kvm kvm-asyncpf kvm-asyncpf-int kvm-hint-dedicated
    kvm-mmu kvm-msi-ext-dest-id kvm-nopiodelay kvm-poll-control kvm-pv-enforce-cpuid kvm-pv-eoi kvm-pv-ipi kvm-pv-sched-yield
    kvm-pv-tlb-flush kvm-pv-unhalt kvm-steal-time kvm_asyncpf kvm_asyncpf_int kvm_mmu kvm_nopiodelay kvm_poll_control kvm_pv_eoi
    kvm_pv_unhalt kvm_steal_time kvmclock kvmclock-stable-bit l3-cache la57 lahf-lm lahf_lm lbr-fmt lbr_fmt lbrv legacy-cache level
    level-func7 lm lmce lwp mca mce md-clear mds-no min-level min-xlevel min-xlevel2 misalignsse mmx mmxext model model-id monitor
    movbe movdir64b movdiri mpx msr mtrr node-id nodeid-msr nodeid_msr npt nrip-save nrip_save nx osvw pae pat pause-filter
    pause_filter pbe pcid pclmuldq pclmulqdq pcommit pdcm pdpe1gb perfctr-core perfctr-nb perfctr_core perfctr_nb pfthreshold pge phe
    phe-en phys-bits pks pku pmm pmm-en pmu pn pni popcnt pschange-mc-no pse pse36 rdctl-no rdpid rdrand rdseed rdtscp rsba rtm sep
    serialize sgx sgx-debug sgx-exinfo sgx-kss sgx-mode64 sgx-provisionkey sgx-tokenkey sgx1 sgx2 sgxlc sha-ni skinit
    skip-l1dfl-vmentry smap smep smx socket-id spec-ctrl split-lock-detect ss ssb-no ssbd sse sse2 sse3 sse4-1 sse4-2 sse4.1 sse4.2
    sse4_1 sse4_2 sse4a ssse3 start-powered-off stepping stibp svm svm-lock svm_lock svme-addr-chk syscall taa-no tbm tce tcg-cpuid
    thread-id tm tm2 topoext tsc tsc-adjust tsc-deadline tsc-frequency tsc-scale tsc_adjust tsc_scale tsx-ctrl tsx-ldtrk ucode-rev
    umip v-vmsave-vmload vaes vendor vgif virt-ssbd vmcb-clean vmcb_clean vme vmware-cpuid-freq vmx vmx-activity-hlt
    vmx-activity-shutdown vmx-activity-wait-sipi vmx-apicv-register vmx-apicv-vid vmx-apicv-x2apic vmx-apicv-xapic vmx-cr3-load-noexit
    vmx-cr3-store-noexit vmx-cr8-load-exit vmx-cr8-store-exit vmx-desc-exit vmx-encls-exit vmx-entry-ia32e-mode vmx-entry-load-bndcfgs
    vmx-entry-load-efer vmx-entry-load-pat vmx-entry-load-perf-global-ctrl vmx-entry-load-pkrs vmx-entry-load-rtit-ctl
    vmx-entry-noload-debugctl vmx-ept vmx-ept-1gb vmx-ept-2mb vmx-ept-advanced-exitinfo vmx-ept-execonly vmx-eptad vmx-eptp-switching
    vmx-exit-ack-intr vmx-exit-clear-bndcfgs vmx-exit-clear-rtit-ctl vmx-exit-load-efer vmx-exit-load-pat
    vmx-exit-load-perf-global-ctrl vmx-exit-load-pkrs vmx-exit-nosave-debugctl vmx-exit-save-efer vmx-exit-save-pat
    vmx-exit-save-preemption-timer vmx-flexpriority vmx-hlt-exit vmx-ins-outs vmx-intr-exit vmx-invept vmx-invept-all-context
    vmx-invept-single-context vmx-invept-single-context-noglobals vmx-invlpg-exit vmx-invpcid-exit vmx-invvpid vmx-invvpid-all-context
    vmx-invvpid-single-addr vmx-io-bitmap vmx-io-exit vmx-monitor-exit vmx-movdr-exit vmx-msr-bitmap vmx-mtf vmx-mwait-exit
    vmx-nmi-exit vmx-page-walk-4 vmx-page-walk-5 vmx-pause-exit vmx-ple vmx-pml vmx-posted-intr vmx-preemption-timer vmx-rdpmc-exit
    vmx-rdrand-exit vmx-rdseed-exit vmx-rdtsc-exit vmx-rdtscp-exit vmx-secondary-ctls vmx-shadow-vmcs vmx-store-lma vmx-true-ctls
    vmx-tsc-offset vmx-tsc-scaling vmx-unrestricted-guest vmx-vintr-pending vmx-vmfunc vmx-vmwrite-vmexit-fields vmx-vnmi
    vmx-vnmi-pending vmx-vpid vmx-wbinvd-exit vmx-xsaves vmx-zero-len-inject vpclmulqdq waitpkg wbnoinvd wdt x-force-features
    x-hv-max-vps x-migrate-smi-count x-vendor-cpuid-only x2apic xcrypt xcrypt-en xd xfd xgetbv1 xlevel xlevel2 xop xsave xsavec
    xsaveerptr xsaveopt xsaves xstore xstore-en xtpr
    """)

  /// First seen in 10.0.
  private static let since10 = names("""
    amd-psfd amx-complex amx-fp16 auto-ibrs avx-ifma avx-ne-convert avx-vnni-int16 avx-vnni-int8 avx10 avx10-128 avx10-256 avx10-512
    avx10-version bhi-ctrl bhi-no cmpccxadd ddpd-u eraps fb-clear fbsdp-no fdp-excptn-only flush-l1d fred fsrc fsrs fzrm gds-no
    guest-phys-bits ibpb-brtype intel-psfd ipred-ctrl kvm-asyncpf-vmexit lam legacy-multi-node lfence-always-serializing lkgs mcdt-no
    module-id no-nested-data-bp null-sel-clr-base overflow-recov pbrsb-no perfmon-v2 prefetchiti psdp-no rfds-clear rfds-no rrsba-ctrl
    sbdr-ssdp-no sbpb sgx-aex-notify sgx-edeccssa sha512 sm3 sm4 srso-no srso-user-kernel-no stibp-always-on succor vmx-any-errcode
    vmx-enable-user-wait-pause vmx-entry-load-fred vmx-exit-secondary-ctls vmx-nested-exception vnmi wrmsrns
    x-amd-topoext-features-only x-l1-cache-per-thread xen-vapic zero-fcs-fds
    """)

  /// First seen in 11.1.
  private static let since11 = names("""
    amx-avx512 amx-bf16-alias amx-complex-alias amx-fp16-alias amx-fp8 amx-int8-alias amx-movrs amx-tf32 apx-nci-ndd-nf apxf
    avx10-vnni-int cet-ibt cet-ss fs-gs-base-ns gmet its-no movrs msr-imm prefetchi tsa-l1-no tsa-sq-no verw-clear vmx-entry-load-cet
    vmx-exit-save-cet vmx-mbec x-arch-cap-always-on x-consistent-cache x-force-cpuid-0x1f x-pdcm-on-even-without-pmu
    x-vendor-cpuid-only-v2
    """)
}
