"""Changes to the host that a trial asks for, in words, each of which can be undone."""
import os, subprocess
from host import PCI, cdev, link, text


def write(path, value):
    with open(path, "w") as f:
        f.write(value)


def bind(bdf, driver):
    """driver: 'vfio-pci', 'host' (the one that the kernel prefers) or 'none'."""
    d = f"{PCI}/{bdf}"
    if link(f"{d}/driver"):
        write(f"{d}/driver/unbind", bdf)
    write(f"{d}/driver_override", "vfio-pci" if driver == "vfio-pci" else "\n")
    if driver != "none":
        write("/sys/bus/pci/drivers_probe", bdf)


def sriov(pf, n):
    """Makes n virtual functions and binds them to vfio-pci."""
    write(f"{PCI}/{pf}/sriov_numvfs", "0")
    if n != "0":
        write(f"{PCI}/{pf}/sriov_numvfs", n)
        for v in sorted(os.listdir(f"{PCI}/{pf}")):
            if v.startswith("virtfn"):
                bind(link(f"{PCI}/{pf}/{v}"), "vfio-pci")


def shadow(bdf, *what):
    """Hides a device's sysfs directory behind one with only these entries ('group', 'dir', 'vfio9', 'vfio9/dev=511:9')."""
    d = os.path.realpath(f"{PCI}/{bdf}")
    group = os.path.realpath(f"{d}/iommu_group")
    subprocess.run(["mount", "-t", "tmpfs", "none", d], check=True)
    for w in what:
        name, _, content = w.partition("=")
        if w == "group":
            os.symlink(group, f"{d}/iommu_group")
        elif w == "dir":
            os.mkdir(f"{d}/vfio-dev")
        elif content:
            os.makedirs(os.path.dirname(f"{d}/vfio-dev/{name}"))
            write(f"{d}/vfio-dev/{name}", content + "\n")
        else:
            os.makedirs(f"{d}/vfio-dev/{w}")


def node(name):
    """'cdev:BDF' and 'group:BDF' stand for the device nodes of a device."""
    kind, _, bdf = name.partition(":")
    if kind == "cdev":
        return cdev(bdf)
    if kind == "group":
        return "/dev/vfio/" + link(f"{PCI}/{bdf}/iommu_group")
    return name


def change(words):
    """Does one change and returns the function that undoes it."""
    verb, *a = words.split()
    if verb == "fresh":  # nothing, but makes the setup unlike any other, so that it is made anew
        return lambda: None
    if verb == "bind":
        before = link(f"{PCI}/{a[0]}/driver")
        bind(*a)
        return lambda: bind(a[0], {"vfio-pci": "vfio-pci", None: "none"}.get(before, "host"))
    if verb == "away":
        path = node(a[0])
        os.rename(path, path + ".away")
        return lambda: os.rename(path + ".away", path)
    if verb == "chmod":
        path = node(a[1])
        before = os.stat(path).st_mode & 0o7777
        os.chmod(path, int(a[0], 8))
        return lambda: os.chmod(path, before)
    if verb == "shadow":
        d = os.path.realpath(f"{PCI}/{a[0]}")
        shadow(*a)
        return lambda: subprocess.run(["umount", d], check=True)
    if verb == "sriov":
        before = text(f"{PCI}/{a[0]}/sriov_numvfs").strip()
        sriov(*a)
        return lambda: sriov(a[0], before)
    raise ValueError(words)
