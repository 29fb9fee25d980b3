"""Facts that this kernel reports about its PCI devices, read without vfiogate, for comparison with it."""
import fcntl, os, stat, struct

PCI = "/sys/bus/pci/devices"
ARM = os.uname().machine == "aarch64"


def text(path, mode="r"):
    try:
        with open(path, mode) as f:
            return f.read()
    except OSError:
        return None


def link(path):
    try:
        return os.path.basename(os.readlink(path))
    except OSError:
        return None


def cdev(bdf):
    try:
        names = [n for n in os.listdir(f"{PCI}/{bdf}/vfio-dev") if n.startswith("vfio")]
    except OSError:
        return None
    return f"/dev/vfio/devices/{names[0]}" if names else None


def hw_info(bdf):
    """What IOMMU_GET_HW_INFO says after VFIO_DEVICE_BIND_IOMMUFD, or the error."""
    node = cdev(bdf)
    if not node:
        return {"error": "no cdev"}
    dev = iommu = -1
    try:
        dev, iommu = os.open(node, os.O_RDWR), os.open("/dev/iommu", os.O_RDWR)
        bind = bytearray(struct.pack("=IIiIQ", 24, 0, iommu, 0, 0))
        fcntl.ioctl(dev, 0x3B76, bind)
        devid = struct.unpack_from("=I", bind, 12)[0]
        info = bytearray(struct.pack("=IIIIQIBBBBQ", 40, 0, devid, 0, 0, 0, 0, 0, 0, 0, 0))
        fcntl.ioctl(iommu, 0x3B8A, info)
        type_, pasid, caps = struct.unpack_from("=I", info, 24)[0], info[28], struct.unpack_from("=Q", info, 32)[0]
        return {"type": type_, "max-pasid-log2": pasid, "capabilities": caps, "ats-not-supported": bool(caps & 8)}
    except OSError as e:
        return {"error": os.strerror(e.errno), "errno": e.errno}
    finally:
        for fd in (dev, iommu):
            if fd >= 0:
                os.close(fd)


def config_facts(bdf):
    raw = text(f"{PCI}/{bdf}/config", "rb") or b""
    dword = lambda at: struct.unpack_from("<I", raw, at)[0] if len(raw) >= at + 4 else 0
    std, at = [], raw[0x34] & 0xFC if len(raw) > 0x34 and raw[6] & 0x10 else 0
    while at and len(std) < 48 and at + 1 < len(raw):
        std.append([raw[at], at])
        at = raw[at + 1] & 0xFC
    ext, at = [], 0x100
    while at and len(ext) < 480 and dword(at) not in (0, 0xFFFFFFFF):
        ext.append([dword(at) & 0xFFFF, dword(at) >> 16 & 15, at])
        at = dword(at) >> 20 & 0xFFC
    return {"config-bytes": len(raw), "caps": std, "ext-caps": ext, "has-pcie-cap": any(c[0] == 0x10 for c in std),
            "has-ext-list": len(raw) >= 260 and dword(0x100) not in (0, 0xFFFFFFFF),
            "has-ats-cap": any(c[0] == 15 for c in ext)}


def device_facts(bdf):
    d = f"{PCI}/{bdf}"
    if not os.path.isdir(d):
        return {"host": bdf, "exists": False}
    group = link(f"{d}/iommu_group")
    strip = lambda name: (text(f"{d}/{name}") or "").strip() or None
    return {"host": bdf, "exists": True, "vendor": strip("vendor"), "device": strip("device"), "class": strip("class"),
            "driver": link(f"{d}/driver"), "driver-override": strip("driver_override"), "group": group,
            "group-devices": {m: link(f"{PCI}/{m}/driver") for m in sorted(os.listdir(f"{d}/iommu_group/devices"))} if group else {},
            "iommu": link(f"{d}/iommu"), "iommu-cap": strip("iommu/intel-iommu/cap"),
            "iommu-ecap": strip("iommu/intel-iommu/ecap"),
            "physfn": link(f"{d}/physfn"), "physfn-driver": link(f"{d}/physfn/driver"), "cdev": cdev(bdf), **config_facts(bdf)}


def node_mode(path):
    return stat.filemode(os.stat(path).st_mode)


def all_facts():
    """Every device, and the kernel's answer about ATS for those that are bound to vfio-pci."""
    return [{**device_facts(bdf), "hw-info": hw_info(bdf) if link(f"{PCI}/{bdf}/driver") == "vfio-pci" else None}
            for bdf in sorted(os.listdir(PCI))]


def is_listening(path):
    """The file of a socket appears at bind, and connections are accepted from listen on: __SO_ACCEPTCON is 1 << 16."""
    with open("/proc/net/unix") as sockets:
        return any(f[7:] == [path] and f[3] == "00010000" for f in (line.split() for line in sockets))
