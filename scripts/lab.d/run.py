"""Runs the trials of one lab variant inside its machine: for each, vfiogate's prediction, then real QEMU.

Writes /share/trials.jsonl (a trial a line), /share/devices.json (the kernel's facts of each device) and what
`vfiogate probe` says of them: /share/probe.json, bound.json, recording.json and host."""
import json, os, re, sys, time
import crossings, host, proxied, requested, singles, smmu
from changes import bind, change, write
from plugs import Series, guest, run_cold
from probe import probe, record
from trials import CONV, EXPRESS, NIC, PAIR0, PAIR1, PF, VF, VF2, beyond, few, matrix, properties, trial

SETS = {"short": {"matrix": lambda: matrix(short=True)}, "matrix": {"matrix": matrix}, "few": {"few": few},
        "singles": {**singles.SECTIONS, **requested.SECTIONS}, "crossings": {"crossings": crossings.crossings}, "narrow": requested.NARROW, "wide": requested.WIDE,
        "smmu": {"guest's SMMUv3": smmu.plain}, "accelerated": {"accelerated SMMUv3": smmu.accelerated}, "proxied": {}}


def run(t, section, hw, series):
    out = {"section": section, **{k: t[k] for k in ("name", "host", "backend")}}
    out |= {k: t[k] for k in ("setup", "holder", "user", "memlock") if t[k] is not None and t[k] != ()}
    out["beyond"] = beyond(t)
    out["facts"] = {**host.device_facts(t["host"]), "hw-info": hw.get(t["host"])}
    nodes = ["/dev/iommu", out["facts"].get("cdev"), "/dev/vfio/%s" % out["facts"].get("group")]
    out["nodes"] = {n: host.node_mode(n) for n in nodes if n and os.path.exists(n)}
    holder = None
    try:
        if t["holder"]:
            h = trial("holder", **t["holder"])
            holder = guest(h, properties(h), tag="holder").start()
        if t["cold"]:
            out["cold"] = run_cold(t)
        if t["hot"]:
            out |= series.run(t)
    except Exception as e:  # a fault of the lab, never of a trial: it is counted as a disagreement
        out["lab-error"] = repr(e)
        series.end()
    finally:
        if holder:
            holder.end()
    return out


def main():
    wanted = re.compile(os.environ.get("LAB_ONLY", ""))
    os.makedirs("/tmp/lab", exist_ok=True)
    os.chmod("/tmp/lab", 0o777)
    if os.path.exists(f"{host.PCI}/{PF}/sriov_numvfs"):
        write(f"{host.PCI}/{PF}/sriov_numvfs", "2")
    if os.path.exists(f"{host.PCI}/{NIC}/iommu_group"):
        for bdf in (NIC, EXPRESS, VF, VF2, CONV, PAIR0, PAIR1):
            bind(bdf, "vfio-pci")
    hw = probe()
    if host.ARM:  # whether an SMMUv3 has ATS is seen by binding only
        record()
    todo = [(t, section) for s in os.environ["LAB_SETS"].split(",") for section, trials in SETS[s].items()
            for t in trials() if wanted.search(t["name"])]
    todo.sort(key=lambda one: one[0]["setup"])  # stable: equal setups are made once
    begin, current, undo, series = time.time(), (), [], Series()
    with open("/share/trials.jsonl", "w", buffering=1) as results:
        for i, (t, section) in enumerate(todo):
            if t["setup"] != current:
                series.end()
                while undo:
                    undo.pop()()
                undo += [change(words) for words in t["setup"]]
                current = t["setup"]
                if host.ARM:
                    record()
                if host.link(f"{host.PCI}/{PF}/driver") == "vfio-pci" and not hw.get(PF):
                    hw[PF] = host.hw_info(PF)
            results.write(json.dumps(run(t, section, hw, series)) + "\n")
            if i % 25 == 0:
                print(f"{i} of {len(todo)} trials, {time.time() - begin:.0f} s", file=sys.stderr, flush=True)
    series.end()
    if "proxied" in os.environ["LAB_SETS"].split(","):
        proxied.main()


main()
