"""Runs the trials of one lab variant inside its machine and writes one JSON line for each."""
import itertools, json, os, re, sys, time
import host
from guest import Gone, Guest, TOPOLOGY

NIC, EXPRESS, PF, VF, VF2, PAIR0, PAIR1 = (
    "0000:01:00.0", "0000:02:00.0", "0000:03:00.0", "0000:03:10.0", "0000:03:10.2", "0000:06:00.0", "0000:06:00.1")
CONV = next(d for d in ("0000:05:00.0", "0000:05:01.0") if os.path.exists(f"/sys/bus/pci/devices/{d}"))
LAB = {"intel-iotlb-on": "intel-iommu,device-iotlb=on", "intel-iotlb-off": "intel-iommu,device-iotlb=off",
       "intel-noats": "intel-iommu,device-iotlb=on,pci=noats", "amd": "amd-iommu", "virtio": "virtio-iommu",
       "amd-safe": "amd-iommu,no-unsafe-interrupts", "virtio-safe": "virtio-iommu,no-unsafe-interrupts",
       "no-iommu": "intel_iommu=off"}
BUS = {"root-port": "rp", "root-bus": "pcie.0", "conventional-bridge": "ppb", None: None}
PF_ON_VFIO = ("sriov %s 0" % PF, "bind %s vfio-pci" % PF)
VFS_OF_VFIO_PF = PF_ON_VFIO + ("sriov %s 2" % PF,)
TOKEN, OTHER_TOKEN = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
IOMMUFD = ("-object", "iommufd,id=iommufd0")


def trial(name, host=NIC, backend="iommufd", ats=None, bus="root-port", extra=None, drop=(), setup=(), args=(), objects=None,
          before=(), holder=None, user=None, memlock=None, driver="vfio-pci", cold="json", hot=True, glob=None, machine="q35",
          topology=None, fdkind=None):
    return dict(locals())


def properties(t, fd=None):
    """The device's properties, in the order of the recorded trials."""
    p = {"driver": t["driver"], "host": t["host"], "id": "d0"}
    if t["backend"] == "fd":
        del p["host"]
    if t["ats"] is not None:
        p["ats"] = t["ats"]
    if fd is not None:
        p["fd"] = fd
    if t["backend"] in ("iommufd", "fd"):
        p["iommufd"] = "iommufd0"
    if t["bus"]:
        p["bus"] = BUS[t["bus"]]
    p.update(t["extra"] or {})
    return {k: v for k, v in p.items() if k not in t["drop"]}


def keyval(p):
    return p["driver"] + "".join(f",{k}={v}" for k, v in p.items() if k != "driver")


def arguments(t):
    """Everything on the command line but the device itself."""
    objects = t["objects"]
    if objects is None:
        uses = t["backend"] != "legacy" or any("iommufd" in b for b in t["before"])
        objects = IOMMUFD if uses else ()
    args = [*objects, *t["args"]]
    if t["glob"]:
        args += ["-global", t["glob"]]
    for b in t["before"]:
        args += ["-device", json.dumps(b)]
    return args


def start(t, device=None, fds=(), tag="a"):
    args = arguments(t)
    if device is not None:
        args += ["-device", keyval(device) if t["cold"] == "keyval" else json.dumps(device)]
    return Guest(args, fds, t["user"], t["memlock"], tag, topology=t["topology"] or TOPOLOGY, machine=t["machine"])


def observe(g, out, prefix=""):
    """The realized device's effective ats and what a guest would see of it."""
    dev = out.get("device-path", "/machine/peripheral/d0")
    out[prefix + "qom_ats"] = g.command("qom-get", {"path": dev, "property": "ats"})
    for k, v in g.look(dev.rsplit("/", 1)[1]).items():
        out[(prefix + k).replace("hot-ats_visible", "hot-ats-visible")] = v


def open_fd(t):
    return os.open(host.cdev(t["host"]), os.O_RDWR) if t["backend"] == "fd" else -1


def run_cold(t, out):
    fd = open_fd(t)
    try:
        g = start(t, properties(t, str(fd) if fd >= 0 else None), [fd] if fd >= 0 else ())
    finally:
        if fd >= 0:
            os.close(fd)
    out["cold-argv"] = g.argv
    try:
        observe(g, out)
    except Gone:
        out["harness"] = "QEMU is gone"
    out["cold_rc"] = g.end()
    out["cold_stderr"] = g.stderr()


def run_hot(t, out):
    g = start(t)
    out["hot-argv"] = g.argv
    out["hot-qmp"] = None
    out["hot_reply"] = None
    try:
        fd = open_fd(t)
        if fd >= 0:
            g.command("getfd", {"fdname": "dev0"}, [fd])
            os.close(fd)
        request = properties(t, "dev0" if fd >= 0 else None)
        out["hot-qmp"] = {"execute": "device_add", "arguments": request}
        out["hot_reply"] = g.command("device_add", request)
        if "return" in out["hot_reply"]:
            observe(g, out, "hot-")
            out["hot_del"] = g.command("device_del", {"id": "d0"})
    except Gone:
        pass
    out["hot-rc"] = g.end()
    out["hot_stderr"] = g.stderr()


def run(t, hw):
    out = {"name": t["name"], "lab": LAB[os.environ["LAB_VARIANT"]]}
    for k in ("host", "ats", "backend", "bus", "extra"):
        out[k] = t[k]
    out["global"] = t["glob"]
    for k in ("setup", "before", "holder", "user", "memlock", "objects", "args", "drop"):
        if t[k]:
            out[k] = t[k]
    out["facts"] = {**host.device_facts(t["host"]), "hw-info": hw.get(t["host"])}
    out["nodes"] = [host.node_facts(n) for n in ["/dev/iommu", out["facts"].get("cdev"),
                    out["facts"].get("group") and "/dev/vfio/" + out["facts"]["group"]] if n]
    holder = None
    try:
        if t["holder"]:
            h = trial("holder", **t["holder"])
            holder = start(h, properties(h), tag="holder")
            out["holder-argv"] = holder.argv
        if t["cold"]:
            run_cold(t, out)
        if t["hot"]:
            run_hot(t, out)
    except Exception as e:  # a fault of the lab, never of a trial: recorded, and looked for afterwards
        out["lab-error"] = repr(e)
    finally:
        if holder:
            out["holder-rc"] = holder.end()
            out["holder-stderr"] = holder.stderr()
    return out


def matrix():
    for dev, backend, bus, ats in itertools.product((NIC, EXPRESS, VF, CONV, PAIR0, PF), ("iommufd", "legacy", "fd"),
                                                    ("root-port", "root-bus", "conventional-bridge"), (None, "on", "off", "auto")):
        setup = PF_ON_VFIO if dev == PF else ()
        yield trial(f"matrix {dev} {backend} {bus} {ats or 'unset'}", dev, backend, ats, bus, setup=setup)


def few():
    """For variants where little can be realized: each device and backend once, and ats=on."""
    for dev, backend, ats in itertools.product((NIC, EXPRESS, VF, CONV), ("iommufd", "legacy"), (None, "on")):
        yield trial(f"few {dev} {backend} {ats or 'unset'}", dev, backend, ats)
    for backend in ("iommufd", "legacy"):
        yield trial(f"few {NIC} {backend} host driver", NIC, backend, setup=(f"bind {NIC} host",))


def singles():
    both = ("iommufd", "legacy")
    missing = "0000:09:00.0"
    for b in both:
        yield trial(f"host device missing, {b}", missing, b)
        yield trial(f"host device missing and ats=on, {b}", missing, b, "on")
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
    # permission: everything open but one node
    allowed = ("chmod 666 /dev/iommu", f"chmod 666 cdev:{NIC}", f"chmod 666 group:{NIC}")
    enough = 1 << 32
    for b in both:
        yield trial(f"nobody, all nodes open, {b}", NIC, b, setup=allowed, user=65534, memlock=enough)
        yield trial(f"nobody, no access at all, {b}", NIC, b, setup=("chmod 600 /dev/iommu",), user=65534, memlock=enough)
        yield trial(f"nobody, no access to /dev/iommu, {b}", NIC, b, setup=("chmod 600 /dev/iommu",) + allowed[1:], user=65534, memlock=enough)
        yield trial(f"nobody, no access to cdev, {b}", NIC, b, setup=(allowed[0], allowed[2]), user=65534, memlock=enough)
        yield trial(f"nobody, no access to group, {b}", NIC, b, setup=allowed[:2], user=65534, memlock=enough)
        yield trial(f"nobody, no access to /dev/vfio/vfio, {b}", NIC, b, setup=allowed + ("chmod 600 /dev/vfio/vfio",), user=65534, memlock=enough)
        for lim in (64 << 10, 8 << 20, 66 << 20, 80 << 20):
            yield trial(f"memlock {lim >> 10} KiB as nobody, {b}", NIC, b, setup=allowed, user=65534, memlock=lim)
        yield trial(f"memlock 64 KiB as root, {b}", NIC, b, memlock=64 << 10)
        yield trial(f"memlock 64 KiB as nobody, ats=on, {b}", NIC, b, "on", setup=allowed, user=65534, memlock=64 << 10)
    # the same device, or its group, twice
    dev = lambda h, b, **kw: {"driver": "vfio-pci", "host": h, "id": "b0", **({"iommufd": "iommufd0"} if b == "iommufd" else {}), "bus": "rp2", **kw}
    for b in both:
        yield trial(f"same device twice in one QEMU, {b}", NIC, b, before=(dev(NIC, b),))
        yield trial(f"both of a group in one QEMU, {b}", PAIR0, b, before=(dev(PAIR1, b),))
        yield trial(f"two groups in one QEMU, {b}", NIC, b, before=(dev(EXPRESS, b),))
        for hb in both:
            yield trial(f"device held by another QEMU ({hb}), {b}", NIC, b, holder={"host": NIC, "backend": hb})
            yield trial(f"sibling held by another QEMU ({hb}), {b}", PAIR0, b, holder={"host": PAIR1, "backend": hb})
    yield trial("fd of a device held by another QEMU (iommufd)", NIC, "iommufd", "on", holder={"host": NIC, "backend": "iommufd"})
    yield trial("same device twice, legacy first (K3)", NIC, "iommufd", before=(dev(NIC, "legacy"),))
    yield trial("mixed backends, legacy first (K3)", NIC, "iommufd", before=(dev(EXPRESS, "legacy"),))
    yield trial("mixed backends, iommufd first (K3)", NIC, "legacy", before=(dev(EXPRESS, "iommufd"),))
    yield trial("mixed backends, legacy first, ats=on (K3)", NIC, "iommufd", "on", before=(dev(EXPRESS, "legacy"),))
    vtd = ("-device", "intel-iommu,caching-mode=on")
    yield trial("mixed backends, legacy first, VT-d caching-mode", NIC, "iommufd", before=(dev(EXPRESS, "legacy"),), args=vtd)
    yield trial("mixed backends, iommufd first, VT-d caching-mode", NIC, "legacy", before=(dev(EXPRESS, "iommufd"),), args=vtd)
    yield trial("mixed backends, one group, VT-d caching-mode", PAIR0, "iommufd", before=(dev(PAIR1, "legacy"),), args=vtd)
    # virtual functions of a physical function on vfio-pci
    for b in both:
        for token in (None, TOKEN):
            extra = {"vf-token": token} if token else None
            tag = "token" if token else "no token"
            yield trial(f"VF of a host-driver PF, {tag}, {b}", VF, b, extra=extra)
            yield trial(f"VF of a vfio-pci PF, {tag}, {b}", VF, b, extra=extra, setup=VFS_OF_VFIO_PF)
            yield trial(f"VF of a vfio-pci PF, {tag} and ats=on, {b}", VF, b, "on", extra=extra, setup=VFS_OF_VFIO_PF)
            yield trial(f"PF on vfio-pci with VFs, {tag}, {b}", PF, b, extra=extra, setup=VFS_OF_VFIO_PF)
            yield trial(f"PF on vfio-pci without VFs, {tag}, {b}", PF, b, extra=extra, setup=PF_ON_VFIO)
            for hb in both:
                yield trial(f"VF of a PF held ({hb}, token), {tag}, {b}", VF, b, extra=extra, setup=VFS_OF_VFIO_PF,
                            holder={"host": PF, "backend": hb, "extra": {"vf-token": TOKEN}})
        yield trial(f"VF of a PF held (legacy, token), wrong token, {b}", VF, b, extra={"vf-token": OTHER_TOKEN},
                    setup=VFS_OF_VFIO_PF, holder={"host": PF, "backend": "legacy", "extra": {"vf-token": TOKEN}})
        # the kernel keeps the last token given to a PF for as long as it is bound: these start from a new binding
        for i, (hb, first) in enumerate(((None, None), ("iommufd", TOKEN), ("legacy", None), ("legacy", TOKEN))):
            yield trial(f"VF of a newly bound PF, holder {hb} {'token' if first else 'no token'}, token, {b}", VF, b, extra={"vf-token": TOKEN},
                        setup=VFS_OF_VFIO_PF + (f"fresh {b}{i}",),
                        holder=hb and {"host": PF, "backend": hb, "extra": {"vf-token": first} if first else None})
        yield trial(f"vf-token for an ordinary device, {b}", EXPRESS, b, extra={"vf-token": TOKEN})
        yield trial(f"vf-token not a UUID, {b}", EXPRESS, b, extra={"vf-token": "nope"})
    # topology and identity
    emulated = {"driver": "e1000e", "id": "b0", "bus": "rp"}
    nic_rp = lambda **kw: {**emulated, **kw}
    for b in both:
        yield trial(f"slot in use by an emulated device, {b}", NIC, b, before=(emulated,))
        yield trial(f"slot in use, addr given, {b}", NIC, b, before=(emulated,), extra={"addr": "0.0"})
        yield trial(f"slot in use and host missing, {b}", missing, b, before=(emulated,))
        yield trial(f"slot in use on the bridge, {b}", NIC, b, bus="conventional-bridge", before=(nic_rp(driver="e1000", bus="ppb", addr="3.0"),), extra={"addr": "3.0"})
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
        yield trial(f"sysfsdev missing, {b}", NIC, b, drop=("host",), extra={"sysfsdev": "/sys/bus/pci/devices/0000:09:00.0"})
        yield trial(f"keyval, {b}", NIC, b, cold="keyval", hot=False)
        yield trial(f"keyval ats=on, {b}", NIC, b, "on", cold="keyval", hot=False)
        yield trial(f"unknown property, {b}", NIC, b, extra={"nope": "on"})
    for value in ("On", "yes", "true", "1", "", True, None, 1):
        t = trial(f"ats bad value {json.dumps(value)}", NIC, "iommufd", extra={"ats": value})
        yield t
        if isinstance(value, str):
            yield trial(f"ats bad value {json.dumps(value)}, keyval", NIC, "iommufd", extra={"ats": value}, cold="keyval", hot=False)
    yield trial("ats bad value and host missing", missing, "iommufd", "bogus")
    yield trial("ats bad value and iommufd missing", NIC, "iommufd", "bogus", extra={"iommufd": "nope"})
    yield trial("iommufd object missing", NIC, "iommufd", objects=())
    yield trial("iommufd object missing, keyval", NIC, "iommufd", objects=(), cold="keyval", hot=False)
    yield trial("iommufd names another kind of object", NIC, "iommufd", extra={"iommufd": "rng0"}, args=("-object", "rng-builtin,id=rng0"))
    yield trial("iommufd names a device", NIC, "iommufd", extra={"iommufd": "rp2"})
    yield trial("iommufd empty", NIC, "iommufd", extra={"iommufd": ""})
    yield trial("iommufd object twice", NIC, "iommufd", objects=IOMMUFD + IOMMUFD)
    yield trial("two iommufd objects, one device each", NIC, "iommufd", objects=IOMMUFD + ("-object", "iommufd,id=io1"), before=(dev(EXPRESS, "iommufd", iommufd="io1"),))
    yield trial("one group over two iommufd objects", PAIR0, "iommufd", objects=IOMMUFD + ("-object", "iommufd,id=io1"), before=(dev(PAIR1, "iommufd", iommufd="io1"),))
    # globals, the variant without hotplug, fds
    for g in ("vfio-pci.ats=off", "vfio-pci.ats=on", "vfio-pci-nohotplug.ats=off", "vfio-pci-device.ats=off", "vfio-pci.ats=bogus", "vfio-pci.nope=1", "VFIO-PCI.ats=off"):
        yield trial(f"-global {g}", NIC, "iommufd", glob=g)
        yield trial(f"-global {g}, device on", NIC, "iommufd", "on", glob=g)
    yield trial("-global vfio-pci.ats=off, device auto, legacy", NIC, "legacy", "auto", glob="vfio-pci.ats=off")
    yield trial("-global vfio-pci.ats=off, legacy", NIC, "legacy", glob="vfio-pci.ats=off")
    for b, a in itertools.product(both, (None, "on", "off")):
        yield trial(f"vfio-pci-nohotplug, ats {a}, {b}", NIC, b, a, driver="vfio-pci-nohotplug")
    yield trial("-global vfio-pci.ats=off, vfio-pci-nohotplug", NIC, "iommufd", driver="vfio-pci-nohotplug", glob="vfio-pci.ats=off")
    yield trial("-global vfio-pci-nohotplug.ats=off, vfio-pci-nohotplug", NIC, "iommufd", driver="vfio-pci-nohotplug", glob="vfio-pci-nohotplug.ats=off")
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
    # virtual IOMMUs
    for b, a in itertools.product(both, (None, "on")):
        for v in ("intel-iommu", "intel-iommu,caching-mode=on", "intel-iommu,caching-mode=on,device-iotlb=on", "intel-iommu,caching-mode=on,aw-bits=39",
                  "intel-iommu,caching-mode=on,snoop-control=on", "intel-iommu,scalable-mode=on,fsts=on", "intel-iommu,scalable-mode=on,caching-mode=on",
                  "amd-iommu", "amd-iommu,dma-remap=on", "virtio-iommu-pci"):
            yield trial(f"vIOMMU {v}, ats {a}, {b}", NIC, b, a, args=("-device", v))
    for b in both:
        yield trial(f"VT-d without caching-mode and no driver, {b}", NIC, b, setup=(f"bind {NIC} none",), args=("-device", "intel-iommu"))
        yield trial(f"VT-d without caching-mode, conventional bridge, {b}", NIC, b, bus="conventional-bridge", args=("-device", "intel-iommu"))
        yield trial(f"display=on, {b}", NIC, b, extra={"display": "on"})
        yield trial(f"enable-migration=on, {b}", NIC, b, extra={"enable-migration": "on"})
        yield trial(f"enable-migration=on and ats=on, {b}", EXPRESS, b, "on", extra={"enable-migration": "on"})
        yield trial(f"x-no-mmap, {b}", NIC, b, extra={"x-no-mmap": True})
        yield trial(f"host PCI bridge, {b}", "0000:00:10.0", b)
        yield trial(f"host PCIe-to-PCI bridge on no driver, {b}", "0000:04:00.0", b)
        yield trial(f"i440fx, {b}", NIC, b, bus=None, machine="pc", topology=("-device", "pci-bridge,id=pb,chassis_nr=1,addr=4.0"), extra={"addr": "5.0"})
        yield trial(f"i440fx ats=on, {b}", NIC, b, "on", bus=None, machine="pc", topology=("-device", "pci-bridge,id=pb,chassis_nr=1,addr=4.0"), extra={"addr": "5.0"})
        yield trial(f"pc-q35-10.0, {b}", NIC, b, machine="pc-q35-10.0")
    yield trial("iommufd object with a missing /dev/iommu, no device use", NIC, "legacy", setup=("away /dev/iommu",), objects=IOMMUFD)
    yield trial("hot plug onto pcie.0 and host missing", missing, "iommufd", bus="root-bus")


def crossings():
    """Two faults at once: which one is reported. Most telling where the kernel refuses ats=on."""
    both, missing = ("iommufd", "legacy"), "0000:09:00.0"
    emulated = {"driver": "e1000e", "id": "b0", "bus": "rp"}
    vtd = ("-device", "intel-iommu")
    cross = lambda name, host=NIC, b="iommufd", ats="on", **kw: trial(f"crossing {name}, {b}", host, b, ats, **kw)
    for b in both:
        yield cross("ats=on", b=b)
        yield cross("ats=on, conventional bridge", b=b, bus="conventional-bridge")
        yield cross("ats=on and VT-d without caching-mode", b=b, args=vtd)
        yield cross("ats=on and display=on", b=b, extra={"display": "on"})
        yield cross("ats=on and enable-migration=on", b=b, extra={"enable-migration": "on"})
        yield cross("ats=on and addr=1.0", b=b, extra={"addr": "1.0"})
        yield cross("ats=on and addr=0.1", b=b, extra={"addr": "0.1"})
        yield cross("ats=on and slot in use", b=b, before=(emulated,), extra={"addr": "0.0"})
        yield cross("bad ats and slot in use", b=b, ats="bogus", before=(emulated,), extra={"addr": "0.0"})
        yield cross("bad ats and duplicate id", b=b, ats="bogus", extra={"id": "rp2"})
        yield cross("duplicate id and host missing", missing, b, extra={"id": "rp2"})
        yield cross("duplicate id and bus unknown", b=b, extra={"id": "rp2", "bus": "nope"})
        yield cross("duplicate id and slot in use", b=b, before=(emulated,), extra={"id": "rp2", "addr": "0.0"})
        yield cross("no host and slot in use", b=b, drop=("host",), before=(emulated,), extra={"addr": "0.0"})
        yield cross("no host and bad ats", b=b, ats="bogus", drop=("host",))
        yield cross("bus unknown and bad ats", b=b, ats="bogus", extra={"bus": "nope"})
        yield cross("nohotplug and bus unknown", b=b, driver="vfio-pci-nohotplug", extra={"bus": "nope"})
        yield cross("nohotplug and root bus", b=b, bus="root-bus", driver="vfio-pci-nohotplug")
        yield cross("root bus and host missing", missing, b, bus="root-bus")
        yield cross("unknown property and bad ats", b=b, ats="bogus", extra={"nope": "on"})
        yield cross("K2 and host missing", missing, b, extra={"realized": True})
        yield cross("K2 and bad ats", b=b, ats="bogus", extra={"realized": True})
        yield cross("K2 and duplicate id", b=b, extra={"id": "rp2", "realized": True})
        yield cross("K2 and no driver", b=b, setup=(f"bind {NIC} none",), extra={"realized": True})
        other = "legacy" if b == "iommufd" else "iommufd"
        dev = {"driver": "vfio-pci", "host": EXPRESS, "id": "b0", **({"iommufd": "iommufd0"} if other == "iommufd" else {}), "bus": "rp2"}
        yield cross("K3 and no driver", b=b, before=(dev,), setup=(f"bind {NIC} none",))
        yield cross("K3 and group not viable", PAIR0, b, before=(dev,), setup=(f"bind {PAIR1} host",))
        yield cross("K3 and cdev node missing", b=b, before=(dev,), setup=(f"away cdev:{NIC}",))
        yield cross("K3 and slot in use", b=b, before=(dev, emulated | {"id": "b1"}), extra={"addr": "0.0"})
        yield cross("K3 with VT-d without caching-mode", b=b, before=(dev,), args=vtd)
        yield cross("no driver and /dev/iommu missing", b=b, setup=("away /dev/iommu", f"bind {NIC} none"))
        yield cross("group not viable and /dev/iommu missing", PAIR0, b, setup=("away /dev/iommu", f"bind {PAIR1} host"))
        yield cross("group not viable and VT-d without caching-mode", PAIR0, b, setup=(f"bind {PAIR1} host",), args=vtd)
        yield cross("group not viable and /dev/vfio/vfio missing", PAIR0, b, setup=("away /dev/vfio/vfio", f"bind {PAIR1} host"))
        yield cross("memlock and group not viable", PAIR0, b, user=65534, memlock=64 << 10,
                    setup=("chmod 666 /dev/iommu", f"chmod 666 cdev:{PAIR0}", f"chmod 666 group:{PAIR0}", f"bind {PAIR1} host"))
        open_nic = ("chmod 666 /dev/iommu", f"chmod 666 cdev:{NIC}", f"chmod 666 group:{NIC}")
        yield cross("memlock and VT-d without caching-mode", b=b, user=65534, memlock=64 << 10, setup=open_nic, args=vtd)
        yield cross("memlock", b=b, user=65534, memlock=64 << 10, setup=open_nic)
        yield cross("memlock, ats unset", b=b, ats=None, user=65534, memlock=64 << 10, setup=open_nic)
        yield cross("no access to cdev nor /dev/iommu", b=b, user=65534, memlock=1 << 32, setup=("chmod 600 /dev/iommu",))
    yield cross("K1 and bad ats", b="fd", ats="bogus", drop=("id",))
    yield cross("K1 and root bus", b="fd", bus="root-bus", drop=("id",))
    yield cross("K1 and iommufd missing", b="fd", drop=("id",), objects=())
    yield cross("K1 and slot in use", b="fd", drop=("id",), before=(emulated,), extra={"addr": "0.0"})
    yield cross("K3, fd", b="fd", before=({"driver": "vfio-pci", "host": EXPRESS, "id": "b0", "bus": "rp2"},))
    yield cross("fd, ats=on", b="fd")


def facts_only():
    return ()


def main():
    sets = {"matrix": matrix, "singles": singles, "few": few, "crossings": crossings, "facts": facts_only}
    names = os.environ["LAB_TRIALS"].split(",")
    wanted = re.compile(os.environ.get("LAB_FILTER") or "")
    os.makedirs("/tmp/lab", mode=0o777, exist_ok=True)
    os.chmod("/tmp/lab", 0o777)
    grouped = os.path.exists("/sys/bus/pci/devices/%s/iommu_group" % NIC)
    if os.path.exists(f"{host.PCI}/{PF}/sriov_numvfs"):
        host.write(f"{host.PCI}/{PF}/sriov_numvfs", "2")
    if grouped:
        for bdf in (NIC, EXPRESS, VF, VF2, CONV, PAIR0, PAIR1):
            host.bind(bdf, "vfio-pci")
    hw = {d["host"]: d["hw-info"] for d in host.dump("/share/facts")}
    todo = [t for n in names for t in sets[n]() if wanted.search(t["name"])]
    todo.sort(key=lambda t: t["setup"])  # stable: equal setups are made once
    begin, current, undo = time.time(), (), []
    with open("/share/trials.jsonl", "w", buffering=1) as results:
        for i, t in enumerate(todo):
            if t["setup"] != current:
                while undo:
                    undo.pop()()
                current = ()
                for words in t["setup"]:
                    undo.append(host.change(words))
                current = t["setup"]
                if host.link(f"{host.PCI}/{PF}/driver") == "vfio-pci" and not hw.get(PF):
                    hw[PF] = host.hw_info(PF)
            results.write(json.dumps(run(t, hw)) + "\n")
            if i % 50 == 0:
                print(f"lab: {i}/{len(todo)} {time.time() - begin:.0f}s", file=sys.stderr)


main()
