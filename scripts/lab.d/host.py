"""The host side: facts of PCI devices and IOMMUs, and changes to them that can be undone."""
import fcntl, json, os, re, resource, shutil, stat, struct, subprocess, time

PCI = "/sys/bus/pci/devices"


def text(path, mode="r"):
    try:
        with open(path, mode) as f:
            return f.read()
    except OSError as e:
        return None


def link(path):
    try:
        return os.path.basename(os.readlink(path))
    except OSError:
        return None


def write(path, value):
    with open(path, "w") as f:
        f.write(value)


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
            "physfn": link(f"{d}/physfn"), "physfn-driver": link(f"{d}/physfn/driver"), "cdev": cdev(bdf),
            "reset-method": strip("reset_method"), **config_facts(bdf)}


def node_facts(path):
    try:
        s = os.stat(path)
    except OSError as e:
        return {"path": path, "error": os.strerror(e.errno)}
    return {"path": path, "mode": stat.filemode(s.st_mode), "uid": s.st_uid, "gid": s.st_gid,
            "rdev": f"{os.major(s.st_rdev)}:{os.minor(s.st_rdev)}"}


def dump(directory):
    """Raw copies of what /sys, /proc and /dev say, one file each."""
    os.makedirs(directory, exist_ok=True)
    def put(name, data):
        path = f"{directory}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(data)
    put("cmdline", text("/proc/cmdline"))
    put("osrelease", os.uname().release + "\n")
    put("version", text("/proc/version"))
    put("limits", text("/proc/self/limits"))
    nodes = ["/dev/iommu"] + [os.path.join(r, f) for r, _, fs in os.walk("/dev/vfio") for f in fs]
    put("nodes.json", json.dumps([node_facts(n) for n in sorted(nodes)], indent=1) + "\n")
    devices = []
    for bdf in sorted(os.listdir(PCI)):
        d = f"{PCI}/{bdf}"
        put(f"pci/{bdf}/path", os.path.realpath(d) + "\n")
        for name in ("vendor device class subsystem_vendor subsystem_device revision driver_override numa_node boot_vga "
                     "reset_method resource removable enable sriov_numvfs sriov_totalvfs power_state d3cold_allowed "
                     "ari_enabled max_link_speed msi_bus").split():
            v = text(f"{d}/{name}")
            if v is not None:
                put(f"pci/{bdf}/{name}", v)
        for name in sorted(os.listdir(d)):
            if os.path.islink(f"{d}/{name}"):
                put(f"pci/{bdf}/{name}.link", os.readlink(f"{d}/{name}") + "\n")
        for r, ds, fs in os.walk(f"{d}/vfio-dev"):
            for f in fs:
                if f in ("dev", "uevent"):
                    put(f"pci/{bdf}/{os.path.relpath(f'{r}/{f}', d)}", text(f"{r}/{f}") or "")
        raw = text(f"{d}/config", "rb") or b""
        put(f"pci/{bdf}/config.hex", "".join(f"{i:03x}: {raw[i:i+16].hex(' ')}\n" for i in range(0, len(raw), 16)))
        devices.append({**device_facts(bdf), "hw-info": hw_info(bdf) if link(f"{d}/driver") == "vfio-pci" else None})
    put("lspci-xxxx.txt", subprocess.run(["lspci", "-nnvvxxxx"], capture_output=True, text=True, errors="replace").stdout)
    put("devices.json", json.dumps(devices, indent=1) + "\n")
    for r, ds, fs in os.walk("/sys/class/iommu"):
        for unit in ds:
            base = os.path.realpath(f"{r}/{unit}")
            put(f"iommu/{unit}/path", base + "\n")
            for r2, d2, f2 in os.walk(base):
                if "/devices" in r2[len(base):] or "/power" in r2[len(base):]:
                    continue
                for f in f2:
                    put(f"iommu/{unit}/{os.path.relpath(f'{r2}/{f}', base)}", text(f"{r2}/{f}") or "")
                if r2.endswith("/devices"):
                    continue
            try:
                put(f"iommu/{unit}/devices.list", "".join(n + "\n" for n in sorted(os.listdir(f"{base}/devices"))))
            except OSError:
                pass
        break
    groups = "/sys/kernel/iommu_groups"
    for g in sorted(os.listdir(groups), key=int) if os.path.isdir(groups) else []:
        put(f"groups/{g}/devices.list", "".join(n + "\n" for n in sorted(os.listdir(f"{groups}/{g}/devices"))))
        for f in ("reserved_regions", "type", "name"):
            v = text(f"{groups}/{g}/{f}")
            if v is not None:
                put(f"groups/{g}/{f}", v)
    return devices


def bind(bdf, driver):
    """driver: 'vfio-pci', 'host' (whatever the kernel prefers) or 'none'."""
    d = f"{PCI}/{bdf}"
    if link(f"{d}/driver"):
        write(f"{d}/driver/unbind", bdf)
    write(f"{d}/driver_override", "vfio-pci" if driver == "vfio-pci" else "\n")
    if driver != "none":
        write("/sys/bus/pci/drivers_probe", bdf)


def shadow(bdf, *what):
    """Hides a device's sysfs directory behind one with only these entries ('group', 'dir', 'vfio9', 'vfio9/dev=511:9')."""
    d = os.path.realpath(f"{PCI}/{bdf}")
    group = os.path.realpath(f"{d}/iommu_group")
    subprocess.run(["mount", "-t", "tmpfs", "none", d], check=True)
    for w in what:
        if w == "group":
            os.symlink(group, f"{d}/iommu_group")
        elif w == "dir":
            os.mkdir(f"{d}/vfio-dev")
        elif "=" in w:
            os.makedirs(os.path.dirname(f"{d}/vfio-dev/{w.split('=')[0]}"), exist_ok=True)
            write(f"{d}/vfio-dev/{w.split('=')[0]}", w.split("=")[1] + "\n")
        else:
            os.makedirs(f"{d}/vfio-dev/{w}", exist_ok=True)


def change(words):
    """Does one change, given as words, and returns the function that undoes it."""
    verb, *a = words.split()
    if verb == "fresh":  # nothing, but makes the setup unlike any other, so that it is made anew
        return lambda: None
    if verb == "bind":
        before = link(f"{PCI}/{a[0]}/driver")
        bind(*a)
        return lambda: bind(a[0], {"vfio-pci": "vfio-pci", None: "none"}.get(before, "host"))
    if verb == "away":
        a[0] = path_of(a[0])
        os.rename(a[0], a[0] + ".away")
        return lambda: os.rename(a[0] + ".away", a[0])
    if verb == "chmod":
        a[1] = path_of(a[1])
        before = os.stat(a[1]).st_mode & 0o7777
        os.chmod(a[1], int(a[0], 8))
        return lambda: os.chmod(a[1], before)
    if verb == "shadow":
        d = os.path.realpath(f"{PCI}/{a[0]}")
        shadow(*a)
        return lambda: subprocess.run(["umount", d], check=True)
    if verb == "sriov":
        f = f"{PCI}/{a[0]}/sriov_numvfs"
        before = text(f).strip()
        sriov(a[0], a[1])
        return lambda: sriov(a[0], before)
    raise ValueError(words)


def sriov(pf, n):
    write(f"{PCI}/{pf}/sriov_numvfs", "0")
    if n != "0":
        write(f"{PCI}/{pf}/sriov_numvfs", n)
        for v in sorted(os.listdir(f"{PCI}/{pf}")):
            if v.startswith("virtfn"):
                bind(link(f"{PCI}/{pf}/{v}"), "vfio-pci")


def path_of(name):
    """'cdev:BDF' and 'group:BDF' stand for the device nodes of a device."""
    kind, _, bdf = name.partition(":")
    if kind == "cdev":
        return cdev(bdf)
    if kind == "group":
        return "/dev/vfio/" + link(f"{PCI}/{bdf}/iommu_group")
    return name
