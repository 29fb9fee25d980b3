"""Two faults at once: which one is reported. Most useful where the kernel refuses ats=on."""
from requested import EMULATED
from singles import NOBODY, NODES, other
from trials import EXPRESS, MISSING, NIC, PAIR0, PAIR1, BOTH, trial

VTD = ("-device", "intel-iommu")


def crossings():
    cross = lambda name, host=NIC, b="iommufd", ats="on", **kw: trial(f"crossing {name}, {b}", host, b, ats, **kw)
    for b in BOTH:
        yield cross("ats=on", b=b)
        yield cross("ats=on, conventional bridge", b=b, bus="conventional-bridge")
        yield cross("ats=on and VT-d without caching-mode", b=b, args=VTD)
        yield cross("ats=on and display=on", b=b, extra={"display": "on"})
        yield cross("ats=on and enable-migration=on", b=b, extra={"enable-migration": "on"})
        yield cross("ats=on and addr=1.0", b=b, extra={"addr": "1.0"})
        yield cross("ats=on and addr=0.1", b=b, extra={"addr": "0.1"})
        yield cross("ats=on and slot in use", b=b, before=(EMULATED,), extra={"addr": "0.0"})
        yield cross("bad ats and slot in use", b=b, ats="bogus", before=(EMULATED,), extra={"addr": "0.0"})
        yield cross("bad ats and duplicate id", b=b, ats="bogus", extra={"id": "rp2"})
        yield cross("duplicate id and host missing", MISSING, b, extra={"id": "rp2"})
        yield cross("duplicate id and bus unknown", b=b, extra={"id": "rp2", "bus": "nope"})
        yield cross("duplicate id and slot in use", b=b, before=(EMULATED,), extra={"id": "rp2", "addr": "0.0"})
        yield cross("no host and slot in use", b=b, drop=("host",), before=(EMULATED,), extra={"addr": "0.0"})
        yield cross("no host and bad ats", b=b, ats="bogus", drop=("host",))
        yield cross("bus unknown and bad ats", b=b, ats="bogus", extra={"bus": "nope"})
        yield cross("nohotplug and bus unknown", b=b, driver="vfio-pci-nohotplug", extra={"bus": "nope"})
        yield cross("nohotplug and root bus", b=b, bus="root-bus", driver="vfio-pci-nohotplug")
        yield cross("root bus and host missing", MISSING, b, bus="root-bus")
        yield cross("unknown property and bad ats", b=b, ats="bogus", extra={"nope": "on"})
        yield cross("K2 and host missing", MISSING, b, extra={"realized": True})
        yield cross("K2 and bad ats", b=b, ats="bogus", extra={"realized": True})
        yield cross("K2 and duplicate id", b=b, extra={"id": "rp2", "realized": True})
        yield cross("K2 and no driver", b=b, setup=(f"bind {NIC} none",), extra={"realized": True})
        dev = other(EXPRESS, "legacy" if b == "iommufd" else "iommufd")
        yield cross("K3 and no driver", b=b, before=(dev,), setup=(f"bind {NIC} none",))
        yield cross("K3 and group not viable", PAIR0, b, before=(dev,), setup=(f"bind {PAIR1} host",))
        yield cross("K3 and cdev node missing", b=b, before=(dev,), setup=(f"away cdev:{NIC}",))
        yield cross("K3 and slot in use", b=b, before=(dev, EMULATED | {"id": "b1"}), extra={"addr": "0.0"})
        yield cross("K3 with VT-d without caching-mode", b=b, before=(dev,), args=VTD)
        yield cross("no driver and /dev/iommu missing", b=b, setup=("away /dev/iommu", f"bind {NIC} none"))
        yield cross("group not viable and /dev/iommu missing", PAIR0, b,
                    setup=("away /dev/iommu", f"bind {PAIR1} host"))
        yield cross("group not viable and VT-d without caching-mode", PAIR0, b, setup=(f"bind {PAIR1} host",),
                    args=VTD)
        yield cross("group not viable and /dev/vfio/vfio missing", PAIR0, b,
                    setup=("away /dev/vfio/vfio", f"bind {PAIR1} host"))
        yield cross("memlock and group not viable", PAIR0, b, user=NOBODY, memlock=64 << 10,
                    setup=("chmod 666 /dev/iommu", f"chmod 666 cdev:{PAIR0}", f"chmod 666 group:{PAIR0}", f"bind {PAIR1} host"))
        yield cross("memlock and VT-d without caching-mode", b=b, user=NOBODY, memlock=64 << 10, setup=NODES,
                    args=VTD)
        yield cross("memlock", b=b, user=NOBODY, memlock=64 << 10, setup=NODES)
        yield cross("memlock, ats unset", b=b, ats=None, user=NOBODY, memlock=64 << 10, setup=NODES)
        yield cross("no access to cdev nor /dev/iommu", b=b, user=NOBODY, memlock=1 << 32,
                    setup=("chmod 600 /dev/iommu",))
    yield cross("K1 and bad ats", b="fd", ats="bogus", drop=("id",))
    yield cross("K1 and root bus", b="fd", bus="root-bus", drop=("id",))
    yield cross("K1 and iommufd missing", b="fd", drop=("id",), objects=())
    yield cross("K1 and slot in use", b="fd", drop=("id",), before=(EMULATED,), extra={"addr": "0.0"})
    yield cross("K3, fd", b="fd", before=(other(EXPRESS, "legacy"),))
    yield cross("fd, ats=on", b="fd")
