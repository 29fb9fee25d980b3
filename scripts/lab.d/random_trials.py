"""random_trials.py SEED COUNT [RELEASE|lab]: machines and plugs by chance, one trial a line, for make_believe.py.

Every spelling, bus shape, backend and vIOMMU has its share, and every property of vfio-pci valid, wrong and extreme
values; about half of the trials realize. The same seed gives the same trials, and a longer run begins with those of a
shorter one. `lab`: for the devices of the lab's machines, and with little memory, which the kernel pins."""
import json, random, sys

HOSTS = ["0000:01:00.0", "02:00.0", "02:00.1", "03:00.0", "00:02.0", "05:00.0", "06:00.0", "07:00.0", "07:00.1", "08:00.0", "09:00.0", "0a:00.0",
         "0b:00.0", "0000:ff:1f.7"]
# Of scripts/lab.d/boot: a conventional device is in slot 0 or 1 of its bus, and one of those does not exist.
LAB_HOSTS = ["01:00.0", "0000:02:00.0", "03:00.0", "03:10.0", "03:10.2", "05:00.0", "05:01.0", "06:00.0", "06:00.1", "00:10.0",
             "09:00.0"]
OTHERS = ["e1000e", "e1000", "virtio-net-pci", "virtio-rng-pci", "qemu-xhci", "pci-testdev", "edu", "virtio-balloon",
          "virtio-scsi-pci", "pci-serial-2x", "ich9-ahci", "virtio-gpu-pci", "rtl8139", "i6300esb", "usb-ehci", "bochs-display"]
FLAGS = ["on", "off", "yes", "no", "true", "n", "1", "x", ""]
AUTO = ["on", "off", "auto", "on", "off", "auto", "x", "1"]
NUMBERS = ["0", "1", "3", "16", "0x10", "255", "256", "4096", "-1", "65535", "65536", "4294967295", "4294967296", "x", "1.5", ""]
SIZES = ["0", "4096", "1K", "1M", "4G", "5000000000", "x", "-1", "1.5K"]
PROPERTIES = {
    "ats": AUTO, "display": ["off", "off", "auto", "on", "x"], "enable-migration": ["off", "auto", "auto", "on"],
    "x-vga": ["off", "off", "on", "x"], "multifunction": FLAGS, "rombar": ["0", "1", "-1", "x"], "romsize": ["3", "4096", "0", "x"],
    "bootindex": ["1", "1", "2", "0", "-1", "x"], "acpi-index": ["1", "1", "2", "0", "16383", "16384", "x"],
    "x-balloon-allowed": ["off", "off", "on"], "xres": ["0", "0", "640"], "yres": ["0", "480"],
    "x-msix-relocation": ["off", "auto", "bar0", "bar1", "bar2", "bar3", "bar4", "bar5", "x"],
    "x-nv-gpudirect-clique": ["0", "3", "15", "16", "255", "x"], "x-pci-vendor-id": ["0x10de", "0xffff", "1", "0x10000", "x"],
    "x-pci-device-id": ["1", "0xffff", "0x10000"], "x-pci-sub-vendor-id": ["1", "0x10000"], "x-pci-sub-device-id": ["1", "0x10000"],
    "x-pci-class-code": ["0x030000", "0x020000", "0x1000000"], "failover_pair_id": ["n", "", "nic"],
    "vf-token": ["auto", "00000000-0000-0000-0000-000000000000", "x"], "x-max-bounce-buffer-size": SIZES,
    "x-migration-max-queued-buffers-size": SIZES, "x-igd-opregion": ["off", "on"], "x-igd-gms": NUMBERS, "x-req": FLAGS,
    "x-no-mmap": FLAGS, "x-no-kvm-intx": FLAGS, "skip-vsc-check": FLAGS, "x-pcie-ext-tag": FLAGS, "migration-events": FLAGS,
    "x-pre-copy-dirty-page-tracking": AUTO, "x-intx-mmap-timeout-ms": NUMBERS, "x-vpasid-cap-offset": ["0", "0x100", "70000", "x"],
    "sysfsdev": ["/sys/bus/pci/devices/0000:01:00.0", "/sys/bus/pci/devices/0000:ff:1f.7", "/no/such", ""],
    "fd": ["9999999999", "x", "-1"], "realized": ["off", "off", "on"], "sriov-pf": ["", "x"], "busnr": ["1"], "hotplugged": ["on"],
    "nosuch": ["1"], "ramfb": ["off", "on"], "romfile": ["", "", "/no/such"], "x-pcie-extcap-init": FLAGS,
    "x-pcie-lnksta-dllla": FLAGS, "x-pcie-err-unc-mask": FLAGS, "x-pcie-ari-nextfn-1": FLAGS,
}
RARE = {"realized", "sriov-pf", "busnr", "hotplugged", "nosuch", "ramfb", "sysfsdev", "fd", "vf-token", "x-vga", "romfile"}
IDS = ["1a", "a.b", "a-b_c", "a b", "a/b", "", "ü", "a:b", "a+b", "-a", "x" * 100, "vfio-pci", "i0", "pcie.0", "A", "a#0"]
SPELLINGS = ["05", "0x05", "0X5", "5.", "5.8", "5.00", "5.0x1", "+5", " 5", "5 ", "-1", "05.0", "0x5.1", "5.7", "1f", "0x1f.7", "32", "5.0.0",
             "5,multifunction=on", "005.000", "ff"]
# Of other devices, of the board and of the machine; some change nothing that vfio sees.
GLOBALS = [
    "pcie-root-port.hotplug=off", "pcie-root-port.chassis=5", "pcie-root-port.slot=3", "pcie-root-port.nosuch=1", "pcie-root-port.hotplug=x",
    "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off", "PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off",
    "PIIX4_PM.acpi-root-pci-hotplug=off", "pci-bridge.chassis_nr=3", "pci-bridge.shpc=off", "pci-bridge.shpc=x", "pcie-pci-bridge.msi=off",
    "intel-iommu.caching-mode=on", "intel-iommu.aw-bits=39", "intel-iommu.nosuch=1", "virtio-iommu-pci.granule=4k", "amd-iommu.dma-remap=on",
    "pxb-pcie.bus_nr=7", "pxb-pcie.bypass_iommu=on", "ioh3420.hotplug=off", "pcie-root-port.multifunction=on", "pcie-slot.hotplug=off",
    "pcie-root-port-base.disable-acs=on", "pci-device.rombar=0", "mch.extended-tseg-mbytes=16", "q35-pcihost.pci-hole64-size=1G",
    "pcie-root-port.bus-reserve=1", "pcie-root-port.io-reserve=x", "nosuch.a=1", "vfio-pci.bus=rp0", "vfio-pci.id=x", "vfio-pci.iommufd=i0",
    "vfio-pci.host=01:00.0", "i82801b11-bridge.nosuch=1", "virtio-net-pci.failover=on", "virtio-pci.disable-legacy=on",
]
SETS = {"addr": ["5", "6.0", "x"], "rombar": ["0", "x"], "ats": AUTO, "bus": ["rp0", "nope"], "host": ["01:00.0"], "nosuch": ["1"], "id": ["q"],
        "x-no-mmap": FLAGS, "iommufd": ["i0"], "chassis": ["1", "7"], "hotplug": ["off", "on"]}
ADDRESSES = ["5", "6", "7.0", "8", "0", "1", "1.0", "2", "3", "0.1", "5.1", "6.1", "1f.0", "1f.2", "1f.3", "0x9", "20", "x", "1d.0", "4.+1"]


class Trial:
    def __init__(self, chance, release="11.1"):
        self.r = chance
        self.isInLab = release == "lab"
        self.hasIOMMUFD = release != "7.2"
        self.versioned = "pc-q35-9.1" if self.hasIOMMUFD else "pc-q35-6.2"
        self.argv, self.plugs, self.plugged, self.ports, self.bridges = [], [], [], [], []
        self.all_hosts = LAB_HOSTS if self.isInLab else HOSTS
        self.hosts = chance.sample(self.all_hosts, len(self.all_hosts))

    def make(self):
        r = self.r
        machine = r.choices(["q35", "pc", "microvm,pcie=on", "q35,usb=on", "q35,acpi=off", self.versioned, "pc-q35-99.0", "none",
                             self.old(), self.option()], [48, 14, 3, 3, 3, 5, 1, 1, 8, 7])[0]
        self.isCXL = "cxl=on" in machine
        self.express = "q35" in machine or "microvm" in machine
        self.root = "pcie.0" if self.express else "pci.0"
        self.argv += ["-M", machine]
        if r.random() < .8:
            self.argv.append("-nodefaults")
        if r.random() < .05:
            self.argv += r.choice([["-vga", "none"], ["-vga", "std"], ["-nic", "none"], ["-nic", "user"], ["-only-migratable"], ["-usb"]])
        self.objects()
        self.topology()
        self.globals()
        if r.random() < .04:
            self.argv += ["-m", "256,slots=2,maxmem=1G"]
            if r.random() < .5:
                self.argv += ["-object", "memory-backend-ram,id=m0,size=128M", "-device", "pc-dimm,memdev=m0" + r.choice(["", ",id=d0"])]
        for _ in range(r.choices([0, 1, 2], [70, 20, 10])[0]):
            self.other()
        isCrowded = r.random() < .12
        if isCrowded:
            self.functions(r.random() < .4)
        hot = not isCrowded and r.random() < .45
        if not isCrowded and (not hot or r.random() < .2):
            for _ in range(r.choices([1, 2, 3], [65, 28, 7])[0]):
                device = self.vfio(False)
                self.argv += ["-device", json.dumps(typed(device)) if r.random() < .25 else keyval(device)]
        if hot:
            human = r.random() < .3
            for _ in range(r.choices([1, 2, 3], [60, 30, 10])[0]):
                if r.random() < .12:
                    self.plug_other(human)
                self.plug(self.vfio(True), human)
                if r.random() < .25:
                    self.reuse(human)
                if not human and r.random() < .25:
                    self.replug()
        self.sets()
        if not self.isInLab and "-m" not in self.argv:
            # A stream of chance of its own: the rest of a trial stays as its seed has made it.
            self.memory(random.Random(json.dumps(self.argv)))
        if self.isInLab and "-m" not in self.argv:
            self.argv += ["-m", "64"]
        trial = {"argv": self.argv}
        self.configure(trial)
        return trial | ({"plugs": self.plugs} if self.plugs else {})

    def memory(self, r):
        """Memory, its backends and nodes, and processors: in one trial of ten, and of these half are wrong."""
        if r.random() < .9 or self.argv[1] == "none":
            return
        size = r.choice(["64", "64M", "0x10000k", "65536k", "0.0625G", "size=64M", "1.5", "64MB", "0x40", "-1", "x", "0", ""])
        more = r.choice(["", ",slots=2,maxmem=1G", ",maxmem=256M", ",slots=2", ",slots=0,maxmem=64M", ",maxmem=32", ",slots=300,maxmem=1G",
                         ",maxmem=100000001", ",slots=y,maxmem=1G", ",foo=1", ",slots=1,maxmem=64M"])
        backend = r.choice(["memory-backend-ram", "memory-backend-memfd"]) + ",id=mb0,size=" + r.choice(["64M", "64M", "128M", "0", "z"])
        backend += r.choice(["", "", ",share=on", ",share=perhaps", ",policy=bind", ",foo=1", ",merge=off"])
        if r.random() < .7:
            self.argv += ["-m", size + more]
        use = r.random()
        if use < .5:
            self.argv += ["-object", backend]
        if use < .2:
            self.argv[1] += ",memory-backend=" + r.choice(["mb0", "mb0", "mb1"])
        elif use < .4:
            self.argv += ["-numa", r.choice(["node,memdev=mb0", "node,memdev=mb0,nodeid=0", "node,memdev=mb0,nodeid=2", "node,memdev=mb1",
                                             "node", "node,foo=1"])]
        elif use < .5:
            self.argv += ["-device", r.choice(["pc-dimm,memdev=mb0", "pc-dimm", "virtio-mem-pci,memdev=mb0", "pc-dimm,memdev=mb0,slot=1",
                                               "nvdimm,memdev=mb0", "pc-dimm,memdev=mb0,node=1"])]
        if r.random() < .3:
            self.argv += ["-smp", r.choice(["2", "4,sockets=2", "4,sockets=2,cores=2,threads=1", "3,sockets=2,cores=1", "0", "x", "2,foo=1",
                                            "2,maxcpus=4,cores=4", "4,maxcpus=2,cores=2", "2,clusters=2", "cpus=2,dies=1"])]

    def plug(self, device, human=False):
        self.plugged.append(device)
        self.plugs.append("device_add " + self.quoted(keyval(device)) if human else typed(device))

    def reuse(self, human):
        """A plug that wants what one before it has or has failed to get: id, slot, numbers or the host function."""
        old, device = self.r.choice(self.plugged), self.vfio(True)
        for name in self.r.sample(["id", "bus", "addr", "bootindex", "acpi-index", "host", "failover_pair_id"], self.r.choice([1, 2, 3])):
            device.pop(name, None)
            if name in old:
                device[name] = old[name]
        if self.r.random() < .2:
            device = dict(old)
        self.plug(device, human)

    def replug(self):
        """Unplugs a device, cold or hot, and plugs it again, or another where it was. make_believe.py stands for the guest."""
        r = self.r
        cold = [keys for word in self.argv if (keys := read(word)).get("id") and keys["driver"] not in ("iommufd", "memory-backend-ram")]
        old = r.choice((self.plugged * 3 + cold) if r.random() < .9 else self.plugged)
        target = old.get("id") or r.choice(["nope", "v0"])
        self.plugs.append({"execute": "device_del", "arguments": {"id": target}})
        if r.random() < .05:
            self.plugs.append(self.plugs[-1])
        if r.random() < .5 and "vfio" in old["driver"]:
            self.plug(dict(old))
        else:
            device = self.vfio(True)
            for name in ("id", "bus", "addr", "bootindex", "acpi-index", "host"):
                if name in old and r.random() < .6:
                    device[name] = old[name]
            self.plug(device)

    def functions(self, hot):
        """Functions of one slot, in any order, with and without the first."""
        r = self.r
        where = {"bus": r.choice(self.ports)} if self.ports and r.random() < .5 else {}
        slot = "0" if where else "9"
        if r.random() < .1 and self.bridges:
            where, slot = {"bus": r.choice(self.bridges)}, "4"
        numbers = r.sample([0, 1, 2, 3, 7], r.choice([2, 3, 4]))
        if r.random() < .4:
            numbers.sort(reverse=r.random() < .7)
        if hot and r.random() < .3 and numbers[0]:
            self.argv += ["-device", keyval({"driver": "vfio-pci", "host": self.hosts.pop(), "id": "f", "multifunction": "on", "addr": slot} | where)]
        for number in numbers:
            if not self.hosts:
                break
            device = {"driver": "vfio-pci", "host": self.hosts.pop(), "id": f"f{number}", "addr": f"{slot}.{number}"} | where
            if r.random() < .6:
                device["multifunction"] = r.choice(["on", "on", "off"])
            if self.iommufds and r.random() < .6:
                device["iommufd"] = self.iommufds[0]
            if hot:
                self.plug(device)
                if r.random() < .1:
                    self.replug()
            elif r.random() < .2:
                plain = {name: value for name, value in device.items() if name not in ("host", "iommufd")}
                self.argv += ["-device", keyval(plain | {"driver": r.choice(["e1000e", "virtio-rng-pci"])})]
            else:
                self.argv += ["-device", keyval(device)]

    def rom(self, device):
        """An option ROM of each kind that make_believe.py has."""
        r = self.r
        device["romfile"] = "/tmp/rom/" + r.choice(["missing", "empty", "folder", "vbios", "vbios", "vbios/x"])
        if r.random() < .4:
            device["romsize"] = r.choice(["32768", "65536", "131072", "0", "1", "3", "4294967295", "2147483648"])
        if r.random() < .25:
            device["rombar"] = r.choice(["0", "1", "-1"])

    def old(self):
        """A machine type of a release, which may be too old or too new."""
        release = self.r.choice(["11.1", "11.0", "10.1", "10.0", "9.2", "9.1", "9.0", "8.2", "8.1", "8.0", "7.2", "6.1", "6.0", "5.2", "5.1", "4.0.1"])
        return self.r.choice(["pc-q35-", "pc-q35-", "pc-i440fx-"]) + release

    def option(self):
        return "q35," + self.r.choice([
            "cxl=on", "cxl=on", "default-bus-bypass-iommu=on", "smm=off", "nosuch=1", "sata=off", "smbus=off", "kernel-irqchip=split",
            "max-ram-below-4g=x", "accel=tcg", "vmport=x", "nvdimm=on", "hmat=on", "i8042=off", "usb=x", "pic=off", "graphics=off",
            "memory-backend=nope", "default_bus_bypass_iommu=on"])

    def quoted(self, text):
        """Some in double quotes, as the human monitor reads them."""
        return f'"{text}"' if self.r.random() < .1 and '"' not in text else text

    def plug_other(self, human):
        """A device of another kind, and now and then memory."""
        r = self.r
        device = {"driver": r.choice(OTHERS + ["virtio-balloon-pci"])} | self.place(True)
        if r.random() < .4:
            device["id"] = r.choice(["o1", "o2", "rp0", "v0"])
        if r.random() < .3:
            device["acpi-index"] = r.choice(["1", "2"])
        if r.random() < .2:
            device = {"driver": "pc-dimm", "memdev": "m1", "id": "d1"}
            text = "memory-backend-ram,id=m1,size=128M"
            self.plugs.append("object_add " + text if human else {
                "execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "m1", "size": 1 << 27}})
        self.plugs.append("device_add " + keyval(device) if human else typed(device))

    def sets(self):
        """-set of a device that has an id and is key=value text."""
        r = self.r
        ids = [part[3:] for word in self.argv for part in word.split(",") if part.startswith("id=") and not word.startswith("{")]
        if r.random() < .05 and ids:
            name = r.choice(list(SETS))
            group = r.choices(["device", "object", "machine"], [90, 5, 5])[0]
            self.argv += ["-set", f"{group}.{r.choice(ids) if r.random() < .93 else 'nope'}.{name}={r.choice(SETS[name])}"]

    def configure(self, trial):
        """Moves some of the key=value options into a file for -readconfig."""
        r = self.r
        if r.random() >= .06:
            return
        argv, moved, kept = self.argv, [], []
        at = 0
        while at < len(argv):
            isMovable = argv[at] in ("-device", "-object", "-global") and at + 1 < len(argv) and not argv[at + 1].startswith("{")
            if isMovable and r.random() < .6:
                moved.append((argv[at][1:], argv[at + 1]))
                at += 2
            else:
                kept.append(argv[at])
                at += 1
        if moved and "-set" not in kept:
            self.argv = ["-readconfig", "/tmp/config"] + kept if r.random() < .5 else kept + ["-readconfig", "/tmp/config"]
            trial["argv"], trial["config"] = self.argv, "".join(section(*one) for one in moved)

    def objects(self):
        r = self.r
        if r.random() < (.5 if self.hasIOMMUFD else .02):
            self.iommufds = ["i0"] if r.random() < .85 else ["i0", "i1"]
            for name in self.iommufds:
                self.argv += ["-object", f"iommufd,id={name}"]
        else:
            self.iommufds = []
        if self.hasIOMMUFD and r.random() < .02:
            self.argv += ["-object", r.choice(["iommufd,id=1a", "iommufd,id=i9,fd=x", "memory-backend-ram,id=i0,size=1M"])]

    def topology(self):
        r = self.r
        if r.random() < .25:
            self.argv += ["-device", r.choice([
                "intel-iommu,caching-mode=on", "intel-iommu,caching-mode=on,aw-bits=39", "intel-iommu", "virtio-iommu-pci",
                "virtio-iommu,granule=host", "amd-iommu", "amd-iommu,dma-remap=on", "intel-iommu,caching-mode=on,device-iotlb=on",
                "virtio-iommu-pci,granule=4k", "virtio-iommu-pci,granule=64k", "virtio-iommu-pci,bus=pcie.0,addr=7", "intel-iommu,x-flts=on",
                "virtio-iommu-pci,boot-bypass=off,id=v0", "amd-iommu,intremap=on,device-iotlb=on", "amd-iommu,pci-id=nope", "amd-iommu,xtsup=on",
                "intel-iommu,caching-mode=on,scalable-mode=on", "intel-iommu,caching-mode=on,snoop-control=on,id=io",
                "intel-iommu,aw-bits=40", "intel-iommu,fsts=on", "intel-iommu,caching-mode=on,eim=on,intremap=off",
                "intel-iommu,scalable-mode=on,fsts=on", "virtio-iommu-pci,aw-bits=65", "intel-iommu,pasid-bits=8"])]
            if r.random() < .06:
                self.argv += ["-device", r.choice(["intel-iommu", "virtio-iommu-pci", "amd-iommu"])]
        chassis = 0
        for _ in range(r.choices([0, 1, 2, 3], [15, 40, 30, 15])[0]):
            chassis += r.choices([1, 0], [97, 3])[0]
            name = f"rp{len(self.ports)}"
            extra = r.choices(["", f",addr={r.choice(ADDRESSES)}", ",hotplug=off", ",slot=1", ",bus=pcie.0"], [70, 12, 5, 5, 8])[0]
            number = f",chassis={chassis}" if r.random() < .97 else ""
            kind = r.choices(["pcie-root-port", "ioh3420"], [9, 1])[0]
            if r.random() < .03:
                extra += r.choice([",multifunction=on", ",hotplug=x", ",x-native-hotplug=off", ",bus-reserve=2", ",nosuch=1", ",aer_log_max=129",
                                   ",mem-reserve=4G", ",pref32-reserve=1M,pref64-reserve=1M", ",disable-acs=on", ",port=3", ",x-speed=3"])
            text = f"{kind},id={name}{number}{extra}"
            if r.random() < .08:
                text = json.dumps({"driver": kind, "id": name, "chassis": chassis})
            self.argv += ["-device", text]
            self.ports.append(name)
        if r.random() < .2:
            at = f",bus={r.choice(self.ports)}" if self.ports and r.random() < .7 else ""
            kind = r.choice(["pcie-pci-bridge,id=b0", "pci-bridge,id=b0,chassis_nr=1", "pci-bridge,id=b0,chassis_nr=1,shpc=off",
                             "i82801b11-bridge,id=b0", "pci-bridge,id=b0"])
            self.argv += ["-device", kind + at]
            self.bridges.append("b0")
        if r.random() < .08:
            kind = "pxb-pcie" if self.express else "pxb"
            self.argv += ["-device", f"{kind},id=px,bus_nr={r.choice([5, 100, 128])}{r.choice(['', ',bus=' + self.root, ',bypass_iommu=on'])}"]
            self.bridges.append("px")
            if self.express and r.random() < .6:
                self.argv += ["-device", f"pcie-root-port,id=rpx,chassis=99,bus=px"]
                self.ports.append("rpx")
        if r.random() < (.8 if self.isCXL else .02):
            self.argv += ["-device", f"pxb-cxl,id=cx,bus_nr={r.choice([20, 40])}{r.choice(['', ',bus=' + self.root])}"]
            self.bridges.append("cx")
            if r.random() < .7:
                self.argv += ["-device", f"cxl-rp,id=crp,chassis=77,slot=2,bus={r.choice(['cx', 'cx', 'cx', self.root])}"]
                self.ports.append("crp")
        if self.ports and r.random() < .05:
            self.argv += ["-device", f"x3130-upstream,id=up,bus={r.choice(self.ports)}",
                          "-device", f"xio3130-downstream,id=down,chassis=60,bus=up"]
            self.ports.append("down")
        self.hasStandby = r.random() < .05
        if self.hasStandby:
            self.argv += ["-device", "virtio-net-pci,id=n,failover=on"]

    def globals(self):
        r = self.r
        for _ in range(r.choices([0, 1, 2], [88, 10, 2])[0]):
            name = r.choice([n for n in PROPERTIES if n not in ("fd", "realized", "sriov-pf") or r.random() < .3])
            kind = r.choices(["vfio-pci", "vfio-pci-nohotplug", "vfio-pci-device", "e1000e"], [80, 7, 8, 5])[0]
            if kind == "e1000e":
                name = "rombar"
            self.argv += ["-global", f"{kind}.{name}={r.choice(PROPERTIES[name])}"]
        if r.random() < .04:
            name = r.choice(["addr=3", "addr=x", "addr=3.0", "multifunction=x", "failover_pair_id=n", "acpi-index=1", "bootindex=1", "romsize=3",
                             "rombar=2", "x-pci-vendor-id=0x10000", "ats=1", "display=on", "ramfb=on", "x-igd-gms=x", "host=", "sysfsdev=/x"])
            self.argv += ["-global", f"{r.choice(['vfio-pci', 'vfio-pci', 'vfio-pci-device', 'pci-device'])}.{name}"]
        if r.random() < .1:
            text = r.choice(GLOBALS)
            if r.random() < .2:
                driver, _, rest = text.partition(".")
                name, _, value = rest.partition("=")
                text = f"driver={driver},property={name},value={value}"
            self.argv += ["-global", text]

    def place(self, hot):
        """bus and addr"""
        r = self.r
        where = {}
        choice = r.random()
        if self.ports and choice < (.75 if hot else .5):
            where["bus"] = r.choice(self.ports)
            if r.random() < .15:
                where["addr"] = r.choice(["0", "0.1", "0.0", "1", "x", "0.7", "00", "0x0"])
        elif self.bridges and choice < .85:
            where["bus"] = r.choice(self.bridges)
            if r.random() < .7:
                where["addr"] = r.choice(["1", "2", "1.0", "3", "0"])
        elif choice < .9:
            if r.random() < .3:
                where["bus"] = self.root
            if r.random() < .5:
                where["addr"] = r.choice(ADDRESSES)
            elif r.random() < .1:
                where["addr"] = r.choice(SPELLINGS)
            elif r.random() < .3:
                # Functions of one slot, with and without the first.
                where["addr"] = r.choice(["8", "8.0", "8.1", "8.2", "8.7"])
                where["multifunction"] = r.choice(["on", "on", "off"])
        elif choice < .93:
            where["bus"] = r.choice(["nope", "pcie.1", "ide.0", "isa.0", "i2c", "pcie.0/rp0", "rp0/rp0", "", "main-system-bus"])
        return where

    def other(self):
        device = {"driver": self.r.choice(OTHERS)} | self.place(False)
        for name in ("bootindex", "acpi-index", "multifunction"):
            if self.r.random() < .1 and (name != "bootindex" or "net" in device["driver"] or "e1000" in device["driver"]):
                device[name] = self.r.choice(PROPERTIES[name])
        if self.r.random() < .3:
            device["id"] = self.r.choice(["o1", "o2", "rp0", "v0"])
        self.argv += ["-device", keyval(device)]

    def vfio(self, hot):
        r = self.r
        driver = r.choices(["vfio-pci", "vfio-pci-nohotplug", "vfio-pcie", "vfio-pci-device"], [95, 3, 1, 1])[0]
        device = {"driver": driver, "host": self.hosts.pop() if self.hosts and r.random() < .95 else r.choice(self.all_hosts)}
        if r.random() < .7:
            device["id"] = r.choices([f"v{len(self.plugs)}{len(self.hosts)}", "rp0", "1a", "o1"], [92, 3, 2, 3])[0]
        if r.random() < .02:
            device["host"] = r.choice(["zz", "01:00", "", "1:0.0"])
        if r.random() < .03:
            device["id"] = r.choice(IDS)
        if getattr(self, "hasStandby", False) and r.random() < .5:
            device["failover_pair_id"] = "n"
        if self.iommufds and r.random() < .6:
            device["iommufd"] = r.choices([r.choice(self.iommufds), "nope", ""], [94, 3, 3])[0]
        device |= self.place(hot)
        for _ in range(r.choices([0, 1, 2, 3], [45, 33, 15, 7])[0]):
            name = r.choice(list(PROPERTIES))
            if name not in RARE or r.random() < .25:
                device[name] = r.choice(PROPERTIES[name])
        if not self.isInLab and r.random() < .02:
            self.rom(device)
        items = list(device.items())
        first = items.pop(0)
        r.shuffle(items)
        return dict([first] + items)


def read(word):
    """The properties of key=value text; an option's name has no id."""
    first, *rest = word.split(",")
    return {"driver": first} | dict(part.split("=", 1) for part in rest if "=" in part)


def section(group, text):
    """An option as a section of a configuration file."""
    first, *rest = text.split(",")
    if group == "global":
        driver, _, left = first.partition(".")
        name, _, value = left.partition("=")
        pairs = [("driver", driver), ("property", name), ("value", value)] if not rest else [p.split("=", 1) for p in text.split(",")]
        return "[global]\n" + "".join(f'  {n} = "{v}"\n' for n, v in pairs)
    pairs = [p.split("=", 1) for p in rest]
    name = next((v for n, v in pairs if n == "id"), None)
    head = f'[{group} "{name}"]\n' if name is not None else f"[{group}]\n"
    kind = "driver" if group == "device" else "qom-type"
    return head + f'  {kind} = "{first}"\n' + "".join(f'  {n} = "{v}"\n' for n, v in pairs if n != "id")


def keyval(device):
    return ",".join([device["driver"]] + [f"{name}={value}" for name, value in device.items() if name != "driver"])


NUMERIC = {"bootindex", "acpi-index", "rombar", "romsize", "xres", "yres", "x-nv-gpudirect-clique", "x-pci-vendor-id",
           "x-pci-device-id", "x-pci-sub-vendor-id", "x-pci-sub-device-id", "x-pci-class-code", "x-igd-gms",
           "x-intx-mmap-timeout-ms", "x-vpasid-cap-offset"}
BOOLEAN = {"x-vga", "multifunction", "x-balloon-allowed", "x-igd-opregion", "x-req", "x-no-mmap", "x-no-kvm-intx", "skip-vsc-check",
           "x-pcie-ext-tag", "migration-events", "realized", "ramfb"}


def typed(device):
    """The device with the types that JSON wants, where the value has one."""
    result = {}
    for name, value in device.items():
        # The slot as a number is devfn.
        if name == "addr" and value.isdigit() and value[0] != "0" and len(value) < 3 and len(device) % 4 == 0:
            value = int(value) * 8
        if name in BOOLEAN and value in ("on", "off"):
            value = value == "on"
        elif name in NUMERIC:
            try:
                value = int(value, 0)
            except ValueError:
                pass
        result[name] = value
    return result


def main(seed, count, release="11.1"):
    for number in range(int(count)):
        print(json.dumps(Trial(random.Random(f"{seed}/{number}"), release).make()))


if __name__ == "__main__":
    main(*sys.argv[1:])
