"""options.py QEMU…: values of options that no host makes good, and some that are accepted; records what each QEMU says, one row a line."""
import json, subprocess, sys

# Any text that opens something of the host is refused before QEMU does so.
VALUES = {
    "device": ["e1000,mac=zz", "virtio-net-pci,mac=1:2", "e1000,mac=52:54:00:12:34:5g", "virtio-net-pci,mac=5:4:0:1:2:3",
        "e1000e,mac=52-54-00-12-34-56", "virtio-net-pci,mac=52:54:00:12:34:56:78", "e1000,mac=52:54:00:12:34:56",
        "virtio-net-pci,netdve=n", "virtio-net-pci,mq=x", "virtio-net-pci,vectors=x", "virtio-net-pci,host_mtu=70000",
        "virtio-net-pci,host_mtu=1500", "virtio-net-pci,speed=-1", "virtio-net-pci,speed=3000000000", "e1000e,subsys=0x10000",
        "edu,dma_mask=-1", "edu,dma_mask=x", "edu,dma_mask=18446744073709551616", "virtio-balloon-pci,deflate-on-oom=1",
        "virtio-rng-pci,max-bytes=1k", "virtio-rng-pci,period=-5", "qemu-xhci,p2=four", "bochs-display,vgamem=x",
        "bochs-display,vgamem=32M", "virtio-gpu-pci,max_outputs=1.5", "ich9-intel-hda,msi=maybe", "intel-hda,msi=auto",
        "isa-debugcon,readback=zz", "isa-debugcon,foo=1", "VGA,edid=2", "ich9-ahci,foo=1", "rtl8139,multifunction=on,vectors=3",
        "usb-ehci,maxframes=1k", "pvpanic,ioport=0x10000", "virtio-keyboard-pci,romfile=,head=-1", "virtio-scsi-pci,num_queues=x",
        "e1000,extra_mac_registers=off", "e1000,mitigation=off", "e1000,autonegotiation=x", "ati-vga,xres=1", "virtio-tablet-pci,wheel-axis=on",
        "{\"driver\":\"virtio-net-pci\",\"mq\":\"on\"}", "{\"driver\":\"virtio-net-pci\",\"vectors\":\"4\"}",
        "{\"driver\":\"edu\",\"dma_mask\":-1}", "{\"driver\":\"bochs-display\",\"vgamem\":\"32M\"}",
        "{\"driver\":\"virtio-rng-pci\",\"foo\":1}", "{\"driver\":\"intel-hda\",\"msi\":true}",
        "virtio-net-pci,tx_queue_size=1000", "virtio-net-pci,tx_queue_size=128", "virtio-net-pci,tx_queue_size=256",
        "virtio-net-pci,tx_queue_size=512", "virtio-net-pci,duplex=fast", "virtio-net-pci,duplex=half", "virtio-net-pci,duplex=",
        "virtio-net-pci,speed=-5", "virtio-net-pci,speed=-1", "virtio-net-pci,speed=10000", "virtio-net-pci,speed=2147483647",
        "nvme,serial=aaaaaaaaaaaaaaaaaaaa", "nvme,serial=aaaaaaaaaaaaaaaaaaaaa", "nvme,serial=x,zoned.zasl=8", "nvme,serial=x,zoned.zasl=7",
        "nvme,serial=x,zoned.zasl=9,mdts=9", "nvme,serial=x,mdts=0,zoned.zasl=9", "virtio-rng-pci,max-bytes=0",
        "virtio-rng-pci,max-bytes=9223372036854775808", "virtio-rng-pci,max-bytes=9223372036854775807", "virtio-gpu-pci,max_outputs=17",
        "virtio-gpu-pci,max_outputs=16", "virtio-gpu-pci,max_outputs=0", "virtio-vga,max_outputs=17", "virtio-gpu-pci,hostmem=3M",
        "virtio-gpu-pci,hostmem=256M", "virtio-vga,hostmem=3M", "virtio-gpu-pci,hostmem=0", "bochs-display,vgamem=1G",
        "bochs-display,vgamem=256M", "bochs-display,vgamem=257M", "bochs-display,vgamem=4M", "bochs-display,vgamem=4194303",
        "bochs-display,vgamem=20M", "cirrus-vga,vgamem_mb=5", "cirrus-vga,vgamem_mb=4", "cirrus-vga,vgamem_mb=8",
        "cirrus-vga,vgamem_mb=16", "cirrus-vga,vgamem_mb=32", "VGA,vgamem_mb=0", "VGA,vgamem_mb=3", "VGA,vgamem_mb=600",
        "virtio-vga,xres=0", "vmgenid,guid=x", "vmgenid,guid=auto", "vmgenid", "vmgenid,guid=324e6eaf-d1d1-4bf6-bf41-b9bb6c91fb87",
        "isa-serial,index=5", "isa-serial,index=4", "isa-serial,index=3", 
        "loader", "loader,data=1,data-len=4,addr=0", "loader,addr=0x1000,cpu-num=0",
        "ufs,nutrs=50", "ufs,nutrs=33", "ufs,nutrs=32", "ufs,nutmrs=9", "ufs,nutmrs=8", "pvpanic,events=300",
        "i6300esb,foo=1", "megasas,max_sge=0", "megasas,max_sge=129", "megasas,max_cmds=0", "megasas,max_cmds=2000",
        "mptsas1068,sas_address=x", "e1000,romfile=", "vmxnet3,mac=x", "qemu-xhci,slots=65", "qemu-xhci,intrs=17",
        "qemu-xhci,slots=64,intrs=16", "nec-usb-xhci,intrs=3", "virtio-iommu-pci,granule=x", "virtio-iommu-pci,granule=16k",
        "virtio-iommu-pci,aw-bits=70", "generic-sdhci", "mch", "ICH9-LPC", "q35-pcihost", "ioapic", "hpet", "mc146818rtc", "i8042",
        "kvmclock", "kvm-pit", "isa-pit", "port92", "PIIX4_PM", "fw_cfg_io", "smbus-eeprom", "cfi.pflash01",
        "sd-card", "hv-balloon", "vmbus-bridge", "ccid-card-passthru", "i2c-echo", "nvme-subsys",
        "isa-cirrus-vga,vgamem_mb=5", "isa-vga,vgamem_mb=300", "secondary-vga,vgamem_mb=1000", "ati-vga,vgamem_mb=3", "ati-vga,model=x",
        "ich9-usb-uhci1,masterbus=x", "virtio-serial-pci,max_ports=32", "intel-hda,old_msi_addr=1", "ES1370,foo=1", "nvme,serial=x,mdts=0", "nvme-ns",
        "ipmi-bmc-sim,guid=x", "igb,mac=x", "edu,dma_mask=0", "sdhci-pci,capareg=0", "sdhci-pci"],
    "drive": ["if=none,id=d,file=/dev/null,format=raw,aio=native", "if=none,id=d,file=/dev/null,format=raw,cache=writethrough,aio=native",
        "if=none,id=d,file=/dev/null,format=raw,readonly=x", "if=none,id=d,file=/dev/null,format=raw,read-only=2",
        "if=none,id=d,file=/dev/null,format=raw,detect-zeroes=x", "if=none,id=d,file=/dev/null,format=raw,detect-zeroes=on",
        "if=none,id=d,file=/dev/null,format=raw,readonly=on"],
    "blockdev": ["null-co", "null-co,node-name=1b", "null-co,node-name=b"], "append": ["x"], "initrd": ["/x"], "seed": ["x", "5", "0x10"],
    "m": ["1.9999999999999999999999G,slots=1,maxmem=4G"],
    "netdev": ["user,id=n,foo=1", "user,id=n,ipv6=maybe", "user", "user,id=n,restrict=2", "user,id=n,dns=10.9.9.9",
        "user,id=n,ipv6-prefixlen=x", "user,id=n", "user,id=n,net=10.1.0.0/24,dhcpstart=10.1.0.20", "user,id=n,restrict=on,hostname=g",
        "user,id=n,ipv6=off,domainname=x.y", "tap,id=n,vhost=maybe", "tap,id=n,queues=x", "tap,id=n,foo=1", "tap,id=n,sndbuf=zz",
        "tap,id=n,vnet_hdr=x", "bridge,id=n,foo=1", "bridge,br=x", "bridge,id=n,vhost=on", "socket,id=n", "socket,id=n,foo=1",
        "socket,id=n,listen=:1,connect=:2", "socket,id=n,udp=127.0.0.1:1", "vhost-user,id=n", "vhost-user,id=n,chardev=nope",
        "vhost-user,id=n,chardev=c,queues=x", "vhost-user,id=n,chardev=c,vhostforce=z", "vhost-user,id=n,chardev=c,foo=1",
        "vhost-user,chardev=c", "vde", "l2tpv3,id=n", "l2tpv3,id=n,src=a", "l2tpv3,id=n,src=a,dst=b",
        "l2tpv3,id=n,src=a,dst=b,txsession=x", "l2tpv3,id=n,src=a,dst=b,txsession=1,foo=1", "l2tpv3,id=n,src=a,dst=b,txsession=1,udp=z",
        "hubport,id=n", "hubport,id=n,hubid=x", "hubport,id=n,hubid=0,foo=1", "hubport,hubid=0", "hubport,id=n,hubid=-1",
        "hubport,id=n,hubid=0", "passt", "nic,id=n", "none,id=n", "zz,id=n", "", "id=n",
        "{\"type\":\"hubport\",\"id\":\"n\",\"hubid\":0}", "vhost-vdpa,id=n", "vhost-vdpa,id=n,vhostdev=/dev/null,queues=x",
        "tap,id=n,ifname=t0,script=no,queues=0", "tap,id=n,queues=0,fd=0", "tap,id=n,fd=0,ifname=t0", "tap,id=n,fds=0,queues=2",
        "tap,id=n,fd=0,fds=0:1", "tap,id=n,helper=/x,ifname=t0", "tap,id=n,fd=0,vnet_hdr=off",
        "user,id=n,hostfwd=zz", "user,id=n,hostfwd=tcp:x", "user,id=n,hostfwd=sctp::1-:2", "user,id=n,hostfwd=tcp::x-:22",
        "user,id=n,hostfwd=tcp::99999-:22", "user,id=n,hostfwd=tcp:localhost:1-:22", "user,id=n,hostfwd=tcp::0",
        "user,id=n,hostfwd=tcp::0-22", "user,id=n,hostfwd=tcp::0-x:22", "user,id=n,hostfwd=tcp::0-:0", "user,id=n,hostfwd=tcp::0-:x",
        "user,id=n,hostfwd=tcp::0-10.0.2.15:", "user,id=n,hostfwd=tcp:127.0.0.1:0-:22,hostfwd=:127.0.0.1:0-10.0.2.15:0x16",
        "user,id=n,guestfwd=zz", "user,id=n,guestfwd=udp:10.0.2.100:80-null", "user,id=n,guestfwd=tcp:10.0.2.100:80",
        "user,id=n,guestfwd=tcp:10.0.2.100:x-null", "hubport,id=n,hubid=1,netdev=nope", "hubport,id=n,hubid=1,netdev=",
        "user,id=n,dns=zz", "user,id=n,net=zz", "user,id=n,host=zz", "user,id=n,dhcpstart=zz", "user,id=n,dhcpstart=1.1.1.1",
        "user,id=n,net=10.0.2.0/33", "user,id=n,net=10.0.2.0/3", "user,id=n,net=10.0.2.0/x", "user,id=n,net=10.0.2.0/255.255.255.0",
        "user,id=n,net=10.0.2.0/255.x", "user,id=n,net=10.5", "user,id=n,net=172.16.4.1", "user,id=n,net=172.20.0.0,host=172.21.0.2",
        "user,id=n,net=172.31.0.0,host=172.32.0.2", "user,id=n,net=172.16.4.1,host=10.0.0.1",
        "user,id=n,net=192.168.7.0,dhcpstart=192.168.9.9", "user,id=n,net=192.168.7.0/24,dhcpstart=192.168.9.9",
        "user,id=n,net=198.18.0.0,host=198.19.255.1", "user,id=n,net=130.1.0.0,host=130.1.9.9", "user,id=n,net=240.0.0.0,host=240.0.0.5",
        "user,id=n,net=224.0.0.0,host=224.0.0.77", "user,id=n,net=10.0.2.0/30", "user,id=n,net=10.0.2.0/28", "user,id=n,net=/24",
        "user,id=n,net=10.0.2.0/", "user,id=n,net=10.0.2.0/ 24", "user,id=n,net= 10.0.2.0/24", "user,id=n,net=010.0.2.0/24,host=8.0.2.2",
        "user,id=n,net=10.0.2.0/24,host=10.0.3.2", "user,id=n,net=10.0.2.0/24,dns=10.0.3.2", "user,id=n,net=10.0.2.0/24,dns=10.0.2.2",
        "user,id=n,restrict=on,dns=1.1.1.1", "user,id=n,dhcpstart=10.0.2.2", "user,id=n,dhcpstart=10.0.2.3", "user,id=n,host=10.0.2.15",
        "user,id=n,host=10.0.2.3", "user,id=n,ip=10.0.9.0", "user,id=n,ip=zz", "user,id=n,ip=10.0.9.0/8", "user,id=n,ipv4=off,ipv6=off",
        "user,id=n,ipv4=off,net=10.0.0.0/8", "user,id=n,ipv4=off,ip=10.0.0.0", "user,id=n,ipv4=off,dhcpstart=zz", "user,id=n,ipv4=off",
        "user,id=n,ipv6=on,dns=10.0.2.3", "user,id=n,ipv4=on,ipv6-host=fec0::2", "user,id=n,ipv6=off,ipv6-prefix=fec0::",
        "user,id=n,ipv6=off,ipv6-dns=fec0::3", "user,id=n,ipv4=on,ipv6=on,ipv6-host=fec0::2", "user,id=n,ipv6=off,ipv6-prefixlen=200",
        "user,id=n,ipv6-net=zz", "user,id=n,ipv6-net=fec0::", "user,id=n,ipv6-net=fec0::/64", "user,id=n,ipv6-net=fec0::/200",
        "user,id=n,ipv6-net=fec0::/x", "user,id=n,ipv6-net=fec0::/", "user,id=n,ipv6-net=", "user,id=n,ipv6-prefix=zz",
        "user,id=n,ipv6-prefixlen=200", "user,id=n,ipv6-prefixlen=-1", "user,id=n,ipv6-prefixlen=0", "user,id=n,ipv6-prefixlen=126",
        "user,id=n,ipv6-host=zz", "user,id=n,ipv6-host=fec1::2", "user,id=n,ipv6-host=fec0::2", "user,id=n,ipv6-dns=zz",
        "user,id=n,ipv6-dns=fec1::3", "user,id=n,restrict=on,ipv6-dns=fec1::3", "user,id=n,ipv6-prefix=fec0:0:0:1::,ipv6-host=fec0::2",
        "user,id=n,ipv6-prefix=fec0:0:0:1::,ipv6-prefixlen=48,ipv6-host=fec0::2", "user,id=n,domainname=", "user,id=n,hostname=",
        "user,id=n,domainname=" + "a" * 256, "user,id=n,hostname=" + "a" * 256, "user,id=n,tftp-server-name=" + "a" * 256,
        "user,id=n,domainname=" + "a" * 255, "user,id=n,dns=zz,hostfwd=zz", "user,id=n,tftp=/nonexistent", "user,id=n,net=10.0.2.0,foo=1"]
    + ["{" + members + "}" for members in [
        '"type":"user","id":"n"', '"type":"user","id":"n","foo":1', '"type":"user","id":"n","restrict":"on"',
        '"type":"user","id":"n","restrict":true', '"type":"user","id":"n","ipv6-prefixlen":"64"', '"type":"user","id":"n","ipv6-prefixlen":64',
        '"type":"user","id":"n","ipv6-prefixlen":64.5', '"type":"user","id":"n","ipv6-prefixlen":9223372036854775808',
        '"type":"user","id":"n","hostfwd":"tcp::0-:22"', '"type":"user","id":"n","hostfwd":["tcp::0-:22"]',
        '"type":"user","id":"n","hostfwd":[{"str":"tcp::0-:22"}]', '"type":"user","id":"n","hostfwd":[{"str":"zz"}]',
        '"type":"user","id":"n","hostfwd":[{"str":5}]', '"type":"user","id":"n","hostfwd":[{}]', '"type":"user","id":"n","hostfwd":[]',
        '"type":"user","id":"n","hostfwd":[{"str":"tcp::0-:22","foo":1}]', '"type":"user","id":"n","dnssearch":[{"str":"x"}]',
        '"type":"user","id":"n","dnssearch":"x"', '"type":"user","id":"n","dns":"zz"', '"type":"user","id":"n","ipv6-net":"fec0::"',
        '"type":"user"', '"id":"n"', '"type":"zz","id":"n"', '"type":5,"id":"n"', '"type":"user","id":5', '"type":"user","id":null',
        '"type":"user","id":"n","hostname":5', '"type":"user","id":"n","net":null', '"type":"user","id":"1n"', '"type":"user","id":""',
        '"type":"tap","id":"n","fd":5', '"type":"tap","id":"n","ifname":"t","script":"no","vhost":"on"',
        '"type":"tap","id":"n","ifname":"t","script":"no","queues":"2"', '"type":"tap","id":"n","ifname":"t","script":"no","queues":-1',
        '"type":"tap","id":"n","ifname":"t","script":"no","queues":4294967296', '"type":"tap","id":"n","queues":0,"fd":"0"',
        '"type":"tap","id":"n","sndbuf":"1k"', '"type":"tap","id":"n","fd":"0","ifname":"t"',
        '"type":"tap","id":"n","script":"no","poll-us":"x"', '"type":"hubport","id":"n"', '"type":"hubport","id":"n","hubid":"0"',
        '"type":"hubport","id":"n","hubid":0.5', '"type":"hubport","id":"n","hubid":4294967296', '"type":"hubport","id":"n","hubid":-1',
        '"type":"hubport","id":"n","hubid":0,"netdev":"nope"', '"type":"vhost-user","id":"n","chardev":"nope"',
        '"type":"vhost-user","id":"n"', '"type":"vhost-user","id":"n","chardev":true', '"type":"vhost-user","id":"n","chardev":"c","queues":"1"',
        '"type":"vhost-vdpa","id":"n"', '"type":"vhost-vdpa","id":"n","vhostdev":"/dev/null","queues":"1"', '"type":"socket","id":"n"',
        '"type":"socket","id":"n","listen":5', '"type":"bridge","id":"n","vhost":true', '"type":"bridge","br":"x"',
        '"type":"none","id":"n"', '"type":"l2tpv3","id":"n","src":"a","dst":"b"', '"type":"l2tpv3","id":"n","src":"a","dst":"b","txsession":"1"',
        '"type":"l2tpv3","id":"n","src":"a","dst":"b","txsession":-1']],
    "nic": ["user,foo=1", "zz", "user,addr=zz,model=e1000", "user,vectors=x", "none", "user,model=e1000e,mac=52:54:00:12:34:56",
        "user,mac=zz", "user,mac=52:54", "user,mac=5", "user,mac=", "user,mac=ffffff", "user,mac=01:00:00:00:00:00",
        "user,mac=52-54-00-12-34-56", "user,mac=52:54:00:12:34:", "user,mac=152:54:00:12:34:56", "user,mac=52:54:00:12:34:56:78",
        "user,mac=5:4:0:1:2:3", "none,mac=zz", "user,hostfwd=zz", "tap,ifname=t0,script=no,mac=zz,queues=0"],
    "option-rom": ["/x,bootindex=zz", "foo=1", "/dev/null,bootindex"],
    "object": ["filter-buffer,id=o,interval=1000,netdev=nope", "filter-dump,id=o,file=/dev/null,netdev=nope",
        "iothread,id=o,poll-max-ns=x", "iothread,id=o,foo=1", "iothread,id=o,poll-max-ns=32768,poll-grow=2", "iothread,id=o,poll-weight=x",
        "rng-random,id=o,opened=2", "rng-random,id=o,file=/dev/null", "rng-random,id=o,filename=/dev/null", "secret,id=o,format=zz,data=a",
        "secret,id=o,data=a,format=raw", "throttle-group,id=o,x-iops-total=x", "throttle-group,id=o,x-iops-total=100,x-bps-read=5",
        "tls-creds-x509,id=o,endpoint=zz", "tls-creds-anon,id=o,verify-peer=x", "cryptodev-backend-builtin,id=o,queues=x",
        "cryptodev-backend-builtin,id=o,queues=1", "authz-simple,id=o,identity=a,user=b", "input-linux,id=o,evdev=/x,grab-toggle=zz",
        "input-linux,id=o,evdev=/x,grab=on", "thread-context,id=o,foo=1", "thread-context,id=o,cpu-affinity=0",
        "filter-buffer,id=o,netdev=n,interval=x", "main-loop,id=o,aio-max-batch=zz", "throttle-group,id=o,limits.iops-total=5"],
    "boot": ["order=zz", "order=aa", "menu=maybe", "foo=1", "strict=2", "splash-time=x", "splash-time=70000", "once=!",
        "reboot-timeout=zz", "reboot-timeout=99999", "order=", "c", "menu=on,strict=on", "order=cd,once=d,splash-time=100",
        "splash-time=65535", "splash-time=65536", "reboot-timeout=-1"],
    "fw_cfg": ["name=opt/x", "string=a", "name=opt/x,string=a,file=/b", "name=x,foo=1",
        "name=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,string=a", "name=noopt,string=a",
        "opt/x,string=a", "name=opt/com.example/a,string=b",
        "name=opt/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,string=a",
        "name=opt/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,string=a"],
    "smbios": ["type=99", "type=1,foo=1", "type=zz", "type=1,uuid=zz", "type=0,release=x", "type=0,vmx=z", "type=4,max-speed=x",
        "type=17,speed=zz", "type=1", "type=1,manufacturer=a,product=b", "type=0,vendor=x,release=1.2", "type=2,serial=x", "foo=1", "",
        "type=8,port_type=999", "type=11,value=a", "type=0,uefi=on", "type=9,slot_type=1"],
    "rtc": ["base=zz", "clock=zz", "driftfix=zz", "foo=1", "base=2020-13-01", "zz", "base=utc", "base=localtime,clock=vm,driftfix=slew",
        "clock=rt,base=2020-01-01T00:00:00", "clock=host"],
    "icount": ["shift=zz", "shift=99", "foo=1", "align=on", "sleep=off", "rr=zz", "shift=auto,align=zz", "zz", "shift=7", "auto",
        "shift=auto,sleep=on", "shift=3,align=off,sleep=off", "shift=11", "shift=10", "align=off",
        "shift=3,align=on,sleep=off"],
    "accel": ["tcg,foo=1", "tcg,thread=zz", "tcg,tb-size=x", "tcg,one-insn-per-tb=z", "tcg,split-wx=z", "tcg,thread=",
        "tcg,thread=multi", "tcg,tb-size=64", "tcg,one-insn-per-tb=on", "kvm,dirty-ring-size=x", "kvm,notify-vmexit=zz",
        "tcg,kernel-irqchip=on"],
    "mon": ["nope", "chardev=c,mode=zz", "chardev=c,foo=1", "mode=control", "chardev=c,pretty=z", "", "chardev=c,mode=control",
        "chardev=c", "chardev=c,mode=readline", "chardev=c,pretty=on", "chardev=c,mode=control,pretty=on", "chardev=c,pretty=off"],
    "monitor": ["zz", "tcp", "chardev:nope", "foo:bar", "null", "none", "vc", "stdio:x", "unix:/x,foo=1", "tcp:0:1,server=z",
        "mon:null"],
    "qmp": ["zz", "tcp", "null", "none", "chardev:nope", "foo:bar"],
    "serial": ["zz", "tcp", "foo:bar", "null,zz=1", "mon:zz", "null", "none", "vc", "mon:null", "unix:/x,foo=1", "tcp:0:1,server=z",
        "msmouse", "con:", "braille2", "chardev:nope"],
    "parallel": ["zz", "tcp", "foo:bar", "null,zz=1", "mon:zz", "null", "none", "vc", "mon:null", "unix:/x,foo=1", "tcp:0:1,server=z",
        "msmouse", "con:", "braille2", "chardev:nope"],
    "chardev": ["zz,id=c", "null", "file,id=c", "pipe,id=c", "null,id=c,foo=1", "socket,id=c,host=a",
        "socket,id=c,path=/x,server=maybe", "socket,id=c,port=1,host=a,telnet=z", "udp,id=c", "ringbuf,id=c,size=3",
        "ringbuf,id=c,size=zz", "vc,id=c,cols=x", "serial,id=c", "parallel,id=c", "stdio,id=c,signal=z", "hub,id=c", "null,id=c,mux=z",
        "socket,id=c,host=a,port=1,path=/x", "socket,id=c,path=/x,websocket=on", "socket,id=c,path=/x,wait=on",
        "socket,id=c,host=a,port=x,ipv4=z", "file,id=c,path=/dev/null,append=z", "qemu-vdagent,id=c,mouse=z", "msmouse,id=c,foo=1",
        "mux,id=c", "mux,id=c,chardev=nope", "memory,id=c,size=3", "null,id=c", "ringbuf,id=c,size=64", "msmouse,id=c",
        "ringbuf,id=c,size=0"],
    "watchdog-action": ["zz", "", "Reset", "reset,foo", "none2", "power off", "reset", "none", "inject-nmi", "pause"],
    "name": ["a,foo=1", "a,process=x,debug-threads=zz", "debug-threads=maybe", "guest=a,guest=b,zz=1", "a,process", "process=", "a",
        "guest=a,debug-threads=on", "a,process=b"],
    "uuid": ["zz", "12345678", "12345678-1234-1234-1234-12345678901", "12345678-1234-1234-1234-1234567890123",
        "g2345678-1234-1234-1234-123456789012", "", "12345678-1234-1234-1234-123456789012", "12345678123412341234123456789012"],
    "msg": ["zz", "timestamp=zz", "foo=1", "guest-name=x", "timestamp=on,foo", "timestamp=2", "timestamp=on", "guest-name=on",
        "timestamp=off"],
    "action": ["zz", "reboot=zz", "shutdown=zz", "panic=zz", "foo=bar", "watchdog=zz", "reboot=shutdown", "panic=pause,shutdown=pause",
        "watchdog=none", "panic=exit-failure"],
    "semihosting-config": ["zz", "enable=zz", "target=zz", "foo=1", "chardev=nope", "enable=on,target=x", "enable=on", "enable=off",
        "target=native"],
    "sandbox": ["zz", "foo=1", "on,spawn=zz", "on,obsolete=zz", "on,elevateprivileges=zz", "on,resourcecontrol=zz", "enable=2", "off",
        "on", "on,spawn=deny", "obsolete=zz"],
    "tpmdev": ["zz,id=t", "emulator,id=t", "emulator,id=t,chardev=nope", "emulator,id=t,foo=1", "emulator", "passthrough,id=t,foo=1"],
    "vga": ["zz", "none,foo", "std,foo=1", "", "vmware2", "none", "std", "cirrus", "virtio", "std,retrace=zz", "std,retrace=dumb"],
    "fsdev": ["local,id=f,path=/", "local,id=f", "local,id=f,path=/,security_model=zz",
        "local,id=f,path=/nonexistent,security_model=none", "zz,id=f", "synth,id=f,foo=1",
        "local,id=f,path=/,security_model=none,writeout=zz", "local,id=f,path=/,security_model=none,readonly=z",
        "local,path=/,security_model=none", "synth,id=f", "local,id=f,path=/,security_model=none",
        "local,id=f,path=/,security_model=none,fmode=zz", "local,id=f,path=/,security_model=none,multidevs=zz",
        "proxy,id=f,socket=/x",
        "local,id=f,path=/,security_model=none,fmode=0644", "local,id=f,path=/,security_model=passthrough,dmode=0755",
        "local,id=f,path=/,security_model=mapped-xattr,fmode=0644"],
    "overcommit": ["zz", "mem-lock=zz", "cpu-pm=zz", "foo=1", "mem-lock=on-fault", "cpu-pm=on", "mem-lock=off"],
}
BEFORE = {"mon": ["-chardev", "null,id=c"]}
# Options that are given twice.
REPEATED = {"netdev": "hubport,id=n,hubid=0", "chardev": "null,id=c", "fsdev": "synth,id=f", "blockdev": "null-co,node-name=b"}
NETWORK, NODE = '{"type":"hubport","id":"n","hubid":0}', '{"driver":"null-co","node-name":"b"}'
# Options of which some are JSON.
MIXED = [["-netdev", NETWORK] * 2, ["-netdev", NETWORK, "-netdev", REPEATED["netdev"]], ["-netdev", REPEATED["netdev"], "-netdev", NETWORK],
    ["-blockdev", NODE] * 2, ["-blockdev", NODE, "-blockdev", REPEATED["blockdev"]], ["-blockdev", '{"driver":"null-co"}'],
    ["-blockdev", '{"driver":"null-co","node-name":5}'], ["-blockdev", '{"driver":"null-co","node-name":"1b"}'],
    ["-netdev", NETWORK, "-device", "e1000,netdev=n"], ["-netdev", NETWORK, "-device", "e1000,netdev=nope"],
    ["-netdev", NETWORK, "-netdev", "hubport,id=m,hubid=1,netdev=n"], ["-netdev", NETWORK, "-netdev", "hubport,id=m,hubid=1,netdev=nope"],
    ["-blockdev", NODE, "-device", "virtio-blk-pci,drive=b"], ["-blockdev", NODE, "-device", "virtio-blk-pci,drive=nope"],
    ["-blockdev", '{"driver":"raw","node-name":"r","file":{"driver":"null-co","node-name":"b"}}', "-device", "virtio-blk-pci,drive=r"],
    ["-blockdev", '{"driver":"raw","node-name":"r","file":{"driver":"null-co","node-name":"b"}}', "-device", "virtio-blk-pci,drive=c"],
    ["-netdev", NETWORK, "-object", "filter-buffer,id=o,interval=1000,netdev=n"],
    ["-netdev", NETWORK, "-object", "filter-buffer,id=o,interval=1000,netdev=nope"]]
# Users of one character device.
SHARED = ["-serial chardev:c -serial chardev:c", "-parallel chardev:c -serial chardev:c", "-serial chardev:c -mon c", "-mon c -mon c",
    "-serial chardev:c -device isa-serial,chardev=c,index=1", "-monitor chardev:c -qmp chardev:c", "-monitor chardev:c -serial null"]
# Options of which each is a line.
LINES = [f"-{option}" for option in (
        "netdev user,id=1a", "netdev user,id=", "chardev null,id=1a", "fsdev synth,id=1a", "tpmdev emulator,id=1a,chardev=c", "drive if=none,id=1a",
        "drive if=none,id=a_b", "nic user,id=1a", "mon c,id=1a", "audiodev none,id=1a", "audiodev none,id=a", "audiodev foo,id=a", "audiodev none",
        "audiodev id=a", "audiodev driver=none,id=a", "audiodev none,id=a -audiodev none,id=a",
        "audiodev none,id=a -audiodev none,id=b", 'audiodev {"driver":"none","id":"a"}', 'audiodev {"driver":"none"}',
        'audiodev {"driver":"foo","id":"a"}', 'audiodev {"id":"a"}', 'audiodev {"driver":"none","id":"a"} -audiodev none,id=a',
        "drive if=none,id=d,file=/dev/null,format=qcow22", "drive if=virtio,file=/dev/null,driver=foo", "drive if=none,format=raw,file.driver=foo",
        "drive if=none,id=d,file=/dev/null,format=raw", "drive if=none,id=d,driver=null-co", "blockdev foo,node-name=a",
        "blockdev raw,node-name=a", "blockdev raw,node-name=a,file=b", "blockdev raw,node-name=a,file.driver=foo",
        "blockdev raw,node-name=a,file.driver=null-co", "blockdev null-co,node-name=b -blockdev raw,node-name=a,file=b",
        "blockdev raw,node-name=a,file=b -blockdev null-co,node-name=b", 'blockdev {"driver":"foo","node-name":"a"}',
        'blockdev {"driver":"raw","node-name":"a"}', 'blockdev {"driver":"raw","node-name":"a","file":"b"}',
        'blockdev {"driver":"raw","node-name":"a","file":{"driver":"foo"}}', 'blockdev {"driver":"raw","node-name":"a","file":{"driver":"null-co"}}',
        'blockdev {"node-name":"a"}', "blockdev node-name=a", 'blockdev {"driver":5,"node-name":"a"}', "blockdev qcow2,node-name=a",
        "blockdev luks,node-name=a", "blockdev copy-on-read,node-name=a",
        "drive if=none,id=d,driver=null-co -blockdev raw,node-name=a,file=d", "virtfs local,path=/tmp,mount_tag=x",
        "virtfs local,path=/tmp,mount_tag=x,security_model=foo", "virtfs local,path=/tmp,security_model=none", "virtfs synth,mount_tag=x",
        "virtfs foo,mount_tag=x", "virtfs local,mount_tag=x,security_model=none", "virtfs local,path=/tmp,mount_tag=x,security_model=none,foo=1",
        "virtfs mount_tag=x", "virtfs synth,mount_tag=x,id=1a", "fsdev local,id=f,security_model=none", "fsdev local,id=f",
        "machine pflash0=nope", "machine pflash0=a -blockdev null-co,node-name=a,size=65536", "machine pflash1=nope", "object secret,id=s",
        "object secret,id=s,data=x", "object secret,id=s,data=x,file=/x", "object secret,id=s,data=x,keyid=nope",
        'object {"qom-type":"secret","id":"s"}', "vnc foo", "vnc :x", "vnc :-1", "vnc :99999", "vnc localhost", "vnc none", "vnc :0,share=foo",
        "vnc none,share=foo", "vnc :59636", "vnc unix:", "vnc localhost:", "vnc :", "vnc :1x", "vnc none,share=ignore")]
# Devices with their parts.
DISK, SOUND, NULL, PAIR = "-blockdev null-co,node-name=d", "-audiodev none,id=a", "-chardev null,id=c", "-chardev null,id=c -chardev null,id=e"
SHARE = "-object memory-backend-ram,id=m,share=on,size="
PARTS = [f"-device {device} {DISK}" for device in (
        "virtio-blk-pci,drive=d,logical_block_size=3", "virtio-blk-pci,drive=d,logical_block_size=256",
        "virtio-blk-pci,drive=d,logical_block_size=4k,physical_block_size=4k", "virtio-blk-pci,drive=d,physical_block_size=4M",
        "virtio-blk-pci,drive=d,physical_block_size=0", "virtio-blk-pci,drive=d,min_io_size=100", "virtio-blk-pci,drive=d,opt_io_size=1000",
        "virtio-blk-pci,drive=d,discard_granularity=100", "virtio-blk-pci,drive=d,min_io_size=4k,opt_io_size=64k",
        "virtio-blk-pci,drive=d,logical_block_size=4096,physical_block_size=512",
        "virtio-blk-pci,drive=d,logical_block_size=4k,min_io_size=1k,physical_block_size=4k", "virtio-blk-pci,drive=d,logical_block_size=1536",
        "ide-hd,drive=d,logical_block_size=512",
        "ide-hd,drive=d,physical_block_size=3", "nvme,serial=x,drive=d,logical_block_size=4096,physical_block_size=4096",
        "nvme,serial=x,drive=d,logical_block_size=6", "virtio-scsi-pci -device scsi-hd,drive=d,logical_block_size=7",
        "qemu-xhci -device usb-storage,drive=d,logical_block_size=7",
        "virtio-blk-pci,drive=d,share-rw=on -device virtio-blk-pci,drive=d,share-rw=on",
        "virtio-scsi-pci -device scsi-cd,drive=d -device scsi-cd,drive=d",
        "sdhci-pci -device sd-card,drive=d", "virtio-blk-pci,drive=d,serial=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "virtio-blk-pci,drive=d,cyls=1,heads=1,secs=1", "ide-hd,drive=d,serial=aaaaaaaaaaaaaaaaaaaaa", "ide-hd,drive=d,ver=123456789",
        "ide-hd,drive=d,model=" + "m" * 41,
        "virtio-blk-pci,drive=d,rerror=maybe", "virtio-blk-pci,drive=d,werror=enospc", "virtio-blk-pci,drive=d,rerror=enospc")]
PARTS += [f"-device qemu-xhci -device {device}" for device in (
        "usb-tablet,port=1", "usb-tablet,port=4",
        "usb-tablet,port=1 -device usb-kbd,port=2", "usb-hub,port=4 -device usb-tablet,port=4.1",
        "usb-hub,port=4 -device usb-tablet,port=4.8",
        "usb-mtp", "usb-mtp,rootdir=x",
        "usb-mtp,rootdir=/", "usb-ccid -device ccid-card-passthru", "usb-storage", "usb-tablet,usb_version=3",
        "usb-tablet,usb_version=1", "usb-audio,audiodev=a -audiodev none,id=a", "usb-net", "usb-wacom-tablet", "usb-host,hostbus=1",
        "usb-host,hostaddr=200", "usb-host,vendorid=0x10000", "usb-host,vendorid=0x1234,productid=0x5678", "usb-braille",
        "usb-tablet -device usb-tablet -device usb-tablet -device usb-tablet -device usb-tablet")]
PARTS += ["-device qemu-xhci,p2=8,p3=8 -device usb-tablet,port=8",
    "-device piix3-usb-uhci -device usb-tablet,port=2",
    "-device usb-ehci -device usb-tablet,port=6",
    "-device ich9-usb-ehci1,id=e -device ich9-usb-uhci1,masterbus=e.0,firstport=0",
    "-device ich9-usb-ehci1,id=e -device ich9-usb-uhci1,masterbus=f.0", "-device ich9-usb-uhci1,masterbus=e.0 -device ich9-usb-ehci1,id=e"]
PARTS += [f"-device virtio-serial-pci -device {device} {PAIR}" for device in (
        "virtconsole,chardev=c,nr=0", "virtserialport,chardev=c,nr=30")]
PARTS += [f"-device virtio-9p-pci,fsdev=f{tag} -fsdev synth,id=f" for tag in (
        "", ",mount_tag=x", ",mount_tag=", ",mount_tag=" + "a" * 31, ",mount_tag=" + "a" * 32)]
PARTS += ["-device virtio-9p-pci,fsdev=f,mount_tag=x -device virtio-9p-pci,fsdev=f,mount_tag=x -fsdev synth,id=f",
    f"-device vhost-user-fs-pci,chardev=c {NULL}", f"-device vhost-user-fs-pci,chardev=c,tag= {NULL}",
    f"-device vhost-user-fs-pci,chardev=c,tag={'a' * 37} {NULL}", f"-device vhost-user-fs-pci,chardev=c,tag=x,queue-size=3 {NULL}",
    f"-device vhost-user-fs-pci,chardev=c,tag=x,num-request-queues=0 {NULL}"]
PARTS += [f"-device virtio-sound-pci,audiodev=a,{values} {SOUND}" for values in (
        "streams=100", "streams=10", "streams=11", "jacks=100", "jacks=8", "jacks=9", "chmaps=100", "streams=0", "chmaps=18", "chmaps=19")]
PARTS += [f"-device ivshmem-plain,memdev=m {SHARE}{size}" for size in ("3M", "1M", "4097", "5000000", "4096", "48M")]
PARTS += ["-device vmgenid -device vmgenid", "-device vmcoreinfo -device vmcoreinfo",
    "-device i6300esb -device i6300esb", "-device isa-fdc -device isa-fdc", "-device isa-fdc -device floppy",
    f"-device isa-serial,chardev=c,index=1 -device isa-serial,chardev=e,index=1 {PAIR}", "-device sdhci-pci -device sd-card",
    "-device VGA -device cirrus-vga", "-device virtio-vga -device VGA",
    "-device nvme-subsys,id=s -device nvme,serial=x,subsys=s", "-device nvme,serial=x,subsys=s", "-device nvme-subsys,nqn=x",
    f"-device nvme,serial=x,id=n {DISK} -device nvme-ns,drive=d,nsid=1", f"-device nvme,serial=x,id=n {DISK} -device nvme-ns,drive=d,nsid=300",
    f"-device nvme-ns,drive=d {DISK}", f"-device isa-debugcon,chardev=c {NULL}", f"-device pci-serial-2x,chardev1=c {NULL}",
    "-netdev hubport,id=n,hubid=0 -device virtio-net-pci,netdev=n,tx_queue_size=512",
    "-netdev hubport,id=n,hubid=0 -device virtio-net-pci,netdev=n -device e1000,netdev=n",
    "-netdev hubport,id=n,hubid=0 -device virtio-net-pci,netdev=n,mq=on,vectors=4", "-global virtio-net-pci.tx_queue_size=1000 -device virtio-net-pci",
    "-global virtio-rng-pci.max-bytes=0 -device virtio-rng-pci", "-global cirrus-vga.vgamem_mb=5 -device cirrus-vga",
    "-global nvme.serial=aaaaaaaaaaaaaaaaaaaaaaaaaaaaa -device nvme", "-global virtio-gpu-pci.hostmem=3M -device virtio-gpu-pci"]
QUIET = ["-display", "none", "-S", "-qmp", "stdio"]
REMARKS = (": warning: ", ": info: ")


def error(program, argv):
    """The last message, without QEMU's name and the option that it is about."""
    quit = b'{"execute":"qmp_capabilities"}{"execute":"quit"}'
    accelerator = [] if "-accel" in argv else ["-accel", "tcg"]
    run = subprocess.run([*program, *accelerator, *QUIET, *argv], input=quit, capture_output=True, timeout=30)
    if run.returncode == 0:
        return 0, ""
    lines = [line for line in run.stderr.decode().splitlines() if line.startswith("qemu-system") and not any(r in line for r in REMARKS)]
    text = lines[-1].split(": ", 1)[1] if lines else ""
    for place in range(len(argv) - 2, -1, -1):
        text = text.removeprefix(" ".join(argv[place:place + 2]) + ": ")
    return run.returncode, text


arguments = [[*BEFORE.get(option, []), "-" + option, value] for option, values in VALUES.items() for value in values]
arguments += [["-" + option, value] * 2 for option, value in REPEATED.items()]
arguments += [["-chardev", "null,id=c", *users.split()] for users in SHARED] + MIXED + [line.split() for line in PARTS + LINES]
for argument in arguments:
    argv = ["-M", "q35", "-nodefaults", *argument]
    rc, text = error(sys.argv[1:], argv)
    print(json.dumps({"argv": argv, "rc": rc} | ({"error": text} if rc else {})), flush=True)
