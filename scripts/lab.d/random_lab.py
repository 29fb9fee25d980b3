"""random_lab.py, inside the lab's machine: runs the trials of /share/trials that have no row in /share/rows yet.

A row is what make_believe.py writes, but vfio and the kernel are real here. The host is recorded before the first
trial, so that believed.py compares outside."""
import json, os, sys, time
import host
from changes import bind, write
from make_believe import Trial
from probe import probe
from trials import CONV, EXPRESS, NIC, PAIR0, PAIR1, PF, VF, VF2

SECONDS = 300


class RealHost:
    """The machine itself: nothing is put back between trials."""
    environment = {"PATH": "/usr/bin"}
    folder = "/tmp"

    def reset(self):
        pass

    def enter(self):
        pass


def prepare():
    if os.path.exists(f"{host.PCI}/{PF}/sriov_numvfs"):
        write(f"{host.PCI}/{PF}/sriov_numvfs", "2")
    if not os.path.exists(f"{host.PCI}/{NIC}/iommu_group"):
        return
    for bdf in (NIC, EXPRESS, VF, CONV, PAIR0, PAIR1):
        bind(bdf, "vfio-pci")
    # One that no driver has, and the physical function keeps its own.
    bind(VF2, "none")


def main():
    prepare()
    if not os.path.exists("/share/host"):
        probe()
    # A run that was killed may have left a part of a row.
    rows = open("/share/rows").read() if os.path.exists("/share/rows") else ""
    done = rows.count("\n")
    with open("/share/rows", "w") as file:
        file.write(rows[:rows.rfind("\n") + 1])
    begin = time.time()
    with open("/share/rows", "a", buffering=1) as rows:
        trials = open("/share/trials").readlines()
        for number, line in enumerate(trials[done:], done):
            rows.write(json.dumps(Trial(RealHost(), "qemu-system-x86_64", json.loads(line), SECONDS).run()) + "\n")
            if number % 25 == 0:
                print(f"{number} of {len(trials)} trials, {time.time() - begin:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
