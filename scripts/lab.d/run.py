"""Runs the trials of one lab variant inside its machine: for each, vfiogate's prediction, then real QEMU.

Writes /share/trials.jsonl (a trial a line), /share/devices.json (the kernel's own word on each device) and what
`vfiogate probe` says of them: /share/probe.json, bound.json, recording.json and host."""
import json, os, re, subprocess, sys, time
import crossings, host, requested, singles
from changes import bind, change, write
from guest import TOPOLOGY, Gone, Guest, become
from trials import CONV, EXPRESS, IOMMUFD, NIC, PAIR0, PAIR1, PF, VF, VF2, beyond, few, keyval, matrix, properties, trial

SETS = {"short": {"matrix": lambda: matrix(short=True)}, "matrix": {"matrix": matrix}, "few": {"few": few},
        "singles": {**singles.SECTIONS, **requested.SECTIONS}, "crossings": {"crossings": crossings.crossings}}
VFIOGATE = ["vfiogate", "lint", "--host", "live", "--format", "json", "--qemu", os.environ["LAB_QEMU_VERSION"]]


def lint(t, *files):
    """What vfiogate says to files of the given contents, run as the user that QEMU will run as."""
    names = []
    for option, content in files:
        names += ([option] if option else []) + [f"/tmp/lab/lint{len(names)}"]
        with open(names[-1], "wb") as f:
            f.write(content)
    run = subprocess.run(VFIOGATE + names, capture_output=True, text=True, timeout=120,
                         preexec_fn=lambda: become(t["user"], t["memlock"]))
    if run.returncode not in (0, 1, 2) or not run.stdout:
        return {"exit": run.returncode, "stderr": run.stderr[:2000]}
    definition = json.loads(run.stdout)["definitions"][0]
    return {"exit": run.returncode, "verdict": definition["verdict"], "devices": definition["devices"],
            "rules": [f["rule"] for f in definition["findings"]]}


def nul(argv):
    return b"".join(a.encode() + b"\0" for a in argv)


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


def guest(t, device=None, tag="a"):
    args = arguments(t)
    if device is not None:
        args += ["-device", keyval(device) if t["cold"] == "keyval" else json.dumps(device)]
    return Guest(args, t["user"], t["memlock"], tag, t["topology"] or TOPOLOGY, t["machine"])


def open_cdev(t):
    return os.open(host.cdev(t["host"]), os.O_RDWR) if t["backend"] == "fd" else None


def run_cold(t):
    number = 9  # free in a new QEMU; the descriptor itself is made after the prediction
    g = guest(t, properties(t, str(number) if t["backend"] == "fd" else None))
    out = {"argv": g.argv, "prediction": lint(t, (None, nul(g.full)))}
    fd = open_cdev(t)
    if fd is None:
        g.start()
    else:
        os.dup2(fd, number)
        os.close(fd)
        g.start((number,))
        os.close(number)
    try:
        out |= g.look("d0")
    except Gone:
        pass
    return out | {"rc": g.end(), "stderr": g.stderr()}


def run_hot(t, g):
    request = properties(t, "dev0" if t["backend"] == "fd" else None)
    qmp = {"execute": "device_add", "arguments": request}
    out = {"argv": g.argv, "qmp": qmp, "reply": None,
           "prediction": lint(t, (None, json.dumps(qmp).encode()), ("--guest", nul(g.full)))}
    fd = open_cdev(t)
    try:
        if fd is not None:
            g.command("getfd", {"fdname": "dev0"}, [fd])
            os.close(fd)
        out["reply"] = g.command("device_add", request)
        if "return" in out["reply"]:
            out |= g.look("d0")
        if t["series"]:
            if "return" in out["reply"]:
                g.unplug("d0")
            if fd is not None:  # one that was not used is still open, and would keep the device busy
                g.command("closefd", {"fdname": "dev0"})
    except Gone:
        pass
    return out


class Series:
    """One QEMU serves the hot plugs of successive trials that want the same of it."""

    def __init__(self):
        self.guest = self.args = None

    def run(self, t):
        used = t["series"] and self.args == arguments(t)
        if not used:
            self.end()
            self.guest = guest(t, tag="hot").start()
            self.args = arguments(t)
        out = run_hot(t, self.guest)
        out["stderr"] = self.guest.stderr()
        if not t["series"] or out["reply"] is None:
            out["rc"] = self.end()
            out["stderr"] += self.last
        if used and out["reply"] is None:
            # Unplugging what went before may have killed it: the verdict is a new QEMU's.
            return self.run(t)
        return out

    def end(self):
        if self.guest is None:
            return None
        rc, self.last, self.guest, self.args = self.guest.end(), self.guest.stderr(), None, None
        return rc


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
            out["hot"] = series.run(t)
    except Exception as e:  # a fault of the lab, never of a trial: it is counted as a disagreement
        out["lab-error"] = repr(e)
        series.end()
    finally:
        if holder:
            holder.end()
    return out


def probe():
    """Everything that is on vfio-pci, as the kernel and as vfiogate see it; the kernel's word on ATS by device."""
    devices = host.all_facts()
    bound = [d["host"] for d in devices if d["hw-info"]]
    def vfiogate(*args):
        run = subprocess.run(["vfiogate", "probe", *args], capture_output=True, text=True, timeout=300)
        return {"exit": run.returncode, "stdout": run.stdout, "stderr": run.stderr}
    def save(name, answer):
        with open(f"/share/{name}", "w") as f:
            json.dump(answer, f)
    save("probe.json", vfiogate("--format", "json"))
    if bound:
        save("bound.json", vfiogate("--bind", "--format", "json", *bound))
    save("recording.json", vfiogate("--record", "/share/host", *(["--bind", *bound] if bound else [])))
    save("devices.json", devices)
    with open("/share/interrupts", "w") as f:
        f.write(host.text("/proc/interrupts"))
    return {d["host"]: d["hw-info"] for d in devices}


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
                if host.link(f"{host.PCI}/{PF}/driver") == "vfio-pci" and not hw.get(PF):
                    hw[PF] = host.hw_info(PF)
            results.write(json.dumps(run(t, section, hw, series)) + "\n")
            if i % 25 == 0:
                print(f"{i} of {len(todo)} trials, {time.time() - begin:.0f} s", file=sys.stderr, flush=True)
    series.end()


main()
