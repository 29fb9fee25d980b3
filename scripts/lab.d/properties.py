"""properties.py QEMU...: the properties of the device types that every QEMU creates with -device, as lines of
Sources/Prediction/Qdev/RecordedProperties.swift; `any` where the types differ, or it is more than a number or a choice."""
import collections, json, subprocess, sys

KINDS = {"bool": "bool", "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64", "int32": "i32", "OnOffAuto": "auto",
    "size": "size"}
# Of three QEMUs those that have a property, the oldest first.
MARKS = {"111": "", "011": "+", "001": "++", "110": "-", "100": "--", "010": "+-", "101": "-+"}
# Types that have nothing in common but what DeviceProperties has for all PCI devices, and for all of virtio on PCI.
PCI, VIRTIO = ["pcie-pci-bridge", "e1000", "VGA"], ["virtio-rng-pci", "virtio-iommu-pci"]
# DeviceProperties has all of these.
OWN = {"amd-iommu", "arm-smmuv3", "i82801b11-bridge", "intel-iommu", "ioh3420", "nvdimm", "pc-dimm", "pci-bridge", "pci-bridge-seat",
    "pcie-pci-bridge", "pcie-root-port", "pxb", "pxb-cxl", "pxb-pcie", "virtio-iommu-pci", "x3130-upstream", "xio3130-downstream"}


def creatable(qemu):
    text = subprocess.run([*qemu, "-device", "help"], capture_output=True, text=True).stdout
    return {line.split('"')[1] for line in text.splitlines() if line.startswith('name "')}


def properties(qemu, names):
    """Of each type; one that ends QEMU, as a module that is not installed does, is left out."""
    found, left = {}, sorted(names)
    while left:
        process = subprocess.Popen([*qemu, *"-M none -nodefaults -display none -monitor none -qmp stdio".split()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

        def ask(command, **arguments):
            process.stdin.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                reply = json.loads(line)
                if "return" in reply or "error" in reply:
                    return reply
            return None

        process.stdout.readline()
        ask("qmp_capabilities")
        while left:
            name = left.pop(0)
            reply = ask("device-list-properties", typename=name)
            if reply is None:
                break
            if "return" in reply:
                found[name] = {one["name"]: one["type"] for one in reply["return"]}
        process.kill()
        process.wait()
    return found


qemus = [argument.split() for argument in sys.argv[1:]]
names = set.intersection(*(creatable(qemu) for qemu in qemus))
recorded = [properties(qemu, names) for qemu in qemus]


def shared(types):
    return {name for one in recorded for name in set.intersection(*(set(one[driver]) for driver in types))}


groups = collections.defaultdict(list)
for driver in sorted(names - OWN):
    if driver.startswith("vfio") or driver.endswith("-cpu") or any(driver not in one for one in recorded):
        continue
    own = set().union(*(one[driver] for one in recorded))
    own -= (shared(PCI) if "romfile" in own else set()) | (shared(VIRTIO) if "virtio-backend" in own else set())
    kinds = collections.defaultdict(list)
    for name in sorted(own):
        types = {one[driver][name] for one in recorded if name in one[driver]}
        mark = MARKS["".join("01"[name in one[driver]] for one in recorded)]
        kinds[KINDS.get(types.pop(), "any") if len(types) == 1 else "any"].append(name + mark)
    groups[" ".join(f"{kind}={','.join(kinds[kind])}" for kind in sorted(kinds))].append(driver)
for kinds, drivers in sorted(groups.items(), key=lambda one: one[1]):
    line = f"{','.join(drivers)} {kinds}".strip()
    while len(line) > 136:
        end = max(line.rfind(",", 0, 134), line.rfind(" ", 0, 134)) + 1
        print(f"    {line[:end]}\\")
        line = line[end:]
    print(f"    {line}")
