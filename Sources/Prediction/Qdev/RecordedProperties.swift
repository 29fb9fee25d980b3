import Facts

/// Names and types of the properties of device types whose other options are not modelled.
enum RecordedProperties {
  /// The type of a property; absent where that release does not have it.
  static func lookup(_ name: String, of driver: String, in release: QEMURelease) -> DeviceProperties.Lookup {
    // The elements of an array have properties of their own once its length is set.
    guard let line = lines[driver[...]], !name.utf8.contains(UInt8(ascii: "[")), !name.hasPrefix("len-") else { return .unknown }
    for part in line.utf8.split(separator: UInt8(ascii: " ")).dropFirst() {
      let words = part.split(separator: UInt8(ascii: "=")), names = words[1].split(separator: UInt8(ascii: ",")).lazy.map { Substring($0) }
      guard let found = names.first(where: { $0.hasPrefix(name) && $0.dropFirst(name.count).allSatisfy("+-".contains) }) else { continue }
      return exists(found.dropFirst(name.count), in: release) ? kinds[Substring(words[0])].map { .kind($0) } ?? .unknown : .absent
    }
    return .absent
  }

  /// Whether a property with a mark exists: `+` has no 7.2, `++` neither 10.0, `-` no 11.1, `--` neither 10.0, and `+-` 10.0 alone.
  static func exists(_ mark: Substring, in release: QEMURelease) -> Bool {
    switch mark {
    case "+": return release > QEMURelease(7, 2)
    case "++": return release > QEMURelease(10, 0)
    case "-": return release <= QEMURelease(10, 0)
    case "--", "+-": return release == (mark == "--" ? QEMURelease(7, 2) : QEMURelease(10, 0))
    default: return true
    }
  }

  private static let kinds: [Substring: PropertyKind] = [
    "bool": .bool, "auto": .onOffAuto, "i32": .signed32, "size": .size(maximum: nil), "u8": .unsigned(bits: 8),
    "u16": .unsigned(bits: 16), "u32": .unsigned(bits: 32), "u64": .unsigned(bits: 64),
  ]

  /// Lines of the table by type.
  static let lines: [Substring: Substring] = Dictionary(
    uniqueKeysWithValues: table.utf8.split(separator: UInt8(ascii: "\n")).flatMap { line in
      line.prefix { $0 != UInt8(ascii: " ") }.split(separator: UInt8(ascii: ",")).map { (Substring($0), Substring(line)) }
    })

  /// Types that 7.2.22, 10.0.13 and 11.1.3 create with `-device`, then their properties by type, `any` where it is another or
  /// changed (`device-list-properties`, by scripts/lab.d/properties.py). Without what all devices on PCI and all of virtio have.
  private static let table = """
    AC97,ES1370 any=audiodev
    AMDVI-PCI,hyperv-testdev,i6300esb,ib700,lsi53c810,lsi53c895a,pc-testdev,tpci200,vmcoreinfo
    VGA bool=big-endian-framebuffer,edid,global-vmstate-,mmio,qemu-extended-regs u32=refresh_rate,vgamem_mb,xmax,xres,ymax,yres
    acpi-erst any=memdev u32=record_size
    adlib any=audiodev u32=freq,iobase
    am53c974,dc390 any=esp
    ati-vga any=edid++,model bool=guest_hwcursor u16=x-device-id u32=refresh_rate++,vgamem_mb,xmax++,xres++,ymax++,yres++ \
    u64=x-linear-aper-size++ u8=x-pixman
    bochs-display bool=big-endian-framebuffer,edid size=vgamem u32=refresh_rate,xmax,xres,ymax,yres
    ccid-card-emulated any=backend,cert1,cert2,cert3,db u32=slot u8=debug
    ccid-card-passthru any=chardev u32=slot u8=debug
    cirrus-vga bool=blitter,global-vmstate- u32=vgamem_mb
    cs4231a any=audiodev,cs4231a[0] u32=dma,iobase,irq
    ctucan_pci,mioe3680_pci,pcm3680_pci any=canbus0,canbus1
    cxl-downstream any=x-speed+,x-width+ bool=hotplug,x-256b-flit++,x-do-not-expose-native-hotplug-cap+,x-native-hotplug--,\
    x-pci-express-writeable-slt-bug+ u16=aer_log_max,slot u8=chassis,port
    cxl-rp any=x-speed+,x-width+ bool=disable-acs-,hotplug,power_controller_present,x-256b-flit++,x-do-not-expose-native-hotplug-cap+,\
    x-native-hotplug--,x-pci-express-writeable-slt-bug+ size=io-reserve,mem-reserve,pref32-reserve,pref64-reserve u16=aer_log_max,slot \
    u32=bus-reserve u8=chassis,port
    cxl-type3 any=cdat,lsa,memdev,persistent-memdev+,volatile-dc-memdev+,volatile-memdev+,x-speed+,x-width+ bool=hdm-db++,x-256b-flit++ \
    u64=sn u8=num-dc-regions+
    cxl-upstream any=cdat,x-speed+,x-width+ bool=x-256b-flit++,x-pci-express-writeable-slt-bug+ u16=aer_log_max u64=sn+ u8=port
    e1000,e1000-82544gc,e1000-82545em any=mac,netdev bool=autonegotiation--,extra_mac_registers-,init-vet,migrate_tso_props,mitigation-- \
    i32=bootindex
    e1000e any=mac,netdev bool=init-vet,migrate-timadj+ i32=bootindex u16=subsys,subsys_ven u8=disable_vnet_hdr
    edu u64=dma_mask
    floppy any=drive,drive-type,stats-intervals++ auto=account-failed,account-invalid,backend_defaults,write-cache bool=share-rw \
    size=discard_granularity,logical_block_size,min_io_size,opt_io_size,physical_block_size u32=unit
    guest-loader any=bootargs,initrd,kernel u64=addr
    gus any=audiodev u32=dma,freq,iobase,irq
    hda-duplex,hda-micro,hda-output any=audiodev bool=mixer,use-timer- u32=cad,debug
    hv-syndbg any=host_ip bool=use_hcalls u16=host_port
    i2c-ddc u32=refresh_rate,xmax,xres,ymax,yres u8=address
    i8042 any=a20[0],i8042-cmd[0],i8042-data[0],ps2-kbd-input-irq[0],ps2-mouse-input-irq[0],ps2kbd,ps2mouse,unnamed-gpio-out[0],\
    unnamed-gpio-out[1] bool=extended-state,kbd-throttle u8=kbd-irq,mouse-irq
    i82550,i82551,i82557a,i82557b,i82557c,i82558a,i82558b,i82559a,i82559b,i82559c,i82559er,i82562,i82801,ne2k_pci,pcnet,rtl8139,tulip \
    any=mac,netdev i32=bootindex
    ich9-ahci any=ahci-idp[0],ahci[0],update-irq++
    ich9-intel-hda,intel-hda auto=msi bool=old_msi_addr u32=debug
    ich9-usb-ehci1,ich9-usb-ehci2,usb-ehci any=capabilities[0],ehci[0],operational[0],ports[0] u32=maxframes
    ich9-usb-uhci1,ich9-usb-uhci2,ich9-usb-uhci3,ich9-usb-uhci4,ich9-usb-uhci5,ich9-usb-uhci6 any=masterbus u32=bandwidth,firstport,\
    maxframes
    ide-cd any=drive,model,rerror,serial,stats-intervals++,ver,werror auto=account-failed,account-invalid,backend_defaults,write-cache \
    bool=share-rw,win2k-install-hack+ i32=bootindex size=discard_granularity,logical_block_size,min_io_size,opt_io_size,\
    physical_block_size u32=unit u64=wwn
    ide-hd any=bios-chs-trans,drive,model,rerror,serial,stats-intervals++,ver,werror auto=account-failed,account-invalid,backend_defaults,\
    write-cache bool=share-rw,win2k-install-hack+ i32=bootindex size=discard_granularity,logical_block_size,min_io_size,opt_io_size,\
    physical_block_size u16=rotation_rate u32=cyls,heads,lcyls,lheads,lsecs,secs,unit u64=wwn
    ipmi-bmc-extern any=chardev u8=slave_addr
    ipmi-bmc-sim any=frudatafile,guid,lan.defgw_ipaddr++,lan.defgw_macaddr++,lan.ipaddr++,lan.macaddr++,lan.netmask++,sdrfile \
    u16=fruareasize,product_id u32=mfg_id u8=device_id,device_rev,fwrev1,fwrev2,ipmi_version,lan.channel++,lan.ipsrc++,slave_addr
    ipoctal232 any=chardev0,chardev1,chardev2,chardev3,chardev4,chardev5,chardev6,chardev7 i32=slot
    isa-applesmc any=osk u32=iobase
    isa-cirrus-vga bool=blitter,global-vmstate++ u32=vgamem_mb
    isa-debug-exit u32=iobase,iosize
    isa-debugcon any=chardev u32=iobase,readback
    isa-fdc any=fallback,fdtypeA,fdtypeB i32=bootindexA,bootindexB u32=dma,iobase,irq
    isa-ide u32=iobase,iobase2,irq
    isa-ipmi-bt,isa-ipmi-kcs any=bmc i32=irq u32=ioport
    isa-parallel any=chardev u32=index,iobase,irq
    isa-serial any=chardev,serial bool=wakeup u32=baudbase,index,iobase,irq
    isa-vga u32=vgamem_mb
    ivshmem-doorbell any=chardev auto=master bool=ioeventfd u32=vectors
    ivshmem-plain any=memdev auto=master
    kvaser_pci any=canbus
    loader any=file bool=data-be,force-raw u32=cpu-num u64=addr,data u8=data-len
    mc146818rtc any=date++,lost_tick_policy i32=base_year u16=iobase u8=irq
    megasas,megasas-gen2 any=hba_serial auto=msi,msix bool=use_jbod u32=max_cmds,max_sge u64=sas_address
    mptsas1068 auto=msi u64=sas_address
    ne2k_isa any=mac,netdev i32=bootindex u32=iobase,irq
    nec-usb-xhci any=host,xhci-core auto=msi,msix bool=conditional-intr-mapping+,force-pcie-endcap--,streams,superspeed-ports-first-- \
    u32=intrs,p2,p3,slots
    nvme any=drive,firmware-version++,model++,pmrdev,serial,spdm_trans++,sriov_max_vfs,sriov_max_vi_per_vf,sriov_max_vq_per_vf,\
    stats-intervals++,subsys auto=account-failed,account-invalid,backend_defaults,write-cache bool=atomic.dn+,ctratt.mem+,dbcs+,ioeventfd,\
    legacy-cmb++,msix-exclusive-bar,ocp+,share-rw,use-intel-id,zoned.auto_transition i32=bootindex size=discard_granularity,\
    logical_block_size,min_io_size,opt_io_size,physical_block_size u16=atomic.awun+,atomic.awupf+,mqes+,msix_qsize,spdm_port+,\
    sriov_vi_flexible,sriov_vq_flexible u32=aer_max_queued,cmb_size_mb,max_ioqpairs,num_queues u8=aerl,mdts,smart_critical_warning,vsl,\
    zoned.zasl
    nvme-ns any=drive,fdp.ruhs+,nguid+,stats-intervals++,uuid auto=account-failed,account-invalid,backend_defaults,write-cache \
    bool=detached,eui64-default,share-rw,shared,zoned,zoned.cross_read i32=bootindex size=discard_granularity,logical_block_size,\
    min_io_size,opt_io_size,physical_block_size,zoned.zone_capacity,zoned.zone_size,zoned.zrwafg,zoned.zrwas u16=atomic.nabo++,\
    atomic.nabsn++,atomic.nabspf++,atomic.nawun++,atomic.nawupf++,ms,mssrl u32=mcl,nsid,zoned.descr_ext_size,zoned.max_active,\
    zoned.max_open,zoned.numzrwa u64=eui64 u8=mset,msrc,pi,pif,pil
    nvme-subsys any=nqn bool=fdp+ size=fdp.runs+ u16=fdp.nruh+ u32=fdp.nrg+
    pci-ipmi-bt,pci-ipmi-kcs any=bmc
    pci-ohci any=masterbus u32=firstport,num-ports
    pci-serial any=chardev,serial bool=wakeup u32=baudbase u8=prog_if-
    pci-serial-2x any=chardev1,chardev2,irq[0]++,irq[1]++,serial[0],serial[1] u8=prog_if-
    pci-serial-4x any=chardev1,chardev2,chardev3,chardev4,irq[0]++,irq[1]++,irq[2]++,irq[3]++,serial[0],serial[1],serial[2],serial[3] \
    u8=prog_if-
    pci-testdev bool=membar-backed++ size=membar
    piix3-ide,piix4-ide any=isa-irq[0]+,isa-irq[1]+
    piix3-usb-uhci,piix4-usb-uhci u32=bandwidth,maxframes
    pvpanic any=pvpanic[0] u16=ioport u8=events
    pvpanic-pci u8=events
    pvscsi bool=x-disable-pcie-,x-old-pci-configuration- u8=use_msg
    qemu-xhci any=host,xhci-core auto=msi+,msix+ bool=conditional-intr-mapping+,streams u32=p2,p3
    ramfb bool=use-legacy-x86-rom++,x-migrate+
    rocker any=fp_start_macaddr,name,ports+,world u32=len-ports-- u64=switch_id
    sb16 any=audiodev u32=dma,dma16,iobase,irq,version
    scsi-block any=drive,rerror,werror bool=migrate-pr++,share-rw i32=bootindex,scsi_version u16=rotation_rate u32=channel,io_timeout,lun,\
    scsi-id u64=max_io_size,max_unmap_size
    scsi-cd any=device_id,drive,product,rerror,serial,stats-intervals++,vendor,ver,werror auto=account-failed,account-invalid,\
    backend_defaults,write-cache bool=migrate-emulated-scsi-request+,quirk_mode_page_apple_vendor,quirk_mode_page_set_block_size++,\
    quirk_mode_page_truncated,quirk_mode_page_vendor_specific_apple,quirk_mode_sense_rom_use_dbd,share-rw i32=bootindex,scsi_version \
    size=discard_granularity,logical_block_size,min_io_size,opt_io_size,physical_block_size u16=port_index u32=channel,lun,scsi-id \
    u64=max_io_size,port_wwn,wwn
    scsi-generic any=drive bool=share-rw i32=bootindex u32=channel,io_timeout,lun,scsi-id
    scsi-hd any=device_id,drive,product,rerror,serial,stats-intervals++,vendor,ver,werror auto=account-failed,account-invalid,\
    backend_defaults,write-cache bool=dpofua,migrate-emulated-scsi-request+,quirk_mode_page_set_block_size++,\
    quirk_mode_page_vendor_specific_apple,removable,share-rw i32=bootindex,scsi_version size=discard_granularity,logical_block_size,\
    min_io_size,opt_io_size,physical_block_size u16=port_index,rotation_rate u32=channel,cyls,heads,lcyls,lheads,lsecs,lun,scsi-id,secs \
    u64=max_io_size,max_unmap_size,port_wwn,wwn
    sd-card any=drive bool=spi-- u8=spec_version
    sdhci-pci u64=capareg,maxcurr u8=endianness+-,sd-spec-version,uhs,vendor-
    secondary-vga bool=big-endian-framebuffer,edid,qemu-extended-regs u32=refresh_rate,vgamem_mb,xmax,xres,ymax,yres
    smbus-ipmi any=bmc u8=address
    tpm-crb any=tpmdev bool=cap-chunk++,ppi-,x-allow-chunk-migration++
    tpm-tis any=tpm-tis-mmio[0],tpmdev bool=ppi- u32=irq
    u2f-passthru any=hidraw,pcap,port,serial bool=attached,msos-desc
    usb-audio any=audiodev,pcap,port,serial bool=attached,msos-desc,multi u32=buffer,debug
    usb-bot,usb-wacom-tablet any=pcap,port,serial bool=attached,msos-desc
    usb-braille any=chardev,pcap,port,serial bool=attached,msos-desc
    usb-ccid any=pcap,port,serial bool=attached,msos-desc u8=debug
    usb-host any=hostdevice,hostport,pcap,port,serial bool=attached,guest-reset,guest-resets-all,msos-desc,pipeline,suppress-remote-wake \
    i32=bootindex u32=hostaddr,hostbus,isobsize,isobufs,loglevel,productid,vendorid
    usb-hub any=pcap,port,serial bool=attached,msos-desc,port-power u32=ports
    usb-kbd any=display,pcap,port,serial bool=attached,msos-desc u32=usb_version
    usb-mouse any=pcap,port,serial bool=attached,msos-desc u32=usb_version
    usb-mtp any=desc,pcap,port,rootdir,serial bool=attached,msos-desc,readonly
    usb-net any=mac,netdev,pcap,port,serial bool=attached,msos-desc i32=bootindex
    usb-redir any=chardev,filter,pcap,port,serial bool=attached,msos-desc,streams,suppress-remote-wake i32=bootindex u8=debug
    usb-serial any=chardev,pcap,port,serial bool=always-plugged,attached,msos-desc
    usb-storage any=drive,pcap,port,rerror,serial,stats-intervals++,werror auto=account-failed,account-invalid,backend_defaults,\
    write-cache bool=attached,commandlog,msos-desc,removable,share-rw i32=bootindex size=discard_granularity,logical_block_size,\
    min_io_size,opt_io_size,physical_block_size
    usb-tablet any=display,pcap,port,serial bool=attached,msos-desc u32=head,usb_version
    usb-uas any=pcap,port,serial bool=attached,msos-desc u32=log-scsi-req
    vhost-scsi any=vhostfd,wwpn bool=any_layout,event_idx,hotplug++,in_order+,indirect_desc,iommu_platform,migratable,notify_on_empty,\
    packed,queue_reset,seg_max_adjust,t10_pi,use-disabled-flag,use-started,worker_per_virtqueue+,x-disable-legacy-check i32=bootindex \
    u32=boot_tpgt,cmd_per_lun,max_sectors,num_queues,virtqueue_size
    vhost-scsi-pci,vhost-scsi-pci-non-transitional,vhost-scsi-pci-transitional any=vhostfd,wwpn bool=hotplug++,migratable,seg_max_adjust,\
    t10_pi,worker_per_virtqueue+ i32=bootindex u32=boot_tpgt,cmd_per_lun,max_sectors,num_queues,vectors,virtqueue_size
    vhost-user-blk any=chardev bool=any_layout,config-wce,discard,event_idx,in_order+,indirect_desc,inflight-migration++,iommu_platform,\
    notify_on_empty,packed,queue_reset,seg-max-adjust++,skip-get-vring-base-on-force-shutdown++,use-disabled-flag,use-started,\
    write-zeroes,x-disable-legacy-check i32=bootindex u16=num-queues u32=queue-size
    vhost-user-blk-pci,vhost-user-blk-pci-non-transitional,vhost-user-blk-pci-transitional any=chardev bool=config-wce,discard,\
    inflight-migration++,seg-max-adjust++,skip-get-vring-base-on-force-shutdown++,write-zeroes i32=bootindex u16=num-queues u32=class,\
    queue-size,vectors
    vhost-user-fs-device any=chardev,tag bool=any_layout,event_idx,in_order+,indirect_desc,iommu_platform,notify_on_empty,packed,\
    queue_reset,use-disabled-flag,use-started,x-disable-legacy-check i32=bootindex u16=num-request-queues,queue-size
    vhost-user-fs-pci any=chardev,tag i32=bootindex u16=num-request-queues,queue-size u32=vectors
    vhost-user-gpio-device,vhost-user-i2c-device,vhost-user-rng any=chardev bool=any_layout,event_idx,in_order+,indirect_desc,\
    iommu_platform,notify_on_empty,packed,queue_reset,use-disabled-flag,use-started,x-disable-legacy-check
    vhost-user-gpio-pci,vhost-user-i2c-pci any=chardev
    vhost-user-gpu any=chardev,outputs++ bool=any_layout,edid,event_idx,in_order+,indirect_desc,iommu_platform,notify_on_empty,packed,\
    queue_reset,use-disabled-flag,use-started,x-disable-legacy-check u32=max_outputs,xres,yres
    vhost-user-gpu-pci any=chardev,outputs++ bool=edid,ioeventfd u32=max_outputs,vectors,xres,yres
    vhost-user-input any=chardev,serial-- bool=any_layout,event_idx,in_order+,indirect_desc,iommu_platform,notify_on_empty,packed,\
    queue_reset,use-disabled-flag,use-started,x-disable-legacy-check
    vhost-user-input-pci any=chardev,serial-- u32=vectors
    vhost-user-rng-pci any=chardev u32=vectors
    vhost-user-scsi any=chardev bool=any_layout,event_idx,hotplug,in_order+,indirect_desc,iommu_platform,notify_on_empty,packed,\
    param_change,queue_reset,t10_pi,use-disabled-flag,use-started,x-disable-legacy-check i32=bootindex u32=boot_tpgt,cmd_per_lun,\
    max_sectors,num_queues,virtqueue_size
    vhost-user-scsi-pci,vhost-user-scsi-pci-non-transitional,vhost-user-scsi-pci-transitional any=chardev bool=hotplug,param_change,\
    t10_pi i32=bootindex u32=boot_tpgt,cmd_per_lun,max_sectors,num_queues,vectors,virtqueue_size
    vhost-user-vga any=chardev,outputs++ bool=big-endian-framebuffer,edid,ioeventfd u32=max_outputs,vectors,xres,yres
    vhost-user-vsock-device any=chardev auto=seqpacket bool=any_layout,event_idx,in_order+,indirect_desc,iommu_platform,notify_on_empty,\
    packed,queue_reset,use-disabled-flag,use-started,x-disable-legacy-check
    vhost-user-vsock-pci,vhost-user-vsock-pci-non-transitional any=chardev auto=seqpacket u32=vectors
    vhost-vsock-device any=vhostfd auto=seqpacket bool=any_layout,event_idx,in_order+,indirect_desc,iommu_platform,notify_on_empty,packed,\
    queue_reset,use-disabled-flag,use-started,x-disable-legacy-check u64=guest-cid
    vhost-vsock-pci,vhost-vsock-pci-non-transitional any=vhostfd auto=seqpacket u32=vectors u64=guest-cid
    virtconsole,virtserialport any=chardev,name u32=nr
    virtio-9p-device any=fsdev,mount_tag bool=any_layout,event_idx,in_order+,indirect_desc,iommu_platform,notify_on_empty,packed,\
    queue_reset,use-disabled-flag,use-started,x-disable-legacy-check
    virtio-9p-pci,virtio-9p-pci-non-transitional,virtio-9p-pci-transitional any=fsdev,mount_tag bool=ioeventfd u32=vectors
    virtio-balloon-device any=guest-stats,guest-stats-polling-interval,iothread bool=any_layout,deflate-on-oom,event_idx,free-page-hint,\
    free-page-reporting,in_order+,indirect_desc,iommu_platform,notify_on_empty,packed,page-poison,qemu-4-0-config-size-,queue_reset,\
    use-disabled-flag,use-started,x-disable-legacy-check
    virtio-balloon-pci,virtio-balloon-pci-non-transitional,virtio-balloon-pci-transitional any=guest-stats,guest-stats-polling-interval,\
    iothread bool=deflate-on-oom,free-page-hint,free-page-reporting,ioeventfd+,page-poison,qemu-4-0-config-size- u32=vectors+
    virtio-blk-device any=drive,iothread,iothread-vq-mapping+,rerror,serial,stats-intervals++,werror auto=account-failed,account-invalid,\
    backend_defaults,write-cache bool=any_layout,config-wce,discard,event_idx,in_order+,indirect_desc,iommu_platform,notify_on_empty,\
    packed,queue_reset,report-discard-granularity,request-merging,scsi--,seg-max-adjust,share-rw,use-disabled-flag,use-started,\
    write-zeroes,x-disable-legacy-check,x-enable-wce-if-config-wce i32=bootindex size=discard_granularity,logical_block_size,min_io_size,\
    opt_io_size,physical_block_size u16=num-queues,queue-size u32=cyls,heads,lcyls,lheads,lsecs,max-discard-sectors,\
    max-write-zeroes-sectors,secs
    virtio-blk-pci,virtio-blk-pci-non-transitional,virtio-blk-pci-transitional any=drive,iothread,iothread-vq-mapping+,rerror,serial,\
    stats-intervals++,werror auto=account-failed,account-invalid,backend_defaults,write-cache bool=config-wce,discard,ioeventfd,\
    report-discard-granularity,request-merging,scsi--,seg-max-adjust,share-rw,write-zeroes,x-enable-wce-if-config-wce i32=bootindex \
    size=discard_granularity,logical_block_size,min_io_size,opt_io_size,physical_block_size u16=num-queues,queue-size u32=class,cyls,\
    heads,lcyls,lheads,lsecs,max-discard-sectors,max-write-zeroes-sectors,secs,vectors
    virtio-crypto-device any=cryptodev bool=any_layout,event_idx,in_order+,indirect_desc,iommu_platform,notify_on_empty,packed,\
    queue_reset,use-disabled-flag,use-started,x-disable-legacy-check
    virtio-crypto-pci any=cryptodev bool=ioeventfd u32=vectors
    virtio-gpu-device any=outputs++ bool=any_layout,blob,edid,event_idx,in_order+,indirect_desc,iommu_platform,notify_on_empty,packed,\
    queue_reset,use-disabled-flag,use-started,x-disable-legacy-check size=hostmem+,max_hostmem u32=max_outputs,xres,yres \
    u8=x-scanout-vmstate-version+
    virtio-gpu-pci any=outputs++ bool=blob,edid,ioeventfd size=hostmem+,max_hostmem u32=max_outputs,vectors,xres,yres \
    u8=x-scanout-vmstate-version+
    virtio-input-host-device any=evdev,serial bool=any_layout,event_idx,in_order+,indirect_desc,iommu_platform,notify_on_empty,packed,\
    queue_reset,use-disabled-flag,use-started,x-disable-legacy-check
    virtio-input-host-pci any=evdev,serial u32=vectors
    virtio-iommu-device any=granule+,primary-bus bool=any_layout,boot-bypass,event_idx,in_order+,indirect_desc,iommu_platform,\
    notify_on_empty,packed,queue_reset,use-disabled-flag,use-started,x-disable-legacy-check u8=aw-bits+
    virtio-keyboard-device any=display,serial bool=any_layout,event_idx,in_order+,indirect_desc,iommu_platform,notify_on_empty,packed,\
    queue_reset,use-disabled-flag,use-started,x-disable-legacy-check u32=head
    virtio-keyboard-pci any=display,serial u32=head,vectors
    virtio-mem any=memdev auto=unplugged-inaccessible bool=any_layout,dynamic-memslots+,event_idx,in_order+,indirect_desc,iommu_platform,\
    notify_on_empty,packed,prealloc,queue_reset,use-disabled-flag,use-started,x-disable-legacy-check,x-early-migration+ size=block-size,\
    requested-size,size u32=node u64=memaddr
    virtio-mem-pci any=memdev auto=unplugged-inaccessible bool=dynamic-memslots+,ioeventfd+,prealloc,x-early-migration+ size=block-size,\
    requested-size,size u32=node,vectors+ u64=memaddr
    virtio-mouse-device,virtio-tablet-device any=display,serial bool=any_layout,event_idx,in_order+,indirect_desc,iommu_platform,\
    notify_on_empty,packed,queue_reset,use-disabled-flag,use-started,wheel-axis-,x-disable-legacy-check u32=head
    virtio-mouse-pci,virtio-tablet-pci any=display,serial bool=wheel-axis- u32=head,vectors
    virtio-net-device any=duplex,ebpf-rss-fds+,mac,netdev,tx auto=hash-ipv4++,hash-ipv6++,hash-ipv6ex++,hash-tcp4++,hash-tcp6++,\
    hash-tcp6ex++,hash-udp4++,hash-udp6++,hash-udp6ex++ bool=any_layout,csum,ctrl_guest_offloads,ctrl_mac_addr,ctrl_rx,ctrl_rx_extra,\
    ctrl_vlan,ctrl_vq,event_idx,failover,gso,guest_announce,guest_csum,guest_ecn,guest_rsc_ext,guest_tso4,guest_tso6,guest_tunnel++,\
    guest_tunnel_csum++,guest_ufo,guest_uso4+,guest_uso6+,hash,host_ecn,host_tso4,host_tso6,host_tunnel++,host_tunnel_csum++,host_ufo,\
    host_uso+,in_order+,indirect_desc,iommu_platform,mq,mrg_rxbuf,notify_on_empty,packed,queue_reset,rss,status,use-disabled-flag,\
    use-started,x-disable-legacy-check,x-mtu-bypass-backend- i32=bootindex,speed,x-txburst u16=host_mtu,rx_queue_size,tx_queue_size \
    u32=rsc_interval,x-txtimer
    virtio-net-pci,virtio-net-pci-non-transitional,virtio-net-pci-transitional any=duplex,ebpf-rss-fds+,mac,netdev,tx auto=hash-ipv4++,\
    hash-ipv6++,hash-ipv6ex++,hash-tcp4++,hash-tcp6++,hash-tcp6ex++,hash-udp4++,hash-udp6++,hash-udp6ex++ bool=csum,ctrl_guest_offloads,\
    ctrl_mac_addr,ctrl_rx,ctrl_rx_extra,ctrl_vlan,ctrl_vq,failover,gso,guest_announce,guest_csum,guest_ecn,guest_rsc_ext,guest_tso4,\
    guest_tso6,guest_tunnel++,guest_tunnel_csum++,guest_ufo,guest_uso4+,guest_uso6+,hash,host_ecn,host_tso4,host_tso6,host_tunnel++,\
    host_tunnel_csum++,host_ufo,host_uso+,ioeventfd,mq,mrg_rxbuf,rss,status,x-mtu-bypass-backend- i32=bootindex,speed,x-txburst \
    u16=host_mtu,rx_queue_size,tx_queue_size u32=rsc_interval,vectors,x-txtimer
    virtio-pmem any=memdev bool=any_layout,event_idx,in_order+,indirect_desc,iommu_platform,notify_on_empty,packed,queue_reset,\
    use-disabled-flag,use-started,x-disable-legacy-check u64=memaddr
    virtio-pmem-pci any=memdev u64=memaddr
    virtio-rng-device any=rng bool=any_layout,event_idx,in_order+,indirect_desc,iommu_platform,notify_on_empty,packed,queue_reset,\
    use-disabled-flag,use-started,x-disable-legacy-check u32=period u64=max-bytes
    virtio-rng-pci,virtio-rng-pci-non-transitional,virtio-rng-pci-transitional any=rng bool=ioeventfd u32=period,vectors u64=max-bytes
    virtio-scsi-device any=iothread,iothread-vq-mapping+ bool=any_layout,event_idx,hotplug,in_order+,indirect_desc,iommu_platform,\
    notify_on_empty,packed,param_change,queue_reset,seg_max_adjust,use-disabled-flag,use-started,x-disable-legacy-check u32=cmd_per_lun,\
    max_sectors,num_queues,virtqueue_size
    virtio-scsi-pci,virtio-scsi-pci-non-transitional,virtio-scsi-pci-transitional any=iothread,iothread-vq-mapping+ bool=hotplug,\
    ioeventfd,param_change,seg_max_adjust u32=cmd_per_lun,max_sectors,num_queues,vectors,virtqueue_size
    virtio-serial-device bool=any_layout,emergency-write-,event_idx,in_order+,indirect_desc,iommu_platform,notify_on_empty,packed,\
    queue_reset,use-disabled-flag,use-started,x-disable-legacy-check u32=max_ports
    virtio-serial-pci,virtio-serial-pci-non-transitional,virtio-serial-pci-transitional bool=emergency-write-,ioeventfd u32=class,\
    max_ports,vectors
    virtio-vga any=outputs++ bool=big-endian-framebuffer,blob,edid,ioeventfd size=hostmem+,max_hostmem u32=max_outputs,vectors,xres,yres \
    u8=x-scanout-vmstate-version+
    vmbus-bridge u8=irq
    vmgenid any=guid
    vmmouse any=i8042
    vmware-svga bool=global-vmstate- u32=vgamem_mb
    vmxnet3 any=mac,netdev bool=x-disable-pcie-,x-old-msi-offsets- i32=bootindex
    x-pci-proxy-dev any=fd
    """
}
