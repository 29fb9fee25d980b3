"""Single trials: one thing about the host that is not as it should be, with either backend."""
import itertools
from host import ARM
from trials import BOTH, CONV, EXPRESS, MISSING, NIC, PAIR0, PAIR1, PF, PF_ON_VFIO, VF, trial

VFS_OF_VFIO_PF = PF_ON_VFIO + ("sriov %s 2" % PF,)
TOKEN, OTHER_TOKEN = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
VTD = ("-device", "intel-iommu,caching-mode=on")
NODES = ("chmod 666 /dev/iommu", f"chmod 666 cdev:{NIC}", f"chmod 666 group:{NIC}")
NOBODY = 65534


def other(host, backend, **more):
    """A device that is there before the one of the trial."""
    link = {"iommufd": "iommufd0"} if backend == "iommufd" else {}
    return {"driver": "vfio-pci", "host": host, "id": "b0", **link, "bus": "rp2", **more}


def host_and_drivers():
    """Nodes, drivers and sysfs entries that are missing."""
    for b in BOTH:
        yield trial(f"host device missing, {b}", MISSING, b)
        yield trial(f"host device missing and ats=on, {b}", MISSING, b, "on")
        yield trial(f"no driver, {b}", NIC, b, setup=(f"bind {NIC} none",))
        yield trial(f"host driver, {b}", NIC, b, setup=(f"bind {NIC} host",))
        yield trial(f"host driver and ats=on, {b}", NIC, b, "on", setup=(f"bind {NIC} host",))
        yield trial(f"no driver, conventional, {b}", CONV, b, setup=(f"bind {CONV} none",))
        yield trial(f"no driver but sibling on vfio-pci, {b}", PAIR0, b, setup=(f"bind {PAIR0} none",))
        yield trial(f"host driver but sibling on vfio-pci, {b}", PAIR0, b, setup=(f"bind {PAIR0} host",))
        yield trial(f"group not viable, {b}", PAIR0, b, setup=(f"bind {PAIR1} host",))
        yield trial(f"group not viable and ats=on, {b}", PAIR0, b, "on", setup=(f"bind {PAIR1} host",))
        yield trial(f"sibling without driver, {b}", PAIR0, b, setup=(f"bind {PAIR1} none",))
        yield trial(f"/dev/vfio/vfio missing, {b}", NIC, b, setup=("away /dev/vfio/vfio",))
        yield trial(f"group node missing, {b}", NIC, b, setup=(f"away group:{NIC}",))
        yield trial(f"cdev node missing, {b}", NIC, b, setup=(f"away cdev:{NIC}",))
        yield trial(f"/dev/iommu missing, {b}", NIC, b, setup=("away /dev/iommu",))
        yield trial(f"/dev/iommu and cdev missing, {b}", NIC, b, setup=("away /dev/iommu", f"away cdev:{NIC}"))
        yield trial(f"sysfs without iommu_group, {b}", NIC, b, setup=(f"shadow {NIC}",))
        yield trial(f"vfio-dev directory missing, {b}", NIC, b, setup=(f"shadow {NIC} group",))
        yield trial(f"vfio-dev directory empty, {b}", NIC, b, setup=(f"shadow {NIC} group dir",))
        yield trial(f"vfio-dev/vfio9 without dev, {b}", NIC, b, setup=(f"shadow {NIC} group vfio9",))
        yield trial(f"vfio-dev/vfio9/dev wrong number, {b}", NIC, b, setup=(f"shadow {NIC} group vfio0/dev=511:77",))
        yield trial(f"vfio-dev/vfio9/dev not a number, {b}", NIC, b, setup=(f"shadow {NIC} group vfio0/dev=x",))


def user():
    """Who runs QEMU, and what the nodes' modes and limits are: everything open but one node."""
    enough = 1 << 32
    for b in BOTH:
        yield trial(f"nobody, all nodes open, {b}", NIC, b, setup=NODES, user=NOBODY, memlock=enough)
        yield trial(f"nobody, no access at all, {b}", NIC, b, setup=("chmod 600 /dev/iommu",), user=NOBODY,
                    memlock=enough)
        yield trial(f"nobody, no access to /dev/iommu, {b}", NIC, b, setup=("chmod 600 /dev/iommu",) + NODES[1:],
                    user=NOBODY, memlock=enough)
        yield trial(f"nobody, no access to cdev, {b}", NIC, b, setup=(NODES[0], NODES[2]), user=NOBODY,
                    memlock=enough)
        yield trial(f"nobody, no access to group, {b}", NIC, b, setup=NODES[:2], user=NOBODY, memlock=enough)
        yield trial(f"nobody, no access to /dev/vfio/vfio, {b}", NIC, b, setup=NODES + ("chmod 600 /dev/vfio/vfio",),
                    user=NOBODY, memlock=enough)
        for lim in (64 << 10, 8 << 20, 66 << 20, 80 << 20):
            yield trial(f"memlock {lim >> 10} KiB as nobody, {b}", NIC, b, setup=NODES, user=NOBODY, memlock=lim)
        yield trial(f"memlock 64 KiB as root, {b}", NIC, b, memlock=64 << 10)
        yield trial(f"memlock 64 KiB as nobody, ats=on, {b}", NIC, b, "on", setup=NODES, user=NOBODY,
                    memlock=64 << 10)


def sharing():
    """The same device, or its group, twice."""
    for b in BOTH:
        yield trial(f"same device twice in one QEMU, {b}", NIC, b, before=(other(NIC, b),))
        yield trial(f"both of a group in one QEMU, {b}", PAIR0, b, before=(other(PAIR1, b),))
        yield trial(f"two groups in one QEMU, {b}", NIC, b, before=(other(EXPRESS, b),))
        for hb in BOTH:
            yield trial(f"device held by another QEMU ({hb}), {b}", NIC, b, holder={"host": NIC, "backend": hb})
            yield trial(f"sibling held by another QEMU ({hb}), {b}", PAIR0, b, holder={"host": PAIR1, "backend": hb})
    yield trial("fd of a device held by another QEMU (iommufd)", NIC, "iommufd", "on",
                holder={"host": NIC, "backend": "iommufd"})
    yield trial("same device twice, legacy first (K3)", NIC, "iommufd", before=(other(NIC, "legacy"),))
    yield trial("mixed backends, legacy first (K3)", NIC, "iommufd", before=(other(EXPRESS, "legacy"),))
    yield trial("mixed backends, iommufd first (K3)", NIC, "legacy", before=(other(EXPRESS, "iommufd"),))
    yield trial("mixed backends, legacy first, ats=on (K3)", NIC, "iommufd", "on", before=(other(EXPRESS, "legacy"),))
    if ARM:
        return
    yield trial("mixed backends, legacy first, VT-d caching-mode", NIC, "iommufd",
                before=(other(EXPRESS, "legacy"),), args=VTD)
    yield trial("mixed backends, iommufd first, VT-d caching-mode", NIC, "legacy",
                before=(other(EXPRESS, "iommufd"),), args=VTD)
    yield trial("mixed backends, one group, VT-d caching-mode", PAIR0, "iommufd", before=(other(PAIR1, "legacy"),),
                args=VTD)


def virtual_functions():
    """The kernel keeps the last token given to a PF for as long as it is bound, so each of these binds it anew."""
    news = itertools.count()
    for b, token in itertools.product(BOTH, (None, TOKEN)):
        extra, tag = ({"vf-token": token}, "token") if token else (None, "no token")
        vfs = lambda: VFS_OF_VFIO_PF + (f"fresh {next(news)}",)
        yield trial(f"VF of a host-driver PF, {tag}, {b}", VF, b, extra=extra)
        yield trial(f"VF of a vfio-pci PF, {tag}, {b}", VF, b, extra=extra, setup=vfs())
        yield trial(f"VF of a vfio-pci PF, {tag} and ats=on, {b}", VF, b, "on", extra=extra, setup=vfs())
        yield trial(f"PF on vfio-pci with VFs, {tag}, {b}", PF, b, extra=extra, setup=vfs())
        yield trial(f"PF on vfio-pci without VFs, {tag}, {b}", PF, b, extra=extra, setup=PF_ON_VFIO)
        for hb, first in itertools.product(BOTH, (None, TOKEN, OTHER_TOKEN)):
            held = {None: "no token", TOKEN: "token", OTHER_TOKEN: "another token"}[first]
            yield trial(f"VF of a PF held ({hb}, {held}), {tag}, {b}", VF, b, extra=extra, setup=vfs(),
                        holder={"host": PF, "backend": hb, "extra": {"vf-token": first} if first else None})
    for b in BOTH:
        yield trial(f"vf-token for an ordinary device, {b}", EXPRESS, b, extra={"vf-token": TOKEN})
        yield trial(f"vf-token not a UUID, {b}", EXPRESS, b, extra={"vf-token": "nope"})
    # The VF's own registers are zero; its BARs 0 and 3 have 64 bits.
    for bar in ("bar1", "bar2", "bar4"):
        yield trial(f"MSI-X of a VF into {bar}", VF, extra={"x-msix-relocation": bar})


SECTIONS = {"drivers and nodes": host_and_drivers, "users and limits": user, "sharing": sharing,
            "virtual functions": virtual_functions}
