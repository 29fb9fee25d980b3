"""Single trials: requests that are wrong in themselves, or ask for more than a device."""
import itertools, json
from host import ARM
from singles import other
from trials import BOTH, EXPRESS, IOMMUFD, MISSING, NIC, PAIR0, PAIR1, trial

EMULATED = {"driver": "e1000e", "id": "b0", "bus": "rp"}
TWO_OBJECTS = IOMMUFD + ("-object", "iommufd,id=io1")
VIOMMUS = (
    "intel-iommu", "intel-iommu,caching-mode=on", "intel-iommu,caching-mode=on,device-iotlb=on",
    "intel-iommu,caching-mode=on,aw-bits=39", "intel-iommu,caching-mode=on,snoop-control=on",
    "intel-iommu,scalable-mode=on,fsts=on", "intel-iommu,scalable-mode=on,caching-mode=on",
    "amd-iommu", "amd-iommu,dma-remap=on", "virtio-iommu-pci")
WIDTHS = ("intel-iommu,caching-mode=on", "intel-iommu,caching-mode=on,aw-bits=39", "intel-iommu,caching-mode=on,aw-bits=48",
          "intel-iommu", "intel-iommu,aw-bits=39", "intel-iommu,scalable-mode=on,fsts=on", "intel-iommu,scalable-mode=on,caching-mode=on",
          "intel-iommu,scalable-mode=on,caching-mode=on,fsts=on")
GLOBALS = ("vfio-pci.ats=off", "vfio-pci.ats=on", "vfio-pci-nohotplug.ats=off", "vfio-pci-device.ats=off",
           "vfio-pci.ats=bogus", "vfio-pci.nope=1", "VFIO-PCI.ats=off")
PC = {"bus": None, "machine": "pc", "topology": ("-device", "pci-bridge,id=pb,chassis_nr=1,addr=4.0"), "extra": {"addr": "5.0"}}


def topology():
    """Buses, slots, ids and properties."""
    for b in BOTH:
        yield trial(f"slot in use by an emulated device, {b}", NIC, b, before=(EMULATED,))
        yield trial(f"slot in use, addr given, {b}", NIC, b, before=(EMULATED,), extra={"addr": "0.0"})
        yield trial(f"slot in use and host missing, {b}", MISSING, b, before=(EMULATED,))
        yield trial(f"slot in use on the bridge, {b}", NIC, b, bus="conventional-bridge", before=(dict(EMULATED,
                    driver="e1000", bus="ppb", addr="3.0"),), extra={"addr": "3.0"})
        yield trial(f"addr=1.0 under a root port, {b}", NIC, b, extra={"addr": "1.0"})
        yield trial(f"addr=0.1 under a root port, {b}", NIC, b, extra={"addr": "0.1"})
        yield trial(f"addr=0.0 on the bridge, {b}", NIC, b, bus="conventional-bridge", extra={"addr": "0.0"})
        yield trial(f"duplicate id, {b}", NIC, b, extra={"id": "rp2"})
        yield trial(f"duplicate id, keyval, {b}", NIC, b, extra={"id": "rp2"}, cold="keyval", hot=False)
        yield trial(f"no id, {b}", NIC, b, drop=("id",))
        yield trial(f"invalid id, {b}", NIC, b, extra={"id": "1bad"})
        yield trial(f"no bus, {b}", NIC, b, bus=None)
        yield trial(f"bus unknown, {b}", NIC, b, extra={"bus": "nope"})
        yield trial(f"no host, {b}", NIC, b, drop=("host",))
        yield trial(f"no host, keyval, {b}", NIC, b, drop=("host",), cold="keyval", hot=False)
        yield trial(f"sysfsdev, {b}", NIC, b, drop=("host",), extra={"sysfsdev": f"/sys/bus/pci/devices/{NIC}"})
        yield trial(f"sysfsdev missing, {b}", NIC, b, drop=("host",),
                    extra={"sysfsdev": "/sys/bus/pci/devices/0000:09:00.0"})
        yield trial(f"keyval, {b}", NIC, b, cold="keyval", hot=False)
        yield trial(f"keyval ats=on, {b}", NIC, b, "on", cold="keyval", hot=False)
        yield trial(f"unknown property, {b}", NIC, b, extra={"nope": "on"})
    for value in ("On", "yes", "true", "1", "", True, None, 1):
        t = trial(f"ats bad value {json.dumps(value)}", NIC, "iommufd", extra={"ats": value})
        yield t
        if isinstance(value, str):
            yield trial(f"ats bad value {json.dumps(value)}, keyval", NIC, "iommufd", extra={"ats": value},
                        cold="keyval", hot=False)
    yield trial("ats bad value and host missing", MISSING, "iommufd", "bogus")
    yield trial("ats bad value and iommufd missing", NIC, "iommufd", "bogus", extra={"iommufd": "nope"})
    yield trial("iommufd object missing", NIC, "iommufd", objects=())
    yield trial("iommufd object missing, keyval", NIC, "iommufd", objects=(), cold="keyval", hot=False)
    yield trial("iommufd names another kind of object", NIC, "iommufd", extra={"iommufd": "rng0"},
                args=("-object", "rng-builtin,id=rng0"))
    yield trial("iommufd names a device", NIC, "iommufd", extra={"iommufd": "rp2"})
    yield trial("iommufd empty", NIC, "iommufd", extra={"iommufd": ""})
    yield trial("iommufd object twice", NIC, "iommufd", objects=IOMMUFD + IOMMUFD)
    yield trial("two iommufd objects, one device each", NIC, "iommufd", objects=TWO_OBJECTS,
                before=(other(EXPRESS, "iommufd", iommufd="io1"),))
    yield trial("one group over two iommufd objects", PAIR0, "iommufd", objects=TWO_OBJECTS,
                before=(other(PAIR1, "iommufd", iommufd="io1"),))


def globals_and_descriptors():
    """-global, the class without hotplug, passed descriptors, realized."""
    for g in GLOBALS:
        yield trial(f"-global {g}", NIC, "iommufd", glob=g)
        yield trial(f"-global {g}, device on", NIC, "iommufd", "on", glob=g)
    yield trial("-global vfio-pci.ats=off, device auto, legacy", NIC, "legacy", "auto", glob="vfio-pci.ats=off")
    yield trial("-global vfio-pci.ats=off, legacy", NIC, "legacy", glob="vfio-pci.ats=off")
    for b, a in itertools.product(BOTH, (None, "on", "off")):
        yield trial(f"vfio-pci-nohotplug, ats {a}, {b}", NIC, b, a, driver="vfio-pci-nohotplug")
    yield trial("-global vfio-pci.ats=off, vfio-pci-nohotplug", NIC, "iommufd", driver="vfio-pci-nohotplug",
                glob="vfio-pci.ats=off")
    yield trial("-global vfio-pci-nohotplug.ats=off, vfio-pci-nohotplug", NIC, "iommufd",
                driver="vfio-pci-nohotplug", glob="vfio-pci-nohotplug.ats=off")
    yield trial("fd without id (K1)", NIC, "fd", drop=("id",))
    yield trial("fd without iommufd", NIC, "fd", drop=("iommufd",))
    yield trial("fd without id nor iommufd (K1)", NIC, "fd", drop=("id", "iommufd"))
    yield trial("fd and host", NIC, "fd", extra={"host": EXPRESS})
    yield trial("fd of a name unknown", NIC, "iommufd", extra={"fd": "nope"})
    yield trial("fd of /dev/null", NIC, "iommufd", extra={"fd": "0"}, drop=("host",))
    yield trial("fd closed", NIC, "iommufd", extra={"fd": "777"}, drop=("host",))
    yield trial("fd and group not viable", PAIR0, "fd", setup=(f"bind {PAIR1} host",))
    yield trial("realized=true (K2)", NIC, "iommufd", extra={"realized": True})
    yield trial("realized=false", NIC, "iommufd", extra={"realized": False})


def viommus():
    """Virtual IOMMUs of x86, and its machines."""
    for b, a, v in itertools.product(BOTH, (None, "on"), VIOMMUS):
        yield trial(f"vIOMMU {v}, ats {a}, {b}", NIC, b, a, args=("-device", v))
    for b in BOTH:
        yield trial(f"VT-d without caching-mode and no driver, {b}", NIC, b, setup=(f"bind {NIC} none",),
                    args=("-device", "intel-iommu"))
        yield trial(f"VT-d without caching-mode, conventional bridge, {b}", NIC, b, bus="conventional-bridge",
                    args=("-device", "intel-iommu"))
        yield trial(f"i440fx, {b}", NIC, b, **PC)
        yield trial(f"i440fx ats=on, {b}", NIC, b, "on", **PC)
        yield trial(f"pc-q35-10.0, {b}", NIC, b, machine="pc-q35-10.0")


def more():
    """What else vfio-pci can be asked for."""
    for b in BOTH:
        yield trial(f"display=on, {b}", NIC, b, extra={"display": "on"})
        yield trial(f"enable-migration=on, {b}", NIC, b, extra={"enable-migration": "on"})
        yield trial(f"enable-migration=on and ats=on, {b}", EXPRESS, b, "on", extra={"enable-migration": "on"})
        yield trial(f"x-no-mmap, {b}", NIC, b, extra={"x-no-mmap": True})
        yield trial(f"host PCI bridge, {b}", "0000:00:10.0", b)
        yield trial(f"host PCIe-to-PCI bridge on no driver, {b}", "0000:04:00.0", b)
    yield trial("iommufd object with a missing /dev/iommu, no device use", NIC, "legacy", setup=("away /dev/iommu",),
                objects=IOMMUFD)
    yield trial("hot plug onto pcie.0 and host missing", MISSING, "iommufd", bus="root-bus")


def widths():
    """A guest's IOMMU that is wider than the host's, where that has 39 bits, or 47."""
    for b, v in itertools.product(BOTH, WIDTHS):
        yield trial(f"{v}, {b}", NIC, b, args=("-device", v))
    for b, m in itertools.product(BOTH, ("pc-q35-9.1", "pc-q35-9.2")):
        yield trial(f"{WIDTHS[0]} in {m}, {b}", NIC, b, machine=m, args=("-device", WIDTHS[0]))
    for b in BOTH:
        yield trial(f"{WIDTHS[0]}, ats=on, {b}", EXPRESS, b, "on", args=("-device", WIDTHS[0]))
        yield trial(f"{WIDTHS[0]}, conventional bridge, {b}", NIC, b, bus="conventional-bridge", args=("-device", WIDTHS[0]))
        yield trial(f"{WIDTHS[0]} of 48 bits by -global, {b}", NIC, b, glob="intel-iommu.aw-bits=48", args=("-device", WIDTHS[0]))
        yield trial(f"{WIDTHS[0]} of 39 bits by -global, {b}", NIC, b, glob="intel-iommu.aw-bits=39", args=("-device", WIDTHS[0]))


def order():
    """A guest's IOMMU that comes after the device on the command line."""
    for b, v in itertools.product(BOTH, ("intel-iommu", "intel-iommu,caching-mode=on", "intel-iommu,caching-mode=on,aw-bits=39",
                                         "amd-iommu", "amd-iommu,dma-remap=on", "virtio-iommu-pci")):
        name, *settings = v.split(",")
        written = json.dumps({"driver": name, **{k: x == "on" or int(x) for k, x in (s.split("=") for s in settings)}})
        yield trial(f"{v} behind, both keyval, {b}", NIC, b, cold="keyval", hot=False, after=("-device", v))
        yield trial(f"{v} behind, both JSON, {b}", NIC, b, hot=False, after=("-device", written))
        yield trial(f"{v} behind as keyval, the device JSON, {b}", NIC, b, hot=False, after=("-device", v))
        yield trial(f"{v} before as JSON, the device keyval, {b}", NIC, b, cold="keyval", hot=False, args=("-device", written))


def mixed():
    """Both backends in a guest with an IOMMU, behind it or not."""
    vtd = {"driver": "intel-iommu", "caching-mode": True, "aw-bits": 39}
    for (first, b), v in itertools.product((BOTH, BOTH[::-1]), ("amd-iommu", "amd-iommu,dma-remap=on", "virtio-iommu-pci")):
        yield trial(f"mixed backends behind {v}, {first} first", NIC, b, args=("-device", v), before=(other(EXPRESS, first),))
    for first, b in (BOTH, BOTH[::-1]):
        objects = {"objects": IOMMUFD}
        yield trial(f"mixed backends before VT-d, {first} first", NIC, b, before=(other(EXPRESS, first),), hot=False,
                    after=("-device", json.dumps(vtd)), **objects)
        yield trial(f"mixed backends, {first} before VT-d, {b} behind it", NIC, b, before=(other(EXPRESS, first), vtd), **objects)
        yield trial(f"mixed backends, {first} behind VT-d, {b} on a bus that bypasses it", NIC, b, hot=False,
                    before=(vtd, other(EXPRESS, first), {"driver": "pxb-pcie", "id": "pxb", "bus_nr": 64, "bypass_iommu": True},
                            {"driver": "pcie-root-port", "id": "rpx", "bus": "pxb", "chassis": 9}), extra={"bus": "rpx"}, **objects)


SECTIONS = {"topology and properties": topology, "globals and descriptors": globals_and_descriptors,
            "other properties": more, **({} if ARM else {"virtual IOMMUs": viommus})}
WIDE = {"address width": widths}
NARROW = {"address width": widths, "order": order, "both backends": mixed}
