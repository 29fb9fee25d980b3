"""random_trials.py SEED COUNT [RELEASE|lab]: machines and plugs by chance, one trial a line, for make_believe.py.

Every spelling, bus shape, backend and vIOMMU has its share, and every property of vfio-pci valid, wrong and extreme
values; about half of the trials realize. The same seed gives the same trials, and a longer run begins with those of a
shorter one. `lab`: for the devices of the lab's machines, and with little memory, which the kernel pins."""
import json, random, sys

HOSTS = ["0000:01:00.0", "02:00.0", "02:00.1", "03:00.0", "00:02.0", "05:00.0", "06:00.0", "07:00.0", "07:00.1", "08:00.0", "09:00.0", "0a:00.0",
         "0000:ff:1f.7"]
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
    "sysfsdev": ["/sys/bus/pci/devices/0000:01:00.0", "/sys/bus/pci/devices/0000:ff:1f.7", "/nope", ""],
    "fd": ["9999999999", "x", "-1"], "realized": ["off", "off", "on"], "sriov-pf": ["", "x"], "busnr": ["1"], "hotplugged": ["on"],
    "nosuch": ["1"], "ramfb": ["off", "on"],
}
RARE = {"realized", "sriov-pf", "busnr", "hotplugged", "nosuch", "ramfb", "sysfsdev", "fd", "vf-token", "x-vga"}
ADDRESSES = ["5", "6", "7.0", "8", "0", "1", "1.0", "2", "3", "0.1", "5.1", "6.1", "1f.0", "1f.2", "1f.3", "0x9", "20", "x", "1d.0", "4.+1"]


class Trial:
    def __init__(self, chance, release="11.1"):
        self.r = chance
        self.isInLab = release == "lab"
        self.hasIOMMUFD = release != "7.2"
        self.versioned = "pc-q35-9.1" if self.hasIOMMUFD else "pc-q35-6.2"
        self.argv, self.plugs, self.ports, self.bridges, self.buses = [], [], [], [], []
        self.all_hosts = LAB_HOSTS if self.isInLab else HOSTS
        self.hosts = chance.sample(self.all_hosts, len(self.all_hosts))

    def make(self):
        r = self.r
        machine = r.choices(["q35", "pc", "microvm,pcie=on", "q35,usb=on", "q35,acpi=off", self.versioned, "pc-q35-99.0", "none"],
                            [60, 14, 3, 4, 3, 6, 1, 1])[0]
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
        for _ in range(r.choices([0, 1, 2], [70, 20, 10])[0]):
            self.other()
        hot = r.random() < .4
        if not hot or r.random() < .2:
            for _ in range(r.choices([1, 2, 3], [65, 28, 7])[0]):
                device = self.vfio(False)
                self.argv += ["-device", json.dumps(typed(device)) if r.random() < .25 else keyval(device)]
        if hot:
            human = r.random() < .3
            for _ in range(r.choices([1, 2, 3], [60, 30, 10])[0]):
                device = self.vfio(True)
                self.plugs.append("device_add " + keyval(device) if human else typed(device))
        if self.isInLab:
            self.argv += ["-m", "64"]
        trial = {"argv": self.argv}
        return trial | ({"plugs": self.plugs} if self.plugs else {})

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
                "intel-iommu,aw-bits=40", "intel-iommu,fsts=on", "intel-iommu,caching-mode=on,eim=on,intremap=off",
                "intel-iommu,scalable-mode=on,fsts=on", "virtio-iommu-pci,aw-bits=65", "intel-iommu,pasid-bits=8"])]
        chassis = 0
        for _ in range(r.choices([0, 1, 2, 3], [15, 40, 30, 15])[0]):
            chassis += r.choices([1, 0], [97, 3])[0]
            name = f"rp{len(self.ports)}"
            extra = r.choices(["", f",addr={r.choice(ADDRESSES)}", ",hotplug=off", ",slot=1", ",bus=pcie.0"], [70, 12, 5, 5, 8])[0]
            number = f",chassis={chassis}" if r.random() < .97 else ""
            kind = r.choices(["pcie-root-port", "ioh3420"], [9, 1])[0]
            self.argv += ["-device", f"{kind},id={name}{number}{extra}"]
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
        if r.random() < .04:
            self.argv += ["-device", "virtio-net-pci,id=n,failover=on"]

    def globals(self):
        r = self.r
        for _ in range(r.choices([0, 1, 2], [88, 10, 2])[0]):
            name = r.choice([n for n in PROPERTIES if n not in ("fd", "realized", "sriov-pf") or r.random() < .3])
            kind = r.choices(["vfio-pci", "vfio-pci-nohotplug", "vfio-pci-device", "e1000e"], [80, 7, 8, 5])[0]
            if kind == "e1000e":
                name = "rombar"
            self.argv += ["-global", f"{kind}.{name}={r.choice(PROPERTIES[name])}"]
        if r.random() < .01:
            self.argv += ["-global", "vfio-pci.addr=3"]

    def place(self, hot):
        """bus and addr"""
        r = self.r
        where = {}
        choice = r.random()
        if self.ports and choice < (.75 if hot else .5):
            where["bus"] = r.choice(self.ports)
            if r.random() < .15:
                where["addr"] = r.choice(["0", "0.1", "0.0", "1", "x"])
        elif self.bridges and choice < .85:
            where["bus"] = r.choice(self.bridges)
            if r.random() < .7:
                where["addr"] = r.choice(["1", "2", "1.0", "3", "0"])
        elif choice < .9:
            if r.random() < .3:
                where["bus"] = self.root
            if r.random() < .5:
                where["addr"] = r.choice(ADDRESSES)
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
        if self.iommufds and r.random() < .6:
            device["iommufd"] = r.choices([r.choice(self.iommufds), "nope", ""], [94, 3, 3])[0]
        device |= self.place(hot)
        for _ in range(r.choices([0, 1, 2, 3], [45, 33, 15, 7])[0]):
            name = r.choice(list(PROPERTIES))
            if name not in RARE or r.random() < .25:
                device[name] = r.choice(PROPERTIES[name])
        items = list(device.items())
        first = items.pop(0)
        r.shuffle(items)
        return dict([first] + items)


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
