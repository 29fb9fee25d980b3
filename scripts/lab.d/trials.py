"""A trial, and the matrix of trials."""
import itertools, os
from host import ARM

NIC, EXPRESS, PF, VF, VF2, PAIR0, PAIR1 = (
    "0000:01:00.0", "0000:02:00.0", "0000:03:00.0", "0000:03:10.0", "0000:03:10.2", "0000:06:00.0", "0000:06:00.1")
# The slot depends on the variant (see the call of QEMU in scripts/lab).
CONV = next((d for d in ("0000:05:00.0", "0000:05:01.0") if os.path.exists(f"/sys/bus/pci/devices/{d}")), "0000:05:01.0")
MISSING = "0000:09:00.0"
BUS = {"root-port": "rp", "root-bus": "pcie.0", "conventional-bridge": "ppb", None: None}
IOMMUFD = ("-object", "iommufd,id=iommufd0")
BOTH = ("iommufd", "legacy")
ATS = (None, "on", "off", "auto")
PF_ON_VFIO = ("sriov %s 0" % PF, "bind %s vfio-pci" % PF)


def trial(name, host=NIC, backend="iommufd", ats=None, bus="root-port", extra=None, drop=(), setup=(), args=(),
          objects=None, before=(), holder=None, user=None, memlock=None, driver="vfio-pci", cold="json", hot=True,
          glob=None, machine=None, topology=None, series=False, after=()):
    """`setup`: changes to the host (see changes.py). `before`: devices that are cold-plugged first. `after`: arguments
    behind the device. `holder`: the
    trial of another QEMU that runs meanwhile. `series`: one QEMU serves all hot plugs of this kind."""
    return dict(locals())


def beyond(t):
    """The fact that cannot be determined, where vfiogate may answer that it is unknown; None where it must be known."""
    if t["name"] in ("fd of a name unknown", "fd closed"):
        return "what a name or number will be to QEMU that is nothing yet"
    if t["setup"] and t["setup"][0].startswith("shadow"):
        return "a directory in sysfs's place"
    if t["host"] == VF and t["setup"]:
        return "which token a PF was given"
    if ARM and t["backend"] == "fd":
        return "the ATS flag, which only binding shows, and a descriptor, which no recording has"
    if t["user"]:
        return "config space, which only root may read"
    return None


def properties(t, fd=None):
    """The device's properties, in the order in which a user would write them."""
    p = {"driver": t["driver"], "host": t["host"], "id": "d0", "ats": t["ats"], "fd": fd,
         "iommufd": "iommufd0" if t["backend"] != "legacy" else None, "bus": BUS[t["bus"]]}
    if t["backend"] == "fd":
        del p["host"]
    p = {k: v for k, v in p.items() if v is not None} | (t["extra"] or {})
    return {k: v for k, v in p.items() if k not in t["drop"]}


def keyval(p):
    return p["driver"] + "".join(f",{k}={v}" for k, v in p.items() if k != "driver")


def matrix(short=False):
    """Devices, backends, buses and values of ats; the short one leaves out what a longer one only repeats."""
    # Without ACPI hot plug the bridge has a controller, and slot 0 is the controller's.
    slot = {"conventional-bridge": {"addr": "1.0"}} if ARM else {}
    for backend, dev, bus, ats in itertools.product(
            ("iommufd", "legacy", "fd"), (NIC, EXPRESS, VF, CONV, PAIR0, PF), ("root-port", "root-bus", "conventional-bridge"), ATS):
        repeats = dev != NIC and ats == "auto" or dev in (PAIR0, PF) and (bus != "root-port" or backend == "fd")
        if not (short and repeats):
            yield trial(f"matrix {dev} {backend} {bus} {ats or 'unset'}", dev, backend, ats, bus, series=True, extra=slot.get(bus),
                        setup=PF_ON_VFIO if dev == PF else ())


def few():
    """For variants where little can be realized: each device and backend once, and ats=on."""
    for backend, dev, ats in itertools.product(BOTH, (NIC, EXPRESS, VF, CONV), (None, "on")):
        yield trial(f"few {dev} {backend} {ats or 'unset'}", dev, backend, ats, series=True)
    for backend in BOTH:
        yield trial(f"few {NIC} {backend} host driver", NIC, backend, setup=(f"bind {NIC} host",))
