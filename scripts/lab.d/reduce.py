"""reduce.py hosts|realizes RESULTS FIXTURES VARIANT...: Fixtures/hosts/recorded-*, or Fixtures/realizes/lab-*."""
import json, os, re, sys
from compare import NOISE

# Fields that all trials share; LabRow.swift has the same.
SHARED = {
    "MACHINE": ["qemu-system-x86_64", "-machine", "q35", "-accel", "qtest", "-m", "64", "-nodefaults", "-display", "none", "-S"],
    "ARM": ["qemu-system-aarch64", "-machine", "virt", "-accel", "qtest", "-m", "64", "-nodefaults", "-display", "none", "-S"],
    "ARM-KVM": ["qemu-system-aarch64", "-machine", "virt,gic-version=3", "-accel", "kvm", "-cpu", "host", "-bios", "/tmp/lab/firmware",
                "-m", "128", "-nodefaults", "-display", "none", "-S"],
    "PORTS": ["-device", "pcie-root-port,id=rp,bus=pcie.0,addr=4.0,chassis=1",
              "-device", "pcie-root-port,id=rp2,bus=pcie.0,addr=5.0,chassis=2",
              "-device", "pcie-root-port,id=rpb,bus=pcie.0,addr=6.0,chassis=3", "-device", "pcie-pci-bridge,id=ppb,bus=rpb"]}
RECORDED = {
    "intel": ("vtd-device-tlb", "an emulated VT-d with device TLBs (intel-iommu,intremap=on,device-iotlb=on)"),
    "intel-noats": ("vtd-noats", "an emulated VT-d with device TLBs, and pci=noats on the kernel command line"),
    "amd": ("amd", "an emulated AMD IOMMU (amd-iommu,dma-remap=on)")}
HEAD = """vfiogate-host-recording 1
# Recorded, not composed: Linux {kernel} as the guest of a QEMU 11.1 q35 machine with
# {iommu},
# by `vfiogate probe --bind --record` in `scripts/lab --fixtures`.
# 0000:01:00.0 is a virtio function with an ATS capability, 0000:02:00.0 an e1000e without, 0000:03:00.0 an igb
# on its host driver with two VFs, 0000:05:01.0 a conventional e1000 behind a PCIe-to-PCI bridge, 0000:06:00 two
# e1000e functions in one group. All but the igb are on vfio-pci and were asked for their ATS flag by binding them.
"""


def shorten(argv):
    for word, arguments in SHARED.items():
        at = 1 if word == "PORTS" else 0
        if argv[at:at + len(arguments)] == arguments:
            argv = argv[:at] + [word] + argv[at + len(arguments):]
    return argv


def lines(stderr, argv):
    """Without noise, without addresses of memory, and without the option that a line repeats."""
    kept = [re.sub(r"0x[0-9a-f]{10,}", "0xPTR", line) for line in stderr if not any(n in line for n in NOISE)]
    for option in argv:
        if option.startswith(("{", "vfio-pci")):
            kept = [line.replace(f"-device {option}: ", "-device …: ") for line in kept]
    return kept


def reduce_row(row, boot):
    kept = {k: row[k] for k in ("name", "host", "backend", "user", "memlock", "setup", "holder") if k in row}
    base, facts = boot.get(row["host"]), row["facts"]
    if facts != base:
        kept["facts"] = {k: v for k, v in facts.items() if k == "host" or base is None or base.get(k) != v}
    if "user" in row:
        kept["nodes"] = row["nodes"]
    for way in ("cold", "hot"):
        if way in row:
            plug = {k: row[way][k] for k in ("argv", "qmp", "rc", "reply", "stderr", "ats-visible") if k in row[way]}
            plug["stderr"] = lines(plug["stderr"], plug["argv"])
            kept[way] = plug | {"argv": shorten(plug["argv"])}
    return kept


def dump(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n"


def write_host(results, name, iommu, directory):
    with open(f"{results}/host") as f:
        text = f.read()
    kernel = re.search(r"^kernel-release (.*)$", text, re.M)[1]
    with open(f"{directory}/recorded-q35-{name}.host", "w") as f:
        f.write(HEAD.format(kernel=kernel, iommu=iommu) + text.split("\n", 1)[1])


def write_realizes(results, stem):
    with open(f"{results}/devices.json") as f:
        devices = json.load(f)
    boot = {d["host"]: d for d in devices}
    with open(f"{stem}.devices.json", "w") as f:
        f.write(dump(devices))
    if "/arm-" in results:
        # The devices' facts lack root complexes and the registers of SMMUs.
        with open(f"{results}/host") as recorded, open(f"{stem}.host", "w") as f:
            first, rest = recorded.read().split("\n", 1)
            f.write(f"{first}\n# Recorded, not composed: by `vfiogate probe --bind --record` in the lab's variant {os.path.basename(results)}.\n{rest}")
    with open(f"{results}/trials.jsonl") as rows, open(f"{stem}.jsonl", "w") as f:
        f.writelines(dump(reduce_row(row, boot)) for row in map(json.loads, rows))


def main(what, results, fixtures, variants):
    for v in variants:
        if what == "realizes":
            write_realizes(f"{results}/{v}", f"{fixtures}/realizes/lab-{v}")
        elif v in RECORDED:
            write_host(f"{results}/{v}", *RECORDED[v], f"{fixtures}/hosts")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
